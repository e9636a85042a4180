"""Lorenz's equations, x' = 10 (y - x), y' = x (28 - z) - y, z' = x y - 8/3 z, from x = y = z = 1 to t = 20.

Chaotic: perturbations grow as exp(0.9 t), by 1e8 over this time, so that rounding (1e-16) alone leaves eight digits at
the end, and nothing beyond t = 45.  Lorenz, Deterministic nonperiodic flow, J. Atmos. Sci. 20 (1963) 130.

There is no closed form: what to compare with is `reference(problem)`, DOP853 of scipy, whose error bar grows as well.

Dimensionless.  Expected: relative L2 below 1e-6 in a second on two cores.
"""

from pinnkit import Box, Equation, Initial, Problem, main


def rates(x, y, z):
    return x.t - 10 * (y - x), y.t - x * (28 - z) + y, z.t - x * y + 8 / 3 * z


problem = Problem(
    name="lorenz",
    domain=Box(t=(0, 20)),
    unknowns=["x", "y", "z"],
    terms=[Equation(rates), Initial(x=1.0, y=1.0, z=1.0)],
)

if __name__ == "__main__":
    main(problem)
