"""Search for the functions that satisfy the equation: more of each kind where the boundary residual asks for them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pinnkit.domains import Points, Sobol
from pinnkit.fields.trefftz.operator import EllipticOperator
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.linearization import linearise
from pinnkit.problem.problem import Problem

from .basis import Basis, Levels, grown, starting_levels
from .boundary_fit import BoundaryFit, fit_boundary
from .geometry import Geometry, geometry_of
from .operator_of import METHOD, require
from .panels import gaps
from .particular import Particular, particular_solution

__all__ = ["Found", "Setup", "covers", "equation_source", "search_functions", "setup_of"]

_ROUNDING = 1e-12
"""Relative boundary residual near which rounding dominates: the default tolerance for few functions."""
_AMPLE = 1e-10
"""The default tolerance for many functions."""
_FEW = 400
_UNRESOLVED = 1e-6
"""Relative misfit of a source from which the method does not cover the problem."""
_INSIDE = 6000
"""Points inside the domain for the particular solution, and as many fresh ones."""
_SIZE = 512
"""Points at which the size of the solution is measured."""
_SHARE = 0.1
"""Residual of a region over the largest from which it gets more functions."""
_BESIDE = 0.1
"""Distance to a junction, over the length of the shorter wall beside it, within which its poles are asked for."""
_STEPS = 14
"""Fits at most."""
_PATIENCE = 2
"""Fits without gain after which the search ends."""
_GAIN = 0.7
"""Ratio of residuals that counts as gain."""


@dataclass(frozen=True)
class Setup:
    """Problem in the terms of the method.

    Args:
        problem: to solve.
        operator: of its equation.
        geometry: in the coordinates of the problem.
        basis: functions by levels.
        particular: solution of the equation without conditions.
        inside: points of the domain ``(n, 2)``.
    """

    problem: Problem
    operator: EllipticOperator
    geometry: Geometry
    basis: Basis
    particular: Particular
    inside: Tensor


@dataclass(frozen=True)
class Found:
    """Result of a search.

    Args:
        fit: the best fit.
        levels: of its functions.
        fits: number of fits.
    """

    fit: BoundaryFit
    levels: Levels
    fits: int


def covers(problem: Problem) -> bool:
    """Return whether the method covers the equation, the conditions and the shape of a problem."""
    try:
        require(problem)
        geometry_of(problem)
    except Unsupported:
        return False
    return True


def setup_of(problem: Problem) -> Setup:
    """Operator, boundary and particular solution of a problem.

    Raises:
        Unsupported: for what the method does not cover, and for a source that no polynomial resolves.
    """
    operator = require(problem)
    geometry = geometry_of(problem)
    basis = Basis.of(problem, operator, geometry)
    source = equation_source(problem, operator)
    inside, fresh = (
        problem.domain.sample(_INSIDE, torch.Generator().manual_seed(seed), sampling=Sobol()).coords for seed in (0, 1)
    )
    lower, upper = (torch.tensor(v, dtype=torch.float64) for v in (geometry.lower, geometry.upper))
    found = particular_solution(operator, source, inside, fresh, lower, upper)
    if not found.resolved <= _UNRESOLVED:
        name = problem.structure.equations[0].term.name
        reason = f"polynomials resolve the source of '{name}' to {found.resolved:.1e} only"
        raise Unsupported(METHOD, f"problem '{problem.name}': {reason}")
    return Setup(problem, operator, geometry, basis, found, fresh[:_SIZE])


def equation_source(problem: Problem, operator: EllipticOperator) -> Callable[[Tensor], Tensor]:
    """f of the equation L u = f, (n, 2) -> (n,), L the operator with positive definite second-order part."""
    (row,) = problem.structure.equations
    channels = problem.trace(row.term, raw=False).channels
    first = problem.frame.columns[0]
    leading = sum(
        weight * float(f.value or 0.0)
        for f in row.factors
        for weight, names in f.channel.derivatives
        if names == (first, first)
    )
    sign = math.copysign(1.0, leading * operator.a_xx)  # the equation may be that of -L

    def source(coords: Tensor) -> Tensor:
        zeros = {c: torch.zeros(len(coords), dtype=torch.float64) for c in channels}
        return -sign * linearise(problem, row.term, row.term.completed(Points(coords)), zeros).r[:, 0]

    return source


def search_functions(
    setup: Setup, *, limit: int, tolerance: float | None, report: Callable[[BoundaryFit, Levels], bool]
) -> Found:
    """Fit with more and more functions until the boundary residual is below the tolerance or no longer falls.

    Args:
        setup: the problem.
        limit: largest number of functions.
        tolerance: of the residual over the size of the solution; None takes that of rounding.
        report: called after every fit; True ends the search.
    """
    levels = starting_levels(setup.basis)
    best: Found | None = None
    idle = 0
    for step in range(1, _STEPS + 1):
        spec = replace(setup.basis.functions(levels), particular=setup.particular.degree)
        if best is not None and spec.count > limit:
            break
        fit = fit_boundary(setup.problem, setup.geometry, setup.basis, spec, setup.particular, setup.inside)
        if best is None or fit.error < best.fit.error:
            idle = 0 if best is None or fit.error < _GAIN * best.fit.error else idle + 1
            best = Found(fit, levels, step)
        else:
            idle += 1
        best = replace(best, fits=step)
        target = (_ROUNDING if fit.count <= _FEW else _AMPLE) if tolerance is None else tolerance
        if report(fit, levels) or fit.error <= target or idle >= _PATIENCE:
            break
        levels = _more(setup.basis, fit, levels, everything=idle > 1)
    assert best is not None
    return best


def _more(basis: Basis, fit: BoundaryFit, levels: Levels, *, everything: bool) -> Levels:
    """Levels with more functions where the residual is large: at junctions, on holes, elsewhere."""
    plane = basis.plane
    worst = max(float(e.max()) for e in fit.errors)
    at_corners = [0.0 for _ in plane.junctions]
    on_holes = [0.0 for _ in plane.holes]
    smooth = 0.0
    hole_of = {i: k for k, hole in enumerate(plane.holes) for i in hole.pieces}
    reach = [_BESIDE * basis.scale(j) for j in plane.junctions]
    for errors, side in zip(fit.errors, fit.sides, strict=True):
        panels, i = side.panels, side.piece
        middle = panels.arm.curve.point(panels.arm.parameter((panels.lower + panels.upper) / 2))
        elsewhere = torch.ones(len(errors), dtype=torch.bool)
        for k, junction in enumerate(plane.junctions):
            near = gaps(middle, torch.tensor([junction.at], dtype=torch.float64)) < reach[k]
            if bool(near.any()):
                at_corners[k] = max(at_corners[k], float(errors[near].max()))
                elsewhere &= ~near
        if bool(elsewhere.any()):
            rest = float(errors[elsewhere].max())
            if i in hole_of:
                on_holes[hole_of[i]] = max(on_holes[hole_of[i]], rest)
            smooth = max(smooth, rest)
    limit = 0.0 if everything else _SHARE * worst
    return grown(
        basis,
        levels,
        smooth=smooth >= limit,
        holes=tuple(e >= limit for e in on_holes),
        corners=tuple(e >= limit for e in at_corners),
    )
