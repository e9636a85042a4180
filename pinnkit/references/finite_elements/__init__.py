"""Finite elements of second degree on meshes with curved edges, for boxes and shapes of two and three dimensions."""
