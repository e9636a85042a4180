"""Geometry in the coordinates y = B x in which an elliptic operator is a multiple of the Laplacian."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .chords import chord
from .geometry import Geometry, Hole, Junction, Piece
from .panels import PlaneCurve, gaps

__all__ = ["mapped_geometry", "samples_of"]

_SAMPLES = 257
"""Points of each curve by which distances to the boundary are measured."""


@dataclass(frozen=True)
class _MappedCurve:
    """Curve B x(s), det B = 1."""

    curve: PlaneCurve
    rows: tuple[tuple[float, float], tuple[float, float]]

    @property
    def length(self) -> float:
        """Length, by the trapezoidal rule on a fine grid."""
        s = torch.linspace(0, 1, _SAMPLES, dtype=torch.float64)
        return float(torch.trapezoid(self.speed(s), s))

    @property
    def start(self) -> tuple[float, float]:
        """Point at s = 0."""
        return self._image(self.curve.start)

    @property
    def end(self) -> tuple[float, float]:
        """Point at s = 1."""
        return self._image(self.curve.end)

    def _image(self, point: tuple[float, float]) -> tuple[float, float]:
        x, y = (self._matrix @ torch.tensor(point, dtype=torch.float64)).tolist()
        return x, y

    def point(self, s: Tensor) -> Tensor:
        return self.curve.point(s) @ self._matrix.T

    def normal(self, s: Tensor) -> Tensor:
        t = self._tangent(s)
        return torch.stack([t[:, 1], -t[:, 0]], dim=1) / torch.linalg.vector_norm(t, dim=1, keepdim=True)

    def speed(self, s: Tensor) -> Tensor:
        return self.curve.speed(s) * torch.linalg.vector_norm(self._tangent(s), dim=1)

    def curvature(self, s: Tensor) -> Tensor:
        return self.curve.curvature(s) / torch.linalg.vector_norm(self._tangent(s), dim=1) ** 3

    def _tangent(self, s: Tensor) -> Tensor:
        """Image of the unit tangent ``(n, 2)``."""
        n = self.curve.normal(s)
        return torch.stack([-n[:, 1], n[:, 0]], dim=1) @ self._matrix.T

    @property
    def _matrix(self) -> Tensor:
        return torch.tensor(self.rows, dtype=torch.float64)


@chord.register
def _(curve: _MappedCurve, backward: bool, t: Tensor) -> Tensor:
    return chord(curve.curve, backward, t) @ torch.tensor(curve.rows, dtype=torch.float64).T


def mapped_geometry(geometry: Geometry, matrix: Tensor) -> Geometry:
    """Geometry of the image under B, symmetric with determinant 1; the same for the identity."""
    if bool((matrix == torch.eye(2, dtype=torch.float64)).all()):
        return geometry
    (a, b), (c, d) = matrix.tolist()
    pieces = tuple(replace(p, curve=_MappedCurve(p.curve, ((a, b), (c, d)))) for p in geometry.pieces)
    junctions = tuple(_mapped_junction(j, matrix) for j in geometry.junctions)
    holes = tuple(_mapped_hole(h, pieces, matrix) for h in geometry.holes)
    points = samples_of(pieces)
    (lx, ly), (ux, uy) = points.amin(dim=0).tolist(), points.amax(dim=0).tolist()
    return Geometry(pieces, junctions, holes, geometry.loops, (lx, ly), (ux, uy))


def samples_of(pieces: tuple[Piece, ...]) -> Tensor:
    """Points on all curves ``(n, 2)``, evenly spaced in their parameters."""
    s = torch.linspace(0, 1, _SAMPLES, dtype=torch.float64)
    return torch.cat([p.curve.point(s) for p in pieces])


def _mapped_junction(junction: Junction, matrix: Tensor) -> Junction:
    middle = math.atan2(junction.bisector[1], junction.bisector[0])
    ends = [middle - junction.angle / 2, middle + junction.angle / 2]
    headings = []
    for angle in ends:
        x, y = (matrix @ torch.tensor([math.cos(angle), math.sin(angle)], dtype=torch.float64)).tolist()
        headings.append(math.atan2(y, x))
    opening = (headings[1] - headings[0]) % (2 * math.pi)
    if junction.angle > 1.5 * math.pi and opening < 0.5 * math.pi:
        opening += 2 * math.pi  # a slit
    middle = headings[0] + opening / 2
    x, y = (matrix @ torch.tensor(junction.at, dtype=torch.float64)).tolist()
    return replace(junction, at=(x, y), angle=opening, bisector=(math.cos(middle), math.sin(middle)))


def _mapped_hole(hole: Hole, pieces: tuple[Piece, ...], matrix: Tensor) -> Hole:
    x, y = (matrix @ torch.tensor(hole.center, dtype=torch.float64)).tolist()
    around = samples_of(tuple(pieces[i] for i in hole.pieces))
    return replace(hole, center=(x, y), radius=float(gaps(torch.tensor([[x, y]], dtype=torch.float64), around)))
