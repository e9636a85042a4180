"""SOAP and Muon of the library pytorch-optimizer, as solvers: for large networks, whose curvature no matrix holds.

They see weight matrices, not one flat vector.  Each step builds the library's optimiser anew around the parameters and
gives it the state that the step before left, which is a dict of tensors and numbers: so a step changes nothing that it
was given, and a stored state goes on bit for bit.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from pinnkit.domains import Sampling, Sobol
from pinnkit.solvers.protocols import Objective, State

from .schedules import Cosine, Schedule

__all__ = ["SOAP", "Muon"]

_LIBRARY = "pytorch_optimizer"
_HIDDEN = 8
"""Muon takes matrices of at least so many rows and columns: those between hidden layers."""


@dataclass(frozen=True)
class _LibraryOptimiser:
    """What the two have in common; see `SOAP`."""

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

    def draw(self, step: int) -> int:
        """Which draw of the points a step uses."""
        if self.batch is not None:
            return step
        return 0 if self.resample is None else step // self.resample

    def start(self, theta: Tensor) -> State:
        """The state before the first step.

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

    def step(self, objective: Objective, state: State) -> State:
        """One step of the library's optimiser at the scheduled learning rate."""
        theta, taken = state["theta"], state["step"]
        found = objective.evaluate(theta)
        parameters = _split(theta.clone(), shapes_of(objective, theta))
        factor = self.schedule.factor(taken, self.steps)
        optimiser = self._optimiser(parameters, factor)
        for group in optimiser.param_groups:
            group["step"] = taken
        for parameter, gradient in zip(parameters, _split(found.gradient.clone(), parameters), strict=True):
            parameter.grad = gradient
        for parameter, kept in zip(parameters, state["each"], strict=False):  # none before the first step
            optimiser.state[parameter] = _copied(kept)
        optimiser.step()
        return {
            "theta": torch.cat([p.detach().reshape(-1) for p in parameters]),
            "step": taken + 1,
            "each": [_copied(optimiser.state[p]) for p in parameters],
            "loss": found.loss,
            "terms": dict(found.terms),
            "done": False,
        }

    def _optimiser(self, parameters: Sequence[Tensor], factor: float) -> torch.optim.Optimizer:
        raise NotImplementedError


@dataclass(frozen=True)
class SOAP(_LibraryOptimiser):
    """Adam in the eigenbasis of Shampoo's preconditioner: a factor for the rows and one for the columns of each matrix.

    Its first step only begins the preconditioner.  It needs fewer steps than Adam, each a little dearer; on small
    networks `LBFGS`, `SSBroyden` and Gauss-Newton are far ahead of it.  Needs `pip install "pinnkit[optimizers]"`.

    Args:
        steps: how many.
        lr: learning rate before the schedule.
        schedule: its factor against steps.
        points: collocation points of each equation, where the term does not say.
        condition_points: of each other term.
        batch: None takes all points at each step; a number takes so many fresh points of every term at each step.
        resample: draw fresh points after so many steps; None keeps them.
        sampling: how the points are laid out.
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


@dataclass(frozen=True)
class Muon(_LibraryOptimiser):
    """Momentum made orthogonal by Newton-Schulz iterations for hidden weight matrices, Adam for all else.

    All else are biases, the first layer and the read-out: vectors, and matrices with fewer than eight rows or columns.
    Needs `pip install "pinnkit[optimizers]"`.

    Args:
        steps: how many.
        lr: learning rate of the matrices before the schedule.
        schedule: its factor against steps, for both rates.
        points: collocation points of each equation, where the term does not say.
        condition_points: of each other term.
        batch: None takes all points at each step; a number takes so many fresh points of every term at each step.
        resample: draw fresh points after so many steps; None keeps them.
        sampling: how the points are laid out.
        momentum: decay of the momentum.
        adam_lr: learning rate of all else.
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
        groups: list[dict[str, Any]] = [
            {"params": hidden, "use_muon": True, "lr": self.lr * factor, "momentum": self.momentum},
            {"params": rest, "use_muon": False, "lr": self.adam_lr * factor, "betas": self.betas, "eps": 1e-8},
        ]
        made: torch.optim.Optimizer = Library([g for g in groups if g["params"]], foreach=False)
        return made


def _is_hidden(parameter: Tensor) -> bool:
    return parameter.ndim == 2 and min(parameter.shape) >= _HIDDEN


def shapes_of(objective: object, theta: Tensor) -> list[torch.Size]:
    """The shapes of the tensors that theta is made of, in order; one vector where the objective does not say."""
    parameters = getattr(objective, "parameters", None)
    return [theta.shape] if parameters is None else [t.shape for t in parameters.tensors]


def _split(theta: Tensor, shapes: Sequence[torch.Size | Tensor]) -> list[Tensor]:
    """Pieces of theta in these shapes, or those of these tensors; memory is shared."""
    sizes = [s.shape if isinstance(s, Tensor) else s for s in shapes]
    pieces = theta.split([math.prod(s) for s in sizes])
    return [piece.view(s).requires_grad_(False) for piece, s in zip(pieces, sizes, strict=True)]


def _copied(value: Any) -> Any:
    """The same with tensors of its own, as the library writes into its state, and laid out as files have them.

    A factor that comes from QR lies in memory column by column, and products with it round otherwise than by rows.
    """
    if isinstance(value, Tensor):
        return value.clone(memory_format=torch.contiguous_format)
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, (list, tuple)) else value
