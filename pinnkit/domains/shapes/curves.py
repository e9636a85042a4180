"""Curves of the plane that bound shapes: segments, circular arcs and elliptical arcs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from .motion import PlaneMotion, Point

__all__ = ["Arc", "Curve", "EllipticalArc", "Segment", "signed_distances"]

_FULL = 2 * math.pi
_NEWTON = 1e-8
"""Last step of Newton's method but one."""
_ENDS = 1e-7
"""Parameters within which an end of an arc may be the nearest point, where Newton's method ran towards it."""


class Curve(Protocol):
    """A directed piece of a smooth curve x(s), s in [0, 1], with the domain on its left: frozen and equal by value."""

    @property
    def length(self) -> float:
        """Length."""
        ...

    @property
    def start(self) -> Point:
        """Point at s = 0."""
        ...

    @property
    def end(self) -> Point:
        """Point at s = 1."""
        ...

    def point(self, s: Tensor) -> Tensor:
        """Points x(s), `(n, 2)`, at the parameters `(n,)`."""
        ...

    def normal(self, s: Tensor) -> Tensor:
        """Outward unit normals `(n, 2)` at the parameters `(n,)`: the tangent turned clockwise."""
        ...

    def speed(self, s: Tensor) -> Tensor:
        """|dx/ds|, `(n,)`."""
        ...

    def curvature(self, s: Tensor) -> Tensor:
        """Curvature `(n,)`, positive where the curve turns left: 1 / R on the outer circle of a disk."""
        ...

    def at_length(self, share: Tensor) -> Tensor:
        """Parameters `(n,)` at which the shares `(n,)` of the length, in [0, 1], are reached."""
        ...

    def foot(self, points: Tensor) -> Tensor:
        """Parameters `(n,)` in [0, 1] of the nearest points of the curve to `points` `(n, 2)`."""
        ...

    def height(self, points: Tensor, foot: Tensor) -> Tensor:
        """Distance `(n,)` along the normal at feet inside the curve, positive on the right: differentiable."""
        ...

    def cut(self, start: float, stop: float) -> Curve:
        """The piece from the parameter `start` to `stop`."""
        ...

    def reversed(self) -> Curve:
        """The same points in the opposite direction."""
        ...

    def moved(self, motion: PlaneMotion) -> Curve:
        """The curve after a rotation, scaling and translation."""
        ...


@dataclass(frozen=True)
class Segment:
    """Straight segment between two points.

    Args:
        start: point at s = 0.
        end: point at s = 1.
    """

    start: Point
    end: Point

    @property
    def length(self) -> float:
        """Length."""
        return math.hypot(self.end[0] - self.start[0], self.end[1] - self.start[1])

    def point(self, s: Tensor) -> Tensor:
        """Points x(s), `(n, 2)`."""
        a, b = _tensor(self.start, s), _tensor(self.end, s)
        return torch.where(s[:, None] < 0.5, a + s[:, None] * (b - a), b - (1 - s[:, None]) * (b - a))

    def normal(self, s: Tensor) -> Tensor:
        """Outward unit normals `(n, 2)`."""
        return _tensor(self._normal, s).expand(len(s), 2).clone()

    def speed(self, s: Tensor) -> Tensor:
        """|dx/ds|, `(n,)`."""
        return torch.full_like(s, self.length)

    def curvature(self, s: Tensor) -> Tensor:
        """Zero."""
        return torch.zeros_like(s)

    def at_length(self, share: Tensor) -> Tensor:
        """The shares themselves."""
        return share

    def foot(self, points: Tensor) -> Tensor:
        """Parameters `(n,)` of the nearest points."""
        a, b = _tensor(self.start, points), _tensor(self.end, points)
        return (((points - a) @ (b - a)) / self.length**2).clamp(0, 1)

    def height(self, points: Tensor, foot: Tensor) -> Tensor:
        """Distance from the line, `(n,)`, positive on the right."""
        normal = _tensor(self._normal, points)
        return torch.where(
            foot < 0.5, (points - _tensor(self.start, points)) @ normal, (points - _tensor(self.end, points)) @ normal
        )

    def cut(self, start: float, stop: float) -> Segment:
        """The piece from the parameter `start` to `stop`."""
        ends = [self._at(s) for s in (start, stop)]
        return Segment(ends[0], ends[1])

    def reversed(self) -> Segment:
        """The segment in the opposite direction."""
        return Segment(self.end, self.start)

    def moved(self, motion: PlaneMotion) -> Segment:
        """The segment after a motion."""
        return Segment(motion.applied(self.start), motion.applied(self.end))

    @cached_property
    def _normal(self) -> Point:
        return (self.end[1] - self.start[1]) / self.length, (self.start[0] - self.end[0]) / self.length

    def _at(self, s: float) -> Point:
        if s in (0.0, 1.0):
            return self.end if s else self.start
        return (
            self.start[0] + s * (self.end[0] - self.start[0]),
            self.start[1] + s * (self.end[1] - self.start[1]),
        )


