"""A picture as a function: u = c_ij at the centre (j + 1/2, i + 1/2) of every pixel, rows i and columns j.

The astronaut of scikit-image, 256 x 256 pixels in three colours, by grids from coarse to fine before a small network:
Müller et al., Instant Neural Graphics Primitives, ACM Trans. Graph. 41 (2022) 102, section 3, without the hash.

Coordinates in units of pixels, colours dimensionless between 0 and 1.  Expected: 40 dB or more within 5 s on two
cores, by 179,651 numbers where the picture has 196,608 values: a fit for its derivatives and for points between pixels,
no compression.  `pinnkit fit astronaut.png --field siren` takes a minute to 38.4 dB with 264,707.
"""

from skimage.data import astronaut

from pinnkit import main
from pinnkit.images import Picture, downsample, image_problem

# The mean of 2 x 2 pixels: a centre of the picture is the corner of four of the original.
picture = Picture(downsample(astronaut() / 255, 2), "astronaut")
problem = image_problem(picture, name="image_fit")

if __name__ == "__main__":
    main(problem)
