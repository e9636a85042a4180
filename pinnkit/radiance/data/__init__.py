"""Captured scenes: cameras, pictures, poses, bounds and occupancy."""