@dataclass(frozen=True)
class Arc:
    """Circular arc: center + radius (cos a, sin a), a = angle + s sweep.

    Args:
        center: of the circle.
        radius: of the circle.
        angle: in radians, at s = 0.
        sweep: in radians, positive counter-clockwise, at most 2 pi in size.
    """

    center: Point
    radius: float
    angle: float
    sweep: float

    @property
    def length(self) -> float:
        """Length."""
        return self.radius * abs(self.sweep)

    @property
    def start(self) -> Point:
        """Point at s = 0."""
        return self._at(0.0)

    @property
    def end(self) -> Point:
        """Point at s = 1."""
        return self.start if abs(self.sweep) == _FULL else self._at(1.0)

    def point(self, s: Tensor) -> Tensor:
        """Points x(s), `(n, 2)`."""
        return _tensor(self.center, s) + self.radius * _directions(self.angle + s * self.sweep)

    def normal(self, s: Tensor) -> Tensor:
        """Outward unit normals `(n, 2)`: away from the center where the arc is counter-clockwise."""
        return math.copysign(1.0, self.sweep) * _directions(self.angle + s * self.sweep)

    def speed(self, s: Tensor) -> Tensor:
        """|dx/ds|, `(n,)`."""
        return torch.full_like(s, self.length)

    def curvature(self, s: Tensor) -> Tensor:
        """1 / radius, negative where the arc is clockwise."""
        return torch.full_like(s, math.copysign(1.0, self.sweep) / self.radius)

    def at_length(self, share: Tensor) -> Tensor:
        """The shares themselves."""
        return share

    def foot(self, points: Tensor) -> Tensor:
        """Parameters `(n,)` of the nearest points."""
        away = points - _tensor(self.center, points)
        return _nearest_end(torch.atan2(away[:, 1], away[:, 0]), self.angle, self.sweep)

    def height(self, points: Tensor, foot: Tensor) -> Tensor:  # noqa: ARG002  (the same for all feet)
        """Distance from the circle, `(n,)`, positive on the right."""
        away = torch.linalg.vector_norm(points - _tensor(self.center, points), dim=1)
        return math.copysign(1.0, self.sweep) * (away - self.radius)

    def cut(self, start: float, stop: float) -> Arc:
        """The piece from the parameter `start` to `stop`."""
        return Arc(self.center, self.radius, self.angle + start * self.sweep, (stop - start) * self.sweep)

    def reversed(self) -> Arc:
        """The arc in the opposite direction."""
        return Arc(self.center, self.radius, self.angle + self.sweep, -self.sweep)

    def moved(self, motion: PlaneMotion) -> Arc:
        """The arc after a motion."""
        radius = motion.factor * self.radius
        return Arc(motion.applied(self.center), radius, self.angle + motion.angle, self.sweep)

    def _at(self, s: float) -> Point:
        angle = self.angle + s * self.sweep
        return self.center[0] + self.radius * math.cos(angle), self.center[1] + self.radius * math.sin(angle)


