"""Boundary representations of shapes: exact curves and surfaces, trimmed where shapes are combined."""
