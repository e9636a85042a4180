"""Signed distance to the zero set of a function on a grid: fast marching."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["marching_distance"]


def marching_distance(values: Tensor, spacing: float) -> Tensor:
    """Solution of |grad f| = 1 with f = 0 where `values` pass through zero, and with their sign.

    Second-order upwind differences, accepted in the order of |f|; the zero set is where linear interpolation along the
    edges of the grid puts it.

    Args:
        values: (r, ..., r) with both signs.
        spacing: of the nodes.

    Raises:
        ImportError: where scikit-fmm is missing.
        ValueError: where the values have one sign only.

    Source: Sethian, Fast marching methods, SIAM Rev. 41 (1999) 199.
    """
    try:
        import skfmm
    except ImportError as missing:
        raise ImportError("fast marching needs scikit-fmm: pip install 'pinnkit[surfaces]'") from missing
    if not (bool((values < 0).any()) and bool((values > 0).any())):
        raise ValueError(
            f"marching_distance: `values` must have both signs, they lie in [{float(values.min()):.3g}, "
            f"{float(values.max()):.3g}]; there is no surface between the nodes"
        )
    found = skfmm.distance(values.to(torch.float64).numpy(), dx=spacing, order=2)
    return torch.from_numpy(found)
