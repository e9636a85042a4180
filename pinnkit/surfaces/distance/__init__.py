"""Signed distances, negative inside: on grids from points, of meshes, of fitted fields."""
