"""Files of meshes and point clouds."""
