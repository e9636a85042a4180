"""Preset for super-resolution: a multilevel grid fitted to pixel means with a curvature penalty."""

from __future__ import annotations

from pinnkit.fields import MultilevelGrid
from pinnkit.solvers import Plan

from .rules import adam_plan, grid_cells, grid_levels

__all__ = ["super_resolution_preset"]

_VISITS = 25
"""Visits of each pixel in small pictures."""
_SAMPLES = 2**22
"""Pixels evaluated in one fit of a large picture; pictures with more pixels visit each about once."""


def super_resolution_preset(width: int, height: int) -> Plan:
    """Return field and solver for `image_problem` with pixel means and a curvature term.

    The field is a multilevel grid, from coarse to one node per pixel, before a small network.  On photographs of 64 x
    64 and 128 x 128 pixels that were downsampled by means over 2 x 2 and 4 x 4 pixels, it is above bicubic convolution;
    with pixel values at the centres instead of means it is 1 dB below.
    """
    pixels = width * height
    finest = grid_cells(width, height, pixels)
    coarsest = max(2, min(8, max(finest) // 4))
    batch = min(max(pixels // 16, 1024), 2**14)
    samples = min(_VISITS * pixels, max(_SAMPLES, pixels))
    spec = MultilevelGrid(levels=grid_levels(coarsest, finest, 1, 0) + 1, coarsest=coarsest, finest=finest)
    reason = "Grids from coarse to one node a pixel, fitted to pixel means with a curvature penalty, by Adam."
    return adam_plan(spec, max(samples // batch, 300), batch, reason)
