"""The linear read-out solved for alone; what is found is kept only where the loss falls."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pinnkit.solvers.protocols import RowObjective

__all__ = ["polished"]

_LENGTHS = (1.0, 0.5, 0.25, 0.1)
"""Of the undamped step, tried in this order."""


def polished(objective: RowObjective, theta: Tensor, loss: float, *, rounds: int = 3) -> tuple[Tensor, float]:
    """Theta after Newton steps on the read-out by singular values, and its loss; never more than `loss`.

    min over d of |r + J_c d|, J_c the columns of the Jacobian that belong to the read-out.  With a linear equation one
    round is exact: the read-out that is best for the hidden layers as they are.

    Args:
        objective: with an attribute `readout`, the places of the read-out in theta; without one nothing is done.
        theta: ``(P,)``.
        loss: at `theta`.
        rounds: at most so many steps.

    Source: Golub & Pereyra, SIAM J. Numer. Anal. 10 (1973) 413 (variables that separate).
    """
    where: Tensor | None = getattr(objective, "readout", None)
    if where is None or len(where) == 0:
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
