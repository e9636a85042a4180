"""L-BFGS with a strong Wolfe line search, on all points."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NotRequired, TypedDict, cast

import torch
from torch import Tensor

from pinnkit.domains import Sampling, Sobol
from pinnkit.solvers.protocols import SOLVERS, Evaluation, LossObjective, SamplingPlan, SolverDefaults, State

from .line_search import Trial, wolfe

__all__ = ["LBFGS"]


class _LBFGSState(TypedDict):
    theta: Tensor
    loss: Tensor
    s: Sequence[Tensor]  # steps (P,) of the stored pairs
    y: Sequence[Tensor]  # their differences of gradients
    version: NotRequired[int]  # of the loss to which the pairs belong
    gradient: NotRequired[Tensor]
    terms: NotRequired[Mapping[str, Tensor]]


@SOLVERS.register("lbfgs", examples=lambda: {"LBFGS": LBFGS(steps=100)})
@dataclass(frozen=True)
class LBFGS(SolverDefaults):
    """Limited-memory BFGS; one step is one line search.

    It ends when no step lowers the loss any more: after a failed line search the memory is dropped and one search
    along the gradient is made; if that fails as well, the solver is done.

    Args:
        steps: number of line searches at most.
        memory: number of stored pairs of steps and gradient differences.
        points: collocation points of each equation, where the term does not say.
        condition_points: of each other term.
        evaluations: loss evaluations per line search at most.
        c1: sufficient decrease.
        c2: curvature, both of the strong Wolfe conditions.
        sampling: layout of the points.

    Source: Nocedal & Wright, Numerical Optimization, 2nd ed., algorithms 7.4 (two loops), 3.5 and 3.6 (line search).
    """

    steps: int = 2000
    memory: int = 50
    points: int = 2048
    condition_points: int = 256
    evaluations: int = 20
    c1: float = 1e-4
    c2: float = 0.9
    sampling: Sampling = field(default_factory=Sobol)
    batch: None = None

    def __post_init__(self) -> None:
        for name in ("steps", "memory", "points", "condition_points", "evaluations"):
            if getattr(self, name) < 1:
                raise ValueError(f"LBFGS: `{name}` must be at least 1, got {getattr(self, name)}")
        if not 0 < self.c1 < self.c2 < 1:
            raise ValueError(f"LBFGS: the line search needs 0 < c1 < c2 < 1, got c1={self.c1}, c2={self.c2}")
        if self.batch is not None:
            raise ValueError("LBFGS: works on all points; use Adam(batch=...) for minibatches")

    def sampling_plan(self, unknowns: int) -> SamplingPlan:  # noqa: ARG002  (the protocol's signature)
        """Points as given, the same at every step: curvature pairs need one loss function."""
        return SamplingPlan(self.points, self.condition_points, None, self.sampling)

    def start(self, theta: Tensor) -> State:
        """State before the first step."""
        inf = torch.full((), torch.inf, dtype=theta.dtype, device=theta.device)
        return {"theta": theta, "loss": inf, "s": [], "y": [], "done": False}

    def step(self, objective: LossObjective, state: State) -> State:
        """One quasi-Newton step."""
        own = cast(_LBFGSState, state)
        theta, version = own["theta"], objective.version
        if own.get("version", version) != version:  # other points or weights: curvature pairs need one loss function
            state = self.start(theta)
            own = cast(_LBFGSState, state)
        if "gradient" in own:
            here = Evaluation(own["loss"], own["gradient"], own["terms"])
        else:
            here = objective.evaluate(theta)
            if not bool(torch.isfinite(here.loss)):
                return {**state, "loss": here.loss, "done": True}
        s, y = list(own["s"]), list(own["y"])
        direction = -_two_loops(here.gradient, s, y)
        slope = here.gradient @ direction
        if not slope < 0:  # rounding spoiled the memory
            s, y = [], []
            direction, slope = -here.gradient, -(here.gradient @ here.gradient)
        if not slope < 0:  # the gradient vanishes
            return {**state, **_pack(theta, here), "done": True}
        first = 1.0 if s else min(1.0, 1.0 / float(here.gradient.abs().sum()))
        end = self._search(lambda a: objective.evaluate(theta + a * direction), here, direction, slope, first)
        if end is None:
            return {**state, **_pack(theta, here), "s": [], "y": [], "version": version, "done": not s}
        step = end.length * direction
        change = end.at.gradient - here.gradient
        if step @ change > 1e-10 * change.norm() * step.norm():
            s, y = [*s, step][-self.memory :], [*y, change][-self.memory :]
        return {**_pack(theta + step, end.at), "s": s, "y": y, "version": version, "done": False}

    def _search(
        self, phi: Callable[[float], Evaluation], here: Evaluation, direction: Tensor, slope: Tensor, first: float
    ) -> Trial | None:
        return wolfe(phi, here, direction, float(slope), first, evaluations=self.evaluations, c1=self.c1, c2=self.c2)


def _two_loops(g: Tensor, s: list[Tensor], y: list[Tensor]) -> Tensor:
    """H g for the inverse Hessian H of the stored pairs, algorithm 7.4."""
    if not s:
        return g
    rho = [1.0 / (b @ a) for a, b in zip(s, y, strict=True)]
    alphas: list[Tensor] = []
    q = g
    for a, b, r in zip(reversed(s), reversed(y), reversed(rho), strict=True):
        alpha = r * (a @ q)
        alphas.append(alpha)
        q = q - alpha * b
    q = q * ((s[-1] @ y[-1]) / (y[-1] @ y[-1]))
    for a, b, r, alpha in zip(s, y, rho, reversed(alphas), strict=True):
        q = q + (alpha - r * (b @ q)) * a
    return q


def _pack(theta: Tensor, at: Evaluation) -> State:
    return {"theta": theta, "loss": at.loss, "gradient": at.gradient, "terms": dict(at.terms)}