@dataclass(frozen=True)
class EllipticalArc:
    """Arc of an ellipse: center + Q (a cos p, b sin p), p = angle + s sweep, Q the rotation by `tilt`.

    Args:
        center: of the ellipse.
        radii: half-axes (a, b).
        tilt: angle from the first coordinate to the half-axis a, in radians.
        angle: eccentric anomaly p at s = 0, in radians.
        sweep: change of p, positive counter-clockwise, at most 2 pi in size.
    """

    center: Point
    radii: Point
    tilt: float
    angle: float
    sweep: float

    @cached_property
    def length(self) -> float:
        """Length, by the incomplete elliptic integral of the second kind."""
        ends = self._arc_lengths(torch.tensor([self.angle, self.angle + self.sweep], dtype=torch.float64))
        return abs(float(ends[1] - ends[0]))

    @property
    def start(self) -> Point:
        """Point at s = 0."""
        return self._at(0.0)

    @property
    def end(self) -> Point:
        """Point at s = 1."""
        return self.start if abs(self.sweep) == _FULL else self._at(1.0)

    def point(self, s: Tensor) -> Tensor:
        """Points x(s), `(n, 2)`."""
        return _tensor(self.center, s) + self._turned(self._radii(s) * _directions(self._anomaly(s)))

    def normal(self, s: Tensor) -> Tensor:
        """Outward unit normals `(n, 2)`: away from the center where the arc is counter-clockwise."""
        a, b = self.radii
        away = torch.tensor([b, a], dtype=s.dtype, device=s.device) * _directions(self._anomaly(s))
        away = away / torch.linalg.vector_norm(away, dim=1, keepdim=True)
        return math.copysign(1.0, self.sweep) * self._turned(away)

    def speed(self, s: Tensor) -> Tensor:
        """|dx/ds|, `(n,)`."""
        return abs(self.sweep) * self._rate(self._anomaly(s))

    def curvature(self, s: Tensor) -> Tensor:
        """Curvature a b / |dx/dp|^3, `(n,)`, negative where the arc is clockwise."""
        a, b = self.radii
        return math.copysign(a * b, self.sweep) / self._rate(self._anomaly(s)) ** 3

    def at_length(self, share: Tensor) -> Tensor:
        """Parameters `(n,)` at which shares of the length are reached: Newton's method on the elliptic integral."""
        first = self._arc_lengths(torch.tensor([self.angle], dtype=torch.float64))
        target = math.copysign(self.length, self.sweep) * share
        s = share.clone()
        low, high = torch.zeros_like(s), torch.ones_like(s)
        for _ in range(60):
            anomaly = self._anomaly(s)
            left = self._arc_lengths(anomaly) - first - target
            before = left * math.copysign(1.0, self.sweep) < 0
            low, high = torch.where(before, s, low), torch.where(before, high, s)
            moved = s - left / (self.sweep * self._rate(anomaly))
            moved = torch.where((moved >= low) & (moved <= high), moved, (low + high) / 2)
            if float((moved - s).abs().max() if len(s) else 0.0) <= 1e-15:
                break
            s = moved
        return s

    def foot(self, points: Tensor) -> Tensor:
        """Parameters `(n,)` of the nearest points: the best of a grid, then bisection and Newton's method."""
        cells = max(4, math.ceil(48 * abs(self.sweep) / _FULL))
        grid = torch.linspace(0, 1, cells + 1, dtype=torch.float64)
        found = [self._foot(rows, grid) for rows in points.detach().double().split(2**14)]
        return (torch.cat(found) if found else points.new_zeros(0)).to(points)

    def height(self, points: Tensor, foot: Tensor) -> Tensor:
        """Distance along the normal at the foot, `(n,)`, positive on the right."""
        foot = foot.detach()
        return ((points - self.point(foot)) * self.normal(foot)).sum(dim=1)

    def cut(self, start: float, stop: float) -> EllipticalArc:
        """The piece from the parameter `start` to `stop`."""
        angle, sweep = self.angle + start * self.sweep, (stop - start) * self.sweep
        return EllipticalArc(self.center, self.radii, self.tilt, angle, sweep)

    def reversed(self) -> EllipticalArc:
        """The arc in the opposite direction."""
        return EllipticalArc(self.center, self.radii, self.tilt, self.angle + self.sweep, -self.sweep)

    def moved(self, motion: PlaneMotion) -> EllipticalArc:
        """The arc after a motion."""
        radii = motion.factor * self.radii[0], motion.factor * self.radii[1]
        return EllipticalArc(motion.applied(self.center), radii, self.tilt + motion.angle, self.angle, self.sweep)

    def _foot(self, points: Tensor, grid: Tensor) -> Tensor:
        gaps = (points[:, None, :] - self.point(grid)).square().sum(dim=2)  # (n, k)
        # A minimum lies in one of the two cells beside a node that is nearer than both its neighbours; an ellipse has
        # two at most, and the better of those is taken.
        padded = torch.nn.functional.pad(gaps, (1, 1), value=math.inf)
        lowest = (padded[:, 1:-1] <= padded[:, :-2]) & (padded[:, 1:-1] <= padded[:, 2:])
        first = torch.where(lowest, gaps, math.inf).topk(2, dim=1, largest=False)
        best = torch.zeros(len(points), dtype=torch.float64)
        least = torch.full_like(best, math.inf)
        # Between nodes the distance falls by less than the curve is long there.
        slack = (self.speed(grid).max() / (len(grid) - 1)).item()
        for place, node in enumerate(first.indices.unbind(dim=1)):
            rows = torch.nonzero(first.values[:, place].sqrt() - slack <= least.sqrt())[:, 0]
            low, high = grid[(node[rows] - 1).clamp(min=0)], grid[(node[rows] + 1).clamp(max=len(grid) - 1)]
            s = self._refined(points[rows], low, high)
            gap = (points[rows] - self.point(s)).square().sum(dim=1)
            nearer = gap < least[rows]
            best[rows[nearer]], least[rows[nearer]] = s[nearer], gap[nearer]
        return best

    def _refined(self, points: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """The zero of (x(s) - p) . x'(s) between two parameters by Newton's method and bisection; else an end."""
        s = (low + high) / 2
        low, high = low.clone(), high.clone()
        rows = torch.arange(len(s))
        for _ in range(80):
            at = s[rows]
            value, slope = self._slope(points[rows], at)
            low[rows], high[rows] = torch.where(value < 0, at, low[rows]), torch.where(value < 0, high[rows], at)
            moved = at - value / torch.where(slope > 0, slope, torch.ones_like(slope))
            inside = (slope > 0) & (moved > low[rows]) & (moved < high[rows])
            moved = torch.where(inside, moved, (low[rows] + high[rows]) / 2)
            s[rows] = moved
            rows = rows[(moved - at).abs() > _NEWTON]
            if not len(rows):
                break
        value, slope = self._slope(points, s)  # from there one more step is exact to rounding
        s = torch.where(slope > 0, s - value / torch.where(slope > 0, slope, torch.ones_like(slope)), s).clamp(0, 1)
        # Steps towards an end approach it without reaching it; it is the nearest point if the arc comes nearer beyond.
        for end, sign in ((0.0, 1.0), (1.0, -1.0)):
            rows = torch.nonzero((s - end).abs() <= _ENDS)[:, 0]
            value, _ = self._slope(points[rows], torch.full((len(rows),), end, dtype=torch.float64))
            s[rows[sign * value >= 0]] = end
        return s

    def _slope(self, points: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        """(x - p) . x' and its derivative by s."""
        anomaly = self._anomaly(s)
        away = self.point(s) - points
        cosine, sine = torch.cos(anomaly), torch.sin(anomaly)
        a, b = self.radii
        first = self.sweep * self._turned(torch.stack([-a * sine, b * cosine], dim=1))
        second = -(self.sweep**2) * self._turned(torch.stack([a * cosine, b * sine], dim=1))
        return (away * first).sum(dim=1), first.square().sum(dim=1) + (away * second).sum(dim=1)

    def _anomaly(self, s: Tensor) -> Tensor:
        return self.angle + s * self.sweep

    def _rate(self, anomaly: Tensor) -> Tensor:
        """|dx/dp|."""
        a, b = self.radii
        return ((a * torch.sin(anomaly)) ** 2 + (b * torch.cos(anomaly)) ** 2).sqrt()

    def _arc_lengths(self, anomaly: Tensor) -> Tensor:
        """Length from p = 0, of the sign of p: b E(p, 1 - a^2 / b^2)."""
        from scipy.special import ellipeinc  # loaded here: ellipses alone need it

        a, b = self.radii
        return torch.from_numpy(b * ellipeinc(anomaly.double().numpy(), 1 - (a / b) ** 2))

    def _radii(self, like: Tensor) -> Tensor:
        return _tensor(self.radii, like)

    def _turned(self, vectors: Tensor) -> Tensor:
        cosine, sine = math.cos(self.tilt), math.sin(self.tilt)
        x, y = vectors.unbind(dim=1)
        return torch.stack([cosine * x - sine * y, sine * x + cosine * y], dim=1)

    def _at(self, s: float) -> Point:
        x, y = self.point(torch.tensor([s], dtype=torch.float64))[0].tolist()
        return x, y


def signed_distances(curve: Curve, points: Tensor) -> tuple[Tensor, Tensor]:
    """Distances `(n,)` to the curve, and the parameters `(n,)` of the nearest points.

    From feet inside the curve the distance is that along the normal, negative on the left, and smooth through the
    curve.  From feet that are ends, 0 or 1, it is positive: the side of the curve says nothing there.
    """
    foot = curve.foot(points).detach()
    inner = (foot > 0) & (foot < 1)
    ends = (points - curve.point(foot)).square().sum(dim=1)
    away = (~inner) & (ends > 0)  # the root has no derivative at 0
    distance = torch.where(away, torch.where(away, ends, torch.ones_like(ends)).sqrt(), torch.zeros_like(ends))
    return torch.where(inner, curve.height(points, foot), distance), foot


def _nearest_end(angles: Tensor, start: float, sweep: float) -> Tensor:
    """Parameters `(n,)` at which an arc reaches angles `(n,)`; beyond its ends, that of the nearer end."""
    turn = torch.remainder((angles - start) * math.copysign(1.0, sweep), _FULL)
    size = abs(sweep)
    beyond = torch.where(turn - size < (_FULL - size) / 2, torch.ones_like(turn), torch.zeros_like(turn))
    return torch.where(turn <= size, turn / size, beyond).clamp(0, 1)


def _directions(angle: Tensor) -> Tensor:
    return torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)


def _tensor(values: Point, like: Tensor) -> Tensor:
    return torch.tensor(values, dtype=like.dtype, device=like.device)
