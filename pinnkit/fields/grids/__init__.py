"""Fields of trained values on grids: hash grids, multilevel grids, planes and lines, voxels."""
