"""Torsion of an L-shaped bar: -laplacian(u) = 1 on an L of side 2, u = 0 on its walls.

The derivatives of u are infinite at the re-entrant corner, u = c r^(2/3) sin(2 theta / 3) + ...: Strang & Fix, An
Analysis of the Finite Element Method, 1973, chapter 8.  Singular functions of the corner and poles clustered there give
the solution: Gopal & Trefethen, SIAM J. Numer. Anal. 57 (2019) 2074.  There is no closed form; u(-1/2, 1/2) =
0.1023621577 and u(-1/2, -1/2) = 0.1310529620, and the error is bounded by the maximum principle.

Dimensionless.  Expected: a proved error below 1e-9 in a few seconds on two cores.
"""

from pinnkit import Dirichlet, Equation, Polygon, Problem, main

bar = Polygon([(-1, -1), (1, -1), (1, 0), (0, 0), (0, 1), (-1, 1)])

problem = Problem(
    name="l_shape",
    domain=bar,
    unknowns="u",
    terms=[
        Equation(lambda u: -u.laplacian - 1.0),
        Dirichlet(bar.boundary, u=0.0),
    ],
)

if __name__ == "__main__":
    main(problem)
