"""Proved error bounds by the maximum principle, for fields that satisfy an elliptic equation exactly.

For e = u_h - u with A:D2e + b.grad e + c e = rho, A positive definite and c <= 0,

    max |e| <= max over the boundary of |e| + C max |rho|,

where w >= 0 with -(A:D2w + b.grad w + c w) >= 1 has C = max w: (R^2 - |x - x_0|^2) / (2 tr A) without b, and a linear
function along b with it.  The field satisfies the equation but for its particular solution, and e on the boundary is
known: on each panel of a wall it is sampled at Chebyshev points and bounded between them.

Where fluxes are prescribed as well, for A = a I and b = 0: if w > 0 satisfies the equation with a w + b dw/dn > 0 on
the walls, then |e| <= w max |r| / (a w + b dw/dn), r the residual of the condition a u + b du/dn = g, a b >= 0: the
weak form with the test function (|e| - M w)+ shows it in every polygon and every smooth domain.  A w is computed by the
same functions, with values 1 and fluxes that grow like r^(mu - 1) towards corners.

Source: Gilbarg & Trudinger, Elliptic Partial Differential Equations of Second Order, Theorems 3.1 and 3.7; between the
points Ehlich & Zeller, Math. Z. 86 (1964) 41, and Trefethen, Approximation Theory and Approximation Practice, Theorem
8.1.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnkit.domains import Sobol
from pinnkit.fields.trefftz.operator import EllipticOperator
from pinnkit.fields.trefftz.trefftz import TrefftzModule, width_of
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.hardening import softened
from pinnkit.problem.problem import Problem
from pinnkit.problem.structure import Prescribes
from pinnkit.solutions.solution import Solution
from pinnkit.solvers.trefftz.basis import Basis
from pinnkit.solvers.trefftz.boundary_fit import Side, boundary_sides, reach_of
from pinnkit.solvers.trefftz.boundary_rows import condition_rows
from pinnkit.solvers.trefftz.geometry import Geometry, geometry_of
from pinnkit.solvers.trefftz.operator_of import require
from pinnkit.solvers.trefftz.search import equation_source

from .comparison_function import bound_by_comparison
from .panel_bounds import NODES, panel_bounds

__all__ = ["ProvedBound", "proved_bound"]

_ELLIPSE = 2.4
"""Parameter rho of the Bernstein ellipse of a panel in which the functions are analytic."""
_INSIDE = 4096
"""Points at which the residual of the particular solution is measured, and doubled."""


@dataclass(frozen=True)
class ProvedBound:
    """Bound on the error everywhere in the closed domain.

    Args:
        error: largest |u_h - u|, at most, in the unit of u.
        boundary: part of it from the boundary.
        residual: part of it from the residual of the equation.
        rounding: allowance for rounding in the sum of the functions, four units of its largest terms.
        size: largest |u_h| found, in the same unit.
    """

    error: float
    boundary: float
    residual: float
    rounding: float
    size: float

    @property
    def relative(self) -> float:
        """Bound over the size of the solution, dimensionless."""
        return self.error / self.size if self.size > 0 else math.inf


def proved_bound(solution: Solution) -> ProvedBound | None:
    """Bound on the error of a solution; None where the maximum principle does not apply.

    It applies to one unknown whose field satisfies a homogeneous equation with c <= 0 exactly (`TrefftzFunctions`),
    with values on all walls, or for A = a I and b = 0 with values and fluxes.  The bound holds up to rounding; it takes
    prescribed values and the source to vary no faster between the points than their Chebyshev coefficients show.
    """
    problem = softened(solution.problem)
    if len(solution.modules) != 1:
        return None
    (module,) = solution.modules.values()
    if not isinstance(module, TrefftzModule) or solution.dtype != torch.float64:
        return None
    if module.readout.weight.device.type != "cpu":
        module = copy.deepcopy(module).cpu()
    try:
        operator, geometry = require(problem), geometry_of(problem)
    except Unsupported:
        return None
    if operator != module.spec.operator or operator.c > 0:
        return None
    inside = problem.domain.sample(_INSIDE, torch.Generator().manual_seed(7), sampling=Sobol()).coords
    weights = module.readout.weight.detach()[0]
    if module.spec.particular >= 0 and float(weights[0]) != 1.0:
        return None
    residual = 2 * _residual(problem, operator, module, inside)
    basis = Basis.of(problem, operator, geometry)
    if all(p.prescribes is Prescribes.VALUE for p in geometry.pieces):
        residual *= _barrier(operator, geometry)
        boundary = boundary_error(problem, geometry, basis, module)
    else:
        found = bound_by_comparison(problem, geometry, basis, module)
        if found is None:
            return None
        boundary, residual = found[0], found[1] * residual
    parts = module.features(inside, [()])[()] * weights
    size = float(parts.sum(dim=1).abs().max())
    rounding = 4 * torch.finfo(torch.float64).eps * float(parts.abs().sum(dim=1).max())
    return ProvedBound(boundary + residual + rounding, boundary, residual, rounding, size)


def _residual(problem: Problem, operator: EllipticOperator, module: TrefftzModule, inside: Tensor) -> float:
    """Largest |L p - f| at points of the domain."""
    applied = -equation_source(problem, operator)(inside)
    if module.spec.particular >= 0:
        for order, value in operator.coefficients().items():
            applied += value * module.features(inside, [order])[order][:, 0]
    return float(applied.abs().max())


def _barrier(operator: EllipticOperator, geometry: Geometry) -> float:
    """Largest value of a function w >= 0 with -L w >= 1."""
    found = []
    (lx, ly), (ux, uy) = geometry.lower, geometry.upper
    size = math.hypot(operator.b_x, operator.b_y)
    if size > 0:
        width = (abs(operator.b_x) * (ux - lx) + abs(operator.b_y) * (uy - ly)) / size
        found.append(width / size)
    else:
        found.append((geometry.diameter / 2) ** 2 / (2 * (operator.a_xx + operator.a_yy)))
    if operator.c < 0:
        found.append(1 / -operator.c)
    return min(found)


def boundary_error(problem: Problem, geometry: Geometry, basis: Basis, module: TrefftzModule) -> float:
    """Upper bound of |u_h - g| over the boundary, g the prescribed values."""
    return max(
        _side_error(problem, geometry, basis, module, side) for side in boundary_sides(geometry, basis, module.spec)
    )


def _side_error(problem: Problem, geometry: Geometry, basis: Basis, module: TrefftzModule, side: Side) -> float:
    """Upper bound of the error over the panels of one half of a wall."""
    weights = module.readout.weight.detach()[0]
    own = _own_corner(module, side)
    piece = geometry.pieces[side.piece]
    t = side.panels.chebyshev(NODES)
    rows = condition_rows(problem, piece, module, side.arm, t, reach_of(basis, side, t))
    scale = rows.scale[:, None]
    error = ((rows.matrix * weights).mul_(scale)).sum(dim=1) - rows.target * rows.scale
    table = error.reshape(len(side.panels), NODES)
    bounds = panel_bounds(table) + _tails(module, side)
    if len(own):  # r^lambda at the corner itself: it rises from zero to its value at the end of the first panel
        end = side.panels.upper[:1]
        last = condition_rows(problem, piece, module, side.arm, end, reach_of(basis, side, end))
        singular = (last.matrix * weights * last.scale[:, None])[0, own]
        first = slice(0, NODES)
        smooth = table[0] - ((rows.matrix[first][:, own] * weights[own]) * scale[first]).sum(dim=1)
        pairs = singular.reshape(-1, 2).sum(dim=1).abs().sum()
        bounds[0] = panel_bounds(smooth[None])[0] + pairs + _tails(module, side)[0]
    return float(bounds.max())


def _own_corner(module: TrefftzModule, side: Side) -> Tensor:
    """Columns of the singular functions of the corner at which a side begins."""
    spec = module.spec
    place = int(spec.particular >= 0) + 2 * spec.degree + 1
    found: list[int] = []
    for corner in spec.corners:
        if (corner.x, corner.y) == side.arm.anchor and corner.order > 0:  # the angle is smooth along a wall
            found += [place, place + 1]
        place += width_of(corner)
    return torch.tensor(found, dtype=torch.int64)


def _tails(module: TrefftzModule, side: Side) -> Tensor:
    """Bounds ``(m,)`` of the Chebyshev coefficients of u_h beyond those of the points, together.

    |a_k| <= 2 M rho^-k with M the largest value in the Bernstein ellipse of the panel, which is bounded function by
    function: powers by the distances to their centres, those of radial factors by their power series.
    """
    spec, weights = module.spec, module.readout.weight.detach()[0].abs()
    matrix = spec.operator.matrix
    arm, panels = side.panels.arm, side.panels
    middle = (panels.lower + panels.upper) / 2
    offsets = torch.stack([arm.offset(t) for t in (panels.lower, middle, panels.upper)], dim=1)  # (m, 3, 2)
    anchor = torch.tensor(arm.anchor, dtype=torch.float64)
    half = arm.curve.length * (panels.upper - panels.lower) / 2
    beyond = 1.1 * half * ((_ELLIPSE + 1 / _ELLIPSE) / 2 - 1)

    def distances(x: float, y: float) -> tuple[Tensor, Tensor]:
        center = matrix @ torch.tensor([x, y], dtype=torch.float64)
        away = torch.linalg.vector_norm(offsets - (center - anchor), dim=2)
        low = (away.amin(dim=1) - beyond).clamp(min=1e-3 * beyond)
        return low, away.amax(dim=1) + half + beyond

    start = int(spec.particular >= 0)
    kappa = abs(spec.operator.kappa)
    _, far = distances(*spec.center)
    orders = torch.arange(spec.degree + 1, dtype=torch.float64)
    radial = torch.exp(kappa * far[:, None] ** 2 / (4 * (orders + 1)))
    powers = (far[:, None] / spec.length) ** orders * radial
    pair = torch.cat(
        [weights[start : start + 1], weights[start + 1 : start + 2 * spec.degree + 1].reshape(-1, 2).sum(1)]
    )
    total = powers @ pair
    place = start + 2 * spec.degree + 1
    for corner in spec.corners:
        _, far = distances(corner.x, corner.y)
        width = width_of(corner)
        growth = torch.exp(kappa * far**2 / (4 * (corner.order + 1))) * (1 if corner.order else 2 * math.pi)
        total = total + weights[place : place + width].sum() * (far / corner.length) ** corner.order * growth
        place += width
    for source in spec.sources:
        near, far = distances(source.x, source.y)
        for m in range(source.lowest, source.highest + 1):
            width = 1 if m == 0 else 2
            size = weights[place : place + width].sum()
            place += width
            if m == 0:
                total = total + size * (
                    torch.log(torch.maximum(far, 1 / near) / min(source.length, 1.0)).abs() + math.pi
                )
            else:
                total = total + size * (source.length / near) ** m * torch.exp(math.sqrt(kappa) * far)
    return 2 * total * _ELLIPSE ** (-NODES) / (_ELLIPSE - 1)
