"""Summary of the residuals at the points of a solve: their number and their size, term by term."""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from pinnkit.solutions.evaluation import FieldSet

from .collocation_points import CollocationPoints
from .parameters import Parameters
from .weighted_residuals import WeightedResiduals

__all__ = ["residual_summary"]


def residual_summary(
    fields: FieldSet, parameters: Parameters, collocation: CollocationPoints | None
) -> tuple[dict[str, int], dict[str, float]]:
    """Rows and root mean square residual of each term at the points of a solve; the latter on one chunk of them.

    A verdict compares them with the number of parameters and with the residual at fresh points.
    """
    if collocation is None:
        return {}, {}
    some = next(iter(fields.modules.values()))
    like = next((p for p in (*some.parameters(), *some.buffers()) if p.is_floating_point()), None)
    if like is not None and (like.dtype, like.device) != (collocation.dtype, collocation.device):
        collocation = replace(collocation, dtype=like.dtype, device=like.device, _kept={})
    check = WeightedResiduals(fields, parameters, collocation)
    rows, training = {}, {}
    with torch.no_grad():
        for term in fields.problem.terms:
            r = check.residual(term, next(collocation.chunks(term)))
            rows[str(term.name)] = collocation.size(term) * r.shape[1]
            training[str(term.name)] = math.sqrt(float(r.double().square().mean()))
    return rows, training
