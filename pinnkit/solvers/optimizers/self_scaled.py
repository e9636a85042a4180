"""Self-scaled quasi-Newton methods with a dense inverse Hessian: SSBFGS and SSBroyden.

They need gradients only, so they suit any penalty, and reach far lower losses than L-BFGS on networks of up to a few
thousand parameters.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, NotRequired, TypedDict, cast

import torch
from torch import Tensor

from pinnkit.domains import Sampling, Sobol
from pinnkit.solvers.protocols import SOLVERS, Evaluation, LossObjective, SamplingPlan, SolverDefaults, State

from .line_search import wolfe

__all__ = ["SSBFGS", "SSBroyden"]

_LARGEST = 20_000
"""Parameters of the largest inverse Hessian: 3.2 GB."""
_TINY = 1e-14
"""y.s and y.Hy count as positive from this fraction of the norms' product on."""


class _Factors(NamedTuple):
    """Parameters of an update of H: tau scales it, phi mixes BFGS (1) with DFP (0)."""

    tau: float
    phi: float


class _SelfScaledState(TypedDict):
    theta: Tensor
    loss: Tensor
    inverse: Tensor  # H (P, P), float64
    fresh: bool  # H is still the identity
    version: int  # of the loss to which the gradient belongs
    gradient: NotRequired[Tensor]
    terms: NotRequired[Mapping[str, Tensor]]


@dataclass(frozen=True)
class _SelfScaled(SolverDefaults):
    """Common part of both methods; see `SSBroyden`."""

    steps: int = 5000
    points: int = 2048
    condition_points: int = 256
    resample: int | None = None
    evaluations: int = 20
    c1: float = 1e-4
    c2: float = 0.9
    sampling: Sampling = field(default_factory=Sobol)
    batch: None = None

    def __post_init__(self) -> None:
        name = type(self).__name__
        for key in ("steps", "points", "condition_points", "evaluations", "resample"):
            value = getattr(self, key)
            if value is not None and value < 1:
                raise ValueError(f"{name}: `{key}` must be at least 1, got {value}")
        if not 0 < self.c1 < self.c2 < 1:
            raise ValueError(f"{name}: the line search needs 0 < c1 < c2 < 1, got c1={self.c1}, c2={self.c2}")
        if self.batch is not None:
            raise ValueError(f"{name}: works on all points; use Adam(batch=...) for minibatches")

    def sampling_plan(self, unknowns: int) -> SamplingPlan:  # noqa: ARG002  (the protocol's signature)
        """Points as given, whatever the number of parameters."""
        return SamplingPlan(self.points, self.condition_points, None, self.sampling)

    def draw(self, step: int) -> int:
        """Number of the draw of points that a step uses."""
        return 0 if self.resample is None else step // self.resample

    def start(self, theta: Tensor) -> State:
        """State before the first step: the inverse Hessian is the identity.

        Raises:
            ValueError: for more than 20,000 parameters.
        """
        count = theta.numel()
        if count > _LARGEST:
            raise ValueError(
                f"{type(self).__name__}: {count} parameters would need a dense {count} x {count} matrix; at most "
                f"{_LARGEST} are taken: use a smaller network, or LBFGS()"
            )
        inf = torch.full((), torch.inf, dtype=theta.dtype, device=theta.device)
        return {"theta": theta, "loss": inf, "inverse": _identity(theta), "fresh": True, "version": -1, "done": False}

    def step(self, objective: LossObjective, state: State) -> State:
        """One line search along -H gradient, then the update of H."""
        own = cast(_SelfScaledState, state)
        theta, inverse, fresh, version = own["theta"], own["inverse"], own["fresh"], objective.version
        if "gradient" in own and own["version"] == version:
            here = Evaluation(own["loss"], own["gradient"], own["terms"])
        else:  # the first step, or other points: the loss is evaluated anew, the curvature is kept
            here = objective.evaluate(theta)
            if not bool(torch.isfinite(here.loss)):
                return {**state, "loss": here.loss, "done": True}
            if not fresh and not _positive_definite(inverse):
                inverse, fresh = _identity(theta), True
        g = here.gradient.to(inverse.dtype)
        direction = -(inverse @ g)
        slope = float(g @ direction)
        if not slope < 0:  # rounding spoiled the matrix
            inverse, fresh, direction, slope = _identity(theta), True, -g, -float(g @ g)
        if not slope < 0:  # the gradient vanishes
            return {**_pack(theta, here, version), "inverse": inverse, "fresh": fresh, "done": True}
        first = min(1.0, 1.0 / float(g.abs().sum())) if fresh else 1.0
        along = direction.to(theta.dtype)
        end = wolfe(
            lambda a: objective.evaluate(theta + a * along),
            here,
            along,
            slope,
            first,
            evaluations=self.evaluations,
            c1=self.c1,
            c2=self.c2,
        )
        if end is None:  # one more search, along the gradient; if that fails as well, the solver is done
            return {**_pack(theta, here, version), "inverse": _identity(theta), "fresh": True, "done": fresh}
        s, y = end.length * direction, end.at.gradient.to(inverse.dtype) - g
        inverse, fresh = self._updated(inverse, s, y, -end.length * g, fresh)
        return {**_pack(theta + end.length * along, end.at, version), "inverse": inverse, "fresh": fresh, "done": False}

    def _updated(self, inverse: Tensor, s: Tensor, y: Tensor, bs: Tensor, fresh: bool) -> tuple[Tensor, bool]:
        """Inverse Hessian after a step, and whether it is still the identity; `bs` is H^-1 s.

        H+ = (H - Hy Hy' / y.Hy + phi y.Hy v v') / tau + s s' / y.s,   v = s / y.s - Hy / y.Hy.
        """
        ys = float(y @ s)
        if not ys > _TINY * float(y.norm() * s.norm()):  # no curvature along this step
            return inverse, fresh
        hy = inverse @ y
        yhy = float(y @ hy)
        b = float(s @ bs) / ys
        if not (yhy > 0 and b > 0 and math.isfinite(yhy) and math.isfinite(b)):
            return _identity(s), True
        tau, phi = self._factors(yhy / ys, b, s.numel())
        v = s / ys - hy / yhy
        columns = torch.stack([hy, v, s], dim=1)
        factors = columns.new_tensor([-1 / (tau * yhy), phi * yhy / tau, 1 / ys])
        found = torch.addmm(inverse, columns * factors, columns.T, beta=1 / tau)
        found = 0.5 * (found + found.T)
        return (found, False) if bool(torch.isfinite(found.sum())) else (_identity(s), True)

    def _factors(self, h: float, b: float, n: int) -> _Factors:
        raise NotImplementedError


