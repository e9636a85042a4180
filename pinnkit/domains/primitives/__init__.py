"""Shapes with names of their own: ellipses, polygons, halfspaces, solids of revolution, closed meshes."""
