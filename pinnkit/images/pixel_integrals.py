"""Pixel values as means of the field over the square of the pixel, as a sensor measures them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from pinnkit.domains import Axis, Points, Sampling
from pinnkit.domains.sampling import DEFAULT_SAMPLING, check_sample
from pinnkit.problem.terms import Term

from .picture import Picture
from .pixels import Pixels

__all__ = ["POINTS_PER_SIDE", "PixelSquares", "pixel_mean_term", "square_means"]

POINTS_PER_SIDE = 2
"""Quadrature points along each side of a pixel (midpoint rule, exact for linear functions)."""


@dataclass(frozen=True, eq=False)
class PixelSquares:
    """Squares of the known pixels, each with `POINTS_PER_SIDE` x `POINTS_PER_SIDE` midpoint quadrature points.

    Args:
        picture: picture that defines the pixels.
        known: ``(height, width)``, True for known pixels.
    """

    picture: Picture
    known: NDArray[np.bool_]

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Axes of the coordinates."""
        return Pixels(self.picture.height, self.picture.width).box.axes

    @property
    def measure(self) -> float:
        """Area of the known pixels."""
        return float(self.known.sum())

    def sample(self, n: int, generator: Generator, *, sampling: Sampling = DEFAULT_SAMPLING) -> Points:
        """Draw `n` pixels with replacement; see `points_of`.  `sampling` is ignored."""
        check_sample("Areas.sample", n, generator, sampling)
        return self.points_of(torch.randint(len(self._places), (n,), generator=generator))

    def points_of(self, index: Tensor) -> Points:
        """Quadrature points of known pixels by row-major index.

        Returns:
            Coords ``(4 n, 2)`` in groups of 4, and a column of colours.
        """
        flat = self._places[index]
        corner = torch.stack([flat % self.picture.width, flat // self.picture.width], dim=1).double()
        ticks = (torch.arange(POINTS_PER_SIDE, dtype=torch.float64) + 0.5) / POINTS_PER_SIDE
        within = torch.cartesian_prod(ticks, ticks)
        colours = torch.from_numpy(self.picture.values.reshape(-1, self.picture.channels)[flat.numpy()]).double()
        column = colours[:, 0] if self.picture.channels == 1 else colours
        coords = (corner[:, None] + within).flatten(0, 1)
        return Points(coords, columns={f"{self.picture.kind}_data": column}, group=POINTS_PER_SIDE**2)

    @cached_property
    def _places(self) -> Tensor:
        return torch.from_numpy(np.flatnonzero(self.known))


def pixel_mean_term(picture: Picture, known: NDArray[np.bool_] | None, points: int) -> Term:
    """Data term: mean of the field over the square of each known pixel minus its colour.

    c_ij = ∫∫ u dx dy over [j, j + 1] x [i, i + 1] by the midpoint rule.  The fitted field is sharper than one that has
    the colour at the pixel centre, because the box blur of the sensor is inverted.

    Args:
        picture: picture to fit.
        known: ``(height, width)`` booleans; None for all.
        points: pixels drawn at each solver step.

    Source: Irani, Peleg, Improving resolution by image registration, CVGIP 53 (1991), section 2, with a box as the
    blur.
    """
    residuals: dict[str, Callable[..., Any]] = {
        "grey": lambda grey, grey_data: square_means(grey.value) - grey_data,
        "rgb": lambda rgb, rgb_data: square_means(rgb.value) - rgb_data,
        "rgba": lambda rgba, rgba_data: square_means(rgba.value) - rgba_data,
    }
    where = np.ones((picture.height, picture.width), dtype=bool) if known is None else known
    return Term(
        "data", (PixelSquares(picture, where),), residuals[picture.kind], kind="data", fits_data=True, points=points
    )


def square_means(values: Tensor) -> Tensor:
    """Means ``(n, ...)`` over the quadrature points of each pixel, from values ``(4 n, ...)``."""
    return values.reshape(-1, POINTS_PER_SIDE**2, *values.shape[1:]).mean(dim=1)
