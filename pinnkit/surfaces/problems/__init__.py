"""Surface fitting as problems: loss presets, sample sets, reconstruction from points, targets from meshes."""
