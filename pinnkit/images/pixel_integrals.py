"""Pixels as what a camera's sensor sees: the mean of the field over the pixel's square, not its value at the centre."""

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

__all__ = ["SIDE", "Areas", "areas"]

SIDE = 2
"""Points along each side of a pixel's square over which a mean is taken; of linear functions it is exact."""


@dataclass(frozen=True, eq=False)
class Areas:
    """The squares of pixels, each seen at `SIDE` x `SIDE` points: the midpoints of its parts.

    Args:
        picture: whose pixels they are.
        known: ``(height, width)``, true where a pixel is known.
    """

    picture: Picture
    known: NDArray[np.bool_]

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Axes of the coordinates."""
        return Pixels(self.picture.height, self.picture.width).box.axes

    @property
    def measure(self) -> float:
        """The area of the known pixels."""
        return float(self.known.sum())

    def sample(self, n: int, generator: Generator, *, sampling: Sampling = DEFAULT_SAMPLING) -> Points:
        """`n` pixels, drawn with replacement; see `of`.  `sampling` has no effect."""
        check_sample("Areas.sample", n, generator, sampling)
        return self.of(torch.randint(len(self._places), (n,), generator=generator))

    def of(self, index: Tensor) -> Points:
        """Known pixels by their number, row by row: coords ``(4 n, 2)`` with a group of 4, and a column of colours."""
        flat = self._places[index]
        corner = torch.stack([flat % self.picture.width, flat // self.picture.width], dim=1).double()
        ticks = (torch.arange(SIDE, dtype=torch.float64) + 0.5) / SIDE
        within = torch.cartesian_prod(ticks, ticks)
        colours = torch.from_numpy(self.picture.values.reshape(-1, self.picture.channels)[flat.numpy()]).double()
        column = colours[:, 0] if self.picture.channels == 1 else colours
        coords = (corner[:, None] + within).flatten(0, 1)
        return Points(coords, columns={f"{self.picture.kind}_data": column}, group=SIDE**2)

    @cached_property
    def _places(self) -> Tensor:
        return torch.from_numpy(np.flatnonzero(self.known))


def areas(picture: Picture, known: NDArray[np.bool_] | None, points: int) -> Term:
    """The mean of the field over a pixel's square less the pixel's colour, as a term of data.

    c_ij = ∫∫ u dx dy over [j, j + 1] x [i, i + 1], by the midpoints of `SIDE` x `SIDE` parts.  A field that meets it is
    sharper than one that has the colour at the centre: the blur of a picture that was made by means is taken back.

    Args:
        picture: whose colours they are.
        known: ``(height, width)`` booleans; None for all.
        points: pixels drawn for each step of a solver.

    Source: Irani, Peleg, Improving resolution by image registration, CVGIP 53 (1991), section 2, with a box as the
    blur.
    """
    residuals: dict[str, Callable[..., Any]] = {
        "grey": lambda grey, grey_data: _mean(grey.value) - grey_data,
        "rgb": lambda rgb, rgb_data: _mean(rgb.value) - rgb_data,
        "rgba": lambda rgba, rgba_data: _mean(rgba.value) - rgba_data,
    }
    where = np.ones((picture.height, picture.width), dtype=bool) if known is None else known
    return Term("data", (Areas(picture, where),), residuals[picture.kind], kind="data", fits_data=True, points=points)


def _mean(values: Tensor) -> Tensor:
    """Means ``(n, ...)`` of values ``(4 n, ...)``."""
    return values.reshape(-1, SIDE**2, *values.shape[1:]).mean(dim=1)
