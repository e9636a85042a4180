"""SOAP and Muon of the library pytorch-optimizer, for networks too large for a curvature matrix.

They work on weight matrices, not on one flat vector.  Each step builds the library's optimiser anew around the
parameters and gives it the state of the previous step, a dict of tensors and numbers: so a step changes nothing that it
was given, and a stored state continues bit for bit.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict, cast

import torch
from torch import Tensor

from pinnkit.domains import Sampling, Sobol
from pinnkit.solvers.protocols import SOLVERS, LossObjective, SamplingPlan, SolverDefaults, State, StateValue

from .schedules import Constant, Cosine, Schedule

__all__ = ["SOAP", "Muon"]

_LIBRARY = "pytorch_optimizer"
_HIDDEN = 8
"""Least number of rows and columns of a matrix that Muon takes: those between hidden layers."""


class _LibraryState(TypedDict):
    theta: Tensor
    step: int
    each: Sequence[Mapping[str, StateValue]]  # the library's state of each parameter, in order


@dataclass(frozen=True)
class _LibraryOptimiser(SolverDefaults):
    """Common part of both methods; see `SOAP`."""

    steps: int = 2000
    lr: float = 3e-3
    schedule: Schedule = field(default_factory=Cosine)
    points: int = 2048
    condition_points: int = 256
    batch: int | None = None
    resample: int | None = None
    sampling: Sampling = field(default_factory=Sobol)

    def __post_init__(self) -> None:
        name = type(self).__name__
        for key in ("steps", "points", "condition_points", "batch", "resample"):
            value = getattr(self, key)
            if value is not None and value < 1:
                raise ValueError(f"{name}: `{key}` must be at least 1, got {value}")
        if not self.lr > 0 or not math.isfinite(self.lr):
            raise ValueError(f"{name}: `lr` must be positive, got {self.lr}")

    def sampling_plan(self, unknowns: int) -> SamplingPlan:  # noqa: ARG002  (the protocol's signature)
        """Points as given, whatever the number of parameters."""
        return SamplingPlan(self.points, self.condition_points, self.batch, self.sampling)

    def draw(self, step: int) -> int:
        """Number of the draw of points that a step uses."""
        if self.batch is not None:
            return step
        return 0 if self.resample is None else step // self.resample

    def start(self, theta: Tensor) -> State:
        """State before the first step.

        Raises:
            ModuleNotFoundError: where the library is not installed, with the command that installs it.
        """
        if importlib.util.find_spec(_LIBRARY) is None:
            raise ModuleNotFoundError(
                f"{type(self).__name__} is part of the library pytorch-optimizer, which is not installed; "
                f'pip install "pinnkit[optimizers]" installs it'
            )
        inf = torch.full((), torch.inf, dtype=theta.dtype, device=theta.device)
        return {"theta": theta, "step": 0, "each": [], "loss": inf, "done": False}

    def step(self, objective: LossObjective, state: State) -> State:
        """One step of the library's optimiser at the scheduled learning rate."""
        own = cast(_LibraryState, state)
        theta, taken = own["theta"], own["step"]
        found = objective.evaluate(theta)
        parameters = _split(theta.clone(), objective.parameter_shapes(theta))
        factor = self.schedule.factor(taken, self.steps)
        optimiser = self._optimiser(parameters, factor)
        for group in optimiser.param_groups:
            group["step"] = taken
        for parameter, gradient in zip(parameters, _split(found.gradient.clone(), parameters), strict=True):
            parameter.grad = gradient
        for parameter, kept in zip(parameters, own["each"], strict=False):  # none before the first step
            optimiser.state[parameter] = _copy(kept)
        optimiser.step()
        return {
            "theta": torch.cat([p.detach().reshape(-1) for p in parameters]),
            "step": taken + 1,
            "each": [_copy(optimiser.state[p]) for p in parameters],
            "loss": found.loss,
            "terms": dict(found.terms),
            "done": False,
        }

    def _optimiser(self, parameters: Sequence[Tensor], factor: float) -> torch.optim.Optimizer:
        raise NotImplementedError


