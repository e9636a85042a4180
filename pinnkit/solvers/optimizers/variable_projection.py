"""Variable projection: the linear read-out solved for alone, kept only where the loss falls."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pinnkit.solvers.protocols import RowObjective

__all__ = ["variable_projection"]

_LENGTHS = (1.0, 0.5, 0.25, 0.1)
"""Fractions of the undamped step, tried in this order."""


def variable_projection(
    objective: RowObjective, theta: Tensor, loss: float, *, rounds: int = 3
) -> tuple[Tensor, float]:
    """Newton steps on the read-out by singular values: theta and its loss, never more than `loss`.

    min over d of |r + J_c d|, J_c the columns of the Jacobian that belong to the read-out.  For a linear equation one
    round is exact: the best read-out for the given hidden layers.

    Args:
        objective: its `readout` gives the places of the read-out in theta; nothing is done where it is empty.
        theta: ``(P,)``.
        loss: at `theta`.
        rounds: number of steps at most.

    Source: Golub & Pereyra, SIAM J. Numer. Anal. 10 (1973) 413 (variables that separate).
    """
    where = objective.readout
    if len(where) == 0:
        return theta, loss
    for _ in range(rounds):
        rows, jacobian = objective.rows_and_jacobian(theta)
        columns = jacobian[:, where].double()
        norms = columns.norm(dim=0)
        norms = torch.where(norms > 0, norms, torch.ones_like(norms))
        newton = torch.linalg.lstsq(columns.cpu() / norms.cpu(), -rows.double().cpu()[:, None], driver="gelsd")
        step = newton.solution[:, 0].to(theta) / norms.to(theta)
        for length in _LENGTHS:
            tried = theta.clone()
            tried[where] += length * step
            found = float(objective.rows(tried).double().square().sum())
            if math.isfinite(found) and found < loss:
                break
        else:
            return theta, loss
        helped = found < 0.9 * loss
        theta, loss = tried, found
        if not helped:
            break
    return theta, loss
