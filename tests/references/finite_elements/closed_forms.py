"""Problems in shapes of the plane with closed forms, by symbolic differentiation: fixed ones, and others from seeds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import sympy
import torch

from pinnkit import Dirichlet, Equation, Neumann, Problem, Robin, div, grad
from pinnkit.references import Reference

X, Y = sympy.symbols("x y")
_MODULES = [{"sin": torch.sin, "cos": torch.cos, "exp": torch.exp, "log": torch.log}, torch]


def function(expression) -> Callable:
    """A function of x and y for tensors and jets."""
    return sympy.lambdify((X, Y), expression, _MODULES)


class Manufactured:
    """-div(k grad u) + v . grad u + c u = f with the closed form u."""

    def __init__(self, u, k=1, v=(0, 0), c=0) -> None:
        u, k = sympy.sympify(u), sympy.sympify(k)
        slope = [sympy.diff(u, s) for s in (X, Y)]
        source = -sum(sympy.diff(k * g, s) for g, s in zip(slope, (X, Y), strict=True))
        source += v[0] * slope[0] + v[1] * slope[1] + c * u
        self.u = function(u)
        self._k, self._f = function(k), function(source)
        self._slope = [function(s) for s in slope]
        self._v, self._c = [function(sympy.sympify(z)) for z in v], function(sympy.sympify(c))
        self._constant = k.is_number

    def flux(self, x, y, n):
        """du/dn."""
        return n[0] * self._slope[0](x, y) + n[1] * self._slope[1](x, y)

    def robin(self, x, y, n):
        """2 u + du/dn / 2."""
        return 2 * self.u(x, y) + 0.5 * self.flux(x, y, n)

    @property
    def equation(self):
        def residual(u, x, y):
            k = float(self._k(0, 0)) if self._constant else self._k(x, y)
            carried = self._v[0](x, y) * u.x + self._v[1](x, y) * u.y
            return -div(k * grad(u)) + carried + self._c(x, y) * u - self._f(x, y)

        return Equation(residual)

    def problem(self, domain, kinds: str, name: str = "manufactured") -> Problem:
        """With the letters D, N, R for the conditions on the walls, in their order."""
        terms = [self.equation]
        for i, (wall, kind) in enumerate(zip(domain.walls, kinds, strict=True)):
            if kind == "D":
                terms.append(Dirichlet(wall, u=self.u, name=f"wall {i}"))
            elif kind == "N":
                terms.append(Neumann(wall, u=self.flux, name=f"wall {i}"))
            else:
                terms.append(Robin(wall, u=(2.0, 0.5, self.robin), name=f"wall {i}"))
        return Problem(name, domain, "u", terms, exact=dict(u=self.u))


def random_problem(domain, seed: int) -> Problem:
    """Random coefficients and closed form, and a random kind of condition on each wall but the first."""
    rng = np.random.default_rng(seed)
    a, b, c, d, e, f, g = (float(z) for z in rng.uniform(-2, 2, 7))
    u = sympy.exp(a / 2 * X) * sympy.sin(b * X + c * Y + d) + 0.3 * sympy.cos(e * X * Y)
    k = 1.5 + 0.5 * sympy.sin(f * X + g * Y)
    v = tuple(float(z) for z in rng.uniform(-2, 2, 2))
    kinds = "D" + "".join(rng.choice(list("DNR"), len(domain.walls) - 1))
    return Manufactured(u, k, v, float(rng.uniform(0, 2))).problem(domain, kinds, f"random {seed}")


def true_errors(found: Reference, exact: Callable, name: str = "u") -> tuple[float, float]:
    """Relative root mean square and greatest error of a reference on its grid."""
    mesh = torch.meshgrid(*(torch.from_numpy(t) for t in found.grid.values()), indexing="ij")
    true, values = exact(*mesh).numpy(), found.values[name]
    known = np.isfinite(values)
    gap = (values - true)[known]
    return float(np.sqrt(np.mean(gap**2) / np.mean(true[known] ** 2))), float(np.abs(gap).max())
