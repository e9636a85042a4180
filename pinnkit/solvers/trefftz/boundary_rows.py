"""Rows of the conditions on the boundary, for the read-out of functions that satisfy the equation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pinnkit.domains import Points
from pinnkit.fields.trefftz.trefftz import TrefftzModule
from pinnkit.problem.linearization import linearise
from pinnkit.problem.problem import Problem
from pinnkit.solutions.evaluation import index

from .geometry import Piece
from .panels import Arm

__all__ = ["ConditionRows", "condition_rows"]


@dataclass(frozen=True)
class ConditionRows:
    """Rows a . c = b of one condition at points of one curve.

    Args:
        matrix: derivatives of the residual with respect to the read-out ``(n, N)``.
        target: minus the residual of the field zero ``(n,)``.
        scale: factor that turns a residual into an error of the unknown, up to a constant ``(n,)``.
        value: coefficient a of u in the residual a u + b du/dn ``(n,)``.
        flux: coefficient b of du/dn ``(n,)``.
    """

    matrix: Tensor
    target: Tensor
    scale: Tensor
    value: Tensor
    flux: Tensor


def condition_rows(
    problem: Problem, piece: Piece, module: TrefftzModule, arm: Arm, t: Tensor, reach: Tensor
) -> ConditionRows:
    """Rows of the condition of a curve.

    A residual a u + b du/dn is divided by |a| + |b| / reach, with `reach` the distance over which the solution varies.

    Args:
        problem: owner of the condition.
        piece: curve and condition.
        module: functions.
        arm: half of the curve, in the coordinates of the problem.
        t: parameters of points on it ``(n,)``.
        reach: distance to the nearest junction, or the size of the hole or domain ``(n,)``.
    """
    term = piece.term
    channels = problem.trace(term, raw=False).channels
    zeros = {c: torch.zeros(len(t), dtype=torch.float64) for c in channels}
    offset, s = arm.offset(t), arm.parameter(t)
    coords, normal = torch.tensor(arm.anchor, dtype=torch.float64) + offset, arm.curve.normal(s)
    found = linearise(problem, term, term.completed(Points(coords, normal)), zeros)
    local = {name: i for i, name in enumerate(problem.frame.columns)}
    orders = {c: index(c.order, local) for c in channels}
    features = module.features_about(arm.anchor, offset, list(dict.fromkeys(orders.values())))
    matrix = torch.zeros(len(t), module.spec.count, dtype=torch.float64)
    slopes = torch.zeros(len(t), 2, dtype=torch.float64)
    value = torch.zeros(len(t), dtype=torch.float64)
    for channel, order in orders.items():
        factor = found.d[channel][:, 0, 0]
        matrix += factor[:, None] * features[order]
        for weight, names in channel.derivatives:
            if names:
                slopes[:, local[names[0]]] += weight * factor
            else:
                value += weight * factor
    scale = 1 / (value.abs() + torch.linalg.vector_norm(slopes, dim=1) / reach)
    return ConditionRows(matrix, -found.r[:, 0], scale, value, (slopes * normal).sum(dim=1))
