"""Levenberg-Marquardt steps: one linearisation r + J p, one factorisation, many dampings.

A step minimises |r + J p|^2 + lambda |p - v|^2, that is p = v - (J^T J + lambda)^-1 J^T (r + J v), where v is zero or a
fraction of the previous step (momentum).  Three factorisations give it: the normal equations by Cholesky (cheap, with
the squared condition number of J), the singular values of J (full precision), and the kernel J J^T (for few rows).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

__all__ = ["Linearisation", "NormalEquations", "SingularValues", "Step"]


class Step(NamedTuple):
    """Minimiser of |r + J p|^2 + lambda |p - v|^2.

    Args:
        vector: p ``(P,)``.
        image: J p ``(N,)``, the change of the rows in the linear model.
        back: w ``(N,)`` -> -(J^T J + lambda)^-1 J^T w ``(P,)``, from the same factorisation.
    """

    vector: Tensor
    image: Tensor
    back: Callable[[Tensor], Tensor]


class Linearisation(Protocol):
    """Rows and their Jacobian at one point, factorised as far as possible without the damping."""

    @property
    def rows(self) -> Tensor:
        """r ``(N,)``."""
        ...

    @property
    def scale(self) -> float:
        """Unit of the damping: the mean of the diagonal of J^T J."""
        ...

    @property
    def floor(self) -> float:
        """Damping below which rounding dominates the step."""
        ...

    def step(self, damping: float, velocity: Tensor) -> Step | None:
        """Step for lambda = `damping` * `scale` and v = `velocity` ``(P,)``.

        None where the matrix is singular to working precision.
        """
        ...


class NormalEquations:
    """Step by Cholesky of J^T J + lambda: P^3 / 3 operations for each damping after N P^2 for the matrix.

    Its relative error grows with the squared condition number of J; see `SingularValues` for full precision.
    """

    def __init__(self, rows: Tensor, jacobian: Tensor) -> None:
        self.rows = rows.double()
        self._jacobian = jacobian.double()
        self._gram = gram(self._jacobian)
        self.scale = positive(float(self._gram.diagonal().mean()))
        self.floor = 4 * torch.finfo(torch.float64).eps * self._gram.shape[0]

    def step(self, damping: float, velocity: Tensor) -> Step | None:
        """Step for a damping relative to `scale`."""
        shifted = self._gram.clone()
        shifted.diagonal().add_(damping * self.scale)
        lower, failed = torch.linalg.cholesky_ex(shifted)
        if int(failed):
            return None

        def back(w: Tensor) -> Tensor:
            return -torch.cholesky_solve((w @ self._jacobian)[:, None], lower)[:, 0]

        start = velocity.double()
        vector = start + back(self.rows + self._jacobian @ start)
        return Step(vector, self._jacobian @ vector, back)


class SingularValues:
    """Step by singular values, -V s / (s^2 + lambda) U^T (r + J v) with J = Q R, R = U s V^T.

    More costly than `NormalEquations`; its error grows with the condition number of J itself.

    Source: Golub & Van Loan, Matrix Computations, 4th ed., section 6.1.4 (ridge regression by the SVD).
    """

    def __init__(self, rows: Tensor, jacobian: Tensor) -> None:
        self.rows = rows.double()
        jacobian = jacobian.double()
        orthogonal, upper = torch.linalg.qr(jacobian)
        inner, self._s, self._right = torch.linalg.svd(upper, full_matrices=False)
        self._left = orthogonal @ inner
        self.scale = positive(float(self._s.square().sum()) / jacobian.shape[1])
        self.floor = torch.finfo(torch.float64).eps ** 2

    def step(self, damping: float, velocity: Tensor) -> Step:
        """Step for a damping relative to `scale`."""
        s = self._s
        keep = s > torch.finfo(s.dtype).eps * len(s) * s[0]
        factor = torch.where(keep, s / (s * s + damping * self.scale), torch.zeros_like(s))

        def back(w: Tensor) -> Tensor:
            return -((factor * (w @ self._left)) @ self._right)

        start = velocity.double()
        carried = self._left @ (s * (self._right @ start))
        image = carried - self._left @ (s * factor * ((self.rows + carried) @ self._left))
        return Step(start + back(self.rows + carried), image, back)


def gram(jacobian: Tensor, blocks: int = 4) -> Tensor:
    """J^T J ``(P, P)``: blocks above the diagonal are computed once and mirrored."""
    parameters = jacobian.shape[1]
    width = max(-(-parameters // blocks), 64)
    out = jacobian.new_empty(parameters, parameters)
    for start in range(0, parameters, width):
        stop = min(start + width, parameters)
        torch.mm(jacobian[:, start:stop].T, jacobian[:, start:], out=out[start:stop, start:])
        out[stop:, start:stop] = out[start:stop, stop:].T
    return out


def positive(scale: float) -> float:
    """`scale`, or one where it vanishes."""
    return scale if scale > 0 else 1.0
