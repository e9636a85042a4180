"""Normals that came with the points: used as they are, turned round, or refused."""

from __future__ import annotations

import torch
from torch import Tensor

from .neighbours import Neighbours
from .normals import averaged

__all__ = ["Given", "checked_normals", "signed_like"]

_NEAR = 16


def checked_normals(points: Tensor, normals: Tensor) -> Tensor:
    """Normals (n, d) of length 1.

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


class Given:
    """Unit normals as they came, and what their neighbours say about them."""

    def __init__(self, points: Tensor, normals: Tensor, near: Neighbours, areas: Tensor) -> None:
        self.normals = normals
        others = normals[near.first(_NEAR).index]
        agreement = (others * normals[:, None]).sum(2).sign().mean(1)
        self.disagreeing = float((agreement < 0.25).to(torch.float64).mean())
        """Fraction of the points whose normal faces otherwise than many of its neighbours'."""
        centre = points.mean(0)
        flux = areas * ((points - centre) * normals).sum(1)
        self.volume = float(flux.sum() / flux.abs().sum().clamp_min(torch.finfo(flux.dtype).tiny))
        """Enclosed volume by the divergence theorem, over that of all contributions taken positive."""


def signed_like(normals: Tensor, oriented: Tensor, near: Neighbours, width: Tensor) -> tuple[Tensor, int]:
    """Normals turned round where they face against oriented ones; how many were."""
    smooth = averaged(oriented, near.first(_NEAR), width)
    against = (normals * smooth).sum(1) < 0
    return torch.where(against[:, None], -normals, normals), int(against.sum())
