"""Opaque pictures of one object before an even background: that background taken as transparent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from .scene import View

__all__ = ["cut_out", "even_background"]

_NEAR = 8
"""Of 255: how far from the background's colour its pixels may be, as JPEG makes them."""
_SHARE = 0.9
"""Of the border of a picture, and of the pictures, that must have the colour."""
_HOLE = 1e-3
"""Of a picture: a smaller spot of the colour inside the object is the object's own."""


def even_background(views: Sequence[View]) -> tuple[int, int, int] | None:
    """The colour that nine tenths of the borders of nine tenths of the pictures have, to 8 of 255; else None."""
    borders = [_border(view.image[..., :3]).float() for view in views]
    colour = torch.cat(borders).median(dim=0).values
    alike = [float(((border - colour).abs().amax(dim=1) <= _NEAR).float().mean()) for border in borders]
    if sum(share >= _SHARE for share in alike) < _SHARE * len(views):
        return None
    red, green, blue = (round(float(x)) for x in colour)
    return red, green, blue


def cut_out(view: View, colour: tuple[int, int, int]) -> View:
    """The view with alpha: 0 where it has the colour, in one piece with the border or large; else 255.

    Pixels at the edge of the object, which are partly background, stay opaque.
    """
    rgb = view.image[..., :3]
    like = (rgb.int() - torch.tensor(colour)).abs().amax(dim=2) <= _NEAR
    labels, count = ndimage.label(like.numpy())
    area = np.bincount(labels.reshape(-1), minlength=count + 1)
    outside = area >= max(4, _HOLE * labels.size)
    outside[np.unique(_border(torch.from_numpy(labels[..., None])).numpy())] = True
    outside[0] = False
    alpha = torch.from_numpy(np.where(outside[labels], 0, 255).astype(np.uint8))
    return replace(view, image=torch.cat([rgb, alpha[..., None]], dim=2))


def _border(image: Tensor) -> Tensor:
    """The pixels `(m, c)` of the border of a picture `(H, W, c)`."""
    return torch.cat([image[0], image[-1], image[:, 0], image[:, -1]])
