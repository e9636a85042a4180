"""Straight facets of the zero set of values on a grid, and grids on which there is none to draw."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from pinnkit.domains.axes import bounds
from pinnkit.domains.box import Box

__all__ = ["check_grid", "facets_of"]


def facets_of(grid: Tensor) -> tuple[Tensor, Tensor]:
    """Corners (k, d) in cells from the first node, and facets (m, d) of their indices: segments or triangles.

    By marching squares or cubes.

    Raises:
        ImportError: without scikit-image.
    """
    try:
        from skimage.measure import find_contours, marching_cubes
    except ImportError as missing:
        raise ImportError(
            "Region: the zero set is found by scikit-image, which is not installed; pip install 'pinnkit[surfaces]'"
        ) from missing
    # Below the digits of its single precision a value would be taken for zero, and its facets for points.
    least = 1e-6 * float(grid.abs().max())
    clear = torch.where(grid.abs() < least, torch.where(grid < 0, -least, least), grid).numpy()
    if grid.ndim == 3:
        corners, facets, _, _ = marching_cubes(clear, 0.0, allow_degenerate=False)
        return torch.from_numpy(corners.astype(np.float64)), torch.from_numpy(facets.astype(np.int64))
    lines = find_contours(clear, 0.0)
    starts = np.cumsum([0, *map(len, lines)])
    pairs = [np.arange(a, b - 1)[:, None] + np.array([[0, 1]]) for a, b in pairwise(starts)]
    return torch.from_numpy(np.concatenate(lines)), torch.from_numpy(np.concatenate(pairs))


def check_grid(grid: Tensor, box: Box) -> None:
    """Refuse values (r, r[, r]) on the nodes of a box that are not finite or have no zero set clear of the walls."""
    if not bool(torch.isfinite(grid).all()):
        wrong = int((~torch.isfinite(grid)).sum())
        raise ValueError(
            f"Region: `inside` must be finite in the box, got nan or inf at {wrong} of {grid.numel()} nodes; "
            f"check it with Region's box, {box!r}"
        )
    low, high = float(grid.min()), float(grid.max())
    seen = f"it ranges from {low:.3g} to {high:.3g} over {' x '.join(str(k) for k in grid.shape)} nodes"
    if low >= 0:
        raise ValueError(
            f"Region: `inside` is nowhere negative in the box: {seen}; negative means inside: turn the sign by "
            f"lambda x: -f(x), shift the level by lambda x: f(x) - level, or take a finer `resolution`"
        )
    if high < 0:
        raise ValueError(
            f"Region: `inside` is negative everywhere in the box: {seen}; the box itself is a Box, and a region "
            f"needs a larger box around it"
        )
    walls = [(dim, end) for dim in range(grid.ndim) for end in (0, -1)]
    reached = [(dim, end) for dim, end in walls if bool((grid.select(dim, end) < 0).any())]
    if len(reached) == len(walls) and bool((grid > 0).any()) and bool((_rim(grid) < 0).all()):
        raise ValueError(
            f"Region: `inside` is negative on all walls of the box and positive within: {seen}; negative means inside: "
            f"turn the sign by lambda x: -f(x)"
        )
    if reached:
        lower, upper = bounds(box.axes)
        dim, end = reached[0]
        at = float((upper if end else lower)[dim])
        raise ValueError(
            f"Region: the region reaches the wall {box.columns[dim]} = {at:g} of the box: {seen}; give a box that "
            f"is larger than the region"
        )


def _rim(grid: Tensor) -> Tensor:
    """The values on the walls."""
    return torch.cat([grid.select(dim, end).reshape(-1) for dim in range(grid.ndim) for end in (0, -1)])
