"""Least squares for the linear read-out: one solve for a linear equation, damped Newton for a nonlinear one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from pinnkit.domains import Chebyshev, Sampling

from .objective import RowObjective, State

__all__ = ["LeastSquares"]

_TRIALS = 12


@dataclass(frozen=True)
class LeastSquares:
    """Gauss-Newton on the read-out with rank-revealing least squares (SVD) in float64.

    Each step solves min |J D d + r| with the columns of J scaled to unit length by D, undamped if that lowers the loss,
    else with Levenberg-Marquardt damping, which is raised until it does.  A linear equation takes one step.

    Args:
        steps: Newton steps at most.
        ratio: collocation points of an equation, as a multiple of the number of features.
        condition_ratio: points of each condition, likewise.
        rcond: singular values below this fraction of the largest count as zero.
        sampling: how the points are laid out; denser towards the walls by default, which keeps the error down there.

    Source: Chen, Chi, E & Yang, J. Mach. Learn. 1 (2022) 268 (random feature method); Marquardt, SIAM J. Appl. Math. 11
    (1963) 431 (damping).
    """

    steps: int = 40
    ratio: float = 3.0
    condition_ratio: float = 0.5
    rcond: float = 1e-14
    sampling: Sampling = field(default_factory=Chebyshev)

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"LeastSquares: `steps` must be at least 1, got {self.steps}")
        for name in ("ratio", "condition_ratio", "rcond"):
            if not getattr(self, name) > 0:
                raise ValueError(f"LeastSquares: `{name}` must be positive, got {getattr(self, name)}")

    def start(self, theta: Tensor) -> State:
        """The state before the first step."""
        return {"theta": theta, "loss": torch.tensor(torch.inf, dtype=theta.dtype), "damping": 0.0, "done": False}

    def step(self, objective: RowObjective, state: State) -> State:
        """One Newton step; done when it no longer helps."""
        theta, damping = state["theta"], state["damping"]
        r, jacobian = objective.rows_and_jacobian(theta)
        before = float(r.square().sum())
        if not bool(torch.isfinite(jacobian).all()) or not torch.isfinite(r).all():
            return {**state, "loss": torch.tensor(torch.nan, dtype=r.dtype), "done": True}
        norms = jacobian.norm(dim=0)
        norms = torch.where(norms > 0, norms, torch.ones_like(norms))
        damped: _Damped | None = None
        best, predicted = (theta, before), before
        for trial in range(_TRIALS):
            if damping == 0.0:
                solved = torch.linalg.lstsq(jacobian / norms, -r[:, None], rcond=self.rcond, driver="gelsd")
                step = solved.solution[:, 0] / norms
            else:
                damped = damped or _Damped(jacobian / norms, r, self.rcond)
                step = damped.step(damping) / norms
            after = float(objective.rows(theta + step).square().sum())
            if after < before:
                best, predicted = (theta + step, after), float((r + jacobian @ step).square().sum())
                break
            damping = max(10.0 * damping, 1e-6 if trial == 0 else 1e-12)
        theta, after = best
        # Where the linear model foretold the new loss (always, for a linear equation) another step has nothing to add.
        surprise = abs(math.sqrt(after) - math.sqrt(predicted))
        foretold = surprise <= 1e-12 * math.sqrt(before) or surprise <= 1e-2 * math.sqrt(predicted)
        done = after >= before or (damping == 0.0 and foretold)
        return {
            "theta": theta,
            "loss": torch.tensor(after, dtype=r.dtype),
            "terms": dict(objective.terms(theta)),
            "damping": 0.0 if damping <= 1e-14 else damping / 10.0,
            "done": done,
        }


class _Damped:
    """Levenberg-Marquardt steps for several dampings from one factorisation, A = Q R and R = U S V^T."""

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
