"""Evaluation of a solution on pixels at any resolution: colours, gradient magnitude, Laplacian."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pinnkit.solutions.solution import Solution

from .baselines import downsample
from .pixels import Pixels

__all__ = ["RenderCache", "channels_last", "gradient_magnitude", "image_laplacian", "render"]


class RenderCache:
    """Rendering of a solution at its own pixels; the result for the last solution is cached.

    Args:
        pixels: pixels of the fitted picture.
        side: points along each side of a pixel whose mean is taken; 1 evaluates the centre.
    """

    def __init__(self, pixels: Pixels, side: int = 1) -> None:
        self.pixels = pixels
        self.side = side
        self._last: tuple[weakref.ref[Solution], NDArray[Any]] | None = None

    def __call__(self, solution: Solution) -> NDArray[Any]:
        """Render ``(height, width, channels)``, not clipped; the array is read-only."""
        if self._last is None or self._last[0]() is not solution:
            if self.side == 1:
                values = render(solution, self.pixels)
            else:
                values = downsample(render(solution, self.pixels, self.side), self.side)
            values.setflags(write=False)
            self._last = weakref.ref(solution), values
        return self._last[1]


def render(solution: Solution, pixels: Pixels, scale: float = 1, *, derivative: tuple[str, ...] = ()) -> NDArray[Any]:
    """Render a solution as a picture ``(height, width, channels)``, not clipped.

    Args:
        solution: solution of an image problem.
        pixels: pixels of the fitted picture.
        scale: resolution relative to the fitted picture; 2 doubles rows and columns.
        derivative: axes of a derivative to render instead, ``("x",)`` or ``("x", "y")``, per pixel of the fitted
            picture.
    """
    xs, ys = pixels.ticks(scale)
    asked = solution.d(*derivative) if derivative else solution
    return channels_last(solution, asked.on_grid(x=xs, y=ys))


def channels_last(solution: Solution, grid: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """Values of the unknown of an image problem on a grid, rows first and channels last.

    `on_grid` returns x (the columns) as the first index.
    """
    (name,) = solution.problem.names
    values = np.swapaxes(grid[name], 0, 1)
    return values if values.ndim == 3 else values[..., None]


def gradient_magnitude(solution: Solution, pixels: Pixels, scale: float = 1) -> NDArray[Any]:
    """|grad u| of every channel, ``(height, width, channels)``, per pixel."""
    return np.hypot(*(render(solution, pixels, scale, derivative=(axis,)) for axis in ("x", "y")))


def image_laplacian(solution: Solution, pixels: Pixels, scale: float = 1) -> NDArray[Any]:
    """u_xx + u_yy of every channel, ``(height, width, channels)``, per pixel squared.

    Raises:
        ValueError: if the field is not twice differentiable, such as a grid.
    """
    return render(solution, pixels, scale, derivative=("x", "x")) + render(
        solution, pixels, scale, derivative=("y", "y")
    )
