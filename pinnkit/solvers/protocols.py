"""Contracts of solvers: the objectives they lower, the state they carry, and their questions and answers.

A new solver is a frozen dataclass with the members of `Solver`; `SolverDefaults` supplies the usual answers, so that
`steps`, `start` and `step` are all that is left to write.  Register it beside the class::

    @SOLVERS.register("descent")
    @dataclass(frozen=True)
    class Descent(SolverDefaults):
        \"\"\"Gradient descent at a fixed rate.\"\"\"

        steps: int = 1000
        rate: float = 1e-3

        def start(self, theta: Tensor) -> State:
            return {"theta": theta, "loss": torch.full((), torch.inf), "terms": {}, "done": False}

        def step(self, objective: LossObjective, state: State) -> State:
            found = objective.evaluate(theta_of(state))
            theta = theta_of(state) - self.rate * found.gradient
            return {"theta": theta, "loss": found.loss, "terms": found.terms, "done": False}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar, NamedTuple, Protocol, TypeAlias, TypeGuard, runtime_checkable

import torch
from torch import Tensor

from pinnkit.domains import Sampling, Sobol
from pinnkit.registry import Registry

__all__ = [
    "SOLVERS",
    "Evaluation",
    "LossObjective",
    "Method",
    "Needs",
    "Objective",
    "ReadoutSolver",
    "RowObjective",
    "SamplingPlan",
    "Scope",
    "Solver",
    "SolverDefaults",
    "State",
    "StateValue",
    "TangentKernel",
    "kernel_of_jacobian",
    "loss_of",
    "missing_members",
    "on_parameters",
    "on_readout",
    "terms_of",
    "theta_of",
]


# Objectives ----------------------------------------------------------------------------------------------------------
class Evaluation(NamedTuple):
    """Loss, its gradient, and the unweighted mean cost of each term."""

    loss: Tensor  # 0-d
    gradient: Tensor  # (P,)
    terms: Mapping[str, Tensor]  # 0-d each


class LossObjective(Protocol):
    """Scalar loss of one flat vector theta ``(P,)``; members with a body are defaults for classes that inherit."""

    @property
    def version(self) -> int:
        """Number of the loss function: another one wherever the points or the weights are others."""
        return 0

    def parameter_shapes(self, theta: Tensor) -> Sequence[torch.Size]:
        """Shapes of the tensors that theta consists of, in order."""
        return [theta.shape]

    def learning_rates(self, default: float) -> Tensor | None:
        """Learning rates that the fields suggest, ``(P,)``, `default` elsewhere; None where no field suggests any."""
        del default
        return None

    def evaluate(self, theta: Tensor) -> Evaluation:
        """Loss and gradient at `theta`."""
        ...


class TangentKernel(Protocol):
    """Residual rows with their tangent kernel and the products with their Jacobian J, which need not be formed."""

    @property
    def rows(self) -> Tensor:
        """r ``(N,)``."""
        ...

    @property
    def matrix(self) -> Tensor:
        """J J^T ``(N, N)``."""
        ...

    def push(self, vector: Tensor) -> Tensor:
        """J v ``(N,)`` for v ``(P,)``."""
        ...

    def pull(self, vector: Tensor) -> Tensor:
        """J^T w ``(P,)`` for w ``(N,)``."""
        ...


class RowObjective(Protocol):
    """Sum of squares, loss = |rows|^2; members with a body are defaults for classes that inherit."""

    @property
    def version(self) -> int:
        """Number of the loss function: another one wherever the points or the weights are others."""
        return 0

    @property
    def readout(self) -> Tensor:
        """Places of the linear read-out in theta, ``(k,)``, increasing; empty where there is none."""
        return torch.zeros(0, dtype=torch.int64)

    def rows(self, theta: Tensor) -> Tensor:
        """Weighted residual rows ``(N,)``.

        Raises:
            TypeError: where the penalty of a term is not a square.
        """
        ...

    def rows_and_jacobian(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Rows ``(N,)`` and their Jacobian ``(N, P)``."""
        ...

    def tangent_kernel(self, theta: Tensor) -> TangentKernel:
        """Rows with their kernel J J^T ``(N, N)``, by default from the Jacobian."""
        return kernel_of_jacobian(*self.rows_and_jacobian(theta))

    def terms(self, theta: Tensor) -> Mapping[str, Tensor]:
        """Unweighted mean cost of each term, 0-d."""
        ...


class Objective(LossObjective, RowObjective, Protocol):
    """Everything that a solver of all parameters can ask for."""


class _DenseKernel(NamedTuple):
    """Tangent kernel from the Jacobian itself."""

    rows: Tensor
    matrix: Tensor
    jacobian: Tensor

    def push(self, vector: Tensor) -> Tensor:
        return self.jacobian @ vector

    def pull(self, vector: Tensor) -> Tensor:
        return vector @ self.jacobian


def kernel_of_jacobian(rows: Tensor, jacobian: Tensor) -> TangentKernel:
    """Tangent kernel of `rows` ``(N,)`` from their `jacobian` ``(N, P)``."""
    return _DenseKernel(rows, jacobian @ jacobian.T, jacobian)


