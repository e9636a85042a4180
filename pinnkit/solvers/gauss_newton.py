"""Gauss-Newton in a trust region, for sums of squares of small and middling fields: the sharpest of the solvers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from pinnkit.domains import Sampling, Sobol

from .damped import Linearisation, NormalEquations, SingularValues, Step
from .objective import RowObjective, State
from .polish import polished
from .spring import KernelEquations, kernel_of
from .trust_region import longest_step

__all__ = ["GaussNewton"]

_SMALL = 256
"""Up to so many parameters the singular values of J cost no more than its rows."""
_NUDGE = 0.1
"""The length, as a part of the step, over which the rows' second derivative along it is measured."""
_BENT = 0.75
"""The greatest 2 |a| / |p| at which a bent step is trusted; Transtrum & Sethna, section 4."""


@dataclass(frozen=True)
class GaussNewton:
    """Damped Gauss-Newton with a probed trust region and bent steps, in float64.

    Each step solves min |r + J p|^2 + lambda |p - v|^2, v a part of the step before, for the smallest lambda, near that
    of the step before, at which the true loss falls by `accept` of what the linear model foretells.  It is bent along
    the curvature of the rows, p - 1/2 (J^T J + lambda)^-1 J^T r_pp, where that lowers the loss further (geodesic
    acceleration): in the narrow, winding valleys of small networks this is worth a factor of ten in the loss.

    How the step is solved follows from the sizes: by the kernel J J^T where there are fewer rows than parameters (with
    the momentum this is SPRING); by singular values for at most 256 parameters, or once lambda has fallen to where the
    normal equations have no digits left; else by Cholesky of J^T J.

    Args:
        steps: how many at most.
        points: collocation points of each equation, where the term does not say; several times the number of
            parameters, since a field that can pass through all rows solves a wrong problem.
        condition_points: of each other term.
        sampling: how the points are laid out.
        resample: draw fresh points after so many steps; None keeps them.
        damping: lambda to begin with, relative to the mean of the diagonal of J^T J.
        accept: least fall of the loss, as a part of the foretold one.  Low: long steps.
        ratio: between the dampings that are probed.
        bend: whether steps are bent along the rows' second derivative.
        momentum: part of the step before that a step is damped towards, in [0, 1); dropped where it stands in the way.
        polish: solve for the linear read-out alone, by singular values, after every so many steps and after the last
            one; kept only where the loss falls.  None never does.

    Source: Webb, Jerad & Cartis, arXiv 2607.02194 (long steps by probing the true loss); Transtrum & Sethna, arXiv
    1201.5885 (geodesic acceleration); Goldshlager, Abrahamsen & Lin, J. Comput. Phys. 516 (2024) 113351 (momentum).
    """

    steps: int = 500
    points: int = 5000
    condition_points: int = 500
    sampling: Sampling = field(default_factory=Sobol)
    resample: int | None = None
    damping: float = 1e-3
    accept: float = 0.075
    ratio: float = 2.0
    bend: bool = True
    momentum: float = 0.6
    polish: int | None = None
    batch: None = None

    def __post_init__(self) -> None:
        for name in ("steps", "points", "condition_points", "resample", "polish"):
            value = getattr(self, name)
            if value is None and name in ("resample", "polish"):
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"GaussNewton: `{name}` must be a whole number of at least 1, got {value!r}")
        for name, low, high in (("damping", 0, math.inf), ("accept", 0, 1), ("ratio", 1, math.inf)):
            value = getattr(self, name)
            if not low < value < high:
                raise ValueError(f"GaussNewton: `{name}` must lie between {low} and {high}, got {value!r}")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"GaussNewton: `momentum` must be at least 0 and below 1, got {self.momentum!r}")
        if self.batch is not None:
            raise ValueError("GaussNewton: works on all points; use `resample` for fresh ones every few steps")

    def draw(self, step: int) -> int:
        """Which draw of the points a step uses."""
        return 0 if self.resample is None else step // self.resample

    def start(self, theta: Tensor) -> State:
        """The state before the first step."""
        return {
            "theta": theta,
            "loss": torch.full((), torch.inf, dtype=theta.dtype, device=theta.device),
            "damping": float(self.damping),
            "velocity": torch.zeros_like(theta),
            "exact": False,
            "step": 0,
            "stuck": -1,  # the draw at which no damping helped
            "done": False,
        }

    def step(self, objective: RowObjective, state: State) -> State:
        """One step; done when no damping lowers the loss."""
        theta, count = state["theta"], state["step"] + 1
        draw = int(getattr(objective, "draw", 0))
        if state["stuck"] == draw:  # nothing to try before the points change
            return {**state, "step": count}
        linear = self._linearise(objective, state)
        if linear is None:
            return {**state, "loss": torch.full_like(state["loss"], torch.nan), "terms": {}, "done": True}
        before = float(linear.rows.square().sum())
        found = longest_step(
            linear,
            lambda step: self._trial(objective, linear, theta, step),
            state["damping"],
            self.momentum * state["velocity"],
            accept=self.accept,
            ratio=self.ratio,
        )
        after = {**state, "step": count}
        loss = before
        if found is not None:
            theta, loss = theta + found.vector, found.loss
            exact = state["exact"] or found.damping <= linear.floor
            after |= {"damping": found.damping, "velocity": found.step.vector.to(theta), "exact": exact, "stuck": -1}
        else:
            after |= self._stuck(draw, state, linear)
        if self.polish is not None and (count % self.polish == 0 or count == self.steps):
            theta, loss = polished(objective, theta, loss)
        kind = state["loss"]
        return {**after, "theta": theta, "loss": torch.full_like(kind, loss), "terms": dict(objective.terms(theta))}

    def _linearise(self, objective: RowObjective, state: State) -> Linearisation | None:
        """The model at theta; None where a number in it is not finite."""
        theta = state["theta"]
        if len(objective.rows(theta)) < len(theta):
            kernel = kernel_of(objective, theta)
            if not _finite(kernel.rows, kernel.matrix):
                return None
            return KernelEquations(kernel, len(theta))
        rows, jacobian = objective.rows_and_jacobian(theta)
        if not _finite(rows, jacobian):
            return None
        exactly = state["exact"] or len(theta) <= _SMALL
        return (SingularValues if exactly else NormalEquations)(rows, jacobian)

    def _trial(
        self, objective: RowObjective, linear: Linearisation, theta: Tensor, step: Step
    ) -> tuple[Tensor, Tensor]:
        """The step, or what it bends to if that lowers the loss further, beside the rows there."""
        straight = step.vector.to(theta)
        rows = objective.rows(theta + straight)
        if not self.bend:
            return straight, rows
        nudged = objective.rows(theta + _NUDGE * straight).double()
        second = (2 / _NUDGE) * ((nudged - linear.rows) / _NUDGE - step.image)
        if not bool(torch.isfinite(second).all()):
            return straight, rows
        bent = 0.5 * step.back(second)
        if not 2 * float(bent.norm()) <= _BENT * float(step.vector.norm()):
            return straight, rows
        curved = (step.vector + bent).to(theta)
        there = objective.rows(theta + curved)
        better = float(there.double().square().sum()) < float(rows.double().square().sum())
        return (curved, there) if better else (straight, rows)

    def _stuck(self, draw: int, state: State, linear: Linearisation) -> State:
        """What to try after no damping helped: all digits, then fresh points; done where nothing is left."""
        if isinstance(linear, NormalEquations):
            return {"exact": True, "damping": float(self.damping)}
        changing = self.resample is not None or "seen" in state  # the loop keeps there what it changes
        last = not changing or state["stuck"] != -1
        return {"stuck": draw, "damping": float(self.damping), "done": last}


def _finite(*tensors: Tensor) -> bool:
    return all(bool(torch.isfinite(t.sum())) for t in tensors)  # one pass, and no mask as large as the Jacobian
