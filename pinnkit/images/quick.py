"""A look at whether a fit runs: fewer pixels, smaller networks, fewer steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pinnkit.solvers import Adam, Cosine, Plan

from .picture import Picture

__all__ = ["brief", "stride_of", "thinned", "thinned_mask"]

_SIDE = 256
"""Pixels along the longer side."""
_STEPS = 200
"""Of a network; a grid takes three quarters."""
_BATCH = 1024
"""Pixels of a step of a network, a quarter of those of a grid."""
_WIDTH, _DEPTH = 64, 3


def stride_of(picture: Picture) -> int:
    """How many pixels apart those are that suffice for a look; at least two are left each way."""
    long, short = max(picture.height, picture.width), min(picture.height, picture.width)
    return max(min(-(-long // _SIDE), short // 2), 1)


def thinned(picture: Picture, stride: int, like: Picture | None = None) -> Picture | None:
    """Every `stride`-th pixel each way of the picture.

    Args:
        picture: a picture.
        stride: 1 for all pixels.
        like: of the same scene, of which `picture` is a finer version: both thinned have the same scale still.

    Returns:
        None where `picture` does not have the same whole multiple of both sides of `like`.
    """
    like = picture if like is None else like
    times, rest = divmod(picture.height, like.height)
    if stride == 1:
        return picture
    if rest or picture.width != times * like.width:
        return None
    rows, columns = (times * (n // stride) * stride for n in (like.height, like.width))
    return replace(picture, values=picture.values[:rows:stride, :columns:stride])


def thinned_mask(known: NDArray[np.bool_], stride: int) -> NDArray[np.bool_]:
    """A mask, thinned as the picture is."""
    rows, columns = (n // stride * stride for n in known.shape)
    return known[:rows:stride, :columns:stride]


def brief(plan: Plan) -> Plan:
    """The road with a small field and few steps of Adam, whose schedule comes to its end instead of being cut off."""
    field: Any = plan.first.field
    sizes = {n: min(getattr(field, n), most) for n, most in (("width", _WIDTH), ("depth", _DEPTH)) if hasattr(field, n)}
    steps, batch = (_STEPS, _BATCH) if not hasattr(field, "finest") else (3 * _STEPS // 4, 4 * _BATCH)
    solver = Adam(steps=steps, batch=batch, betas=(0.9, 0.99), schedule=Cosine(warmup=10))
    return plan.with_first(field=replace(field, **sizes), solvers=(solver,))
