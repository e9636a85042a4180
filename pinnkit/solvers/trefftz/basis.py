"""Functions for a shape: regular ones, multipoles in holes and at their images, poles and singular ones at corners."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from pinnkit.fields.trefftz.operator import EllipticOperator
from pinnkit.fields.trefftz.trefftz import CornerFunction, Multipole, TrefftzFunctions
from pinnkit.problem.problem import Problem
from pinnkit.problem.structure import Prescribes

from .geometry import Geometry, Junction
from .mapped import mapped_geometry, samples_of
from .panels import PlaneCurve, gaps

__all__ = ["Basis", "Levels", "grown", "starting_levels"]

_SPACING = 4.0
"""Exponent sigma of the distances exp(sigma (sqrt k - sqrt n)) of n poles that approximate singular functions."""
_CLOSER = 2.5
"""The same where singular functions are in the basis, and poles approximate what is left, about r^2 log r."""
_CLEAR = 0.3
"""Least distance of a pole to the boundary, as a fraction of that in an infinite wedge."""
_NEAREST = 1e-15
"""Least distance of a pole to its corner over the size of the domain."""
_HIGHEST = 2.5
"""Exponents of corner functions up to which they are used; poles approximate r^2.5 and smoother functions well."""
_WHOLE = 1e-6
"""Difference from a whole number up to which an exponent counts as one."""
_RAY = 240
"""Points of a ray that must not meet the domain."""
_NEAR = 6.0
"""Distance of a hole to an outer wall over its radius up to which its image is used."""
_IMAGES_APART = 0.8
"""Distance between two holes, over the radius of one, up to which the other has an image in it."""
_ROUND = 1e-6
"""Relative variation of the curvature up to which a loop counts as a circle."""
_TOUCHES = 0.95
"""Distance from a point beyond the wall to the boundary, over that to its foot, from which the foot is nearest."""
_RING = 12
"""Sources beside a loop at the start."""
_LONG = 40
"""Degree of regular functions from which sources are placed outside a smooth outer wall as well."""
_FACTOR = 1.5
"""Growth of the number of functions from one fit to the next."""
_SLOWER = 1.3
"""The same for holes on which the residual is small, where it is large elsewhere."""
_BEHIND = 1.6
"""Largest ratio of the numbers of poles at two corners."""


@dataclass(frozen=True)
class Levels:
    """Numbers of functions of each kind.

    Args:
        degree: highest order of the regular functions.
        holes: highest order of the multipoles in each hole.
        corners: number of poles at each junction.
        images: highest order of the images of holes.
        rings: number of sources beside each loop, on the other side of the wall.
    """

    degree: int
    holes: tuple[int, ...]
    corners: tuple[int, ...]
    images: int
    rings: tuple[int, ...]


@dataclass(frozen=True)
class Basis:
    """Functions that suit a shape and an operator, by levels.

    Args:
        operator: of the equation.
        geometry: of the domain.
        plane: the same geometry in the coordinates y = B x of the operator.
        contains: membership of points y ``(n, 2)`` in the domain.
    """

    operator: EllipticOperator
    geometry: Geometry
    plane: Geometry
    contains: Callable[[Tensor], Tensor]

    @classmethod
    def of(cls, problem: Problem, operator: EllipticOperator, geometry: Geometry) -> Basis:
        """Functions for the domain of a problem.

        Args:
            problem: owner of the domain.
            operator: of its equation.
            geometry: of its domain, in its own coordinates.
        """
        inverse = torch.linalg.inv(operator.matrix)
        plane = mapped_geometry(geometry, operator.matrix)
        return cls(operator, geometry, plane, lambda y: problem.domain.contains(y @ inverse.T))

    @cached_property
    def boundary(self) -> Tensor:
        """Points on the boundary ``(n, 2)``, in y."""
        return samples_of(self.plane.pieces)

    @cached_property
    def length(self) -> float:
        """R of the regular functions: largest distance of the boundary to the centre."""
        center = self.operator.matrix @ torch.tensor(self.geometry.center, dtype=torch.float64)
        return float(torch.linalg.vector_norm(self.boundary - center, dim=1).max())

    @property
    def waves(self) -> float:
        """|kappa|^(1/2) R: radians of a wave, or decades of a layer, between centre and boundary."""
        return math.sqrt(abs(self.operator.kappa)) * self.length

    def scale(self, junction: Junction) -> float:
        """Length over which a junction is alone: that of the shorter curve beside it."""
        return min(self.plane.pieces[i].curve.length for i in (junction.before, junction.after))

    def functions(self, levels: Levels) -> TrefftzFunctions:
        """Functions of the given levels, without a particular solution."""
        sources = [
            Multipole(*original.center, hole.radius, 0, order)
            for original, hole, order in zip(self.geometry.holes, self.plane.holes, levels.holes, strict=True)
        ]
        sources += [image._replace(highest=levels.images) for image in self.images]
        for number, count in enumerate(levels.corners):
            sources += self._poles(number, count)
        for number, count in enumerate(levels.rings):
            sources += self._ring(number, count)
        return TrefftzFunctions(
            operator=self.operator,
            center=self.geometry.center,
            length=self.length,
            degree=levels.degree,
            corners=self.singular,
            sources=tuple(sources),
        )

    def _shifted(self, point: tuple[float, float], offset: Tensor) -> tuple[float, float]:
        """Point of the original coordinates, shifted by an offset in y."""
        x, y = (torch.linalg.inv(self.operator.matrix) @ offset).tolist()
        return point[0] + x, point[1] + y

    # corners ----------------------------------------------------------------------------------------------------------
    @cached_property
    def singular(self) -> tuple[CornerFunction, ...]:
        """Singular functions of all junctions whose cut, the ray opposite to the bisector, does not meet the domain.

        Exponents k pi / w where the same kind of condition holds on both sides of the angle w, (k - 1/2) pi / w
        between a value and a flux, those that are no whole numbers; and the angle between two values, which may jump.

        Source: Grisvard, Elliptic Problems in Nonsmooth Domains, Pitman 1985, section 4.4.
        """
        return tuple(f for k, j in enumerate(self.plane.junctions) if self._cuts[j] for f in self._singular(k))

    @cached_property
    def _cuts(self) -> dict[Junction, bool]:
        """True for each junction whose cut is outside the domain."""
        return {j: self._cut_is_outside(j) for j in self.plane.junctions}

    def exponents(self, junction: Junction) -> tuple[float, ...]:
        """Exponents of the singular functions of a junction up to the largest that is used."""
        values = [self.plane.pieces[i].prescribes is Prescribes.VALUE for i in (junction.before, junction.after)]
        if junction.angle <= 0:
            return ()
        step = math.pi / junction.angle
        first = step if values[0] == values[1] else step / 2
        found = [first + k * step for k in range(8)]
        return tuple(e for e in found if e < _HIGHEST and abs(e - round(e)) > _WHOLE)

    def _singular(self, number: int) -> Iterator[CornerFunction]:
        junction, at = self.plane.junctions[number], self.geometry.junctions[number].at
        direction = math.atan2(junction.bisector[1], junction.bisector[0])
        for exponent in self.exponents(junction):
            yield CornerFunction(*at, direction, self.plane.diameter, exponent)
        pieces = [self.plane.pieces[i] for i in (junction.before, junction.after)]
        if all(p.prescribes is Prescribes.VALUE for p in pieces):  # the values may jump there
            yield CornerFunction(*at, direction, self.plane.diameter, 0.0)

    def _cut_is_outside(self, junction: Junction) -> bool:
        at, outward = (torch.tensor(v, dtype=torch.float64) for v in (junction.at, junction.bisector))
        distances = self.plane.diameter * torch.logspace(-6, 0, _RAY, dtype=torch.float64)
        even = self.plane.diameter * torch.linspace(0, 1, _RAY + 1, dtype=torch.float64)[1:]
        ray = at - torch.cat([distances, even])[:, None] * outward
        return not bool(self.contains(ray).any())

    def _poles(self, number: int, count: int) -> Iterator[Multipole]:
        """Poles on the ray opposite to the bisector, clustered exponentially at the junction, outside the domain.

        Source: Gopal & Trefethen, SIAM J. Numer. Anal. 57 (2019) 2074; for Helmholtz' equation, Proc. Natl. Acad. Sci.
        116 (2019) 10223.
        """
        if count == 0:
            return
        junction, original = self.plane.junctions[number], self.geometry.junctions[number].at
        at, outward = (torch.tensor(v, dtype=torch.float64) for v in (junction.at, junction.bisector))
        k = torch.arange(1, count + 1, dtype=torch.float64)
        spacing = _CLOSER if self._cuts[junction] or not self.exponents(junction) else _SPACING
        distances = self.scale(junction) * torch.exp(spacing * (k.sqrt() - math.sqrt(count)))
        points = at - distances[:, None] * outward
        wedge = math.sin(min(math.pi / 2, (2 * math.pi - junction.angle) / 2))
        clear = gaps(points, self.boundary) > _CLEAR * wedge * distances
        far = distances > 1e-6 * self.plane.diameter  # nearer ones are inside the wedge, and rounding decides
        clear &= ~(far & self.contains(points)) & (distances > _NEAREST * self.plane.diameter)
        for distance, kept in zip(distances.tolist(), clear.tolist(), strict=True):
            place = self._shifted(original, -distance * outward)
            if kept and place != original:
                yield Multipole(*place, distance, 1, 1)

    # holes ------------------------------------------------------------------------------------------------------------
    @cached_property
    def images(self) -> tuple[Multipole, ...]:
        """Images of each hole in curves nearby: where the solution, continued through the curve, has its singularities.

        At a distance d from the wall, on the other side at d / (1 - c d), c the curvature of the wall: the mirror image
        in a line, the inverse point in a circle.
        """
        found: list[Multipole] = []
        s = torch.linspace(0, 1, 1025, dtype=torch.float64)
        owner = {i: hole for hole in self.plane.holes for i in hole.pieces}
        for hole in self.plane.holes:
            center = torch.tensor(hole.center, dtype=torch.float64)
            for i, piece in enumerate(self.plane.pieces):
                if i in hole.pieces:
                    continue
                away = torch.linalg.vector_norm(piece.curve.point(s) - center, dim=1)
                place = int(away.argmin())
                limit = _IMAGES_APART * owner[i].radius if i in owner else _NEAR * hole.radius
                if place in (0, len(s) - 1) or float(away[place]) > limit:
                    continue
                found += self._image(piece.curve, s[place : place + 1], float(away[place]), hole.radius)
        return tuple(found)

    def _image(self, curve: PlaneCurve, foot: Tensor, distance: float, radius: float) -> list[Multipole]:
        """Image of a hole in a curve, from the parameter ``(1,)`` of the nearest point and the distance to it."""
        shrink = 1 - float(curve.curvature(foot)) * distance
        if shrink < 0.1:
            return []
        beyond = distance / shrink
        point = curve.point(foot) + beyond * curve.normal(foot)
        free = float(gaps(point, self.boundary))
        if free < 0.5 * beyond or bool(self.contains(point).any()):
            return []
        x, y = self._shifted((0.0, 0.0), point[0])
        return [Multipole(x, y, min(radius / shrink, 0.9 * free), 0, 0)]

    # smooth loops that are no circles ---------------------------------------------------------------------------------
    def has_ring(self, loop: int) -> bool:
        """Return whether sources beside a loop are of use: it has no corner and is no circle."""
        pieces = set(self.plane.loops[loop])
        if any(pieces & {j.before, j.after} for j in self.plane.junctions):
            return False
        ends = torch.linspace(0, 1, 65, dtype=torch.float64)
        bends = torch.cat([self.plane.pieces[i].curve.curvature(ends) for i in sorted(pieces)])
        return float(bends.max() - bends.min()) > _ROUND * float(bends.abs().max())

    def is_hole(self, loop: int) -> bool:
        """Return whether a loop surrounds a hole."""
        return any(set(h.pieces) == set(self.plane.loops[loop]) for h in self.plane.holes)

    def _ring(self, loop: int, count: int) -> Iterator[Multipole]:
        """Sources beyond a loop, at half the distance to the medial axis there, as dense as they are near.

        Source: Barnett & Betcke, J. Comput. Phys. 227 (2008) 7003 (method of fundamental solutions).
        """
        if count == 0:
            return
        feet, normals, depths, lengths = self._depths[loop]
        density = (lengths / depths).cumsum(0)
        wanted = (torch.arange(count, dtype=torch.float64) + 0.5) / count * float(density[-1])
        for i in torch.searchsorted(density, wanted).clamp(max=len(feet) - 1).tolist():
            depth = float(depths[i])
            yield Multipole(*self._shifted((0.0, 0.0), feet[i] + depth * normals[i]), depth, 0, 1)

    @cached_property
    def _depths(self) -> tuple[tuple[Tensor, Tensor, Tensor, Tensor], ...]:
        """Points of each loop, outward normals, half distances to the medial axis outside, shares of the length."""
        s = (torch.arange(512, dtype=torch.float64) + 0.5) / 512
        found = []
        for loop in self.plane.loops:
            curves = [self.plane.pieces[i].curve for i in loop]
            feet, normals = (torch.cat(v) for v in zip(*((c.point(s), c.normal(s)) for c in curves), strict=True))
            lengths = torch.cat([c.speed(s) / 512 for c in curves])
            fine = torch.cat([feet, self.boundary])
            depth = torch.full((len(feet),), self.length, dtype=torch.float64)
            for _ in range(24):  # shrink until the ball that touches the wall is empty
                blocked = gaps(feet + depth[:, None] * normals, fine) < _TOUCHES * depth
                depth = torch.where(blocked, 0.8 * depth, depth)
            found.append((feet, normals, 0.5 * depth, lengths))
        return tuple(found)


def starting_levels(basis: Basis) -> Levels:
    """Few functions, from which a search begins."""
    waves = basis.waves
    return Levels(
        degree=16 + math.ceil(1.2 * waves),
        holes=tuple(8 + math.ceil(1.2 * math.sqrt(abs(basis.operator.kappa)) * h.radius) for h in basis.plane.holes),
        corners=tuple(8 for _ in basis.plane.junctions),
        images=4,
        rings=tuple(_RING if basis.has_ring(k) and basis.is_hole(k) else 0 for k in range(len(basis.plane.loops))),
    )


def grown(basis: Basis, levels: Levels, *, smooth: bool, holes: tuple[bool, ...], corners: tuple[bool, ...]) -> Levels:
    """Levels with more functions of the given kinds; no corner stays far behind the others."""

    def more(count: int, factor: float = _FACTOR) -> int:
        return math.ceil(factor * count)

    poles = [more(n) if g else n for n, g in zip(levels.corners, corners, strict=True)]
    least = math.ceil(max(poles, default=0) / _BEHIND)
    return replace(
        levels,
        degree=more(levels.degree) if smooth else levels.degree,
        holes=tuple(
            more(n) if g else more(n, _SLOWER) if smooth else n for n, g in zip(levels.holes, holes, strict=True)
        ),
        corners=tuple(max(n, least) for n in poles),
        images=min(12, levels.images + 2) if smooth else levels.images,
        rings=tuple(
            n if not smooth or not basis.has_ring(k) else more(n) if n else (2 * _RING if levels.degree > _LONG else 0)
            for k, n in enumerate(levels.rings)
        ),
    )
