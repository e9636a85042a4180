"""What a solve saw: how many residuals of each term, and how large they are in the end."""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from pinnkit.solutions.evaluation import FieldSet

from .collocation_points import Cloud
from .parameters import Parameters
from .residual_loss import Collocation

__all__ = ["trained_on"]


def trained_on(
    fields: FieldSet, parameters: Parameters, cloud: Cloud | None
) -> tuple[dict[str, int], dict[str, float]]:
    """Rows and root mean square residual of each term at the points of a solve; the latter on one chunk of them.

    A verdict compares these with the number of parameters and with the residual at fresh points.
    """
    if cloud is None:
        return {}, {}
    some = next(iter(fields.modules.values()))
    like = next((p for p in (*some.parameters(), *some.buffers()) if p.is_floating_point()), None)
    if like is not None and (like.dtype, like.device) != (cloud.dtype, cloud.device):
        cloud = replace(cloud, dtype=like.dtype, device=like.device, _kept={})
    check = Collocation(fields, parameters, cloud)
    rows, training = {}, {}
    with torch.no_grad():
        for term in fields.problem.terms:
            r = check.residual(term, next(cloud.chunks(term)))
            rows[str(term.name)] = cloud.size(term) * r.shape[1]
            training[str(term.name)] = math.sqrt(float(r.double().square().mean()))
    return rows, training
