"""Adam with a learning-rate schedule."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TypedDict, cast

import torch
from torch import Tensor

from pinnkit.domains import Sampling, Sobol
from pinnkit.solvers.protocols import SOLVERS, LossObjective, SamplingPlan, SolverDefaults, State

from .schedules import Cosine, Exponential, Schedule

__all__ = ["Adam"]

_RATE = 2e-3
"""Learning rate of parameters for which the field suggests none."""


class _AdamState(TypedDict):
    theta: Tensor
    m: Tensor  # first moment (P,)
    v: Tensor  # second moment (P,)
    step: int


@SOLVERS.register("adam", examples=lambda: {"Adam": Adam(steps=4000, lr=0.05, schedule=Exponential(0.9, 100))})
@dataclass(frozen=True)
class Adam(SolverDefaults):
    """Adam with a schedule, on all points or on fresh minibatches.

    m <- b1 m + (1 - b1) g,  v <- b2 v + (1 - b2) g^2,
    theta <- theta - lr m / (1 - b1^k) / (sqrt(v / (1 - b2^k)) + eps)

    Args:
        steps: number of steps.
        lr: learning rate before the schedule; None takes the rates that the fields suggest for their parameters, and
            2e-3 for all others.
        schedule: factor of the learning rate against steps.
        points: collocation points of each equation, where the term does not say.
        condition_points: of each other term.
        batch: None takes all points at each step; a number takes that many fresh points of every term at each step.
        resample: steps between two draws of fresh points; None keeps the points.
        betas: decay of the first and second moment.
        eps: added to the root of the second moment.
        sampling: layout of the points.

    Source: Kingma & Ba, Adam, ICLR 2015, algorithm 1.
    """

    steps: int = 500
    lr: float | None = None
    schedule: Schedule = field(default_factory=Cosine)
    points: int = 2048
    condition_points: int = 256
    batch: int | None = None
    resample: int | None = None
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    sampling: Sampling = field(default_factory=Sobol)

    def __post_init__(self) -> None:
        for name in ("steps", "points", "condition_points", "batch", "resample"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"Adam: `{name}` must be at least 1, got {value}")
        if self.lr is not None and not (self.lr > 0 and math.isfinite(self.lr)):
            raise ValueError(f"Adam: `lr` must be positive, got {self.lr}")

    def sampling_plan(self, unknowns: int) -> SamplingPlan:  # noqa: ARG002  (the protocol's signature)
        """Points as given, whatever the number of parameters."""
        return SamplingPlan(self.points, self.condition_points, self.batch, self.sampling)

    def draw(self, step: int) -> int:
        """Number of the draw of points that a step uses."""
        if self.batch is not None:
            return step
        return 0 if self.resample is None else step // self.resample

    def start(self, theta: Tensor) -> State:
        """State before the first step."""
        zero = torch.zeros_like(theta)
        return {"theta": theta, "m": zero, "v": zero.clone(), "step": 0, "loss": _nothing(theta), "done": False}

    def step(self, objective: LossObjective, state: State) -> State:
        """One step along the bias-corrected moments."""
        own = cast(_AdamState, state)
        found = objective.evaluate(own["theta"])
        k = own["step"] + 1
        b1, b2 = self.betas
        m = torch.lerp(own["m"], found.gradient, 1 - b1)
        v = (own["v"] * b2).addcmul_(found.gradient, found.gradient, value=1 - b2)
        root = v.sqrt().mul_((1 - b2**k) ** -0.5).add_(self.eps)
        factor = self.schedule.factor(own["step"], self.steps) / (1 - b1**k)
        rates = self._rates(objective)
        if isinstance(rates, Tensor):
            theta = torch.addcmul(own["theta"], torch.div(m, root, out=root), rates, value=-factor)
        else:
            theta = torch.addcdiv(own["theta"], m, root, value=-rates * factor)
        return {
            "theta": theta,
            "m": m,
            "v": v,
            "step": k,
            "loss": found.loss,
            "terms": dict(found.terms),
            "done": False,
        }

    def _rates(self, objective: LossObjective) -> float | Tensor:
        """One learning rate, or one for each entry of theta."""
        if self.lr is not None:
            return self.lr
        suggested = objective.learning_rates(_RATE)
        return _RATE if suggested is None else suggested


def _nothing(theta: Tensor) -> Tensor:
    return torch.full((), torch.inf, dtype=theta.dtype, device=theta.device)
