"""Triangle meshes: extraction from fields, sampling, projection, and scores against others."""
