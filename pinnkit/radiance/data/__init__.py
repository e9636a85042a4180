"""Scenes: posed pictures, cameras, bounds, contraction of space, occupied cells."""
