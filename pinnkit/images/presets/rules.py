"""Rules shared by the image presets: pixel spacing, grid sizes, and Adam with a cosine schedule."""

from __future__ import annotations

import math

from pinnkit.fields import FieldSpec
from pinnkit.solvers import Adam, Cosine, Plan

__all__ = ["MAX_NODES", "adam_plan", "grid_cells", "grid_levels", "known_along_longer_side", "per_axis"]

MAX_NODES = 2**22
"""Upper bound on the nodes of the finest grid level.

With more nodes, the optimiser steps for a photograph of 12 megapixels take longer than reading the picture.
"""


def known_along_longer_side(width: int, height: int, known: int) -> float:
    """Number of known pixels along the longer side if they were spread evenly."""
    return max(width, height) * math.sqrt(known / (width * height))


def grid_cells(width: int, height: int, known: int, minimum: int = 2) -> tuple[int, int]:
    """Cells ``(along x, along y)`` of the finest level: one per known pixel, at most `MAX_NODES`.

    A finer grid would have nodes that no data determine.
    """
    share = math.sqrt(min(known, MAX_NODES) / (width * height))
    return max(minimum, round(width * share)), max(minimum, round(height * share))


def grid_levels(coarsest: int, finest: tuple[int, int], per_octave: int, minimum: int) -> int:
    """Number of levels between `coarsest` and `finest` cells, `per_octave` for each factor of two."""
    return max(minimum, round(per_octave * math.log2(max(finest) / coarsest)))


def per_axis(longer: float, width: int, height: int) -> float | tuple[float, float]:
    """Frequencies along x and y, equal per pixel, from the frequency per extent of the longer side."""
    most = max(width, height)
    return longer if width == height else (round(longer * width / most, 2), round(longer * height / most, 2))


def adam_plan(spec: FieldSpec, steps: int, batch: int, reason: str, *, warmup: int = 20) -> Plan:
    """Return `spec` trained by Adam with betas (0.9, 0.99) and a cosine schedule, without loss balancing."""
    solver = Adam(steps=steps, batch=batch, betas=(0.9, 0.99), schedule=Cosine(warmup=warmup))
    return Plan.single(spec, (solver,), reason, balance=False)
