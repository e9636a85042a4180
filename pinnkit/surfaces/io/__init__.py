"""Files of meshes (PLY, OBJ, STL, OFF) and of point clouds (also XYZ, NPY, NPZ): parsers and writers."""
