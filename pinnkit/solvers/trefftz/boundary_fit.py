"""Least-squares fit of functions that satisfy the equation to the conditions on the boundary."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnkit.fields.trefftz.trefftz import TrefftzFunctions, TrefftzModule
from pinnkit.problem.problem import Problem
from pinnkit.solvers.least_squares.dense_lstsq import dense_lstsq

from .basis import Basis
from .boundary_rows import condition_rows
from .geometry import Geometry
from .panels import LEAST, Arm, Panels, gaps, panels_of
from .particular import Particular

__all__ = ["BoundaryFit", "Side", "boundary_sides", "fit_boundary", "reach_of"]

_NODES = 10
"""Gauss nodes of a panel for the fit."""
_FRESH = 13
"""Chebyshev points of a panel for the check."""
_RCOND = 1e-15
"""Singular values below this fraction of the largest count as zero."""
_ROOM = 4.0
"""Wavelengths of the highest function of a family that a panel of ten nodes may have, times 2 pi / 10 per node."""


@dataclass(frozen=True)
class Side:
    """Half of a curve of the boundary with its panels.

    Args:
        piece: number of the curve.
        panels: in the coordinates of the operator.
        arm: the same half in the coordinates of the problem.
    """

    piece: int
    panels: Panels
    arm: Arm


@dataclass(frozen=True)
class BoundaryFit:
    """Functions with their read-out, and the residuals at boundary points that the fit has not seen.

    Args:
        module: the functions with the read-out.
        errors: largest residual of each panel, as an error of the unknown, side by side.
        sides: halves of curves with their panels.
        size: largest |u| in the domain and on its boundary.
        rows: number of rows of the fit.
    """

    module: TrefftzModule
    errors: tuple[Tensor, ...]
    sides: tuple[Side, ...]
    size: float
    rows: int

    @property
    def error(self) -> float:
        """Largest residual over the size of the solution, dimensionless."""
        worst = max(float(e.max()) for e in self.errors)
        return worst / self.size if self.size > 0 else worst

    @property
    def count(self) -> int:
        """Number of functions."""
        return self.module.spec.count


def boundary_sides(geometry: Geometry, basis: Basis, spec: TrefftzFunctions, least: float = LEAST) -> tuple[Side, ...]:
    """Both halves of each curve, with panels that resolve the functions of a spec."""
    plane, matrix = basis.plane, spec.operator.matrix
    singular = torch.tensor([[s.x, s.y] for s in spec.sources], dtype=torch.float64).reshape(-1, 2) @ matrix.T
    singular = torch.cat([singular, plane.corner_points()])
    orders = {i: s.highest for h, s in zip(plane.holes, spec.sources, strict=False) for i in h.pieces}
    radii = {i: h.radius for h in plane.holes for i in h.pieces}
    longest = _ROOM * basis.length / max(spec.degree, 4)
    wave = math.sqrt(abs(spec.operator.kappa))
    if wave > 0:
        longest = min(longest, _ROOM / wave)
    found = []
    for i, (piece, original) in enumerate(zip(plane.pieces, geometry.pieces, strict=True)):
        own = min(longest, _ROOM * radii[i] / max(orders[i], 4)) if i in orders else longest
        for backward in (False, True):
            panels = panels_of(Arm(piece.curve, backward), singular, own, least=least)
            found.append(Side(i, panels, Arm(original.curve, backward)))
    return tuple(found)


def reach_of(basis: Basis, side: Side, t: Tensor) -> Tensor:
    """Distance ``(n,)`` over which the solution varies: to a junction, of a hole, at most R."""
    arm = side.panels.arm
    corners = basis.plane.corner_points() - torch.tensor(arm.anchor, dtype=torch.float64)
    reach = gaps(arm.offset(t), corners).clamp(min=1e-300, max=basis.length)
    radii = {i: h.radius for h in basis.plane.holes for i in h.pieces}
    return reach.clamp(max=radii[side.piece]) if side.piece in radii else reach


def build(spec: TrefftzFunctions, problem: Problem) -> TrefftzModule:
    """Module of a spec over the axes of a problem, with a read-out of zero."""
    generator = torch.Generator().manual_seed(0)
    return spec.build(problem.axes, 1, generator=generator, dtype=torch.float64, device="cpu")


def fit_boundary(
    problem: Problem,
    geometry: Geometry,
    basis: Basis,
    spec: TrefftzFunctions,
    particular: Particular,
    inside: Tensor,
) -> BoundaryFit:
    """Fit the functions of a spec to the conditions at Gauss points of panels, and check it at Chebyshev points.

    Rows are scaled to errors of the unknown, and by the square root of the weight of arc length over the distance to
    the nearest junction, so that every scale near a corner counts alike.

    Args:
        problem: with conditions on the boundary.
        geometry: in the coordinates of the problem.
        basis: owner of the panels.
        spec: functions, with the degree of the particular solution.
        particular: the particular solution.
        inside: points of the domain ``(n, 2)`` at which the size of the solution is measured.
    """
    module = build(spec, problem)
    with torch.no_grad():
        module.particular.copy_(particular.weights)
    start = int(spec.particular >= 0)
    sides = boundary_sides(geometry, basis, spec)
    blocks, targets = [], []
    for side in sides:
        t, weight = side.panels.gauss(_NODES)
        reach = reach_of(basis, side, t)
        rows = condition_rows(problem, geometry.pieces[side.piece], module, side.arm, t, reach)
        factor = rows.scale * torch.sqrt(weight / reach)
        target = rows.target - rows.matrix[:, :start].sum(dim=1)
        blocks.append(rows.matrix[:, start:] * factor[:, None])
        targets.append(target * factor)
    matrix, target = torch.cat(blocks), torch.cat(targets)
    norms = matrix.norm(dim=0)
    norms = torch.where(norms > 0, norms, torch.ones_like(norms))
    found = dense_lstsq(matrix / norms, target, _RCOND) / norms
    with torch.no_grad():
        module.readout.weight[0, :start] = 1.0
        module.readout.weight[0, start:] = found
    size = float((module.features(inside, [()])[()] @ module.readout.weight.detach()[0]).abs().max())
    return _checked(problem, geometry, basis, module, sides, len(matrix), size)


def _checked(
    problem: Problem,
    geometry: Geometry,
    basis: Basis,
    module: TrefftzModule,
    sides: tuple[Side, ...],
    rows: int,
    size: float,
) -> BoundaryFit:
    """Residuals at Chebyshev points of the panels."""
    weights = module.readout.weight.detach()[0]
    errors = []
    for side in sides:
        t = side.panels.chebyshev(_FRESH)
        found = condition_rows(problem, geometry.pieces[side.piece], module, side.arm, t, reach_of(basis, side, t))
        residual = (found.matrix @ weights - found.target).abs() * found.scale
        errors.append(residual.reshape(len(side.panels), _FRESH).amax(dim=1))
    return BoundaryFit(module, tuple(errors), sides, size, rows)
