"""Layout of the state of an evolution problem in one space dimension."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from pinnkit.domains import Axis
from pinnkit.problem.problem import Problem
from pinnkit.problem.structure import Component, Structure, WallCondition
from pinnkit.problem.terms import Term

from .requirements import METHOD as METHOD
from .requirements import require

__all__ = ["METHOD", "StateLayout"]


@dataclass(frozen=True)
class StateLayout:
    """Rows of the state: the value of every component, then the rate of those of second order in time.

    Args:
        problem: the problem that is marched.

    Raises:
        Unsupported: where the method of lines does not cover the problem.
    """

    problem: Problem

    def __post_init__(self) -> None:
        """Check the requirements of the method."""
        require(self.problem)

    @property
    def structure(self) -> Structure:
        """Structure of the problem."""
        return self.problem.structure

    @property
    def space(self) -> Axis:
        """Space axis."""
        return self.structure.space[0]

    @property
    def time(self) -> Axis:
        """Time axis."""
        axis = self.structure.time
        assert axis is not None
        return axis

    @property
    def periodic(self) -> bool:
        """True if the space axis is periodic."""
        return bool(self.structure.periodic)

    @property
    def components(self) -> tuple[Component, ...]:
        """Scalar functions to be found."""
        return self.structure.components

    @cached_property
    def equations(self) -> tuple[Term, ...]:
        """Terms of the equations."""
        return self.structure.equation_terms

    @property
    def conditions(self) -> tuple[WallCondition, ...]:
        """Conditions at the two ends of space."""
        return self.structure.conditions

    @cached_property
    def rows(self) -> tuple[tuple[int, int], ...]:
        """Rows of the state, pairs (component, level): level 0 is the value, level 1 the rate."""
        values = [(i, 0) for i in range(len(self.components))]
        return (*values, *((i, 1) for i, c in enumerate(self.components) if c.time_order == 2))

    @property
    def label(self) -> str:
        """First words of messages."""
        return f"problem '{self.problem.name}'"

    def coords(self, places: Tensor, times: Tensor) -> Tensor:
        """Coordinates (n, 2) in the order of the domain's axes, from places (n,) and times (n,)."""
        pair = (places, times) if self.problem.axes[0] == self.space else (times, places)
        return torch.stack(pair, dim=1)

    def index_of(self, unknown: str, index: int) -> int:
        """Number of a component among all components."""
        return next(i for i, c in enumerate(self.components) if (c.unknown, c.index) == (unknown, index))
