"""Surfaces: point clouds and meshes, signed distances that reconstruct them, and what measures the two."""
