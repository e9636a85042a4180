"""Standard deviations of coefficients from the linearised problem.

With rows r + J (δ, δa) and noise of known size in the data rows, the covariance of the coefficients is the block of
(Jᵀ W J)⁻¹ that belongs to them, W the inverse squares of the sizes of the residuals.  The corrections δ of the unknowns
are eliminated by a QR decomposition.

Source: Nocedal & Wright, Numerical Optimization, 2nd ed., §10.1; Stuart, Inverse problems, Acta Numer. 19 (2010) 451.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pinnkit.verification.scales import rms

__all__ = ["relative_deviations"]

_EXACT = 1e-10
"""Smallest size of the residual of a term, relative to its natural scale, that counts as noise."""


def relative_deviations(rows: Tensor, jacobian: Tensor, owners: Tensor, units: Tensor, count: int) -> Tensor:
    """Standard deviations of the coefficients, relative to `units`; infinite where nothing determines one.

    Args:
        rows: residuals of all terms at the solution, ``(n,)``.
        jacobian: derivatives with respect to corrections and coefficients, ``(n, count + c)``.
        owners: number of the term of each row.
        units: sizes of the coefficients, ``(c,)``.
        count: number of corrections.
    """
    weights = torch.ones_like(rows)
    for term in range(int(owners.max()) + 1):
        here = owners == term
        n = int(here.sum())  # rows are divided by the root of their number
        weights[here] = 1 / max(rms(rows[here]), _EXACT / math.sqrt(n))
    scaled = jacobian * weights[:, None]
    norms = scaled[:, :count].norm(dim=0)
    corrections = scaled[:, :count] / torch.where(norms > 0, norms, torch.ones_like(norms))
    triangle = torch.linalg.qr(torch.cat([corrections, scaled[:, count:] * units], dim=1))[1][count:, count:]
    _, s, vh = torch.linalg.svd(triangle)
    inverse = torch.where(s > 0, 1 / s.clamp_min(1e-300), torch.full_like(s, math.inf))
    return (vh.T * inverse).norm(dim=1)
