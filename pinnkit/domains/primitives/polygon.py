"""Polygon: the inside of a closed chain of straight sides."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from pinnkit.domains.axes import Axis, check_coords, check_name, number
from pinnkit.domains.combination import Side, Solid
from pinnkit.domains.product import SHAPES, Product, ShapeWall
from pinnkit.domains.shapes.arrangement import PlaneSide
from pinnkit.domains.shapes.curves import Segment
from pinnkit.domains.shapes.motion import Motion, Point
from pinnkit.domains.shapes.outline import crossings

__all__ = ["Polygon", "Triangle"]

_SAME = 1e-12
"""Distance below which vertices are one, relative to the largest coordinate."""
_BLOCK = 2**22
"""Pairs of sides that are compared at once."""

Floats = NDArray[np.float64]


@SHAPES.register(examples=lambda: {"L": Polygon([(0, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2)])})
@dataclass(frozen=True, repr=False)
class Polygon(Solid):
    """The inside of a closed polygon: `Polygon([(0, 0), (1, 0), (0, 1)])`, in either direction.

    Side k joins vertex k to the next one; `polygon.side(k)` is the wall.  Holes are subtracted: `polygon - hole`.

    Args:
        vertices: at least three points, `(n, 2)`; the first is not repeated at the end.
        names: of the two axes.

    Raises:
        ValueError: for fewer than three vertices, coordinates that are not finite, repeated vertices, sides that cross
            or touch, or no area; with their numbers and the place.
    """

    vertices: tuple[Point, ...]
    names: tuple[str, str] = ("x", "y")

    def __init__(self, vertices: ArrayLike, names: Sequence[str] = ("x", "y")) -> None:
        try:
            array = np.asarray(vertices, dtype=np.float64) + 0.0
        except (TypeError, ValueError):
            raise ValueError(f"Polygon: `vertices` must be points (n, 2), got {vertices!r}") from None
        if array.ndim != 2 or array.shape[1] != 2 or len(array) < 3:
            raise ValueError(f"Polygon: `vertices` must be at least three points (n, 2), got shape {array.shape}")
        if isinstance(names, str) or len(names) != 2 or names[0] == names[1]:
            raise ValueError(f"Polygon: `names` must be two names of axes, got {names!r}")
        for name in names:
            check_name("Polygon", name)
        _check_vertices(array)
        _check_sides(array)
        object.__setattr__(self, "vertices", tuple((float(x), float(y)) for x, y in array))
        object.__setattr__(self, "names", (str(names[0]), str(names[1])))

    @classmethod
    def from_file(cls, path: str | Path, *, names: Sequence[str] | None = None) -> Polygon:
        """The polygon of the vertices in a text file: two numbers a line, separated by blanks, commas or semicolons.

        Lines that are empty or begin with `#` are skipped; a first line of two names gives the axes; a last vertex that
        repeats the first is left out.

        Args:
            path: the file.
            names: of the axes, in place of those in the file; `x` and `y` by default.

        Raises:
            ValueError: for a line that is not two numbers, with its number, and for what `Polygon` refuses.
        """
        path = Path(path)
        found: list[Point] = []
        for count, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            text = line.split("#")[0].strip()
            if not text:
                continue
            parts = [part for part in re.split(r"[\s,;]+", text) if part]
            try:
                x, y = map(float, parts)
            except ValueError:
                if not found and len(parts) == 2 and all(part.isidentifier() for part in parts):
                    names = names or parts
                    continue
                raise ValueError(
                    f"Polygon.from_file: line {count} of {path} must be two numbers, such as 0.5 1.0, got {line!r}"
                ) from None
            found.append((x, y))
        if len(found) > 3 and found[0] == found[-1]:
            found.pop()
        if len(found) < 3:
            raise ValueError(f"Polygon.from_file: {path} has {len(found)} vertices; a polygon needs at least three")
        return cls(found, names or ("x", "y"))

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes, with the bounds of the bounding box."""
        columns = zip(*self.vertices, strict=True)
        return tuple(Axis(name, min(column), max(column)) for name, column in zip(self.names, columns, strict=True))

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides, by number."""
        ends = [*self.vertices, self.vertices[0]]
        made = [Segment(a, b) for a, b in pairwise(ends)]
        if _area(np.array(self.vertices)) < 0:
            made = [segment.reversed() for segment in made]
        return tuple(PlaneSide(f"side {k}", (segment,)) for k, segment in enumerate(made))

    def side(self, number: int) -> ShapeWall:
        """The wall between vertex `number` and the next one, counted from 0.

        Raises:
            ValueError: for a number that there is not.
        """
        count = len(self.vertices)
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < count:
            raise ValueError(f"Polygon.side: `number` must be a whole number from 0 to {count - 1}, got {number!r}")
        names = self.piece_names
        return ShapeWall(Product(self), (names.index(f"polygon side {number}"),))

    def signed_distance(self, coords: Tensor) -> Tensor:
        """Distance `(n,)` of points `(n, 2)` to the boundary, negative inside."""
        check_coords("Polygon.signed_distance", coords, self.columns)
        return self.outline.signed_distance(coords)

    def level(self, coords: Tensor) -> Tensor:
        """-1 inside and 1 outside, `(n,)`, by the number of sides that a ray crosses."""
        rows = max(1, _BLOCK // len(self.vertices))
        corners = torch.tensor(self.vertices, dtype=torch.float64, device=coords.device)
        odd = [crossings(corners, part) % 2 == 1 for part in coords.double().split(rows)]
        return torch.where(torch.cat(odd), -1.0, 1.0).to(coords) if odd else coords.new_zeros(0)

    def moved(self, motion: Motion) -> Polygon:
        """The polygon after a rotation, scaling and translation."""
        return Polygon([motion.applied(vertex) for vertex in self.vertices], self.names)

    def __repr__(self) -> str:
        shown = [f"({number(x)}, {number(y)})" for x, y in self.vertices]
        if len(shown) > 8:
            shown = [*shown[:3], "...", f"{shown[-1]}: {len(shown)} vertices"]
        named = "" if self.names == ("x", "y") else f", names={self.names}"
        return f"Polygon([{', '.join(shown)}]{named})"


def Triangle(a: Point, b: Point, c: Point, *, names: Sequence[str] = ("x", "y")) -> Polygon:
    """The polygon of three vertices: `Triangle((0, 0), (1, 0), (0, 1))`.

    Raises:
        ValueError: for what `Polygon` refuses, such as three points on a line.
    """
    return Polygon([a, b, c], names)


def _check_vertices(at: Floats) -> None:
    """Refuse vertices that are not finite, or twice at one place."""
    from scipy.spatial import cKDTree

    if not np.isfinite(at).all():
        row = int(np.flatnonzero(~np.isfinite(at).all(axis=1))[0])
        raise ValueError(f"Polygon: vertex {row} must be finite, got {tuple(at[row].tolist())}")
    pairs = cKDTree(at).query_pairs(_SAME * float(np.abs(at).max()), output_type="ndarray")
    if len(pairs):
        i, j = sorted(pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))][0].tolist())
        last = " (a polygon closes by itself)" if (i, j) == (0, len(at) - 1) else ""
        raise ValueError(
            f"Polygon: vertices {i} and {j} are the same point ({at[i, 0]:g}, {at[i, 1]:g}); leave one out{last}, or "
            f"move one where two parts touch"
        )


def _check_sides(at: Floats) -> None:
    """Refuse sides that cross, touch, or enclose nothing."""
    size = float(np.ptp(at, axis=0).max())
    if np.linalg.svd(at - at.mean(axis=0), compute_uv=False)[1] <= 1e-12 * size:
        raise ValueError(f"Polygon: the {len(at)} vertices lie on a line, so that they enclose no area; move one")
    ends = np.roll(at, -1, axis=0)
    lower, upper = np.minimum(at, ends), np.maximum(at, ends)
    count, rows = len(at), max(1, _BLOCK // len(at))
    for start in range(0, count, rows):
        i = np.arange(start, min(start + rows, count))
        near = (lower[i][:, None] <= upper[None]).all(axis=2) & (lower[None] <= upper[i][:, None]).all(axis=2)
        first, second = np.nonzero(near & (i[:, None] < np.arange(count)[None]))
        first = first + start
        for a, b in zip(first.tolist(), second.tolist(), strict=True):
            place = _contact(at, ends, a, b, size)
            if place is not None:
                raise ValueError(
                    f"Polygon: sides {a} and {b} meet at ({place[0]:.6g}, {place[1]:.6g}), so that it crosses itself; "
                    f"give the vertices in the order of the boundary"
                )


def _contact(at: Floats, ends: Floats, a: int, b: int, size: float) -> Point | None:
    """A place where two sides meet other than at a vertex that they share."""
    p, u, q, v = at[a], ends[a] - at[a], at[b], ends[b] - at[b]
    area = u[0] * v[1] - u[1] * v[0]
    lengths = math.hypot(*u) * math.hypot(*v)
    count = len(at)
    if (a + 1) % count == b or (b + 1) % count == a:  # neighbours: they overlap if they turn back
        if abs(area) <= 1e-12 * lengths and u @ v < 0:
            x, y = (ends[a] if (a + 1) % count == b else at[a]).tolist()
            return x, y
        return None
    d = q - p
    least = _SAME * size
    if abs(area) > 1e-14 * lengths:
        t, s = (d[0] * v[1] - d[1] * v[0]) / area, (d[0] * u[1] - d[1] * u[0]) / area
        margin_t, margin_s = least / math.hypot(*u), least / math.hypot(*v)
        if -margin_t <= t <= 1 + margin_t and -margin_s <= s <= 1 + margin_s:
            x, y = (p + t * u).tolist()
            return x, y
        return None
    if abs(d[0] * u[1] - d[1] * u[0]) > least * math.hypot(*u):
        return None
    along = sorted(float((point - p) @ u / (u @ u)) for point in (q, ends[b]))
    if along[0] <= 1 and along[1] >= 0:
        x, y = (p + max(along[0], 0.0) * u).tolist()
        return x, y
    return None


def _area(at: Floats) -> float:
    """Half the sum of cross products (shoelace formula)."""
    x, y = (at - at[0]).T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
