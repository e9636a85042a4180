"""Gauss-Newton in a trust region, for sums of squares of fields with up to a few thousand parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar, TypedDict, cast

import torch
from torch import Tensor

from pinnkit.domains import Sampling, Sobol
from pinnkit.solvers.protocols import SOLVERS, Needs, RowObjective, SamplingPlan, SolverDefaults, State, StateValue

from .levenberg_marquardt import Linearisation, NormalEquations, SingularValues, Step
from .trust_region import longest_step
from .variable_projection import variable_projection
from .woodbury_gauss_newton import WoodburyEquations

__all__ = ["GaussNewton"]

_SMALL = 256
"""Number of parameters up to which the singular values of J cost no more than its rows."""
_NUDGE = 0.1
"""Length, as a fraction of the step, over which the second derivative of the rows along it is measured."""
_ACCELERATED = 0.75
"""Greatest 2 |a| / |p| at which an accelerated step is trusted; Transtrum & Sethna, section 4."""
_WORTH = 0.99
"""Fraction of the loss that a correction has to reach to be followed by another."""


class _GaussNewtonState(TypedDict):
    theta: Tensor
    loss: Tensor
    damping: float
    velocity: Tensor  # the previous step (P,)
    exact: bool  # the normal equations have lost their precision, at this version of the loss
    version: int
    step: int
    stuck: int  # version of the loss at which no damping helped, or -1


@SOLVERS.register("gauss-newton", examples=lambda: {"GaussNewton": GaussNewton(steps=60)})
@dataclass(frozen=True)
class GaussNewton(SolverDefaults):
    """Damped Gauss-Newton in a trust region, with geodesic acceleration and corrections of the steps, in float64.

    Each step solves min |r + J p|^2 + lambda |p - v|^2, v a fraction of the previous step, for the smallest lambda,
    near the previous one, at which the true loss falls by `accept` times the reduction that the linear model predicts.
    Small networks have narrow, curved valleys, in which straight steps must be short.  So each step is accelerated
    along the second derivative of the rows, p - 1/2 (J^T J + lambda)^-1 J^T r_pp (geodesic acceleration), and then
    corrected until the rows are those of the linear model, p <- p - (J^T J + lambda)^-1 J^T (r(theta + p) - r - J p_0):
    a few losses and products with the factors at hand, for steps that are many times as long.

    The factorisation follows from the sizes: the kernel J J^T for fewer rows than parameters (with momentum this is
    SPRING); singular values for at most 256 parameters, or once lambda has fallen to where the normal equations have
    lost their precision; else Cholesky of J^T J.

    Args:
        steps: number of steps at most.
        points: collocation points of each equation, where the term does not say; several times the number of
            parameters, since a field that can make all rows vanish overfits the points.
        condition_points: of each other term.
        sampling: layout of the points.
        resample: steps between two draws of fresh points; None keeps the points.
        damping: initial lambda, relative to the mean of the diagonal of J^T J.
        accept: least actual-to-predicted reduction of the loss.  Low: long steps.
        ratio: of neighbouring dampings that are tried.
        geodesic: whether steps are accelerated along the second derivative of the rows.
        corrections: number of corrections at most, while each lowers the loss.
        momentum: fraction of the previous step at which the damping is centred, in [0, 1); dropped where it hinders.
        project_every: steps between two variable projections, which solve for the linear read-out alone by singular
            values, also after the last step; kept only where the loss falls.  None makes none.

    Source: Webb, Jerad & Cartis, arXiv 2607.02194 (long steps by evaluating the true loss); Transtrum & Sethna, arXiv
    1201.5885 (geodesic acceleration); Deuflhard, Newton Methods for Nonlinear Problems, 2004, section 2.1 (simplified
    Newton, as the corrections are); Goldshlager, Abrahamsen & Lin, J. Comput. Phys. 516 (2024)
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
    geodesic: bool = True
    corrections: int = 6
    momentum: float = 0.6
    project_every: int | None = None
    batch: None = None

    needs: ClassVar[Needs] = Needs.ROWS

    def __post_init__(self) -> None:
        for name in ("steps", "points", "condition_points", "resample", "project_every"):
            value = getattr(self, name)
            if value is None and name in ("resample", "project_every"):
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

    def sampling_plan(self, unknowns: int) -> SamplingPlan:  # noqa: ARG002  (the protocol's signature)
        """Points as given, whatever the number of parameters."""
        return SamplingPlan(self.points, self.condition_points, None, self.sampling)

    def draw(self, step: int) -> int:
        """Number of the draw of points that a step uses."""
        return 0 if self.resample is None else step // self.resample

    def start(self, theta: Tensor) -> State:
        """State before the first step."""
        return {
            "theta": theta,
            "loss": torch.full((), torch.inf, dtype=theta.dtype, device=theta.device),
            "damping": float(self.damping),
            "velocity": torch.zeros_like(theta),
            "exact": False,
            "version": -1,
            "step": 0,
            "stuck": -1,
            "done": False,
        }

    def step(self, objective: RowObjective, state: State) -> State:
        """One step; done when no damping lowers the loss."""
        own = cast(_GaussNewtonState, state)
        theta, count, version = own["theta"], own["step"] + 1, objective.version
        if own["stuck"] == version:  # nothing to try before the points change
            return {**state, "step": count}
        exact = own["exact"] and own["version"] == version
        linear = self._linearise(objective, theta, exact=exact)
        if linear is None:
            return {**state, "loss": torch.full_like(own["loss"], torch.nan), "terms": {}, "done": True}
        before = float(linear.rows.square().sum())
        found = longest_step(
            linear,
            lambda step: self._trial(objective, linear, theta, step),
            own["damping"],
            self.momentum * own["velocity"],
            accept=self.accept,
            ratio=self.ratio,
        )
        after: dict[str, StateValue] = {**state, "step": count, "version": version, "exact": exact}
        loss = before
        if found is not None:
            theta, loss = theta + found.vector, found.loss
            exact = exact or found.damping <= linear.floor
            after |= {"damping": found.damping, "velocity": found.step.vector.to(theta), "exact": exact, "stuck": -1}
        else:
            after |= self._stuck(version, state, linear)
        if self.project_every is not None and (count % self.project_every == 0 or count == self.steps):
            theta, loss = variable_projection(objective, theta, loss)
        kind = own["loss"]
        return {**after, "theta": theta, "loss": torch.full_like(kind, loss), "terms": dict(objective.terms(theta))}

    def _linearise(self, objective: RowObjective, theta: Tensor, *, exact: bool) -> Linearisation | None:
        """Linear model at theta; None where a number in it is not finite."""
        if len(objective.rows(theta)) < len(theta):
            kernel = objective.tangent_kernel(theta)
            if not _finite(kernel.rows, kernel.matrix):
                return None
            return WoodburyEquations(kernel, len(theta))
        rows, jacobian = objective.rows_and_jacobian(theta)
        if not _finite(rows, jacobian):
            return None
        exact = exact or len(theta) <= _SMALL
        return SingularValues(rows, jacobian) if exact else NormalEquations(rows, jacobian)

    def _trial(
        self, objective: RowObjective, linear: Linearisation, theta: Tensor, step: Step
    ) -> tuple[Tensor, Tensor]:
        """Change of theta with acceleration and corrections, and the rows at the new theta."""
        vector = step.vector.to(theta)
        rows, loss = _evaluate(objective, theta + vector)
        if self.geodesic and math.isfinite(loss):
            nudged, _ = _evaluate(objective, theta + _NUDGE * vector)
            second = (2 / _NUDGE) * ((nudged - linear.rows) / _NUDGE - step.image)
            acceleration = 0.5 * step.back(second)
            if 2 * float(acceleration.norm()) <= _ACCELERATED * float(step.vector.norm()):
                curved = vector + acceleration.to(theta)
                after, found = _evaluate(objective, theta + curved)
                if found < loss:
                    vector, rows, loss = curved, after, found
        predicted = linear.rows + step.image
        for _ in range(self.corrections if math.isfinite(loss) else 0):
            corrected = vector + step.back(rows - predicted).to(theta)
            after, found = _evaluate(objective, theta + corrected)
            if not found < loss:
                break
            helped = found < _WORTH * loss
            vector, rows, loss = corrected, after, found
            if not helped:
                break
        return vector, rows

    def _stuck(self, version: int, state: State, linear: Linearisation) -> dict[str, StateValue]:
        """Changes of the state after no damping helped: full precision, then fresh points; else done."""
        if isinstance(linear, NormalEquations):
            return {"exact": True, "damping": float(self.damping)}
        changing = self.resample is not None or "objective" in state  # adaptive points and weights change the loss
        last = not changing or state["stuck"] != -1
        return {"stuck": version, "damping": float(self.damping), "done": last}


def _evaluate(objective: RowObjective, theta: Tensor) -> tuple[Tensor, float]:
    """Rows in float64 and their loss, infinite where it is not finite."""
    rows = objective.rows(theta).double()
    loss = float(rows @ rows)
    return rows, loss if math.isfinite(loss) else math.inf


def _finite(*tensors: Tensor) -> bool:
    return all(bool(torch.isfinite(t.sum())) for t in tensors)  # one pass, and no mask as large as the Jacobian
