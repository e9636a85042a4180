"""From a solution back to pixels: at any fineness, and its derivatives."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pinnkit.solutions.solution import Solution

from .baselines import shrunk
from .pixels import Pixels

__all__ = ["Rendered", "channels_of", "edges", "laplacian_of", "render"]


class Rendered:
    """The picture of a solution at its own pixels, computed once for all who look at one solution after another.

    Args:
        pixels: that it was fitted to.
        side: along each side of a pixel so many points, of which the mean is taken; 1 looks at its centre.
    """

    def __init__(self, pixels: Pixels, side: int = 1) -> None:
        self.pixels = pixels
        self.side = side
        self._last: tuple[weakref.ref[Solution], NDArray[Any]] | None = None

    def __call__(self, solution: Solution) -> NDArray[Any]:
        """``(height, width, channels)``, not clipped and not to be changed."""
        if self._last is None or self._last[0]() is not solution:
            if self.side == 1:
                values = render(solution, self.pixels)
            else:
                values = shrunk(render(solution, self.pixels, self.side), self.side)
            values.setflags(write=False)
            self._last = weakref.ref(solution), values
        return self._last[1]


def render(solution: Solution, pixels: Pixels, scale: float = 1, *, derivative: tuple[str, ...] = ()) -> NDArray[Any]:
    """The picture that a solution holds, ``(height, width, channels)``, not clipped.

    Args:
        solution: of an image problem.
        pixels: of the picture that it was fitted to.
        scale: how many times as fine; 2 gives twice the rows and twice the columns.
        derivative: the axes of a derivative instead, ``("x",)`` or ``("x", "y")``, per pixel of the fitted picture.
    """
    xs, ys = pixels.ticks(scale)
    asked = solution.d(*derivative) if derivative else solution
    return channels_of(solution, asked.on_grid(x=xs, y=ys))


def channels_of(solution: Solution, grid: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """The one unknown of an image problem on a grid, rows first and channels last.

    `on_grid` has x, the columns, as its first index.
    """
    (name,) = solution.problem.names
    values = np.swapaxes(grid[name], 0, 1)
    return values if values.ndim == 3 else values[..., None]


def edges(solution: Solution, pixels: Pixels, scale: float = 1) -> NDArray[Any]:
    """|grad u| of every channel, ``(height, width, channels)``, per pixel."""
    return np.hypot(*(render(solution, pixels, scale, derivative=(axis,)) for axis in ("x", "y")))


def laplacian_of(solution: Solution, pixels: Pixels, scale: float = 1) -> NDArray[Any]:
    """u_xx + u_yy of every channel, ``(height, width, channels)``, per pixel squared.

    Raises:
        ValueError: for a field that is not twice differentiable, as grids are.
    """
    return render(solution, pixels, scale, derivative=("x", "x")) + render(
        solution, pixels, scale, derivative=("y", "y")
    )
