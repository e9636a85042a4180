"""Point clouds: checks, neighbours, noise, normals, orientation, outliers, downsampling."""
