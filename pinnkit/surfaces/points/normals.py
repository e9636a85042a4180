"""Refinement of normals: bilateral averaging and weighted plane fits."""

from __future__ import annotations

import torch
from torch import Tensor

from .neighbours import Neighbours

__all__ = ["average_normals", "fit_normals"]

_REFUSED = 0.5
"""Least cosine between a fitted normal and the previous one; below it, the previous one is kept."""


def average_normals(normals: Tensor, near: Neighbours, width: Tensor) -> Tensor:
    """One pass of n_i <- sum_j exp(-(|x_i - x_j| / h_i)^2 / 2) max(n_i . n_j, 0)^2 n_j, normalised.

    The second factor separates surfaces that face elsewhere: the far side of a thin wall, the next face of an edge.

    Args:
        normals: ``(n, d)`` unit vectors.
        near: neighbours of each point.
        width: ``(n,)`` h.

    Source: bilateral normal filtering, Jones, Durand & Zwicker, IEEE CG&A 24 (2004) 53.
    """
    others = normals[near.index]
    agree = (others * normals[:, None]).sum(2).clamp_min(0).square()
    weight = torch.exp(-0.5 * (near.distance / width[:, None]).square()) * agree
    mean = normals + (weight[:, :, None] * others).sum(1)
    return mean / torch.linalg.vector_norm(mean, dim=1, keepdim=True)


def fit_normals(points: Tensor, normals: Tensor, near: Neighbours, width: Tensor) -> Tensor:
    """One pass of plane fits to neighbours with similar normals.

    The normal is the direction of least variance under the weights exp(-(d / h_i)^2 / 2) max(n_i . n_j, 0)^4, with the
    sign of n_i; if it deviates from n_i by more than 60 degrees, n_i is kept.

    Args:
        points: ``(n, d)``.
        normals: ``(n, d)`` unit vectors.
        near: neighbours of each point.
        width: ``(n,)`` h.

    Source: Hoppe et al., SIGGRAPH 1992, §3.2 (planes); weights as in bilateral filtering.
    """
    out = torch.empty_like(normals)
    for rows in torch.arange(len(points)).split(20_000):
        index = near.index[rows]
        agree = (normals[index] * normals[rows, None]).sum(2).clamp_min(0).square().square()
        weight = torch.exp(-0.5 * (near.distance[rows] / width[rows, None]).square()) * agree
        here = torch.cat([points[index], points[rows, None]], 1)
        weight = torch.cat([weight, torch.ones_like(weight[:, :1])], 1)[:, :, None]
        centred = here - (weight * here).sum(1, keepdim=True) / weight.sum(1, keepdim=True)
        _, vectors = torch.linalg.eigh(centred.transpose(1, 2) @ (weight * centred))
        normal = vectors[:, :, 0]
        cosine = (normal * normals[rows]).sum(1)
        normal = torch.where(cosine < 0, -1.0, 1.0).to(normal.dtype)[:, None] * normal
        out[rows] = torch.where((cosine.abs() < _REFUSED)[:, None], normals[rows], normal)
    return out
