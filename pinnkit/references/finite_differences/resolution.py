"""Detection of states that a grid or its time steps do not resolve.

The checks report early, while the state is still smooth enough that rounding has no part in it: a march that wanders
depends on the last digits of its arithmetic, and so would every decision that rests on where it ends.
"""

from __future__ import annotations

from enum import Enum

import numpy as np
from numpy.typing import NDArray

from pinnkit.references.grid import Array

from .artificial_diffusion import cell_peclet
from .assembly import System

__all__ = ["Defect", "Resolution", "steep_axes", "zigzags_in_space"]

_NOTICED = 1e-3  # relative size of a step's change from which its direction counts
_OPPOSITE = 0.8  # minus the cosine of two successive changes that are nearly opposite
_PAIRS = 3  # successive pairs of opposite changes
_AMPLITUDE = 0.05  # of a zigzag between neighbouring nodes, relative to the range of the values
_JUMP = 0.5  # of the range of the values, over two cells, where nothing is transported
_LASTING = 0.1  # of the steps
_FRONT = 0.3  # of the range of the values, over two cells, where the cell Peclet number is above 1


class Defect(Enum):
    """Sign that a state is not resolved."""

    TIME = "the state zigzags from step to step"
    SPACE = "the state zigzags from node to node"
    FRONT = "a front is narrower than two cells"


class Resolution:
    """Looks at the states of a march, step by step.

    A state zigzags in time where three successive pairs of changes are nearly opposite (cosine below -0.8) and larger
    than 1e-3 of the state, as a root mean square: undamped stiff modes do so, while a motion that the steps resolve has
    a cosine near 1.  It zigzags in space as `zigzags_in_space` says.  It has an unresolved front where the values
    change by more than 30 % of their range over two cells whose Peclet number is above 1, and did not do so at the
    start.

    Args:
        system: whose states they are.
        start: the initial state.
        time: of the start.
    """

    def __init__(self, system: System, start: Array, time: float) -> None:
        self._system = system
        self._last: Array | None = None
        self._count = 0
        self._fronts_form = not self._front(start, time)

    def look(self, before: Array, after: Array, time: float) -> Defect | None:
        """The defect of the state after a step that begins at `time`, None where there is none."""
        if self._in_time(before, after):
            return Defect.TIME
        if zigzags_in_space(self._fields(after)):
            return Defect.SPACE
        if self._fronts_form and self._front(after, time):
            return Defect.FRONT
        return None

    def _fields(self, state: Array) -> Array:
        return state.reshape(len(self._system.grid_problem.components), *self._system.grid.shape)

    def _in_time(self, before: Array, after: Array) -> bool:
        change, last = after - before, self._last
        self._last = change
        length = float(np.linalg.norm(change))
        if last is None or length <= _NOTICED * float(np.linalg.norm(after)):
            self._count = 0
            return False
        opposite = float(change @ last) < -_OPPOSITE * length * float(np.linalg.norm(last))
        self._count = self._count + 1 if opposite else 0
        return self._count >= _PAIRS

    def _front(self, state: Array, time: float) -> bool:
        steep = {
            (component, axis): found
            for component, field in enumerate(self._fields(state))
            for axis in range(field.ndim)
            if (found := _steep(field, axis, _FRONT)).any()
        }
        if not steep:
            return False
        numbers = cell_peclet(self._system, state, time)
        return any(bool((steep[key] & (numbers[key] > 1)).any()) for key in steep if key in numbers)


def zigzags_in_space(fields: Array) -> bool:
    """Return whether four successive differences along an axis alternate in sign, each above 5 % of the range.

    Args:
        fields: values ``(C, n1, ..., nd)``.
    """
    for field in fields:
        least = _AMPLITUDE * float(np.ptp(field))
        if least == 0.0:
            continue
        for axis in range(field.ndim):
            steps = np.diff(np.moveaxis(field, axis, 0), axis=0)
            signs = np.where(np.abs(steps) > least, np.sign(steps), 0.0)
            turns = signs[1:] * signs[:-1] < 0
            if len(turns) >= 3 and bool((turns[2:] & turns[1:-1] & turns[:-2]).any()):
                return True
    return False


def steep_axes(system: System, states: Array, times: Array, *, rough: bool) -> dict[str, float]:
    """Axes along which a front of a reaction forms that the grid does not resolve, and factors for their cells.

    There the values of a component without transport change by more than half of their range over two cells, in more
    than a tenth of the steps.  Such a front may rest on a coarse grid where it should travel, so that grids agree on a
    wrong solution.  A jump of the initial values is left to the error bar.  Fronts of components with transport are
    judged by their cell Peclet numbers (Resolution).

    Args:
        system: whose states they are.
        states: at the start and after each step, ``(steps + 1, size)``.
        times: of the states.
        rough: whether the initial values have jumps.

    Source: Keener, SIAM J. Appl. Math. 47 (1987) 556 (propagation failure in discrete reaction-diffusion equations).
    """
    transported = {key for key, number in cell_peclet(system, states[-1], float(times[-1])).items() if number.any()}
    found: dict[str, float] = {}
    fields = states.reshape(len(states), len(system.grid_problem.components), *system.grid.shape)
    for component in range(fields.shape[1]):
        for axis, line in enumerate(system.grid.lines):
            if (component, axis) in transported or (rough and _steep(fields[0, component], axis, _JUMP).any()):
                continue
            count = sum(bool(_steep(field, axis, _JUMP).any()) for field in fields[1:, component])
            if count > _LASTING * (len(fields) - 1):
                found[line.name] = 2.0
    return found


def _steep(field: Array, axis: int, share: float) -> NDArray[np.bool_]:
    """The inner nodes ``(nodes,)`` over whose two cells the values change by more than a share of their range."""
    along = np.moveaxis(field, axis, 0)
    found = np.zeros(along.shape, dtype=bool)
    found[1:-1] = np.abs(along[2:] - along[:-2]) > share * float(np.ptp(field))
    return np.moveaxis(found, 0, axis).ravel()
