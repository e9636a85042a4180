"""Steady heat in a square whose conductivity varies, -div(k grad u) = f, u = 0 on the walls.

k = 1 + x + y^2 and f = 64 x (1 - x) y (1 - y).  The equation is that of Evans, Partial Differential Equations, 2nd
ed., section 6.1.1.  There is no closed form: the neural solution and the finite differences can only be held
against each other.

Dimensionless.  Expected: the two agree to within the sum of their error bars, in ten seconds on two cores.
"""

from pinnkit import Box, Dirichlet, Equation, Problem, div, grad, main

square = Box(x=(0, 1), y=(0, 1))


def k(x, y):
    return 1 + x + y**2


def f(x, y):
    return 64 * x * (1 - x) * y * (1 - y)


problem = Problem(
    name="poisson_variable",
    domain=square,
    unknowns="u",
    terms=[
        Equation(lambda u, x, y: -div(k(x, y) * grad(u)) - f(x, y)),
        Dirichlet(square.boundary, u=0.0),
    ],
)

if __name__ == "__main__":
    main(problem)
