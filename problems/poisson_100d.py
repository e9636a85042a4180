"""Poisson's equation in the unit cube of a hundred dimensions, -laplacian(u) = -200, with u = |x|^2 on the walls.

u = x_1^2 + ... + x_100^2 everywhere.  The benchmark of Dangel, Mueller & Zeinhofer, Kronecker-factored approximate
curvature for physics-informed neural networks, NeurIPS 2024, section 4 (their largest one), where networks of 10^6
weights reach 4e-3 in hours.

Dimensionless.  Expected: relative L2 below 1e-8 within half a minute on two cores.
"""

from pinnkit import Box, Cube, Dirichlet, Equation, Problem, main

d = 100
cube = Box(x=Cube(0, 1, dim=d))


def exact(x):
    return (x**2).sum(dim=1)


problem = Problem(
    name="poisson_100d",
    domain=cube,
    unknowns="u",
    terms=[
        Equation(lambda u: -u.laplacian + 2 * d),
        Dirichlet(cube.boundary, u=exact),
    ],
    exact=dict(u=exact),
)

if __name__ == "__main__":
    main(problem)
