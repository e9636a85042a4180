"""Damped Gauss-Newton steps by Woodbury's identity, for fewer rows than parameters: the kernel J J^T, with momentum."""

from __future__ import annotations

import torch
from torch import Tensor

from pinnkit.solvers.protocols import TangentKernel

from .levenberg_marquardt import Step, positive

__all__ = ["WoodburyEquations"]


class WoodburyEquations:
    """Minimiser of |r + J p|^2 + lambda |p - v|^2 by the kernel: p = v - J^T (J J^T + lambda)^-1 (r + J v).

    The matrix is N x N, so the number of parameters enters through the products with J only.

    Source: Guzman-Cordero, Dangel, Goldshlager & Zeinhofer, Improving energy natural gradient descent through Woodbury,
    momentum, and randomization, arXiv 2505.12149, section 3; Goldshlager, Abrahamsen & Lin, J. Comput. Phys. 516 (2024)
    113351 (SPRING).
    """

    def __init__(self, kernel: TangentKernel, parameters: int) -> None:
        self.rows = kernel.rows.double()
        self._kernel = kernel
        self._matrix = kernel.matrix.double()
        self.scale = positive(float(self._matrix.diagonal().sum()) / parameters)
        self.floor = 4 * torch.finfo(torch.float64).eps * parameters

    def step(self, damping: float, velocity: Tensor) -> Step | None:
        """Step for a damping relative to `scale`."""
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
