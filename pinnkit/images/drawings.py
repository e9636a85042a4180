"""Figures of a fitted picture: beside the truth, where it differs, its edges, and what was filled or made finer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pinnkit.solutions.solution import Solution

from .pixels import Pixels
from .render import edges, laplacian_of, render

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_derivatives", "draw_panels", "shown"]

_MOST = 1024
"""Pixels along the longer side of a figure's panel; larger pictures are shown coarser."""
_PANORAMA = 0.4
"""Height to width below which panels stand one below the other."""
_HIDDEN = 0.5
"""Grey in the place of hidden pixels."""


def draw_panels(panels: dict[str, NDArray[Any]], *, difference: tuple[str, str] | None = None) -> Figure:
    """Pictures ``(height, width, channels)`` side by side under their titles.

    `difference` names two of them whose difference, absolute and averaged over the channels, is one more panel.
    """
    count = len(panels) + (difference is not None)
    height, width = next(iter(panels.values())).shape[:2]
    figure, axes = _panels(count, height / width, 3.2)
    for ax, (title, values) in zip(axes, panels.items(), strict=False):
        _show(ax, values, title)
    if difference is not None:
        a, b = (np.clip(_coarser(panels[name]), 0, 1) for name in difference)
        gap = np.abs(a.astype(np.float64) - b).mean(axis=2)
        image = axes[-1].imshow(gap, cmap="magma", vmin=0, vmax=max(float(np.quantile(gap, 0.999)), 1e-6))
        axes[-1].set_title("|difference|", fontsize=9)
        axes[-1].axis("off")
        figure.colorbar(image, ax=axes[-1], shrink=0.8)
    return figure


def draw_derivatives(solution: Solution, pixels: Pixels) -> Figure:
    """The fit, its edges |grad u| and, for a field that is twice differentiable, its Laplacian; means over channels."""
    scale = min(1.0, _MOST / max(pixels.height, pixels.width))
    maps = {"|grad u| per pixel": (edges(solution, pixels, scale).mean(axis=2), "gray", False)}
    if solution.smoothness >= 2:
        maps["laplacian per pixel squared"] = (laplacian_of(solution, pixels, scale).mean(axis=2), "RdBu_r", True)
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


def shown(values: NDArray[Any], known: NDArray[np.bool_]) -> NDArray[Any]:
    """The picture with its hidden pixels in grey."""
    out = np.array(values)
    out[~known, : min(3, values.shape[2])] = _HIDDEN
    return out


def _panels(count: int, ratio: float, side: float) -> tuple[Figure, NDArray[Any]]:
    """A figure of so many panels of that height to width: side by side, of panoramas one below the other."""
    from matplotlib.figure import Figure

    if ratio < _PANORAMA:
        figure = Figure(figsize=(3 * side, (3 * side * ratio + 0.4) * count), layout="constrained")
        return figure, np.atleast_1d(figure.subplots(count, 1))
    figure = Figure(figsize=(side * count + 0.6, side * min(ratio, 2.5) + 0.5), layout="constrained")
    return figure, np.atleast_1d(figure.subplots(1, count))


def _show(ax: Any, values: NDArray[Any], title: str) -> None:
    clipped = np.clip(_coarser(values), 0, 1)
    if values.shape[2] == 4:  # over white, as paper
        clipped = clipped[..., :3] * clipped[..., 3:] + 1 - clipped[..., 3:]
    ax.imshow(clipped[..., 0] if clipped.shape[2] == 1 else clipped, cmap="gray", vmin=0, vmax=1)
    ax.set_title(title, fontsize=9)
    ax.axis("off")


def _coarser(values: NDArray[Any]) -> NDArray[Any]:
    """As many of the pixels as a panel shows."""
    step = max(1, -(-max(values.shape[:2]) // _MOST))
    return values[::step, ::step]
