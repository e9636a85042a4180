"""Image from its gradients, u_x = g and u_y = h: the Poisson problem laplacian(u) = g_x + h_y with du/dn given.

The cameraman of scikit-image, 128 x 128 pixels, of which only the differences of neighbouring pixels are used: Sitzmann
et al., Implicit Neural Representations with Periodic Activation Functions, NeurIPS 2020, section 4.2.  The reference is
the five-point Poisson equation by a sparse factorisation, Pérez et al., ACM Trans. Graph. 22 (2003), section 2.

Coordinates in units of pixels, grey dimensionless.  Expected: 32 dB up to a constant in a minute on two cores.
"""

from skimage.data import camera

from pinnkit import main
from pinnkit.images import Picture, downsample, gradient_problem

# The solver uses only the differences of neighbouring pixels.
picture = Picture(downsample(camera()[..., None] / 255, 4), "camera")
problem = gradient_problem(picture, name="image_from_gradients")

if __name__ == "__main__":
    main(problem)
