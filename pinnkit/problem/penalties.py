"""Penalties: cost of a residual as a function of its size.

A new penalty is a frozen dataclass with the members of `Penalty`, registered in `PENALTIES` and imported where the
package is loaded; the conformance suite then runs on its examples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from pinnkit.registry import Registry

__all__ = ["PENALTIES", "Absolute", "CrossEntropy", "Elementwise", "Energy", "Huber", "Penalty", "Square"]


class Penalty(Protocol):
    """Maps residual values to their cost, elementwise; the loss of a term is the mean cost."""

    @property
    def is_square(self) -> bool:
        """True if the cost is r^2, as least-squares methods need it."""
        ...

    @property
    def vanishes(self) -> bool:
        """True if the residual should vanish, rather than be an integrand or a logit."""
        ...

    def __call__(self, r: Tensor) -> Tensor:
        """Return the cost of each entry of `r`, of the same shape."""
        ...


PENALTIES: Registry[Penalty] = Registry("penalty")


@PENALTIES.register()
@dataclass(frozen=True)
class Square:
    """r^2: least squares, the only penalty that Gauss-Newton and LeastSquares accept."""

    is_square: ClassVar[bool] = True
    vanishes: ClassVar[bool] = True

    def __call__(self, r: Tensor) -> Tensor:
        """r^2."""
        return r * r


@PENALTIES.register()
@dataclass(frozen=True)
class Absolute:
    """|r|: the L1 penalty, robust against outliers."""

    is_square: ClassVar[bool] = False
    vanishes: ClassVar[bool] = True

    def __call__(self, r: Tensor) -> Tensor:
        """|r|."""
        return r.abs()


@PENALTIES.register(examples=lambda: {"default": Huber(), "narrow": Huber(0.1)})
@dataclass(frozen=True)
class Huber:
    """r^2 / 2 where |r| <= delta, else delta (|r| - delta / 2).

    Args:
        delta: size of the residual from which the cost grows linearly, in the unit of the residual.

    Raises:
        ValueError: for a delta that is not positive.

    Source: Huber, Robust estimation of a location parameter, Ann. Math. Statist. 35 (1964) 73.
    """

    is_square: ClassVar[bool] = False
    vanishes: ClassVar[bool] = True

    delta: float = 1.0

    def __post_init__(self) -> None:
        if not self.delta > 0:
            raise ValueError(f"Huber: `delta` must be positive, got {self.delta}")

    def __call__(self, r: Tensor) -> Tensor:
        """Huber function of r."""
        return torch.nn.functional.huber_loss(r, torch.zeros_like(r), reduction="none", delta=self.delta)


@PENALTIES.register()
@dataclass(frozen=True)
class Energy:
    """r itself: the term is an integrand to be minimised (deep Ritz), not a residual that vanishes.

    Source: E & Yu, The deep Ritz method, Commun. Math. Stat. 6 (2018) 1.
    """

    is_square: ClassVar[bool] = False
    vanishes: ClassVar[bool] = False

    def __call__(self, r: Tensor) -> Tensor:
        """r."""
        return r


@PENALTIES.register()
@dataclass(frozen=True)
class CrossEntropy:
    """log(1 + e^(-r)): binary cross entropy when the residual is a logit signed by its label, (2 y - 1) z."""

    is_square: ClassVar[bool] = False
    vanishes: ClassVar[bool] = False

    def __call__(self, r: Tensor) -> Tensor:
        """softplus(-r)."""
        return torch.nn.functional.softplus(-r)


@PENALTIES.register(examples=lambda: {"absolute value": Elementwise(torch.abs)})
@dataclass(frozen=True)
class Elementwise:
    """Cost given as a function of the residual, ``penalty=lambda r: r**4``; terms wrap plain functions in it.

    Args:
        function: residual values ``(n, k)`` to costs of the same shape.
    """

    is_square: ClassVar[bool] = False
    vanishes: ClassVar[bool] = True

    function: Callable[[Tensor], Tensor]

    def __call__(self, r: Tensor) -> Tensor:
        """Return the function's values."""
        return self.function(r)
