"""The fractional Laplace equation on an interval, (-laplacian)^(a/2) u = f for |x| < 1, u = 0 outside, a = 1.5.

The operator is C P.V. int (u(x) - u(y)) / |x - y|^(1 + a) dy.  Solutions u = (1 - x^2)^(a/2) v are not smooth at the
walls; the unknown is v, which is.  Its Taylor polynomial at x is taken off, with closed forms of these two terms, and
what is left, r = (v(y) - v(x) - v'(x) (y - x)) / (y - x)^2, is integrable:

    Gamma(1 + a) (v - x v') + Gamma(2 + a) x v' - C int (1 - y^2)^(a/2) |x - y|^(1 - a) r dy = f,

by Gauss-Jacobi rules on both sides of x.  f below gives v = 1 - x^2: Dyda, Fractional calculus for power functions,
Fract. Calc. Appl. Anal. 15 (2012) 536, table 3; case of Pang, Lu & Karniadakis, SIAM J. Sci. Comput. 41 (2019) A2603.

Dimensionless.  Expected: relative L2 below 1e-6 in a few seconds on two cores.
"""

from math import gamma, pi, sqrt

from pinnkit import Box, Equation, Integral, Problem, main

a = 1.5
C = a * 2 ** (a - 1) * gamma((1 + a) / 2) / (sqrt(pi) * gamma(1 - a / 2))


def f(x):
    return 2**a * gamma(2 + a / 2) * gamma((1 + a) / 2) / sqrt(pi) * (1 - (1 + a) * x**2)


def r(v, v_here, x, y):
    return (v - v_here - v_here.x * (y - x)) / (y - x) ** 2


left = Integral(
    lambda v, v_here, x, y: (1 - y) ** (a / 2) * r(v, v_here, x, y),
    x=("y", -1, lambda x: x),
    powers=(a / 2, 1 - a),
)
right = Integral(
    lambda v, v_here, x, y: (1 + y) ** (a / 2) * r(v, v_here, x, y),
    x=("y", lambda x: x, 1),
    powers=(1 - a, a / 2),
)


def equation(v, x, left, right):
    return gamma(1 + a) * (v - x * v.x) + gamma(2 + a) * x * v.x - C * (left + right) - f(x)


problem = Problem(
    name="fractional_laplacian",
    domain=Box(x=(-1, 1)),
    unknowns="v",
    terms=[Equation(equation, left=left, right=right)],
    exact=dict(v=lambda x: 1 - x**2),
)

if __name__ == "__main__":
    main(problem)
