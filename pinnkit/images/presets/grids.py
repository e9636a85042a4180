"""Presets for grid fields: multilevel grids and hash grids before a small network.

For a full fit the finest level has one node per pixel.  For inpainting it has one node per known pixel, and the field
is regularised by the curvature term (`default_curvature_weight`).
"""

from __future__ import annotations

import math

from pinnkit.fields import FieldSpec, HashGrid, MultilevelGrid
from pinnkit.solvers import Plan

from .registry import IMAGE_PRESETS
from .rules import MAX_NODES, adam_plan, grid_cells, grid_levels

__all__ = ["GridPreset", "HashPreset"]

_BATCH = 4096
"""Pixels per step; fits the cache of one core."""
_VISITS = 20
"""Visits of each pixel in small pictures."""
_MIN_VISITS = 2
"""Visits of each pixel in large pictures: a third visit at 12 megapixels gains 0.7 dB for 50 % more time."""
_SAMPLES = 2**24
"""Pixels evaluated in one fit of a large picture: one to two minutes on one core."""
_INPAINT_STEPS = 400


@IMAGE_PRESETS.register("grid")
class GridPreset:
    """Multilevel grid, from coarse to one node per pixel, before a small network."""

    def fit(self, width: int, height: int, known: int) -> Plan:
        """Return field and solver for a picture whose pixels are all known."""
        finest = grid_cells(width, height, known)
        coarsest = _coarsest(finest)
        spec = MultilevelGrid(levels=grid_levels(coarsest, finest, 1, 0) + 1, coarsest=coarsest, finest=finest)
        per = "one node a pixel" if known <= MAX_NODES else f"{finest[0]} x {finest[1]} nodes"
        return _fit(spec, known, f"Grids from coarse to {per} before a small network, by Adam.")

    def inpaint(self, width: int, height: int, known: int) -> Plan:
        """Return field and solver that fill hidden pixels."""
        finest = grid_cells(width, height, known)
        coarsest = min(4, *finest)
        spec = MultilevelGrid(levels=grid_levels(coarsest, finest, 1, 0) + 1, coarsest=coarsest, finest=finest)
        reason = "Grids from coarse to one node a known pixel, with a curvature penalty, by Adam."
        return _inpaint(spec, known, reason)


@IMAGE_PRESETS.register("hash")
class HashPreset:
    """Multiresolution hash grid before a small network."""

    def fit(self, width: int, height: int, known: int) -> Plan:
        """Return field and solver for a picture whose pixels are all known."""
        finest = grid_cells(width, height, known, 4)
        coarsest = _coarsest(finest)
        rows = 2 ** min(max(math.ceil(math.log2(known / 2)), 8), 19)
        spec = HashGrid(levels=grid_levels(coarsest, finest, 2, 2), rows=rows, coarsest=coarsest, finest=finest)
        return _fit(spec, known, "A multiresolution hash grid before a small network, by Adam.")

    def inpaint(self, width: int, height: int, known: int) -> Plan:
        """Return field and solver that fill hidden pixels."""
        finest = grid_cells(width, height, known)
        coarsest = min(4, *finest)
        rows = 2 ** min(max(math.ceil(math.log2(1.2 * known)), 8), 19)
        spec = HashGrid(levels=grid_levels(coarsest, finest, 2, 2), rows=rows, coarsest=coarsest, finest=finest)
        return _inpaint(spec, known, "A multiresolution hash grid with a curvature penalty, by Adam.")


def _coarsest(finest: tuple[int, int]) -> int:
    return max(2, min(16, max(finest) // 4))


def _fit(spec: FieldSpec, known: int, reason: str) -> Plan:
    samples = min(_VISITS * known, max(_SAMPLES, _MIN_VISITS * known))
    batch = min(max(known // 32, _BATCH), 2**16)  # larger for large pictures: each step updates the whole grid
    return adam_plan(spec, max(samples // batch, 200), batch, reason, warmup=10)


def _inpaint(spec: FieldSpec, known: int, reason: str) -> Plan:
    return adam_plan(spec, _INPAINT_STEPS, min(max(known // 8, 1024), 2**14), reason)
