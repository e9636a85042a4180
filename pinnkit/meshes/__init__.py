"""Triangle meshes: reading, checks, repair, nearest points, winding numbers, signed distances, smooth patches."""
