"""A picture from its gradients alone, u_x = g and u_y = h: the Poisson problem laplacian(u) = g_x + h_y, du/dn given.

The photographer of scikit-image, 128 x 128 pixels, of which only the differences of neighbours are seen: Sitzmann et
al., Implicit Neural Representations with Periodic Activation Functions, NeurIPS 2020, section 4.2.  The reference is
the five-point Poisson equation by a sparse factorisation, Pérez et al., ACM Trans. Graph. 22 (2003), section 2.

Coordinates in units of pixels, grey dimensionless.  Expected: 32 dB up to a constant in a minute on two cores.
"""

from skimage.data import camera

from pinnkit import main
from pinnkit.images import Picture, downsample, gradient_problem

# A solver sees the differences of neighbouring pixels and nothing else.
picture = Picture(downsample(camera()[..., None] / 255, 4), "camera")
problem = gradient_problem(picture, name="image_from_gradients")

if __name__ == "__main__":
    main(problem)
