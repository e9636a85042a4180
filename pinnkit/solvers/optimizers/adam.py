"""Adam."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from pinnkit.domains import Sampling, Sobol
from pinnkit.solvers.protocols import Objective, State

from .schedules import Cosine, Schedule

__all__ = ["Adam"]

_RATE = 2e-3
"""Where a field does not say which learning rate suits it."""


@dataclass(frozen=True)
class Adam:
    """Adam with a schedule, on all points or on fresh minibatches.

    Args:
        steps: how many.
        lr: learning rate before the schedule; None takes what the fields say suits each of their parameters, and 2e-3
            where they say nothing.
        schedule: its factor against steps.
        points: collocation points of each equation, where the term does not say.
        condition_points: of each other term.
        batch: None takes all points at each step; a number takes so many fresh points of every term at each step.
        resample: draw fresh points after so many steps; None keeps them.
        betas: decay of the first and second moment.
        eps: added to the root of the second moment.
        sampling: how the points are laid out.

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

    def draw(self, step: int) -> int:
        """Which draw of the points a step uses."""
        if self.batch is not None:
            return step
        return 0 if self.resample is None else step // self.resample

    def start(self, theta: Tensor) -> State:
        """The state before the first step."""
        zero = torch.zeros_like(theta)
        return {"theta": theta, "m": zero, "v": zero.clone(), "step": 0, "loss": _nothing(theta), "done": False}

    def step(self, objective: Objective, state: State) -> State:
        """One step along the bias-corrected moments."""
        found = objective.evaluate(state["theta"])
        k = state["step"] + 1
        b1, b2 = self.betas
        m = torch.lerp(state["m"], found.gradient, 1 - b1)
        v = (state["v"] * b2).addcmul_(found.gradient, found.gradient, value=1 - b2)
        root = v.sqrt().mul_((1 - b2**k) ** -0.5).add_(self.eps)
        factor = self.schedule.factor(state["step"], self.steps) / (1 - b1**k)
        rates = self._rates(objective)
        if isinstance(rates, Tensor):
            theta = torch.addcmul(state["theta"], torch.div(m, root, out=root), rates, value=-factor)
        else:
            theta = torch.addcdiv(state["theta"], m, root, value=-rates * factor)
        return {
            "theta": theta,
            "m": m,
            "v": v,
            "step": k,
            "loss": found.loss,
            "terms": dict(found.terms),
            "done": False,
        }

    def _rates(self, objective: Objective) -> float | Tensor:
        """One learning rate, or one for each entry of theta."""
        if self.lr is not None:
            return self.lr
        said = getattr(objective, "rates", None)
        found: Tensor | None = None if said is None else said(_RATE)
        return _RATE if found is None else found


def _nothing(theta: Tensor) -> Tensor:
    return torch.full((), torch.inf, dtype=theta.dtype, device=theta.device)
