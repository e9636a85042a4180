"""Figures of fitted pictures: comparison with the truth, difference, gradient magnitude, Laplacian."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pinnkit.solutions.solution import Solution

from .pixels import Pixels
from .rendering import gradient_magnitude, image_laplacian, render

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_derivatives", "draw_panels", "with_holes"]

_MAX_PIXELS = 1024
"""Pixels along the longer side of a panel; larger pictures are subsampled."""
_PANORAMA = 0.4
"""Ratio of height to width below which panels are stacked vertically."""
_HOLE_GREY = 0.5
"""Grey value drawn in place of hidden pixels."""


def draw_panels(panels: dict[str, NDArray[Any]], *, difference: tuple[str, str] | None = None) -> Figure:
    """Draw pictures ``(height, width, channels)`` side by side under their titles.

    Args:
        panels: pictures by title.
        difference: titles of two panels; adds a panel with their absolute difference, averaged over the channels.
    """
    count = len(panels) + (difference is not None)
    height, width = next(iter(panels.values())).shape[:2]
    figure, axes = _panels(count, height / width, 3.2)
    for ax, (title, values) in zip(axes, panels.items(), strict=False):
        _show(ax, values, title)
    if difference is not None:
        a, b = (np.clip(_strided(panels[name]), 0, 1) for name in difference)
        gap = np.abs(a.astype(np.float64) - b).mean(axis=2)
        image = axes[-1].imshow(gap, cmap="magma", vmin=0, vmax=max(float(np.quantile(gap, 0.999)), 1e-6))
        axes[-1].set_title("|difference|", fontsize=9)
        axes[-1].axis("off")
        figure.colorbar(image, ax=axes[-1], shrink=0.8)
    return figure


def draw_derivatives(solution: Solution, pixels: Pixels) -> Figure:
    """Draw the fit, |grad u| and, for twice differentiable fields, the Laplacian; means over the channels."""
    sides = sorted((pixels.height, pixels.width))
    scale = min(1.0, max(_MAX_PIXELS / sides[1], 1 / sides[0]))  # at least one pixel each way
    maps = {"|grad u| per pixel": (gradient_magnitude(solution, pixels, scale).mean(axis=2), "gray", False)}
    if solution.smoothness >= 2:
        maps["laplacian per pixel squared"] = (image_laplacian(solution, pixels, scale).mean(axis=2), "RdBu_r", True)
    count = 1 + len(maps)
    figure, axes = _panels(count, pixels.height / pixels.width, 3.6)
    _show(axes[0], render(solution, pixels, scale), "fit")
    for ax, (title, (values, colours, signed)) in zip(axes[1:], maps.items(), strict=True):
        most = max(float(np.quantile(np.abs(values), 0.995)), 1e-12)
        image = ax.imshow(values, cmap=colours, vmin=-most if signed else 0, vmax=most)
        ax.set_title(title, fontsize=9)
        ax.axis("off")
        figure.colorbar(image, ax=ax, shrink=0.8)
    return figure


def with_holes(values: NDArray[Any], known: NDArray[np.bool_]) -> NDArray[Any]:
    """Return the picture with hidden pixels set to grey."""
    out = np.array(values)
    out[~known, : min(3, values.shape[2])] = _HOLE_GREY
    return out


def _panels(count: int, ratio: float, side: float) -> tuple[Figure, NDArray[Any]]:
    """Create a figure of `count` panels of a given height to width; panoramas are stacked vertically."""
    from matplotlib.figure import Figure

    if ratio < _PANORAMA:
        figure = Figure(figsize=(3 * side, (3 * side * ratio + 0.4) * count), layout="constrained")
        return figure, np.atleast_1d(figure.subplots(count, 1))
    figure = Figure(figsize=(side * count + 0.6, side * min(ratio, 2.5) + 0.5), layout="constrained")
    return figure, np.atleast_1d(figure.subplots(1, count))


def _show(ax: Any, values: NDArray[Any], title: str) -> None:
    clipped = np.clip(_strided(values), 0, 1)
    if values.shape[2] == 4:  # composited over white
        clipped = clipped[..., :3] * clipped[..., 3:] + 1 - clipped[..., 3:]
    ax.imshow(clipped[..., 0] if clipped.shape[2] == 1 else clipped, cmap="gray", vmin=0, vmax=1)
    ax.set_title(title, fontsize=9)
    ax.axis("off")


def _strided(values: NDArray[Any]) -> NDArray[Any]:
    """Every k-th pixel, so that the panel size is not exceeded."""
    step = max(1, -(-max(values.shape[:2]) // _MAX_PIXELS))
    return values[::step, ::step]
