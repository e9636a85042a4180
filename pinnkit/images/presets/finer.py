"""Which field makes a picture finer, and how it is trained: by static rules from the number of pixels."""

from __future__ import annotations

import math

from pinnkit.fields import MultilevelGrid
from pinnkit.solvers import Adam, Cosine, Plan

__all__ = ["finer"]

_VISITS = 25
"""How often a pixel is seen, in pictures that are small enough for that."""
_ROWS = 2**22
"""Pixels looked up in one fit of a large picture, at four points each; of larger ones every pixel once."""
_NODES = 2**22
"""Of the last level."""


def finer(width: int, height: int) -> Plan:
    """The field and solver that make a picture finer, for pixels that are means over their squares and `bending`.

    Grids from coarse to one node a pixel before a small network.  On photographs of 64 x 64 and 128 x 128 pixels that
    were made by means of 2 x 2 and 4 x 4, above bicubic convolution; with pixels at their centres a decibel below it.
    """
    pixels = width * height
    share = math.sqrt(min(pixels, _NODES) / pixels)
    finest = max(2, round(width * share)), max(2, round(height * share))
    coarsest = max(2, min(8, max(finest) // 4))
    levels = max(1, round(math.log2(max(finest) / coarsest)) + 1)
    batch = min(max(pixels // 16, 1024), 2**14)
    rows = min(_VISITS * pixels, max(_ROWS, pixels))
    solver = Adam(steps=max(rows // batch, 300), batch=batch, betas=(0.9, 0.99), schedule=Cosine(warmup=20))
    spec = MultilevelGrid(levels=levels, coarsest=coarsest, finest=finest)
    reason = "Grids from coarse to one node a pixel that bend little, whose means are the pixels, by Adam."
    return Plan.single(spec, (solver,), reason, balance=False)
