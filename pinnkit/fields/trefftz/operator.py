"""Second-order elliptic operators with constant coefficients in the plane, and the coordinates that simplify them.

A:D2u + b.grad u + c u = s exp(g.y) (laplacian v + kappa v) with y = B x, u = exp(g.y) v, B = (A / s)^(-1/2),
g = -B b / (2 s), kappa = c / s - |g|^2, and s = sqrt(det A), so that det B = 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from pinnkit.derivatives import Order

__all__ = ["LAPLACE", "EllipticOperator"]


class EllipticOperator(NamedTuple):
    """a_xx u_xx + 2 a_xy u_xy + a_yy u_yy + b_x u_x + b_y u_y + c u, with A positive definite.

    Args:
        a_xx: coefficient of u_xx.
        a_xy: half of the coefficient of u_xy.
        a_yy: coefficient of u_yy.
        b_x: coefficient of u_x.
        b_y: coefficient of u_y.
        c: coefficient of u.
    """

    a_xx: float = 1.0
    a_xy: float = 0.0
    a_yy: float = 1.0
    b_x: float = 0.0
    b_y: float = 0.0
    c: float = 0.0

    @property
    def is_elliptic(self) -> bool:
        """Return whether A is positive definite."""
        return self.a_xx > 0 and self.a_xx * self.a_yy > self.a_xy**2 and all(map(math.isfinite, self))

    @property
    def scale(self) -> float:
        """Factor s = sqrt(det A)."""
        return math.sqrt(self.a_xx * self.a_yy - self.a_xy**2)

    @property
    def matrix(self) -> Tensor:
        """B ``(2, 2)`` in float64, symmetric with determinant 1."""
        a = torch.tensor([[self.a_xx, self.a_xy], [self.a_xy, self.a_yy]], dtype=torch.float64) / self.scale
        if self.a_xy == 0.0 and self.a_xx == self.a_yy:
            return torch.eye(2, dtype=torch.float64)
        values, vectors = torch.linalg.eigh(a)
        found: Tensor = (vectors / values.sqrt()) @ vectors.T
        return found

    @property
    def drift(self) -> tuple[float, float]:
        """Exponent g of u = exp(g.y) v."""
        if self.b_x == 0.0 and self.b_y == 0.0:
            return 0.0, 0.0
        first, second = (
            -self.matrix @ torch.tensor([self.b_x, self.b_y], dtype=torch.float64) / (2 * self.scale)
        ).tolist()
        return first, second

    @property
    def kappa(self) -> float:
        """Coefficient of v in laplacian v + kappa v."""
        return self.c / self.scale - self.drift[0] ** 2 - self.drift[1] ** 2

    def powers(self, order: Order) -> dict[tuple[int, int], complex]:
        """Coefficients c_pq with which D^order u = exp(g.y) sum_pq c_pq d^p d'^q v, d and d' as in `ladder`.

        By d/dx_i = sum_j B_ji (g_j + d/dy_j), d/dy_1 = d + d', d/dy_2 = i (d - d').
        """
        b, g = self.matrix, self.drift
        found: dict[tuple[int, int], complex] = {(0, 0): 1.0 + 0.0j}
        for column in order:
            first, second = (float(v) for v in b[:, column])
            factors = {(1, 0): complex(first, second), (0, 1): complex(first, -second)}
            if any(g):
                factors[0, 0] = complex(first * g[0] + second * g[1])
            found = _product(found, factors)
        return found

    def coefficients(self) -> Mapping[Order, float]:
        """Coefficients of the partial derivatives."""
        every = {
            (0, 0): self.a_xx,
            (0, 1): 2 * self.a_xy,
            (1, 1): self.a_yy,
            (0,): self.b_x,
            (1,): self.b_y,
            (): self.c,
        }
        return {order: value for order, value in every.items() if value != 0.0}


LAPLACE = EllipticOperator()
"""u_xx + u_yy."""


def _product(
    left: Mapping[tuple[int, int], complex], right: Mapping[tuple[int, int], complex]
) -> dict[tuple[int, int], complex]:
    found: dict[tuple[int, int], complex] = {}
    for (p, q), a in left.items():
        for (r, s), b in right.items():
            key = p + r, q + s
            found[key] = found.get(key, 0.0) + a * b
    return found
