"""Penalties: how far from zero a residual counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["Absolute", "CrossEntropy", "Energy", "Huber", "Penalty", "Square"]


class Penalty(Protocol):
    """Maps residual values to their cost, elementwise; the loss of a term is the mean cost."""

    def __call__(self, r: Tensor) -> Tensor:
        """The cost of each entry of `r`, of the same shape."""
        ...


@dataclass(frozen=True)
class Square:
    """r^2: least squares, the only penalty that Gauss-Newton and LeastSquares accept."""

    def __call__(self, r: Tensor) -> Tensor:
        """r^2."""
        return r * r


@dataclass(frozen=True)
class Absolute:
    """|r|: the L1 penalty, robust against outliers."""

    def __call__(self, r: Tensor) -> Tensor:
        """|r|."""
        return r.abs()


@dataclass(frozen=True)
class Huber:
    """r^2 / 2 where |r| <= delta, else delta (|r| - delta / 2).

    Args:
        delta: from where on it grows linearly, in the unit of the residual.

    Raises:
        ValueError: for a delta that is not positive.

    Source: Huber, Robust estimation of a location parameter, Ann. Math. Statist. 35 (1964) 73.
    """

    delta: float = 1.0

    def __post_init__(self) -> None:
        if not self.delta > 0:
            raise ValueError(f"Huber: `delta` must be positive, got {self.delta}")

    def __call__(self, r: Tensor) -> Tensor:
        """The Huber function of r."""
        return torch.nn.functional.huber_loss(r, torch.zeros_like(r), reduction="none", delta=self.delta)


@dataclass(frozen=True)
class Energy:
    """r itself: the term is an integrand to be minimised (deep Ritz), not a residual that vanishes.

    Source: E & Yu, The deep Ritz method, Commun. Math. Stat. 6 (2018) 1.
    """

    def __call__(self, r: Tensor) -> Tensor:
        """r."""
        return r


@dataclass(frozen=True)
class CrossEntropy:
    """log(1 + e^(-r)): binary cross entropy when the residual is a logit signed by its label, (2 y - 1) z."""

    def __call__(self, r: Tensor) -> Tensor:
        """softplus(-r)."""
        return torch.nn.functional.softplus(-r)
