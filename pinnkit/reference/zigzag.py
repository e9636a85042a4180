"""Detection of states that a grid or its time steps do not resolve: zigzags from step to step or from node to node."""

from __future__ import annotations

import numpy as np

from .assembly import System
from .grid import Array
from .refusal import Unresolved

__all__ = ["Zigzag", "zigzags_in_space"]

_NOTICED = 1e-3  # relative size of a step's change from which its direction counts
_OPPOSITE = 0.8  # minus the cosine of two successive changes that are nearly opposite
_PAIRS = 3  # successive pairs of opposite changes
_AMPLITUDE = 0.05  # of a zigzag between neighbouring nodes, relative to the range of the values


class Zigzag:
    """Looks at the states of a march, step by step.

    A state zigzags in time where three successive pairs of changes are nearly opposite (cosine below -0.8) and larger
    than 1e-3 of the state, as a root mean square: undamped stiff modes do so, a motion that the steps resolve has a
    cosine near 1.  It zigzags in space as `zigzags_in_space` says.

    Args:
        system: whose states they are.
    """

    def __init__(self, system: System) -> None:
        self._name = system.survey.problem.name
        self._shape = len(system.survey.components), *system.grid.shape
        self._last: Array | None = None
        self._count = 0
        self.in_space = False
        """Whether a state has zigzagged from node to node."""

    def look(self, before: Array, after: Array, time: float) -> None:
        """Look at one step.

        Raises:
            Unresolved: where the state zigzags.
        """
        label = f"problem '{self._name}': the steps from t = {time:.3g} on are not resolved, the state zigzags"
        if self._in_time(before, after):
            raise Unresolved(f"{label} from step to step")
        if zigzags_in_space(after.reshape(self._shape)):
            self.in_space = True
            raise Unresolved(f"{label} from node to node")

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


def zigzags_in_space(fields: Array) -> bool:
    """Whether four successive differences along an axis alternate in sign, each above 5 % of the range of the values.

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
