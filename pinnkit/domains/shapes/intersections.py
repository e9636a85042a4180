"""Parameters at which two curves of the plane meet: crossings, points of contact and ends of common pieces."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from .curves import Arc, Curve, EllipticalArc, Segment
from .motion import Point

__all__ = ["meetings"]

Conic = Arc | EllipticalArc
Floats = NDArray[np.float64]

_CONTACT = 1e-4
"""Distance of roots, as angles, that are one point of contact."""


def meetings(a: Curve, b: Curve, tolerance: float) -> tuple[list[float], list[float]]:
    """Parameters on `a` and on `b` at which they meet; where they coincide, the ends of what they share.

    Segments and conics meet at the roots of a quadratic; two conics at those of a trigonometric polynomial of degree 2,
    the equation of one on the points of the other, whose roots are eigenvalues and are refined by Newton's method.
    Curves that come within the tolerance of each other without crossing touch at one point.

    Args:
        a: a curve.
        b: another.
        tolerance: distance below which points coincide.

    Source: Boyd, Solving Transcendental Equations, 2014, chapter 6, for roots of trigonometric polynomials.
    """
    points = [*_crossings(a, b, tolerance), a.start, a.end, b.start, b.end]
    at = torch.tensor(points, dtype=torch.float64)
    found = []
    feet = []
    for curve in (a, b):
        foot = curve.foot(at)
        feet.append(foot)
        found.append(torch.linalg.vector_norm(curve.point(foot) - at, dim=1) <= 4 * tolerance)
    both = found[0] & found[1]
    return feet[0][both].tolist(), feet[1][both].tolist()


def _crossings(a: Curve, b: Curve, tolerance: float) -> list[Point]:
    """Places where the lines and conics that carry two curves meet, without those where they coincide."""
    if isinstance(a, Segment):
        if isinstance(b, Segment):
            return _lines(a, b)
        assert isinstance(b, Conic)
        return _line_and_conic(a, b, tolerance)
    if isinstance(b, Segment):
        assert isinstance(a, Conic)
        return _line_and_conic(b, a, tolerance)
    assert isinstance(a, Conic)
    assert isinstance(b, Conic)
    return _conics(a, b, tolerance)


def _lines(a: Segment, b: Segment) -> list[Point]:
    (ax, ay), (bx, by) = a.start, b.start
    ux, uy = a.end[0] - ax, a.end[1] - ay
    vx, vy = b.end[0] - bx, b.end[1] - by
    area = ux * vy - uy * vx
    if abs(area) <= 1e-14 * math.hypot(ux, uy) * math.hypot(vx, vy):
        return []
    t = ((bx - ax) * vy - (by - ay) * vx) / area
    return [(ax + t * ux, ay + t * uy)]


def _line_and_conic(line: Segment, conic: Conic, tolerance: float) -> list[Point]:
    """In the coordinates in which the conic is the unit circle the line remains a line."""
    frame = _Frame(conic)
    (px, py), (qx, qy) = frame.inward(line.start), frame.inward(line.end)
    ux, uy = qx - px, qy - py
    size = math.hypot(ux, uy)
    ux, uy = ux / size, uy / size
    offset = px * uy - py * ux  # distance of the line from the centre, with a sign
    foot = (uy * offset, -ux * offset)
    if abs(abs(offset) - 1) * frame.narrow <= tolerance:
        return [frame.outward((foot[0] / abs(offset), foot[1] / abs(offset)))]
    if abs(offset) > 1:
        return []
    half = math.sqrt((1 - offset) * (1 + offset))
    return [frame.outward((foot[0] + sign * half * ux, foot[1] + sign * half * uy)) for sign in (-1, 1)]


def _conics(a: Conic, b: Conic, tolerance: float) -> list[Point]:
    """Roots on the unit circle of |F_a(x_b(p))|^2 - 1, a trigonometric polynomial of degree 2 in p."""
    frame, other = _Frame(a), _Frame(b)
    center = np.array(frame.inward(other.outward((0.0, 0.0))))
    first = np.array(frame.inward(other.outward((1.0, 0.0)))) - center
    second = np.array(frame.inward(other.outward((0.0, 1.0)))) - center

    def value(p: Floats) -> Floats:
        x = center[:, None] + np.outer(first, np.cos(p)) + np.outer(second, np.sin(p))
        return np.asarray((x * x).sum(axis=0) - 1.0)

    def slope(p: Floats) -> Floats:
        x = center[:, None] + np.outer(first, np.cos(p)) + np.outer(second, np.sin(p))
        d = np.outer(second, np.cos(p)) - np.outer(first, np.sin(p))
        return np.asarray(2 * (x * d).sum(axis=0))

    # |c + f cos p + g sin p|^2 - 1 as coefficients of e^{ikp}, k = -2 ... 2.
    f2, g2, fg = float(first @ first), float(second @ second), float(first @ second)
    k0 = float(center @ center) + (f2 + g2) / 2 - 1
    k1 = complex(float(center @ first), -float(center @ second))
    k2 = complex((f2 - g2) / 4, -fg / 2)
    coefficients = np.array([k2, k1, k0, k1.conjugate(), k2.conjugate()])
    scale = float(np.abs(coefficients).max())
    reach = tolerance / frame.narrow
    if scale <= 4 * reach:  # the same conic
        return []
    crossing = _newton(_angles(coefficients), value, slope)
    # Points of contact are double roots, which come out with half the digits: they are extrema with a value near 0.
    extremes = _angles(coefficients * np.array([2, 1, 0, -1, -2]) * 1j)
    touching = extremes[np.abs(value(extremes)) <= 2 * reach]
    away = np.abs(np.angle(np.exp(1j * (crossing[:, None] - touching[None])))) > _CONTACT
    at = np.concatenate([crossing[away.all(axis=1)], touching])
    return [other.outward((math.cos(p), math.sin(p))) for p in at.tolist()]


def _angles(coefficients: NDArray[np.complex128]) -> Floats:
    """Real roots p of sum_k c_k e^{ikp}, highest power first, and those that are nearly real."""
    scale = np.abs(coefficients).max()
    if not scale:
        return np.empty(0)
    # A circle on a circle has no second harmonic: rounding would make it a pair of roots at 0 and infinity.
    kept = coefficients[1:-1] if abs(coefficients[0]) <= 1e-15 * scale else coefficients
    roots = np.roots(kept)
    roots = roots[np.abs(roots) > 0]
    return np.asarray(np.angle(roots[np.abs(np.log(np.abs(roots))) < 1e-3]), dtype=np.float64)


def _newton(p: Floats, value: Callable[[Floats], Floats], slope: Callable[[Floats], Floats]) -> Floats:
    for _ in range(6):
        d = slope(p)
        p = p - np.where(np.abs(d) > 1e-12, value(p) / np.where(d == 0, 1.0, d), 0.0)
    return p


class _Frame:
    """Coordinates in which a conic is the unit circle."""

    def __init__(self, conic: Conic) -> None:
        self.center = conic.center
        self.radii = (conic.radius, conic.radius) if isinstance(conic, Arc) else conic.radii
        tilt = 0.0 if isinstance(conic, Arc) else conic.tilt
        self.cosine, self.sine = math.cos(tilt), math.sin(tilt)
        self.narrow = min(self.radii)

    def inward(self, point: Point) -> Point:
        """The point in the coordinates of the unit circle."""
        x, y = point[0] - self.center[0], point[1] - self.center[1]
        return (self.cosine * x + self.sine * y) / self.radii[0], (self.cosine * y - self.sine * x) / self.radii[1]

    def outward(self, point: Point) -> Point:
        """The point of the plane."""
        x, y = self.radii[0] * point[0], self.radii[1] * point[1]
        return self.center[0] + self.cosine * x - self.sine * y, self.center[1] + self.sine * x + self.cosine * y
