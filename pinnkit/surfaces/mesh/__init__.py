"""Triangle meshes: extraction from fields, checks, repair, nearest points, winding numbers, metrics."""
