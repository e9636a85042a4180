"""Van der Pol's oscillator, u'' = mu (1 - u^2) u' - u with mu = 100, u(0) = 2, u'(0) = 0, to t = 200.

A relaxation oscillation: slow arcs of length 80 in t, and jumps within 0.05.  Hairer & Wanner, Solving Ordinary
Differential Equations II, 2nd ed., section IV.1; the same with mu = 1000 takes no longer.

There is no closed form: what to compare with is `reference(problem)`, Radau of scipy with a measured error bar.

Dimensionless.  Expected: relative L2 below 1e-10 in a second on two cores.
"""

from pinnkit import Box, Equation, Initial, Problem, main

mu = 100.0

problem = Problem(
    name="van_der_pol",
    domain=Box(t=(0, 200)),
    unknowns="u",
    terms=[
        Equation(lambda u: u.tt - mu * (1 - u**2) * u.t + u),
        Initial(u=2.0, u_t=0.0),
    ],
)

if __name__ == "__main__":
    main(problem)
