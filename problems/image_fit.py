"""Image fitting: u = c_ij at the centre (j + 1/2, i + 1/2) of every pixel, rows i and columns j.

The astronaut of scikit-image, 256 x 256 pixels with three colours, by multilevel grids before a small network: Müller
et al., Instant Neural Graphics Primitives, ACM Trans. Graph. 41 (2022) 102, section 3, without the hash.

Coordinates in units of pixels, colours dimensionless in [0, 1].  Expected: at least 40 dB within 5 s on two cores, with
179,651 parameters for 196,608 pixel values: the fit serves derivatives and values between pixels, not compression.
`pinnkit fit astronaut.png --field siren` reaches 38.4 dB in a minute with 264,707 parameters.
"""

from skimage.data import astronaut

from pinnkit import main
from pinnkit.images import Picture, downsample, image_problem

# Means over 2 x 2 pixels of the original.
picture = Picture(downsample(astronaut() / 255, 2), "astronaut")
problem = image_problem(picture, name="image_fit")

if __name__ == "__main__":
    main(problem)
