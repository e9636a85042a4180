"""Removal of a uniform background from opaque pictures of an object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from .scene import View

__all__ = ["remove_background", "uniform_background"]

_NEAR = 8
"""Tolerance of the background colour, of 255, for JPEG noise."""
_SHARE = 0.9
"""Share of border pixels, and of pictures, that must have the background colour."""
_HOLE = 1e-3
"""Share of a picture below which a spot of the background colour inside the object belongs to the object."""


def uniform_background(views: Sequence[View]) -> tuple[int, int, int] | None:
    """Colour of at least 90 % of the border pixels in at least 90 % of the pictures, within 8 of 255; else None."""
    borders = [_border(view.image[..., :3]).float() for view in views]
    colour = torch.cat(borders).median(dim=0).values
    alike = [float(((border - colour).abs().amax(dim=1) <= _NEAR).float().mean()) for border in borders]
    if sum(share >= _SHARE for share in alike) < _SHARE * len(views):
        return None
    red, green, blue = (round(float(x)) for x in colour)
    return red, green, blue


def remove_background(view: View, colour: tuple[int, int, int]) -> View:
    """Add alpha to a view: 0 for the background colour in border-connected or large regions, else 255.

    Pixels at the edge of the object, which are partly background, stay opaque.

    Args:
        view: opaque view.
        colour: background colour, 0 to 255.
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
    """Border pixels `(m, c)` of a picture `(H, W, c)`."""
    return torch.cat([image[0], image[-1], image[:, 0], image[:, -1]])
