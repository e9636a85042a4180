"""Filling holes: u = c at one pixel in ten, drawn at random, and the other nine are to be found.

The photographer of scikit-image, 128 x 128 pixels.  A smooth network that begins with the frequencies that the known
pixels can tell apart, Sitzmann et al., Implicit Neural Representations with Periodic Activation Functions, NeurIPS
2020, section 3.2; beside linear interpolation on the triangles of the known pixels.

Coordinates in units of pixels, grey dimensionless between 0 and 1.  Expected: 22.4 dB on the
hidden pixels, where linear interpolation has 21.8, in 10 s on two cores.
"""

import numpy as np
from skimage.data import camera

from pinnkit import main
from pinnkit.images import Picture, downsample, image_problem

picture = Picture(downsample(camera()[..., None] / 255, 4), "camera")
known = np.random.default_rng(0).random((picture.height, picture.width)) < 0.1
problem = image_problem(picture, mask=known, name="inpainting")

if __name__ == "__main__":
    main(problem)
