"""Removal of small components of an indicator function that are not supported by points."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from pinnkit.surfaces.points.periodic_grid import PeriodicGrid

__all__ = ["remove_small_components"]


def remove_small_components(
    grid: PeriodicGrid, chi: Tensor, points: Tensor, *, least: float = 0.003
) -> tuple[Tensor, int]:
    """Fill in small bodies outside the surface and small cavities inside.

    A connected region of one sign is kept if enough points lie at its boundary: a fraction `least` of all, and at least
    twelve.  The outermost layer of nodes is set to outside, so that the surface is closed.

    Args:
        grid: grid of `chi`.
        chi: nodal values, negative inside.
        points: ``(n, d)`` from which `chi` was made.
        least: minimum fraction of the points.

    Returns:
        The filtered values, and the number of regions that were filled in.
    """
    values = chi.clone()
    size = float(values.abs().median())
    for axis in range(grid.dimension):
        for end in (0, grid.resolution - 1):
            values.select(axis, end).clamp_(min=size)
    needed = max(12, int(least * len(points)))
    near = torch.round((points - grid.lower) / grid.spacing).to(torch.int64).clamp(0, grid.resolution - 1)
    filled = 0
    for sign in (-1.0, 1.0):
        inside = (sign * values > 0).numpy()
        labels, count = ndimage.label(inside)
        if count <= 1:
            continue
        sizes = np.bincount(labels.reshape(-1), minlength=count + 1)
        sizes[0] = 0
        # A point supports every region of this sign that has a node within one cell.
        grown = ndimage.grey_dilation(labels, size=(3,) * grid.dimension)
        touched = np.bincount(grown[tuple(near.T.numpy())], minlength=count + 1)
        drop = touched < needed
        drop[0] = False
        drop[int(sizes.argmax())] = False
        if drop.any():
            values = torch.where(torch.from_numpy(drop[labels]), -sign * values.abs().clamp_min(1e-3 * size), values)
            filled += int(drop.sum())
    return values, filled
