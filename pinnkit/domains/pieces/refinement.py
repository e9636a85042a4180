"""Refinement of a division of a domain by further shapes, with a check for overlaps and gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnkit.domains.box import Box
from pinnkit.domains.combination import Operand
from pinnkit.domains.product import Shape
from pinnkit.domains.sampling import Sobol

__all__ = ["Cut", "refined"]

_PROBES = 4096
_DEEP = 1e-7
"""Distance from a boundary, relative to the size of the coordinates, from which a point counts as inside or outside."""


@dataclass(frozen=True)
class Cut:
    """Shapes along which a domain is divided.

    Args:
        shapes: do not overlap.
        covers: whether every point of the domain must lie in one of them.
        owner: first words of messages.
    """

    shapes: tuple[Operand, ...]
    covers: bool
    owner: str


def refined(pieces: Sequence[Operand], domain: Operand, cut: Cut) -> list[Operand]:
    """Divide pieces of a domain so that each lies in one of the shapes of a cut, or in none.

    Raises:
        ValueError: for shapes that overlap, do not meet the domain, or leave a gap where they must not.
    """
    names = tuple(axis.name for axis in domain.axes)
    for shape in cut.shapes:
        own = tuple(axis.name for axis in shape.axes)
        if own != names:
            raise ValueError(f"{cut.owner}: {shape!r} has the axes {own}, the space of the domain has {names}")
    found: list[Operand] = []
    met: set[int] = set()
    for piece in pieces:
        points = sample(piece)
        slack = _DEEP * max(1.0, float(points.abs().max()))
        distance = torch.stack([shape.signed_distance(points) for shape in cut.shapes], dim=1)
        _refuse_overlap(cut, points, distance < -slack)
        outside = (distance > slack).all(dim=1)
        within = [i for i in range(len(cut.shapes)) if bool((distance[:, i] <= slack).all())]
        if within:
            met.add(within[0])
            found.append(piece)
            continue
        rest: Operand = piece
        for i, shape in enumerate(cut.shapes):
            part = _intersection(piece, shape) if _may_meet(piece, shape) else None
            if part is None:
                continue
            _refuse_overlap(cut, sample(part), None)
            met.add(i)
            found.append(part)
            rest = rest - shape if bool(outside.any()) else rest
        if not bool(outside.any()):
            continue
        if cut.covers:
            at = points[outside][int(distance[outside].amin(dim=1).argmax())]
            raise ValueError(
                f"{cut.owner}: there is a gap at {_place(names, at)}, which lies in none of the shapes; add a shape or "
                "'elsewhere'"
            )
        found.append(rest)
    for i, shape in enumerate(cut.shapes):
        if i not in met:
            raise ValueError(
                f"{cut.owner}: {shape!r} lies outside the domain {domain!r}; move it inside, or leave it out"
            )
    return found


def sample(shape: Operand) -> Tensor:
    """Points inside a bounded shape, `(n, d)`, always the same."""
    assert isinstance(shape, Shape | Box)
    return shape.sample(_PROBES, torch.Generator().manual_seed(0), sampling=Sobol()).coords


def _intersection(a: Operand, b: Operand) -> Operand | None:
    """The intersection of two shapes; None where it is empty."""
    try:
        return a & b
    except ValueError as error:
        if "no interior" in str(error):
            return None
        raise


def _may_meet(a: Operand, b: Operand) -> bool:
    (a0, a1), (b0, b1) = a.limits, b.limits
    return all(max(p, q) < min(r, s) for p, q, r, s in zip(a0, b0, a1, b1, strict=True))


def _refuse_overlap(cut: Cut, points: Tensor, inside: Tensor | None) -> None:
    """Refuse points inside two of the shapes."""
    if inside is None:
        slack = _DEEP * max(1.0, float(points.abs().max()))
        inside = torch.stack([shape.signed_distance(points) < -slack for shape in cut.shapes], dim=1)
    double = inside.sum(dim=1) > 1
    if bool(double.any()):
        row = int(double.nonzero()[0, 0])
        a, b = (cut.shapes[i] for i in inside[row].nonzero()[:2, 0].tolist())
        names = tuple(axis.name for axis in cut.shapes[0].axes)
        raise ValueError(
            f"{cut.owner}: {a!r} and {b!r} overlap at {_place(names, points[row])}; subtract one from the other, a - b"
        )


def _place(names: Sequence[str], point: Tensor) -> str:
    return ", ".join(f"{name} = {value:.4g}" for name, value in zip(names, point.tolist(), strict=True))
