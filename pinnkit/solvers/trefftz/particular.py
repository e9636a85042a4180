"""Particular solutions of L p = f by Chebyshev polynomials of bounded total degree on the bounding box."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import scipy.linalg
import torch
from torch import Tensor

from pinnkit.fields.trefftz.chebyshev import chebyshev_degrees, chebyshev_products, chebyshev_table
from pinnkit.fields.trefftz.operator import EllipticOperator

__all__ = ["Particular", "particular_solution"]

_DEGREES = (0, 1, 2, 4, 8, 12, 18, 26, 36, 48, 60)
"""Total degrees of the source that are tried."""
_RESOLVED = 1e-14
"""Relative misfit at which the source is resolved."""
_NEARLY = 1e-11
"""Relative misfit of an interpolation on the bounding box from which no fit inside the domain is tried."""
_INSIDE = 26
"""Largest degree of fits inside the domain."""
_MARGIN = 8
"""Degrees of p beyond those of f where L has terms of lower order."""


@dataclass(frozen=True)
class Particular:
    """Polynomial p with L p close to f.

    Args:
        degree: total degree of p; -1 for zero.
        weights: of its Chebyshev polynomials ``(count,)``.
        misfit: largest |f - L p| at points that the fit has not seen, inside the domain.
        size: largest |f| there.
    """

    degree: int
    weights: Tensor
    misfit: float
    size: float

    @property
    def resolved(self) -> float:
        """Relative misfit, dimensionless; 0 for a source of zero."""
        return self.misfit / self.size if self.size > 0 else 0.0


def particular_solution(
    operator: EllipticOperator,
    source: Callable[[Tensor], Tensor],
    inside: Tensor,
    fresh: Tensor,
    lower: Tensor,
    upper: Tensor,
) -> Particular:
    """Polynomial p with L p = f, as far as polynomials resolve f.

    f is interpolated at Chebyshev points of the bounding box where it is finite there; otherwise, or where that does
    not converge, it is fitted at points inside the domain.  p is the solution of least norm of the equations between
    the Chebyshev coefficients.

    Args:
        operator: L.
        source: f, (n, 2) -> (n,).
        inside: points of the domain ``(n, 2)``, for the fit.
        fresh: other points of the domain, for the misfit.
        lower: lower corner of the bounding box ``(2,)``.
        upper: upper corner.
    """
    target = source(fresh)
    size = float(target.abs().max())
    nothing = Particular(-1, torch.zeros(0, dtype=torch.float64), size, size)
    if size == 0.0:
        return nothing
    middle, rate = (lower + upper) / 2, 2 / (upper - lower)
    best, least = None, math.inf
    for within in (False, True):
        for degree in (d for d in _DEGREES if not within or d <= _INSIDE):
            degrees = chebyshev_degrees(degree)
            if within:
                wanted = _inside_fit(source, inside, degrees, middle, rate)
            else:
                wanted = _box_fit(source, degrees, lower, upper)
            if wanted is None:
                break
            misfit = float(
                (target - chebyshev_products((fresh - middle) * rate, rate, degrees, ()) @ wanted).abs().max()
            )
            if misfit < 0.5 * least:
                best, least = (degree, wanted), misfit
            if least <= _RESOLVED * size:
                break
        if least <= _NEARLY * size:
            break
    if best is None:
        return nothing
    degree, wanted = best
    total = degree + (2 if operator.c == 0 and not (operator.b_x or operator.b_y) else _MARGIN)
    weights = _solved(operator, wanted, degree, total, rate)
    found = _applied(operator, (fresh - middle) * rate, rate, chebyshev_degrees(total), weights)
    return Particular(total, weights, float((target - found).abs().max()), size)


def _box_fit(source: Callable[[Tensor], Tensor], degrees: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
    """Chebyshev coefficients up to a total degree by interpolation on a grid; None where f is not finite on it."""
    count = int(degrees.max()) + 4
    nodes = torch.cos(torch.pi * (torch.arange(count, dtype=torch.float64) + 0.5) / count)
    grid = torch.cartesian_prod(nodes, nodes)
    values = source(lower + (grid + 1) / 2 * (upper - lower))
    if not bool(torch.isfinite(values).all()):
        return None
    table = chebyshev_table(nodes, count - 1, 0)[0]  # (degree, node)
    transform = table * (2.0 / count)
    transform[0] /= 2
    every = transform @ values.reshape(count, count) @ transform.T
    return every[degrees[:, 0], degrees[:, 1]]


def _inside_fit(
    source: Callable[[Tensor], Tensor], inside: Tensor, degrees: Tensor, middle: Tensor, rate: Tensor
) -> Tensor | None:
    """Chebyshev coefficients by least squares at points inside the domain; None where there are too few of them."""
    if len(inside) < 2 * len(degrees):
        return None
    points = inside[: max(4 * len(degrees), 200)]
    a = chebyshev_products((points - middle) * rate, rate, degrees, ())
    solution: Tensor = torch.linalg.lstsq(a, source(points)[:, None], rcond=1e-14, driver="gelsd").solution[:, 0]
    return solution


def _solved(operator: EllipticOperator, wanted: Tensor, degree: int, total: int, rate: Tensor) -> Tensor:
    """Coefficients of p, of a total degree, from those of L p of total degree `degree`, of about least norm.

    Where L p has the degree of p, higher coefficients of L p are asked to vanish, in the sense of least squares.
    """
    columns = chebyshev_degrees(total)
    rows = chebyshev_degrees(degree if total == degree + 2 else total)
    if len(rows) > len(wanted):
        mine = rows.sum(dim=1) <= degree
        wanted = torch.zeros(len(rows), dtype=torch.float64).masked_scatter_(mine, wanted)
    matrix = torch.zeros(len(rows), len(columns), dtype=torch.float64)
    single = [torch.eye(total + 1, dtype=torch.float64), _differentiation(total)]
    single.append(single[1] @ single[1])
    for order, value in operator.coefficients().items():
        m = order.count(0), order.count(1)
        factor = value * float(rate[0] ** m[0] * rate[1] ** m[1])
        left, right = single[m[0]], single[m[1]]
        matrix += factor * left[rows[:, 0]][:, columns[:, 0]] * right[rows[:, 1]][:, columns[:, 1]]
    decay = 1 / (1.0 + columns.square().sum(dim=1))  # small coefficients of high degree have small rounding errors
    found = scipy.linalg.lstsq((matrix * decay).numpy(), wanted.numpy(), cond=1e-15, lapack_driver="gelsy")[0]
    solution = torch.from_numpy(found)
    return solution * decay


def _differentiation(degree: int) -> Tensor:
    """Matrix that takes Chebyshev coefficients to those of the derivative, ``(degree + 1, degree + 1)``."""
    matrix = torch.zeros(degree + 1, degree + 1, dtype=torch.float64)
    for k in range(1, degree + 1):
        matrix[torch.arange(k - 1, -1, -2), k] = 2.0 * k
    matrix[0] /= 2
    return matrix


def _applied(operator: EllipticOperator, s: Tensor, rate: Tensor, degrees: Tensor, weights: Tensor) -> Tensor:
    """L p at scaled points ``(n, 2)``."""
    total = torch.zeros(len(s), dtype=torch.float64)
    for order, value in operator.coefficients().items():
        total += value * (chebyshev_products(s, rate, degrees, order) @ weights)
    return total
