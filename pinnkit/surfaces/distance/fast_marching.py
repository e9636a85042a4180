"""Signed distance to the zero set of nodal values on a grid by fast marching."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["fast_marching_distance"]


def fast_marching_distance(values: Tensor, spacing: float) -> Tensor:
    """Solve |grad f| = 1 with f = 0 on the zero set of `values`, with the same signs.

    Second-order upwind differences, accepted in the order of |f|.  The zero set is located by linear interpolation
    along the grid edges.

    Args:
        values: ``(r, ..., r)`` with both signs.
        spacing: node spacing.

    Raises:
        ImportError: where scikit-fmm is missing.
        ValueError: where all values have one sign.

    Source: Sethian, Fast marching methods, SIAM Rev. 41 (1999) 199.
    """
    try:
        import skfmm
    except ImportError as missing:
        raise ImportError("fast marching needs scikit-fmm: pip install 'pinnkit[surfaces]'") from missing
    if not (bool((values < 0).any()) and bool((values > 0).any())):
        raise ValueError(
            f"fast_marching_distance: `values` must have both signs, they lie in [{float(values.min()):.3g}, "
            f"{float(values.max()):.3g}]; there is no surface between the nodes"
        )
    found = skfmm.distance(values.to(torch.float64).numpy(), dx=spacing, order=2)
    return torch.from_numpy(found)
