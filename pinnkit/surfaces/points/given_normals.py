"""Checks and sign corrections of normals given with the points."""

from __future__ import annotations

import torch
from torch import Tensor

from .neighbours import Neighbours
from .normals import average_normals

__all__ = ["GivenNormals", "align_signs", "check_normals"]

_NEAR = 16


def check_normals(points: Tensor, normals: Tensor) -> Tensor:
    """Return the normals ``(n, d)`` scaled to unit length.

    Raises:
        ValueError: for another shape than that of the points; values that are not finite; normals of length zero.
    """
    if normals.shape != points.shape:
        raise ValueError(
            f"grid_distance: `normals` must have the shape of the points, {tuple(points.shape)}, "
            f"got {tuple(normals.shape)}"
        )
    if not bool(torch.isfinite(normals).all()):
        rows = int((~torch.isfinite(normals)).any(1).sum())
        raise ValueError(f"grid_distance: `normals` must be finite, {rows} of {len(normals)} are not; leave them out")
    length = torch.linalg.vector_norm(normals, dim=1, keepdim=True)
    zero = int((length == 0).sum())
    if zero:
        raise ValueError(
            f"grid_distance: {zero} of {len(normals)} normals have length zero; give them a direction, or leave all "
            "normals out and they are estimated"
        )
    return normals.to(points.dtype) / length.to(points.dtype)


class GivenNormals:
    """Consistency of given unit normals with their neighbours.

    Attributes:
        normals: ``(n, d)``.
        disagreeing: fraction of the points whose normal contradicts many of its neighbours.
        volume: enclosed volume by the divergence theorem over the sum of the absolute contributions.
    """

    def __init__(self, points: Tensor, normals: Tensor, near: Neighbours, areas: Tensor) -> None:
        self.normals = normals
        others = normals[near.nearest(_NEAR).index]
        agreement = (others * normals[:, None]).sum(2).sign().mean(1)
        self.disagreeing = float((agreement < 0.25).to(torch.float64).mean())
        centre = points.mean(0)
        flux = areas * ((points - centre) * normals).sum(1)
        self.volume = float(flux.sum() / flux.abs().sum().clamp_min(torch.finfo(flux.dtype).tiny))


def align_signs(normals: Tensor, oriented: Tensor, near: Neighbours, width: Tensor) -> tuple[Tensor, int]:
    """Flip normals that oppose oriented ones.

    Args:
        normals: ``(n, d)`` unit normals.
        oriented: ``(n, d)`` oriented normals of low accuracy.
        near: neighbours of each point.
        width: ``(n,)`` averaging width of the oriented normals.

    Returns:
        The normals, and the number of flipped ones.
    """
    smooth = average_normals(oriented, near.nearest(_NEAR), width)
    against = (normals * smooth).sum(1) < 0
    return torch.where(against[:, None], -normals, normals), int(against.sum())
