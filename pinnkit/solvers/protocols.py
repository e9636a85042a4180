"""What a solver sees: one flat vector, its loss and gradient, or its rows and their Jacobian."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from torch import Tensor

__all__ = ["Evaluation", "Objective", "RowObjective", "Solver", "State"]


class Evaluation(NamedTuple):
    """A loss beside its gradient and the unweighted mean cost of each term."""

    loss: Tensor  # 0-d
    gradient: Tensor  # (P,)
    terms: Mapping[str, Tensor]  # 0-d each


class Objective(Protocol):
    """A scalar loss of one flat vector theta ``(P,)``."""

    def evaluate(self, theta: Tensor) -> Evaluation:
        """The loss and its gradient at `theta`."""
        ...


class RowObjective(Protocol):
    """A sum of squares: loss = |rows|^2, for solvers that use its structure."""

    def rows(self, theta: Tensor) -> Tensor:
        """The weighted residual rows ``(N,)``; refuses, naming the term, unless every penalty is a square."""
        ...

    def rows_and_jacobian(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """The rows ``(N,)`` and their Jacobian ``(N, P)``."""
        ...

    def terms(self, theta: Tensor) -> Mapping[str, Tensor]:
        """The unweighted mean cost of each term."""
        ...


State = dict[str, Any]
"""All that a solver carries from step to step: tensors, numbers and lists of tensors, so that it can be stored.

Every state holds "theta" ``(P,)``, "loss" (0-d) and "done" (whether no further step can help); after a step "terms".
"""


class Solver(Protocol):
    """How the loss is lowered: a frozen dataclass with one verb."""

    @property
    def steps(self) -> int:
        """How many steps to take at most."""
        ...

    def start(self, theta: Tensor) -> State:
        """The state before the first step."""
        ...

    def step(self, objective: Any, state: State) -> State:
        """The state after one more step; the one given is left as it is."""
        ...
