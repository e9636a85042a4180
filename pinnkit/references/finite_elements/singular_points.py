"""Points of the boundary of the plane at which the solution is not smooth: corners, and changes of conditions."""

from __future__ import annotations

import math

import numpy as np

from pinnkit.references.grid import Array

from .conditions import values_on
from .plane_walls import PlaneWalls, angles_at
from .sizes import SingularPoint
from .weak_form import WeakForm, is_value

__all__ = ["singular_points"]

_STRAIGHT = 1e-5
_JUMP = 1e-9
"""Difference of prescribed values at a vertex, relative to their size, from which they count as different."""
_OF_JUMP = 0.25
"""Exponent that stands for a jump of prescribed values, at which the solution is bounded and not continuous."""


def singular_points(form: WeakForm, walls: PlaneWalls, time: float | None = None) -> tuple[SingularPoint, ...]:
    """The vertices of the boundary with the exponents of the leading singular functions there.

    pi / w at a corner of angle w between walls with conditions of one kind, pi / (2 w) where one has values and the
    other fluxes; at most 1 where the conditions are different terms, whose data need not fit together, and 1/4 where
    prescribed values jump.
    """
    angles = angles_at(walls)
    lengths = [float(np.hypot(*np.diff(x, axis=0).T).sum()) for x in walls.samples]
    found = []
    for before in range(len(walls.curves)):
        after = walls.follower(before)
        if before == after:
            continue
        kinds = [frozenset(_fixed(form, piece)) for piece in (before, after)]
        exponent = math.pi / angles[after] if angles[after] > 0 else 1.0
        if kinds[0] != kinds[1]:
            exponent /= 2
        elif [c.term for c in form.conditions[before]] != [c.term for c in form.conditions[after]]:
            exponent = min(exponent, 1.0)
            if kinds[0] and _jumps(form, before, after, walls.samples[after][:1], time):
                exponent = min(exponent, _OF_JUMP)
        elif abs(angles[after] - math.pi) < _STRAIGHT:
            continue
        at = (float(walls.samples[after][0, 0]), float(walls.samples[after][0, 1]))
        found.append(SingularPoint(at, exponent, min(lengths[before], lengths[after], walls.size / 2)))
    return tuple(found)


def _fixed(form: WeakForm, piece: int) -> list[int]:
    """Components whose values are prescribed on a piece."""
    every = form.structure.components
    return [every.index(c.component) for c in form.conditions[piece] if is_value(c) and c.component is not None]


def _jumps(form: WeakForm, before: int, after: int, at: Array, time: float | None) -> bool:
    """True where the values that two pieces prescribe differ at a point."""
    normal = np.zeros_like(at)
    normal[:, 0] = 1.0
    for component in _fixed(form, before):
        here, there = (values_on(form, piece, component, at, normal, time) for piece in (before, after))
        if np.abs(here - there).max() > _JUMP * (1 + np.abs(here).max()):
            return True
    return False
