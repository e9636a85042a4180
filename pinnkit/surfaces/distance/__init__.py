"""Signed distances: on grids from points, of meshes, by fast marching."""
