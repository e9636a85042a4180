"""Point clouds: validation, normalisation, neighbours, noise, normals, orientation, outliers, downsampling."""
