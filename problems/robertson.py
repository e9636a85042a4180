"""Robertson's reactions, a' = -0.04 a + 1e4 b c, b' = 0.04 a - 1e4 b c - 3e7 b^2, c' = 3e7 b^2, to t = 1e4.

Rates differ by a factor of 1e9: b rises within 0.01 to 3.7e-5 and then follows the other two.  a + b + c stays 1.
Robertson 1966; Hairer & Wanner, Solving Ordinary Differential Equations II, 2nd ed., section IV.1.

There is no closed form: what to compare with is `reference(problem)`, Radau of scipy with a measured error bar.

Concentrations in units of the initial one, time in seconds.  Expected: relative L2 below 1e-10, each substance by
itself, in a second on two cores.
"""

from pinnkit import Box, Drift, Equation, Initial, Problem, main


def rates(a, b, c):
    first, second, third = 0.04 * a, 3e7 * b**2, 1e4 * b * c
    return a.t + first - third, b.t - first + third + second, c.t - second


problem = Problem(
    name="robertson",
    domain=Box(t=(0, 1e4)),
    unknowns=["a", "b", "c"],
    terms=[Equation(rates), Initial(a=1.0, b=0.0, c=0.0)],
    metrics=dict(drift=Drift(lambda a, b, c: a + b + c)),
)

if __name__ == "__main__":
    main(problem)
