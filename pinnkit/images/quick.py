"""Reduced settings for a quick run: subsampled pixels, a smaller network, fewer steps."""

from __future__ import annotations

from dataclasses import asdict, is_dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pinnkit.fields import HashGrid, MultilevelGrid
from pinnkit.solvers import Adam, Cosine, Plan

from .picture import Picture

__all__ = ["quick_plan", "subsample", "subsample_mask", "subsample_stride"]

_SIDE = 256
"""Pixels along the longer side of the subsampled picture."""
_STEPS = 200
"""Steps for a network; grids take three quarters of them."""
_BATCH = 1024
"""Pixels per step for a network; grids take four times as many."""
_SIZES = {"width": 64, "depth": 3}
"""Upper bounds on width and depth of the network."""


def subsample_stride(picture: Picture) -> int:
    """Stride that reduces the longer side to about 256 pixels and leaves at least two pixels along each side."""
    long, short = max(picture.height, picture.width), min(picture.height, picture.width)
    return max(min(-(-long // _SIDE), short // 2), 1)


def subsample(picture: Picture, stride: int, like: Picture | None = None) -> Picture | None:
    """Take every `stride`-th pixel of a picture along both axes.

    Args:
        picture: picture to subsample.
        stride: 1 keeps all pixels.
        like: coarser picture of the same scene that is subsampled with the same stride; the ratio of the two sizes is
            kept.

    Returns:
        The subsampled picture, or None if the size of `picture` is not a common integer multiple of that of `like`.
    """
    like = picture if like is None else like
    times, rest = divmod(picture.height, like.height)
    if stride == 1:
        return picture
    if rest or picture.width != times * like.width:
        return None
    rows, columns = (times * (n // stride) * stride for n in (like.height, like.width))
    return replace(picture, values=picture.values[:rows:stride, :columns:stride])


def subsample_mask(known: NDArray[np.bool_], stride: int) -> NDArray[np.bool_]:
    """Subsample a mask like its picture."""
    rows, columns = (n // stride * stride for n in known.shape)
    return known[:rows:stride, :columns:stride]


def quick_plan(plan: Plan) -> Plan:
    """Return the plan with a small field and few steps of Adam with a complete learning-rate schedule."""
    field: object = plan.first.field
    if not is_dataclass(field) or isinstance(field, type):
        raise TypeError(f"quick_plan: the field must be a frozen dataclass such as Siren(), got {field!r}")
    settings = asdict(field)
    sizes = {name: min(settings[name], most) for name, most in _SIZES.items() if name in settings}
    on_grid = isinstance(field, MultilevelGrid | HashGrid)
    steps, batch = (3 * _STEPS // 4, 4 * _BATCH) if on_grid else (_STEPS, _BATCH)
    solver = Adam(steps=steps, batch=batch, betas=(0.9, 0.99), schedule=Cosine(warmup=10))
    return plan.with_first(field=replace(field, **sizes), solvers=(solver,))
