"""The fractional Laplace equation, (-laplacian)^(a/2) u = f on (-1, 1) with u = 0 outside, a = 1.5.

The operator is C P.V. int (u(x) - u(y)) / |x - y|^(1 + a) dy.  Solutions are not smooth at the walls: they are
u = (1 - x^2)^(a/2) v with a smooth v, which is the unknown here.  With the Taylor polynomial of v at x taken off, the
kernel is integrable, and the two terms taken off have closed forms (Dyda's table 3),

    (-laplacian)^(a/2) u = g1 (v - x v') + g2 x v' - C int (1 - y^2)^(a/2) |x - y|^(1 - a) r(y) dy,
    r(y) = (v(y) - v(x) - v'(x) (y - x)) / (y - x)^2,    g1 = Gamma(1 + a), g2 = Gamma(2 + a).

Gauss-Jacobi rules on both sides of x take the powers of 1 - |y| and |x - y| into account.

f = 2^a Gamma(2 + a/2) Gamma((1 + a)/2) / Gamma(1/2) (1 - (1 + a) x^2) gives u = (1 - x^2)^(1 + a/2), v = 1 - x^2: Dyda,
Fractional calculus for power functions and eigenvalues of the fractional Laplacian, Fract. Calc. Appl. Anal. 15 (2012)
536, table 3; the test case of Pang, Lu & Karniadakis, fPINNs, SIAM J. Sci. Comput. 41 (2019) A2603, section 4.

Dimensionless.  Expected: relative L2 below 1e-6 in a few seconds on two cores.
"""

from math import gamma, pi, sqrt

from pinnkit import Box, Equation, Integral, Problem, main

a = 1.5
constant = a * 2 ** (a - 1) * gamma((1 + a) / 2) / (sqrt(pi) * gamma(1 - a / 2))
size = 2**a * gamma(2 + a / 2) * gamma((1 + a) / 2) / sqrt(pi)


def f(x):
    return size * (1 - (1 + a) * x**2)


def remainder(v, v_here, x, y):
    return (v - v_here - v_here.x * (y - x)) / (y - x) ** 2


left = Integral(
    lambda v, v_here, x, y: (1 - y) ** (a / 2) * remainder(v, v_here, x, y),
    x=("y", -1, lambda x: x),
    powers=(a / 2, 1 - a),
)
right = Integral(
    lambda v, v_here, x, y: (1 + y) ** (a / 2) * remainder(v, v_here, x, y),
    x=("y", lambda x: x, 1),
    powers=(1 - a, a / 2),
)


def equation(v, x, left, right):
    return gamma(1 + a) * (v - x * v.x) + gamma(2 + a) * x * v.x - constant * (left + right) - f(x)


problem = Problem(
    name="fractional_laplacian",
    domain=Box(x=(-1, 1)),
    unknowns="v",
    terms=[Equation(equation, left=left, right=right)],
    exact=dict(v=lambda x: 1 - x**2),
)

if __name__ == "__main__":
    main(problem)
