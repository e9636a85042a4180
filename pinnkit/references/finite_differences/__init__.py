"""Finite differences of second order on boxes and cut-cell grids."""