@SOLVERS.register("ss-bfgs", examples=lambda: {"SSBFGS": SSBFGS(steps=100)})
@dataclass(frozen=True)
class SSBFGS(_SelfScaled):
    """BFGS whose inverse Hessian is scaled at each update by tau = min(1, y.s / s.Bs), B = H^-1.

    Memory and work of a step grow with the square of the number of parameters.

    Args:
        steps: line searches at most.
        points: collocation points of each equation, where the term does not say.
        condition_points: of each other term.
        resample: steps between two draws of fresh points; None keeps the points.  The loss is evaluated anew, the
            inverse Hessian is kept, and reset to the identity only if it is no longer positive definite.
        evaluations: loss evaluations per line search at most.
        c1: sufficient decrease.
        c2: curvature, both of the strong Wolfe conditions.
        sampling: layout of the points.

    Source: Al-Baali, Numerical experience with a class of self-scaling quasi-Newton algorithms, J. Optim. Theory Appl.
    96 (1998); Urban, Stefanou & Pons, J. Comput. Phys. 523 (2025) 113656, eq. 11.
    """

    def _factors(self, h: float, b: float, n: int) -> _Factors:  # noqa: ARG002  (the same signature for both)
        return _Factors(min(1.0, 1.0 / b), 1.0)


@SOLVERS.register("ss-broyden", examples=lambda: {"SSBroyden": SSBroyden(steps=100)})
@dataclass(frozen=True)
class SSBroyden(_SelfScaled):
    """Self-scaled method of Broyden's family: at each update both the scaling and the member of the family adapt.

    With h = y.Hy / y.s, b = s.Bs / y.s, B = H^-1 and a = h b - 1 >= 0: theta, between bounds that keep H positive
    definite and close to (1 - b) / b, gives phi = (1 - theta) / (1 + a theta) and the scaling tau.  It is the most
    accurate of the methods that need gradients only; a step costs as much as one of `SSBFGS`.

    Args:
        steps: line searches at most.
        points: collocation points of each equation, where the term does not say.
        condition_points: of each other term.
        resample: steps between two draws of fresh points; None keeps the points.  The loss is evaluated anew, the
            inverse Hessian is kept, and reset to the identity only if it is no longer positive definite.
        evaluations: loss evaluations per line search at most.
        c1: sufficient decrease.
        c2: curvature, both of the strong Wolfe conditions.
        sampling: layout of the points.

    Source: Urban, Stefanou & Pons, Unveiling the optimization process of physics informed neural networks, J. Comput.
    Phys. 523 (2025) 113656, eqs. 13 to 23; after Al-Baali & Khalfan, A combined class of self-scaling and modified
    quasi-Newton methods, Comput. Optim. Appl. 52 (2012).
    """

    def _factors(self, h: float, b: float, n: int) -> _Factors:
        a = max(h * b - 1.0, 1e-15)  # not negative by Cauchy-Schwarz, except for rounding
        rho = min(1.0, h * (1.0 - math.sqrt(a / (1.0 + a))))
        theta = max((rho - 1.0) / a, min(1.0 / rho, (1.0 - b) / b))
        sigma = 1.0 + theta * a
        spread = abs(sigma) ** (1.0 / (1.0 - n)) if n > 1 and sigma != 0 else 1.0
        scale = min(1.0, 1.0 / b)
        tau = min(scale * spread, sigma) if theta <= 0 else scale * min(spread, 1.0 / theta)
        return _Factors(tau, (1.0 - theta) / sigma) if tau > 0 and sigma > 0 else _Factors(scale, 1.0)


def _identity(theta: Tensor) -> Tensor:
    return torch.eye(theta.numel(), dtype=torch.float64, device=theta.device)


def _positive_definite(matrix: Tensor) -> bool:
    return int(torch.linalg.cholesky_ex(matrix).info) == 0


def _pack(theta: Tensor, at: Evaluation, version: int) -> State:
    return {"theta": theta, "loss": at.loss, "gradient": at.gradient, "terms": dict(at.terms), "version": version}
