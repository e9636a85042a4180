"""The zero set of a function as curved facets: how large it is, what it encloses, and points spread evenly on it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .level_function import Inside, onto, slopes

__all__ = ["ZeroSet", "zero_set"]

# Gauss-Legendre on [0, 1], and the rule of degree 4 with six points on the triangle (Strang & Fix 1973, table 4.1).
_LINE = (
    (0.5 - math.sqrt(0.15), 0.5, 0.5 + math.sqrt(0.15)),
    (5 / 18, 8 / 18, 5 / 18),
)
_A, _B = 0.445948490915965, 0.091576213509771
_TRIANGLE = (
    ((_A, _A), (_A, 1 - 2 * _A), (1 - 2 * _A, _A), (_B, _B), (_B, 1 - 2 * _B), (1 - 2 * _B, _B)),
    (0.223381589678011 / 2,) * 3 + (0.109951743655322 / 2,) * 3,
)


@dataclass(frozen=True, eq=False)
class ZeroSet:
    """Curved facets: arcs through three nodes in the plane, triangles through six in space, in order along a curve.

    nodes: (facets, 3, 2) or (facets, 6, 3): corners first, then the middles of the sides (0, 1), (1, 2), (2, 0).
    area: (facets,) lengths or areas.
    enclosed: area or volume of where the function is negative.
    left: what rounding leaves of the function on its zero set, at most.
    cell: extent of the cells in which the facets were found.
    """

    nodes: Tensor
    area: Tensor
    enclosed: float
    left: float
    cell: float

    @property
    def measure(self) -> float:
        """Length or area of all facets."""
        return float(self.area.sum())

    def at(self, unit: Tensor) -> Tensor:
        """Points (n, d) on the facets, even in area, from (n, d - 1) in the unit cube.

        The first column says how far along all facets; what it leaves within a facet is used there.
        """
        ends = self.area.cumsum(0)
        along = unit[:, 0] * ends[-1]
        facet = torch.searchsorted(ends, along, right=True).clamp(max=len(ends) - 1)
        within = ((along - (ends - self.area)[facet]) / self.area[facet]).clamp(0, 1)
        if unit.shape[1] == 1:
            return _placed(self.nodes[facet], within[:, None])
        root = within.sqrt()
        return _placed(self.nodes[facet], torch.stack([root * (1 - unit[:, 1]), root * unit[:, 1]], dim=1))


def zero_set(inside: Inside, corners: Tensor, facets: Tensor, cell: float) -> ZeroSet:
    """The zero set near straight facets: `corners` (vertices, d), `facets` (m, d) of their indices.

    Corners and the middles of the sides are brought onto the zero set, so that facets of size h follow it to within
    h^3 and what is integrated over them is right to h^4 where it is smooth.
    """
    corners, left, _ = onto(inside, corners, cell)
    sides = torch.stack([facets, facets.roll(-1, 1)], dim=2)[:, : 1 if facets.shape[1] == 2 else 3]  # (m, sides, 2)
    shared, which = sides.reshape(-1, 2).sort(dim=1).values.unique(dim=0, return_inverse=True)
    ends = corners[shared]
    straight = ends.mean(1)
    length = torch.linalg.vector_norm(ends[:, 1] - ends[:, 0], dim=1)
    bent, _, _ = onto(inside, straight, cell / 2)
    # Sides of slivers and at edges may be bent further than a smooth set would: those stay straight.
    far = torch.linalg.vector_norm(bent - straight, dim=1) > 0.3 * length
    middles = torch.where(far[:, None], straight, bent)
    nodes = torch.cat([corners[facets], middles[which.reshape(len(facets), -1)]], dim=1)
    places, weights = _LINE if facets.shape[1] == 2 else _TRIANGLE
    at = torch.tensor(places, dtype=torch.float64).reshape(len(weights), -1)
    area, swept = torch.zeros(len(nodes), dtype=torch.float64), torch.zeros(len(nodes), dtype=torch.float64)
    origin = corners.mean(0)
    for place, weight in zip(at, weights, strict=True):
        spread = place.expand(len(nodes), -1)
        normal = _normal(nodes, spread)
        area += weight * torch.linalg.vector_norm(normal, dim=1)
        swept += weight * ((_placed(nodes, spread) - origin) * normal).sum(1)
    # The facets need no orientation of their own: the gradient says which side is outward.
    centre = torch.full((len(nodes), at.shape[1]), 1 / facets.shape[1], dtype=torch.float64)
    _, gradient = slopes(inside, _placed(nodes, centre))
    outward = torch.sign((_normal(nodes, centre) * gradient).sum(1))
    order = _along_a_curve(nodes.mean(1))
    kept = order[area[order] > 0]
    enclosed = float((outward * swept).sum()) / facets.shape[1]
    return ZeroSet(nodes[kept], area[kept], enclosed, 8 * float(left.abs().max()), cell)


def _shapes(u: Tensor) -> Tensor:
    """Quadratic shape functions of arcs (k, 3) or triangles (k, 6) at u (k, 1) or (k, 2)."""
    if u.shape[1] == 1:
        s = u[:, 0]
        return torch.stack([(1 - s) * (1 - 2 * s), s * (2 * s - 1), 4 * s * (1 - s)], dim=1)
    b, c = u.unbind(1)
    a = 1 - b - c
    return torch.stack([a * (2 * a - 1), b * (2 * b - 1), c * (2 * c - 1), 4 * a * b, 4 * b * c, 4 * c * a], dim=1)


def _placed(nodes: Tensor, u: Tensor) -> Tensor:
    return torch.einsum("ks,ksd->kd", _shapes(u), nodes)


def _normal(nodes: Tensor, u: Tensor) -> Tensor:
    """A normal as long as the element of area that belongs to du: the turned tangent, or the product of both."""
    if u.shape[1] == 1:
        s = u[:, 0]
        slope = torch.stack([4 * s - 3, 4 * s - 1, 4 - 8 * s], dim=1)
        tangent = torch.einsum("ks,ksd->kd", slope, nodes)
        return torch.stack([tangent[:, 1], -tangent[:, 0]], dim=1)
    b, c = u.unbind(1)
    a, zero = 1 - b - c, torch.zeros_like(b)
    along_b = torch.stack([1 - 4 * a, 4 * b - 1, zero, 4 * (a - b), 4 * c, -4 * c], dim=1)
    along_c = torch.stack([1 - 4 * a, zero, 4 * c - 1, -4 * b, 4 * b, 4 * (a - c)], dim=1)
    first, second = (torch.einsum("ks,ksd->kd", slope, nodes) for slope in (along_b, along_c))
    return torch.linalg.cross(first, second)


def _along_a_curve(points: Tensor) -> Tensor:
    """The order of points along Morton's curve, so that neighbours in it are neighbours in space."""
    lower, upper = points.amin(0), points.amax(0)
    whole = ((points - lower) / (upper - lower).clamp(min=1e-300) * 1023).long()
    code = torch.zeros(len(points), dtype=torch.int64)
    for bit in range(10):
        for column in range(points.shape[1]):
            code |= ((whole[:, column] >> bit) & 1) << (bit * points.shape[1] + column)
    return torch.argsort(code, stable=True)
