"""Connected components of shapes: a field of its own suits each of them, as they have nothing in common."""

from __future__ import annotations

from collections.abc import Sequence

from pinnkit.domains.box import Box
from pinnkit.domains.combination import Operand, outline_of, walls_of
from pinnkit.domains.shapes.ends import Ends
from pinnkit.domains.shapes.outline import bounding_box, swept_area

__all__ = ["components"]

_Box = tuple[tuple[float, ...], tuple[float, ...]]
_APART = 1e-6
"""Smallest gap between two bounding boxes, relative to the coordinates, from which components are divided."""


def components(shape: Operand) -> tuple[Operand, ...]:
    """Connected components of a shape of the line or the plane whose bounding boxes are apart; else the shape itself.

    Each is the intersection of the shape with a box around the component.  Components inside the bounding box of
    others, and those of solids, stay together.
    """
    boxes = _boxes(shape)
    if len(boxes) < 2:
        return (shape,)
    size = max(abs(v) for a, b in boxes for v in (*a, *b))
    gaps = [_gap(a, b) for i, a in enumerate(boxes) for b in boxes[i + 1 :]]
    if min(gaps) <= _APART * size:
        return (shape,)
    margin = min(gaps) / 4
    names = [axis.name for axis in shape.axes]
    return tuple(
        shape & Box(**{n: (p - margin, q + margin) for n, p, q in zip(names, a, b, strict=True)}) for a, b in boxes
    )


def _boxes(shape: Operand) -> Sequence[_Box]:
    """Bounding boxes of the components."""
    if len(shape.axes) == 1:
        walls = walls_of(shape)
        assert isinstance(walls, Ends)
        places = [end.at for end in walls.ends]
        return [((a,), (b,)) for a, b in zip(places[::2], places[1::2], strict=True)]
    if len(shape.axes) != 2:
        return []
    found = []
    for loop in outline_of(shape).loops:
        curves = [piece.curve for piece in loop]
        if swept_area(curves) > 0:
            boxes = [bounding_box(curve) for curve in curves]
            lower = tuple(min(b[0][i] for b in boxes) for i in range(2))
            found.append((lower, tuple(max(b[1][i] for b in boxes) for i in range(2))))
    return found


def _gap(a: _Box, b: _Box) -> float:
    """Largest distance along an axis between two boxes; negative where they overlap along all."""
    ranges = zip(a[0], a[1], b[0], b[1], strict=True)
    return max(max(b_low - a_high, a_low - b_high) for a_low, a_high, b_low, b_high in ranges)
