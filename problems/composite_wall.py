"""Heat through a wall of three layers, -(k T')' = q, with a contact resistance between the first two.

Brick of 0.12 m, mineral wool of 0.14 m and wood of 0.04 m with k = 0.7, 0.035 and 0.13 W/(m K); the wood is heated
by q = 500 W/m^3.  Where brick and wool touch the temperature drops by R times the heat flux, R = 0.2 m^2 K/W; where
wool and wood touch it is continuous, and the heat flux is so everywhere.  T in units of a
degree Celsius, -10 outside and 20 inside.

The flux F = k T' is constant up to the wood and falls by q (x - x_3) in it, so that T is linear in two layers and a
parabola in the third.  Source: Carslaw & Jaeger, Conduction of Heat in Solids, 2nd ed. (1959), sections 1.9 and 3.2.

Expected: relative L2 error of T below 1e-10, in two seconds on two cores.
"""

from itertools import pairwise

import torch

from pinnkit import Box, Dirichlet, Equation, Interface, Piecewise, Problem, div, grad, main

edges = (0.0, 0.12, 0.26, 0.30)
conductivities = (0.7, 0.035, 0.13)
resistance, heating = 0.2, 500.0
outside, inside = -10.0, 20.0

wall = Box(x=(edges[0], edges[-1]))
brick, wool, wood = (Box(x=(a, b)) for a, b in pairwise(edges))
k = Piecewise(dict(zip((brick, wool, wood), conductivities, strict=True)))
q = Piecewise({wood: heating, "elsewhere": 0.0})

drops = [(b - a) / c for (a, b), c in zip(pairwise(edges), conductivities, strict=True)]
flux = (inside - outside + heating * (edges[3] - edges[2]) ** 2 / (2 * conductivities[2])) / (sum(drops) + resistance)


def exact(x):
    in_brick = outside + flux * x / conductivities[0]
    in_wool = outside + flux * (drops[0] + resistance + (x - edges[1]) / conductivities[1])
    s = x - edges[2]
    in_wood = outside + flux * (drops[0] + resistance + drops[1]) + (flux * s - heating * s**2 / 2) / conductivities[2]
    return torch.where(x <= edges[1], in_brick, torch.where(x <= edges[2], in_wool, in_wood))


problem = Problem(
    name="composite_wall",
    domain=wall,
    unknowns="T",
    terms=[
        Equation(lambda T, x: -div(k(x) * grad(T)) - q(x), name="conduction"),
        Dirichlet(wall.face(x=0), T=outside),
        Dirichlet(wall.face(x=edges[-1]), T=inside),
        Interface((brick, wool), resistance=resistance),
    ],
    exact={"T": exact},
)

if __name__ == "__main__":
    main(problem)
