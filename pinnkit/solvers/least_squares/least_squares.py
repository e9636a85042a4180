"""Least squares for the linear read-out: one solve for a linear equation, damped Newton for a nonlinear one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from pinnkit.domains import Chebyshev, Sampling
from pinnkit.solvers.protocols import SOLVERS, Needs, RowObjective, SamplingPlan, Scope, SolverDefaults, State, theta_of

from .dense_lstsq import dense_lstsq

__all__ = ["LeastSquares"]

_LENGTHS = tuple(0.5**k for k in range(1, 7))
"""Fractions of the undamped step, where the whole step is too long."""
_DAMPINGS = (1e-12, 1e-9, 1e-7, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0)
"""As fractions of the largest singular value."""
_GAIN = 0.1
"""The full step is taken where it lowers the loss by this fraction of the predicted reduction."""


@SOLVERS.register("least-squares", examples=lambda: {"LeastSquares": LeastSquares()})
@dataclass(frozen=True)
class LeastSquares(SolverDefaults):
    """Gauss-Newton on the read-out with rank-revealing least squares (SVD) in float64.

    Each step solves min |J D d + r| with the columns of J scaled to unit length by D.  A linear equation takes one such
    step.  Where the full step fails to lower the loss enough, shorter ones and Levenberg-Marquardt steps are tried, all
    from one factorisation, and the best is taken.

    Args:
        steps: Newton steps at most.
        ratio: collocation points of an equation, as a multiple of the number of features.
        condition_ratio: points of each condition, likewise.
        rcond: singular values below this fraction of the largest count as zero.
        sampling: layout of the points; denser towards the walls by default, which lowers the error there.

    Source: Chen, Chi, E & Yang, J. Mach. Learn. 1 (2022) 268 (random feature method); Marquardt, SIAM J. Appl. Math. 11
    (1963) 431 (damping).
    """

    steps: int = 40
    ratio: float = 3.0
    condition_ratio: float = 0.5
    rcond: float = 1e-14
    sampling: Sampling = field(default_factory=Chebyshev)

    scope: ClassVar[Scope] = Scope.READOUT
    needs: ClassVar[Needs] = Needs.ROWS

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"LeastSquares: `steps` must be at least 1, got {self.steps}")
        for name in ("ratio", "condition_ratio", "rcond"):
            if not getattr(self, name) > 0:
                raise ValueError(f"LeastSquares: `{name}` must be positive, got {getattr(self, name)}")

    def sampling_plan(self, unknowns: int) -> SamplingPlan:
        """`ratio` points of each equation and `condition_ratio` of each condition for every feature."""
        return SamplingPlan(
            points=int(self.ratio * unknowns),
            condition_points=max(int(self.condition_ratio * unknowns), 2),
            sampling=self.sampling,
        )

    def start(self, theta: Tensor) -> State:
        """State before the first step."""
        return {"theta": theta, "loss": torch.tensor(torch.inf, dtype=theta.dtype), "done": False}

    def linear_step(self, rows: Tensor, jacobian: Tensor) -> Tensor:
        """d ``(P,)`` that minimises |rows + jacobian d|, the columns of `jacobian` scaled to unit length in place."""
        norms = _nonzero(jacobian.norm(dim=0))
        return dense_lstsq(jacobian.div_(norms), -rows, self.rcond) / norms

    def step(self, objective: RowObjective, state: State) -> State:
        """One Newton step; done when it no longer helps."""
        theta = theta_of(state)
        r, jacobian = objective.rows_and_jacobian(theta)
        before = float(r.square().sum())
        if not bool(torch.isfinite(jacobian).all()) or not math.isfinite(before):
            return {**state, "loss": torch.tensor(torch.nan, dtype=r.dtype), "done": True}
        # The rows do not depend yet on a coefficient that multiplies an unknown which is still zero.
        lengths = jacobian.norm(dim=0)
        insensitive = bool((lengths == 0).any())
        norms = _nonzero(lengths)
        scaled = jacobian / norms
        newton = dense_lstsq(scaled, -r, self.rcond) / norms
        model, actual = r + jacobian @ newton, objective.rows(theta + newton)
        predicted, deviation = float(model.square().sum()), float((actual - model).norm())
        best, after = newton, _finite(float(actual.square().sum()))
        reduction = before - predicted  # nearly zero at a minimum
        if not before - after >= _GAIN * reduction and reduction > 1e-6 * before:
            damped = _LevenbergMarquardt(scaled, r, self.rcond)
            trials = [length * newton for length in _LENGTHS] + [damped.step(d) / norms for d in _DAMPINGS]
            for step in trials:
                found = _finite(float(objective.rows(theta + step).square().sum()))
                if found < after:
                    best, after = step, found
        if not after < before:  # also where nothing is finite
            best, after = torch.zeros_like(theta), before
        theta = theta + best
        # Where the linear model predicts the new rows (always, for a linear equation) another step gains nothing.
        rounding = 1e-14 * math.sqrt(len(theta)) * float((norms * newton).norm())
        exact = deviation <= max(rounding, 1e-12 * math.sqrt(before), 1e-2 * math.sqrt(predicted)) and not insensitive
        return {
            "theta": theta,
            "loss": torch.tensor(after, dtype=r.dtype),
            "terms": dict(objective.terms(theta)),
            "done": after >= before or (best is newton and exact),
        }


def _nonzero(norms: Tensor) -> Tensor:
    """Norms of the columns, with one in place of zero."""
    return torch.where(norms > 0, norms, torch.ones_like(norms))


def _finite(loss: float) -> float:
    """`loss`, infinite where it is NaN, so that it never is the smallest."""
    return loss if math.isfinite(loss) else math.inf


class _LevenbergMarquardt:
    """Steps for several dampings from one factorisation, A = Q R and R = U S V^T."""

    def __init__(self, a: Tensor, r: Tensor, rcond: float) -> None:
        q, upper = torch.linalg.qr(a)
        u, self.s, self.vh = torch.linalg.svd(upper)
        self.projected = u.T @ (q.T @ r)
        self.keep = self.s > rcond * self.s[0]

    def step(self, damping: float) -> Tensor:
        """-(A^T A + (damping s_1)^2)^-1 A^T r."""
        s = self.s
        factor = torch.where(self.keep, s / (s * s + (damping * s[0]) ** 2), torch.zeros_like(s))
        return -(self.vh.T @ (factor * self.projected))