@SOLVERS.register("soap", examples=lambda: {"SOAP": SOAP(steps=300, lr=0.1, schedule=Constant())})
@dataclass(frozen=True)
class SOAP(_LibraryOptimiser):
    """Adam in the eigenbasis of Shampoo's preconditioner: a factor for the rows and one for the columns of each matrix.

    Its first step only begins the preconditioner.  It needs fewer steps than Adam, each a little more costly; on small
    networks `LBFGS`, `SSBroyden` and Gauss-Newton are far more accurate.  Needs `pip install "pinnkit[optimizers]"`.

    Args:
        steps: number of steps.
        lr: learning rate before the schedule.
        schedule: factor of the learning rate against steps.
        points: collocation points of each equation, where the term does not say.
        condition_points: of each other term.
        batch: None takes all points at each step; a number takes that many fresh points of every term at each step.
        resample: steps between two draws of fresh points; None keeps the points.
        sampling: layout of the points.
        betas: decay of the first and second moment.
        every: steps between two updates of the eigenbasis.
        eps: added to the root of the second moment.

    Source: Vyas et al., SOAP: improving and stabilizing Shampoo using Adam, ICLR 2025, algorithm 3.
    """

    betas: tuple[float, float] = (0.95, 0.95)
    every: int = 10
    eps: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.every < 1:
            raise ValueError(f"SOAP: `every` must be at least 1, got {self.every}")

    def _optimiser(self, parameters: Sequence[Tensor], factor: float) -> torch.optim.Optimizer:
        from pytorch_optimizer import SOAP as Library

        made: torch.optim.Optimizer = Library(
            parameters,
            lr=self.lr * factor,
            betas=self.betas,
            weight_decay=0.0,
            precondition_frequency=self.every,
            eps=self.eps,
        )
        return made


@SOLVERS.register("muon", examples=lambda: {"Muon": Muon(steps=300, adam_lr=0.1, schedule=Constant())})
@dataclass(frozen=True)
class Muon(_LibraryOptimiser):
    """Momentum made orthogonal by Newton-Schulz iterations for hidden weight matrices, Adam for all other parameters.

    The other parameters are biases, the first layer and the read-out: vectors, and matrices with fewer than eight rows
    or columns.  Needs `pip install "pinnkit[optimizers]"`.

    Args:
        steps: number of steps.
        lr: learning rate of the matrices before the schedule.
        schedule: factor of both learning rates against steps.
        points: collocation points of each equation, where the term does not say.
        condition_points: of each other term.
        batch: None takes all points at each step; a number takes that many fresh points of every term at each step.
        resample: steps between two draws of fresh points; None keeps the points.
        sampling: layout of the points.
        momentum: decay of the momentum.
        adam_lr: learning rate of all other parameters.
        betas: decay of Adam's moments.

    Source: Jordan et al., Muon: an optimizer for hidden layers in neural networks, 2024; Bernstein & Newhouse, Old
    optimizer, new norm, 2024.
    """

    lr: float = 5e-3
    momentum: float = 0.95
    adam_lr: float = 2e-3
    betas: tuple[float, float] = (0.9, 0.99)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.momentum < 1 or not self.adam_lr > 0:
            raise ValueError(
                f"Muon: `momentum` must lie in [0, 1) and `adam_lr` be positive, got {self.momentum}, {self.adam_lr}"
            )

    def _optimiser(self, parameters: Sequence[Tensor], factor: float) -> torch.optim.Optimizer:
        from pytorch_optimizer import Muon as Library

        hidden = [p for p in parameters if _is_hidden(p)]
        rest = [p for p in parameters if not _is_hidden(p)]
        groups: list[dict[str, object]] = [
            {"params": hidden, "use_muon": True, "lr": self.lr * factor, "momentum": self.momentum},
            {"params": rest, "use_muon": False, "lr": self.adam_lr * factor, "betas": self.betas, "eps": 1e-8},
        ]
        made: torch.optim.Optimizer = Library([g for g in groups if g["params"]], foreach=False)
        return made


def _is_hidden(parameter: Tensor) -> bool:
    return parameter.ndim == 2 and min(parameter.shape) >= _HIDDEN


def _split(theta: Tensor, shapes: Sequence[torch.Size | Tensor]) -> list[Tensor]:
    """Views of theta in these shapes, or in the shapes of these tensors."""
    sizes = [s.shape if isinstance(s, Tensor) else s for s in shapes]
    pieces = theta.split([math.prod(s) for s in sizes])
    return [piece.view(s).requires_grad_(False) for piece, s in zip(pieces, sizes, strict=True)]


def _copy(value: StateValue) -> StateValue:
    """Deep copy with contiguous tensors: the library writes into its state, and files store tensors row by row.

    A factor from QR is stored column by column, and products with it round differently.
    """
    if isinstance(value, Tensor):
        return value.clone(memory_format=torch.contiguous_format)
    if isinstance(value, Mapping):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, (list, tuple)) else value
