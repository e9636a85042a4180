"""Trained grids: hash grids, multilevel grids, planes and lines, voxels."""