# Solvers -------------------------------------------------------------------------------------------------------------
StateValue: TypeAlias = "Tensor | bool | int | float | str | Sequence[StateValue] | Mapping[str, StateValue]"
State: TypeAlias = Mapping[str, StateValue]
"""Everything that a solver carries from step to step, in types that a checkpoint can store.

Every state holds "theta" ``(P,)``, "loss" (0-d) and "done" (no further step can help); after a step also "terms".  The
loop adds "objective", the memory of the training objective, where points or weights change during training.
"""


def theta_of(state: State) -> Tensor:
    """Flat vector ``(P,)`` of a state.

    Raises:
        TypeError: for a state without it.
    """
    theta = state.get("theta")
    if not isinstance(theta, Tensor):
        raise TypeError(f"a solver's state must hold the tensor 'theta', got {type(theta).__name__}")
    return theta


def loss_of(state: State) -> Tensor:
    """Loss of a state, 0-d.

    Raises:
        TypeError: for a state without it.
    """
    loss = state.get("loss")
    if not isinstance(loss, Tensor):
        raise TypeError(f"a solver's state must hold the tensor 'loss', got {type(loss).__name__}")
    return loss


def terms_of(state: State) -> Mapping[str, float]:
    """Mean cost of each term in a state; empty before the first step."""
    terms = state.get("terms", {})
    return (
        {n: float(c) for n, c in terms.items() if isinstance(c, Tensor | float)} if isinstance(terms, Mapping) else {}
    )


class Needs(Enum):
    """Part of the objective that a solver uses."""

    LOSS = "loss and gradient"
    ROWS = "residual rows with their Jacobian or tangent kernel"


class Scope(Enum):
    """Unknowns that a solver works on."""

    PARAMETERS = "all parameters of the fields, and the coefficients"
    READOUT = "the linear read-out of the fields, and the coefficients"
    OWN_FIELD = "a field that the solver brings itself"


@dataclass(frozen=True)
class SamplingPlan:
    """Number and layout of the collocation points of a solver.

    Args:
        points: of each equation, where the term does not say.
        condition_points: of each other term, likewise.
        batch: None takes all points at every step; a number takes that many fresh points of every term.
        sampling: layout of the points.
    """

    points: int = 2048
    condition_points: int = 256
    batch: int | None = None
    sampling: Sampling = field(default_factory=Sobol)


@runtime_checkable
class Method(Protocol):
    """Anything that `solve` takes as a solver: a `Solver`, or `March`, which brings its own field."""

    @property
    def scope(self) -> Scope:
        """Unknowns that it works on."""
        ...


class Solver(Method, Protocol):
    """Method that lowers an objective step by step: a frozen dataclass.

    `step` may ask for less than the whole `Objective`: annotate it with `LossObjective` or `RowObjective`.
    """

    @property
    def steps(self) -> int:
        """Number of steps at most."""
        ...

    @property
    def needs(self) -> Needs:
        """Part of the objective that `step` uses; long runs that need LOSS alone compile their derivatives."""
        ...

    def sampling_plan(self, unknowns: int) -> SamplingPlan:
        """Collocation points for a vector of `unknowns` numbers (for READOUT: functions that are combined)."""
        ...

    def draw(self, step: int) -> int:
        """Number of the draw of points that a step uses: the same number, the same points."""
        ...

    def start(self, theta: Tensor) -> State:
        """State before the first step."""
        ...

    def step(self, objective: Objective, state: State) -> State:
        """State after one more step; the one given is left as it is."""
        ...


class ReadoutSolver(Solver, Protocol):
    """Solver with `scope` READOUT, for fields with a linear read-out."""

    def step(self, objective: RowObjective, state: State) -> State:
        """State after one more step; the one given is left as it is."""
        ...

    def linear_step(self, rows: Tensor, jacobian: Tensor) -> Tensor:
        """d ``(P,)`` that minimises |rows + jacobian d|; `jacobian` ``(N, P)`` may be overwritten."""
        ...


class SolverDefaults:
    """Usual answers of a solver: all parameters, loss and gradient, 2,048 + 256 points that stay the same."""

    scope: ClassVar[Scope] = Scope.PARAMETERS
    needs: ClassVar[Needs] = Needs.LOSS

    def sampling_plan(self, unknowns: int) -> SamplingPlan:
        """2,048 Sobol points of each equation, 256 of each condition."""
        del unknowns
        return SamplingPlan()

    def draw(self, step: int) -> int:
        """Zero: the points stay the same."""
        del step
        return 0


SOLVERS: Registry[Method] = Registry("solver")
"""Solvers by class name and by the word of the command line."""

_MEMBERS = ("steps", "scope", "needs", "sampling_plan", "draw", "start", "step")


def on_readout(method: Method) -> TypeGuard[ReadoutSolver]:
    """Return whether a solver works on the linear read-out alone."""
    return method.scope is Scope.READOUT


def on_parameters(method: Method) -> TypeGuard[Solver]:
    """Return whether a solver works on all parameters of the fields."""
    return method.scope is Scope.PARAMETERS


def missing_members(candidate: object) -> tuple[str, ...]:
    """Members of `Solver` that an object lacks, at the boundary where users hand in their own."""
    return tuple(name for name in _MEMBERS if not hasattr(candidate, name))
