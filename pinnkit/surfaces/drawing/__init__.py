"""Figures of meshes and signed distances, rendered without a display."""
