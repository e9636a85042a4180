"""Comparison functions for mixed conditions: a positive solution whose values and fluxes on the walls are positive."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from pinnkit.fields.trefftz.trefftz import CornerFunction, TrefftzFunctions, TrefftzModule
from pinnkit.problem.problem import Problem
from pinnkit.problem.structure import Prescribes
from pinnkit.solvers.least_squares.dense_lstsq import dense_lstsq
from pinnkit.solvers.trefftz.basis import Basis, grown, starting_levels
from pinnkit.solvers.trefftz.boundary_fit import Side, boundary_sides, build, reach_of
from pinnkit.solvers.trefftz.boundary_rows import ConditionRows, condition_rows
from pinnkit.solvers.trefftz.geometry import Geometry

from .panel_bounds import NODES, panel_bounds

__all__ = ["bound_by_comparison"]

_FIT = 10
"""Gauss points of a panel for the fit of the comparison function."""
_BETWEEN = 1.42
"""Maximum of a polynomial over its maximum at the points, up to half their number in degree."""
_LEAST = 0.05
"""Part of the prescribed values and fluxes that the comparison function must reach everywhere."""
_FLOOR = 0.03
"""Least part of the values and fluxes that is asked for on a piece, relative to the largest."""
_STEPS = 3
"""Attempts, with more functions each."""


def bound_by_comparison(
    problem: Problem, geometry: Geometry, basis: Basis, module: TrefftzModule
) -> tuple[float, float] | None:
    """Bound of the error from the residuals of the conditions, and the factor of the residual of the equation.

    The second is max W for W >= 0 with -L W >= 1 and a W + b dW/dn >= 0: 1 / -c, or C w - |x - x_0|^2 / (2 tr A).

    None where the operator is not a (laplacian + kappa) with kappa <= 0, a condition a u + b du/dn has a b < 0, or no
    comparison function is found, as for fluxes alone.

    Args:
        problem: with conditions on the boundary.
        geometry: of its domain.
        basis: functions for it.
        module: the solution.
    """
    operator = basis.operator
    isotropic = operator.a_xy == 0 and operator.a_xx == operator.a_yy and operator.b_x == 0 and operator.b_y == 0
    if not isotropic or operator.c > 0:
        return None
    levels = starting_levels(basis)
    sides = boundary_sides(geometry, basis, module.spec)
    shares = _shares(problem, geometry, basis, module, sides)
    if shares is None:
        return None
    for _ in range(_STEPS):
        found = _comparison(problem, geometry, basis, _spec(basis, levels), shares)
        bounds = [_ratios(problem, geometry, basis, module, found, side, shares[side.piece]) for side in sides]
        if all(b is not None for b in bounds):
            ratio = max(b[0] for b in bounds if b is not None)
            largest = max(b[1] for b in bounds if b is not None)
            source = max(b[2] for b in bounds if b is not None)
            return ratio * largest, 1 / -operator.c if operator.c < 0 else source * largest
        levels = grown(
            basis,
            levels,
            smooth=True,
            holes=(True,) * len(levels.holes),
            corners=(True,) * len(levels.corners),
        )
    return None


def _spec(basis: Basis, levels: object) -> TrefftzFunctions:
    """Functions of the levels, and one of exponent mu for each corner beside a flux."""
    spec = basis.functions(levels)  # type: ignore[arg-type]
    extra = tuple(
        CornerFunction(*basis.geometry.junctions[i].at, math.atan2(j.bisector[1], j.bisector[0]), spec.length, mu)
        for i, (j, mu) in enumerate(zip(basis.plane.junctions, _exponents(basis), strict=True))
        if mu < 1
    )
    return replace(spec, corners=(*spec.corners, *extra))


def _exponents(basis: Basis) -> list[float]:
    """Exponent mu of the flux r^(mu - 1) of the comparison function at each junction; 1 where none is needed."""
    found = []
    singular = {(c.x, c.y) for c in basis.singular if c.order > 0}
    for original, junction in zip(basis.geometry.junctions, basis.plane.junctions, strict=True):
        own = basis.exponents(junction)
        at_flux = any(
            basis.plane.pieces[i].prescribes is not Prescribes.VALUE for i in (junction.before, junction.after)
        )
        found.append(0.5 * min(own[0], 1.0) if at_flux and own and original.at in singular else 1.0)
    return found


def _shares(
    problem: Problem, geometry: Geometry, basis: Basis, module: TrefftzModule, sides: tuple[Side, ...]
) -> list[float] | None:
    """Part of the values and fluxes that is asked for on each piece, in proportion to the residuals there.

    All values count together, since jumps at corners would be hard to fit.  None where a b < 0.
    """
    largest = [0.0 for _ in geometry.pieces]
    weights = module.readout.weight.detach()[0]
    for side in sides:
        t = side.panels.chebyshev(_FIT)
        rows = condition_rows(problem, geometry.pieces[side.piece], module, side.arm, t, reach_of(basis, side, t))
        if bool((rows.value * rows.flux < 0).any()):
            return None
        residual = (rows.matrix @ weights - rows.target).abs() / _wanted(basis, side, t, rows)
        largest[side.piece] = max(largest[side.piece], float(residual.max()))
    at_values = [p.prescribes is Prescribes.VALUE for p in geometry.pieces]
    values = max((r for r, v in zip(largest, at_values, strict=True) if v), default=0.0)
    most = max(largest)
    if most == 0.0:
        return [1.0 for _ in largest]
    return [max((values if v else r) / most, _FLOOR) for r, v in zip(largest, at_values, strict=True)]


def _wanted(basis: Basis, side: Side, t: Tensor, rows: ConditionRows) -> Tensor:
    """Values of s (a w + b dw/dn), s = 1 or -1, that are asked for, but for the share of the piece."""
    arm = side.panels.arm
    anchor = torch.tensor(arm.anchor, dtype=torch.float64)
    size = basis.length
    flux = torch.full_like(t, 1 / size)
    for junction, mu in zip(basis.plane.junctions, _exponents(basis), strict=True):
        if mu < 1:
            away = arm.offset(t) - (torch.tensor(junction.at, dtype=torch.float64) - anchor)
            distance = torch.linalg.vector_norm(away, dim=1).clamp(min=1e-300)
            flux = flux + (distance / size) ** (mu - 1) / size
    return rows.value.abs() + rows.flux.abs() * flux


def _sign(rows: ConditionRows) -> Tensor:
    return torch.where(rows.flux != 0, rows.flux.sign(), rows.value.sign())


def _comparison(
    problem: Problem, geometry: Geometry, basis: Basis, spec: TrefftzFunctions, shares: list[float]
) -> TrefftzModule:
    """Fit of the comparison function."""
    module = build(spec, problem)
    blocks, targets = [], []
    for side in boundary_sides(geometry, basis, spec):
        t, weight = side.panels.gauss(_FIT)
        reach = reach_of(basis, side, t)
        rows = condition_rows(problem, geometry.pieces[side.piece], module, side.arm, t, reach)
        wanted = _wanted(basis, side, t, rows) * shares[side.piece]
        factor = torch.sqrt(weight / reach) / wanted
        blocks.append(rows.matrix * (factor * _sign(rows))[:, None])
        targets.append(wanted * factor)
    matrix, target = torch.cat(blocks), torch.cat(targets)
    norms = matrix.norm(dim=0)
    norms = torch.where(norms > 0, norms, torch.ones_like(norms))
    with torch.no_grad():
        module.readout.weight[0] = dense_lstsq(matrix / norms, target, 1e-13) / norms
    return module


def _ratios(
    problem: Problem,
    geometry: Geometry,
    basis: Basis,
    module: TrefftzModule,
    comparison: TrefftzModule,
    side: Side,
    share: float,
) -> tuple[float, float, float] | None:
    """Largest |r| / (a w + b dw/dn), largest w, and largest (a q + b dq/dn) / (a w + b dw/dn) on one side.

    q = |x - x_0|^2 / 4 over the factor of the Laplacian.  None where the comparison function is not positive enough.
    """
    piece = geometry.pieces[side.piece]
    t = side.panels.chebyshev(NODES)
    reach = reach_of(basis, side, t)
    rows = condition_rows(problem, piece, module, side.arm, t, reach)
    other = condition_rows(problem, piece, comparison, side.arm, t, reach)
    wanted = _wanted(basis, side, t, other) * share
    weights, own = module.readout.weight.detach()[0], comparison.readout.weight.detach()[0]
    shape = (len(side.panels), NODES)
    reached = ((other.matrix @ own) * _sign(other) / wanted).reshape(shape)
    high, low = reached.amax(dim=1), reached.amin(dim=1)
    least = (high + low) / 2 - _BETWEEN * (high - low) / 2
    if not bool((least >= _LEAST).all()):
        return None
    residual = panel_bounds(((rows.matrix @ weights - rows.target) / wanted).reshape(shape))
    ratio = float((residual / least).max())
    values = comparison.features_about(side.arm.anchor, side.arm.offset(t), [()])[()] @ own
    largest = _BETWEEN * float(values.max())
    middle = torch.tensor(geometry.center, dtype=torch.float64)
    coords = torch.tensor(side.arm.anchor, dtype=torch.float64) + side.arm.offset(t)
    away, normal = coords - middle, side.arm.curve.normal(side.arm.parameter(t))
    scale = 4 * basis.operator.a_xx
    q = other.value.abs() * away.square().sum(dim=1) + 2 * other.flux.abs() * (away * normal).sum(dim=1)
    source = float((q.clamp(min=0) / scale / wanted / _LEAST).max())
    return ratio, largest, source
