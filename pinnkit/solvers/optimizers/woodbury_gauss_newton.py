"""Gauss-Newton where rows are fewer than parameters: the kernel J J^T, with momentum."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from pinnkit.solvers.protocols import RowObjective

from .levenberg_marquardt import Step, positive

__all__ = ["Kernel", "KernelEquations", "kernel_of"]


class Kernel(Protocol):
    """Rows and how they change with the parameters, without the Jacobian ``(N, P)``."""

    @property
    def rows(self) -> Tensor:
        """r ``(N,)``."""
        ...

    @property
    def matrix(self) -> Tensor:
        """J J^T ``(N, N)``."""
        ...

    def push(self, vector: Tensor) -> Tensor:
        """J v ``(N,)`` for v ``(P,)``."""
        ...

    def pull(self, rows: Tensor) -> Tensor:
        """J^T w ``(P,)`` for w ``(N,)``."""
        ...


class _Dense(NamedTuple):
    """A kernel made of the Jacobian itself."""

    rows: Tensor
    matrix: Tensor
    jacobian: Tensor

    def push(self, vector: Tensor) -> Tensor:
        return self.jacobian @ vector

    def pull(self, rows: Tensor) -> Tensor:
        return rows @ self.jacobian


def kernel_of(objective: RowObjective, theta: Tensor) -> Kernel:
    """The kernel of an objective at theta: its own where it has one, else from its Jacobian."""
    own: Callable[[Tensor], Kernel] | None = getattr(objective, "kernel", None)
    if own is not None:
        return own(theta)
    rows, jacobian = objective.rows_and_jacobian(theta)
    return _Dense(rows, jacobian @ jacobian.T, jacobian)


class KernelEquations:
    """min |r + J p|^2 + lambda |p - v|^2 by the kernel: p = v - J^T (J J^T + lambda)^-1 (r + J v).

    The damped Gauss-Newton step by Woodbury's identity.  The matrix is N x N, so that the number of parameters decides
    nothing but the products with J.

    Source: Guzman-Cordero, Dangel, Goldshlager & Zeinhofer, Improving energy natural gradient descent through Woodbury,
    momentum, and randomization, arXiv 2505.12149, section 3; Goldshlager, Abrahamsen & Lin, J. Comput. Phys. 516 (2024)
    113351 (SPRING).
    """

    def __init__(self, kernel: Kernel, parameters: int) -> None:
        self.rows = kernel.rows.double()
        self._kernel = kernel
        self._matrix = kernel.matrix.double()
        self.scale = positive(float(self._matrix.diagonal().sum()) / parameters)
        self.floor = 4 * torch.finfo(torch.float64).eps * parameters

    def step(self, damping: float, velocity: Tensor) -> Step | None:
        """The step for a damping relative to `scale`."""
        shift = damping * self.scale
        shifted = self._matrix.clone()
        shifted.diagonal().add_(shift)
        lower, failed = torch.linalg.cholesky_ex(shifted)
        if int(failed):
            return None

        def pulled(w: Tensor) -> Tensor:
            return self._kernel.pull(w.to(velocity)).double()

        def dual(w: Tensor) -> Tensor:
            return torch.cholesky_solve(w[:, None], lower)[:, 0]

        moving = bool(velocity.any())
        y = dual(self.rows + self._kernel.push(velocity).double() if moving else self.rows)
        # J p = J v - K y, and K y = r + J v - lambda y
        return Step(velocity.double() - pulled(y), shift * y - self.rows, lambda w: -pulled(dual(w)))
