"""Gauss-Newton in a trust region, for sums of squares of small and middling fields: the sharpest of the solvers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from pinnkit.domains import Sampling, Sobol
from pinnkit.solvers.protocols import RowObjective, State

from .levenberg_marquardt import Linearisation, NormalEquations, SingularValues, Step
from .trust_region import longest_step
from .variable_projection import polished
from .woodbury_gauss_newton import KernelEquations, kernel_of

__all__ = ["GaussNewton"]

_SMALL = 256
"""Up to so many parameters the singular values of J cost no more than its rows."""
_NUDGE = 0.1
"""The length, as a part of the step, over which the rows' second derivative along it is measured."""
_BENT = 0.75
"""The greatest 2 |a| / |p| at which a bent step is trusted; Transtrum & Sethna, section 4."""
_WORTH = 0.99
"""A correction is followed by another while it lowers the loss to this fraction."""


@dataclass(frozen=True)
class GaussNewton:
    """Damped Gauss-Newton with a probed trust region and steps that follow the curvature of the rows, in float64.

    Each step solves min |r + J p|^2 + lambda |p - v|^2, v a part of the step before, for the smallest lambda, near that
    of the step before, at which the true loss falls by `accept` of what the linear model foretells.  Small networks
    have narrow, winding valleys, in which straight steps must be short.  So each is bent along the rows' second
    derivative, p - 1/2 (J^T J + lambda)^-1 J^T r_pp (geodesic acceleration), and then corrected until the rows are what
    the linear model foretells, p <- p - (J^T J + lambda)^-1 J^T (r(theta + p) - r - J p_0): a few losses and products
    with the factors at hand, for steps that are many times as long.

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
        corrections: at most so many after that, while each lowers the loss.
        momentum: part of the step before that a step is damped towards, in [0, 1); dropped where it stands in the way.
        polish: solve for the linear read-out alone, by singular values, after every so many steps and after the last
            one; kept only where the loss falls.  None never does.

    Source: Webb, Jerad & Cartis, arXiv 2607.02194 (long steps by probing the true loss); Transtrum & Sethna, arXiv
    1201.5885 (geodesic acceleration); Deuflhard, Newton Methods for Nonlinear Problems, 2004, section 2.1 (simplified
    Newton, as which the corrections meet the rows foretold); Goldshlager, Abrahamsen & Lin, J. Comput. Phys. 516 (2024)
    113351 (momentum).
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
    corrections: int = 6
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
        if isinstance(self.corrections, bool) or not isinstance(self.corrections, int) or self.corrections < 0:
            raise ValueError(
                f"GaussNewton: `corrections` must be a whole number of at least 0, got {self.corrections!r}"
            )
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
            "exact": False,  # whether the normal equations have no digits left, at this draw
            "draw": -1,
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
        exact = state["exact"] and state["draw"] == draw
        linear = self._linearise(objective, theta, exact=exact)
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
        after = {**state, "step": count, "draw": draw, "exact": exact}
        loss = before
        if found is not None:
            theta, loss = theta + found.vector, found.loss
            exact = exact or found.damping <= linear.floor
            after |= {"damping": found.damping, "velocity": found.step.vector.to(theta), "exact": exact, "stuck": -1}
        else:
            after |= self._stuck(draw, state, linear)
        if self.polish is not None and (count % self.polish == 0 or count == self.steps):
            theta, loss = polished(objective, theta, loss)
        kind = state["loss"]
        return {**after, "theta": theta, "loss": torch.full_like(kind, loss), "terms": dict(objective.terms(theta))}

    def _linearise(self, objective: RowObjective, theta: Tensor, *, exact: bool) -> Linearisation | None:
        """The model at theta; None where a number in it is not finite."""
        if len(objective.rows(theta)) < len(theta):
            kernel = kernel_of(objective, theta)
            if not _finite(kernel.rows, kernel.matrix):
                return None
            return KernelEquations(kernel, len(theta))
        rows, jacobian = objective.rows_and_jacobian(theta)
        if not _finite(rows, jacobian):
            return None
        exact = exact or len(theta) <= _SMALL
        return SingularValues(rows, jacobian) if exact else NormalEquations(rows, jacobian)

    def _trial(
        self, objective: RowObjective, linear: Linearisation, theta: Tensor, step: Step
    ) -> tuple[Tensor, Tensor]:
        """What to add to theta so that the rows become what the linear model foretells, and the rows there."""
        vector = step.vector.to(theta)
        rows, loss = _there(objective, theta + vector)
        if self.bend and math.isfinite(loss):
            nudged, _ = _there(objective, theta + _NUDGE * vector)
            second = (2 / _NUDGE) * ((nudged - linear.rows) / _NUDGE - step.image)
            bent = 0.5 * step.back(second)
            if 2 * float(bent.norm()) <= _BENT * float(step.vector.norm()):
                curved = vector + bent.to(theta)
                there, found = _there(objective, theta + curved)
                if found < loss:
                    vector, rows, loss = curved, there, found
        foretold = linear.rows + step.image
        for _ in range(self.corrections if math.isfinite(loss) else 0):
            corrected = vector + step.back(rows - foretold).to(theta)
            there, found = _there(objective, theta + corrected)
            if not found < loss:
                break
            helped = found < _WORTH * loss
            vector, rows, loss = corrected, there, found
            if not helped:
                break
        return vector, rows

    def _stuck(self, draw: int, state: State, linear: Linearisation) -> State:
        """What to try after no damping helped: all digits, then fresh points; done where nothing is left."""
        if isinstance(linear, NormalEquations):
            return {"exact": True, "damping": float(self.damping)}
        changing = self.resample is not None or "seen" in state  # the loop keeps there what it changes
        last = not changing or state["stuck"] != -1
        return {"stuck": draw, "damping": float(self.damping), "done": last}


def _there(objective: RowObjective, theta: Tensor) -> tuple[Tensor, float]:
    """The rows in float64 and their loss, infinite where it is not finite."""
    rows = objective.rows(theta).double()
    loss = float(rows @ rows)
    return rows, loss if math.isfinite(loss) else math.inf


def _finite(*tensors: Tensor) -> bool:
    return all(bool(torch.isfinite(t.sum())) for t in tensors)  # one pass, and no mask as large as the Jacobian
