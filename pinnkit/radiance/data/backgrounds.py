"""Backgrounds behind a scene, for rays that meet nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["BLACK", "WHITE", "Background", "ConstantBackground", "RandomBackground"]


class Background(Protocol):
    """Colours behind rays."""

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Colours `(n, 3)` float32 in [0, 1]; randomness comes from the generator only."""
        ...


@dataclass(frozen=True)
class ConstantBackground:
    """One colour (red, green, blue) in [0, 1].

    Raises:
        ValueError: for anything but three numbers in [0, 1].
    """

    colour: tuple[float, float, float]

    def __post_init__(self) -> None:
        values = tuple(float(value) for value in self.colour)
        if len(values) != 3 or not all(0 <= value <= 1 for value in values):
            raise ValueError(f"ConstantBackground: `colour` must be three numbers in [0, 1], got {self.colour!r}")
        object.__setattr__(self, "colour", values)

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """The colour, repeated n times."""
        return torch.tensor(self.colour, device=generator.device).expand(n, 3)


@dataclass(frozen=True)
class RandomBackground:
    """Random colour for every ray, so that transparent regions of the pictures must become empty in the field.

    With a constant background a field may paint that colour into empty space, which no training view can detect.
    """

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Independent colours, uniform in the unit cube."""
        return torch.rand(n, 3, generator=generator, device=generator.device)


WHITE = ConstantBackground((1.0, 1.0, 1.0))
BLACK = ConstantBackground((0.0, 0.0, 0.0))
