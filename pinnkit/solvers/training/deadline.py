"""Deadline of a run: evaluations of the fields end a step that began in time and would take too long."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from pinnkit.jets.evaluation import jets
from pinnkit.jets.orders import Channel
from pinnkit.solutions.evaluation import Differentiate

__all__ = ["Deadline", "OutOfTime"]


class OutOfTime(Exception):
    """The time of a run is used up in the middle of a step."""


class Deadline:
    """Derivatives of modules that raise `OutOfTime` once the time is used up; before `arm`, they do not.

    Args:
        at: `time.perf_counter()` of the end.
        derivatives: computes the derivatives; None computes them eagerly.
    """

    def __init__(self, at: float, derivatives: Differentiate | None) -> None:
        self.at = at
        self.derivatives = jets if derivatives is None else derivatives
        self.armed = False

    def arm(self) -> None:
        """From now on, end a step at the deadline: there is a result to return to."""
        self.armed = True

    def __call__(self, module: nn.Module, coords: Tensor, orders: Sequence[Channel]) -> Mapping[Channel, Tensor]:
        """Derivatives `orders` of `module` at `coords`.

        Raises:
            OutOfTime: after the deadline.
        """
        if self.armed and time.perf_counter() > self.at:
            raise OutOfTime
        return self.derivatives(module, coords, orders)
