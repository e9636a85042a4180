"""Interpolations of values between the nodes of a grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from pinnkit.fields.registry import INTERPOLATIONS

__all__ = ["Multilinear", "Smoothstep", "check"]


@INTERPOLATIONS.register()
@dataclass(frozen=True)
class Multilinear:
    """s(t) = t: values are continuous, first derivatives jump at the nodes, second ones do not contain those jumps.

    Beyond the outermost nodes the outermost cell is continued.
    """

    smoothness: ClassVar[float] = 1

    def blend(self, fraction: Tensor) -> Tensor:
        """Return the weight of the upper node: the fraction itself."""
        return fraction


@INTERPOLATIONS.register()
@dataclass(frozen=True)
class Smoothstep:
    """s(t) = t^2 (3 - 2 t): values and first derivatives are continuous, the latter vanish at the nodes of one level.

    Second derivatives are those of the cubic and jump at the nodes. Linear functions are not reproduced between
    nodes: equations of second order may be posed, but are better solved by a smooth network.

    Beyond the outermost nodes the value is constant.

    Source: Müller, Evans, Schied, Keller, Instant Neural Graphics Primitives with a Multiresolution Hash Encoding, ACM
    Trans. Graph. 41 (2022) 102, appendix A.
    """

    smoothness: ClassVar[float] = 2

    def blend(self, fraction: Tensor) -> Tensor:
        """Return the weight of the upper node."""
        t = torch.clamp(fraction, min=0.0, max=1.0)
        return torch.mul(torch.mul(t, t), torch.add(torch.mul(t, -2.0), 3.0))


def check(owner: str, value: object) -> None:
    """Raise ValueError unless `value` is a registered interpolation."""
    if not INTERPOLATIONS.holds(value):
        known = " or ".join(f"{entry.name}()" for entry in INTERPOLATIONS)
        raise ValueError(
            f"{owner}: `interpolation` must be {known}, got {value!r}; "
            f"Multilinear() is faster, Smoothstep() has a continuous gradient"
        )
