"""Gauss quadrature on [0, 1], with algebraic singularities at the ends in the weight function."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

__all__ = ["gauss_rule"]


def gauss_rule(nodes: int, *, at_lower: float = 0.0, at_upper: float = 0.0) -> tuple[Tensor, Tensor]:
    """Nodes and weights ``(n,)`` of int_0^1 z^p (1 - z)^q f(z) dz ~ sum_i w_i f(z_i), exact for degree 2 n - 1.

    Gauss-Legendre for p = q = 0, Gauss-Jacobi otherwise.

    Args:
        nodes: n, at least 1.
        at_lower: p, above -1.
        at_upper: q, above -1.

    Source: Golub & Welsch, Calculation of Gauss quadrature rules, Math. Comp. 23 (1969) 221.
    """
    z, w = _rule(nodes, at_lower, at_upper)
    return z.clone(), w.clone()


@lru_cache(maxsize=64)
def _rule(nodes: int, p: float, q: float) -> tuple[Tensor, Tensor]:
    from scipy.special import roots_jacobi  # takes long to load, and few runs need it

    x, w = roots_jacobi(nodes, q, p)  # of (1 - x)^q (1 + x)^p on [-1, 1]
    return torch.from_numpy((x + 1) / 2), torch.from_numpy(w * 0.5 ** (1 + p + q))
