"""Triangle meshes: extraction, checks, metrics, nearest points, winding numbers."""
