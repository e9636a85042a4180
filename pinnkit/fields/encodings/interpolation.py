"""How the values between the nodes of a grid come from those at the nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor

__all__ = ["Interpolation", "Multilinear", "Smoothstep"]


class Interpolation(Protocol):
    """A blend s(t) from the lower node of a cell, s(0) = 0, to the upper one, s(1) = 1."""

    @property
    def smoothness(self) -> float:
        """How many times the interpolated values may be differentiated."""

    def blend(self, fraction: Tensor) -> Tensor:
        """The weight of the upper node, of the same shape as the place `fraction` within the cell."""


@dataclass(frozen=True)
class Multilinear:
    """s(t) = t: values are continuous, first derivatives jump at the nodes, second ones miss those jumps.

    Beyond the outermost nodes the outermost cell goes on.
    """

    smoothness: ClassVar[float] = 1

    def blend(self, fraction: Tensor) -> Tensor:
        """The weight of the upper node: the fraction itself."""
        return fraction


@dataclass(frozen=True)
class Smoothstep:
    """s(t) = t^2 (3 - 2 t): values and first derivatives are continuous, the latter vanish at the nodes of one level.

    Second derivatives are those of the cubic and jump at the nodes. A function that is linear is not reproduced between
    nodes, so that an equation of second order, though it may be posed, is better solved by a smooth network.

    Beyond the outermost nodes the value is constant.

    Source: Müller, Evans, Schied, Keller, Instant Neural Graphics Primitives with a Multiresolution Hash Encoding, ACM
    Trans. Graph. 41 (2022) 102, appendix A.
    """

    smoothness: ClassVar[float] = 2

    def blend(self, fraction: Tensor) -> Tensor:
        """The weight of the upper node."""
        t = torch.clamp(fraction, min=0.0, max=1.0)
        return torch.mul(torch.mul(t, t), torch.add(torch.mul(t, -2.0), 3.0))


def check(owner: str, value: object) -> None:
    """Raise ValueError unless `value` is an interpolation."""
    if not isinstance(value, Multilinear | Smoothstep):
        raise ValueError(
            f"{owner}: `interpolation` must be Multilinear() or Smoothstep(), got {value!r}; "
            f"Multilinear() is faster, Smoothstep() has a continuous gradient"
        )
