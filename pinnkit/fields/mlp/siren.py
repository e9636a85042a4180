"""Sinusoidal representation networks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from pinnkit.fields import checks
from pinnkit.fields.base import BaseSpec, Network
from pinnkit.fields.initialization import linear, uniform
from pinnkit.fields.protocols import AxisLike
from pinnkit.fields.registry import FIELDS
from pinnkit.fields.scaling import scaling_of

__all__ = ["SineLayer", "Siren"]


@FIELDS.register(
    "siren",
    examples=lambda: {
        "a factor per layer": Siren(width=12, depth=2, omega=(3.0, 5.0)),
        "another first factor": Siren(width=10, depth=4, omega=3.0, first_omega=2.0),
    },
)
@dataclass(frozen=True)
class Siren(BaseSpec[Network]):
    """Sinusoidal network: h_0 = s(x), h_l = sin(omega_l (W_l h_{l-1} + b_l)) for l = 1..depth, u = W h_depth + b.

    Initialised as in the source, with n inputs of a layer: W_1 ~ U(-1/n, 1/n); every other weight, the
    read-out's too, ~ U(-r, r) with r = sqrt(6/n) / omega (for the read-out omega_depth); every bias
    ~ U(-1/sqrt(n), 1/sqrt(n)). Then omega W h has unit variance from the second layer on. Omega sets the frequencies
    that the network begins with: 4 to 10 for equations, 30 for images, thousands in the first layer for audio.

    Args:
        width: sines per layer.
        depth: number of sine layers.
        omega: one frequency factor for all layers, or a tuple of `depth`, first layer first.
        first_omega: the factor of the first layer where it differs from a single `omega`. One number per axis, or per
            coordinate column, sets the frequencies along each: the greatest is the factor, and the weights of the other
            columns are smaller in proportion. For a picture, numbers in proportion to its sides give equal frequencies
            per pixel.

    Raises:
        ValueError: for a width or depth below 1, a factor that is not above 0, a tuple of the wrong length, or
            `first_omega` beside a tuple, which holds that factor already; from `build` for one that does not fit the
            axes.

    Source: Sitzmann, Martel, Bergman, Lindell, Wetzstein, Implicit Neural Representations with Periodic Activation
    Functions, NeurIPS 2020, section 3.2, and the authors' code (vsitzmann/siren).
    """

    smoothness: ClassVar[float] = math.inf

    width: int = 64
    depth: int = 3
    omega: float | tuple[float, ...] = 10.0
    first_omega: float | tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        """Check the arguments."""
        checks.counts(self, width=64, depth=3)
        repair = "use 4 to 10 for equations, 30 for images"
        omega = checks.positive_or_tuple("Siren", "omega", self.omega, each="layer", repair=repair)
        if isinstance(omega, tuple) and len(omega) != self.depth:
            raise ValueError(
                f"Siren: `omega` must be one number or a tuple of depth = {self.depth}, got a tuple of {len(omega)}: "
                f"{omega!r}; give one number per sine layer, first layer first"
            )
        if self.first_omega is not None:
            if isinstance(omega, tuple):
                raise ValueError(
                    f"Siren: `first_omega` must be None where `omega` is a tuple, got {self.first_omega!r}; "
                    f"write it as the first entry of `omega`"
                )
            repair = f"{repair}, or leave it out"
            first = checks.positive_or_tuple("Siren", "first_omega", self.first_omega, each="axis", repair=repair)
            object.__setattr__(self, "first_omega", first)
        object.__setattr__(self, "omega", omega)

    @property
    def omegas(self) -> tuple[float, ...]:
        """The factor of each sine layer, first layer first."""
        if isinstance(self.omega, tuple):
            return self.omega
        first = self.omega if self.first_omega is None else self.first_omega
        return (max(first) if isinstance(first, tuple) else first, *[self.omega] * (self.depth - 1))

    def _build(self, axes: Sequence[AxisLike], outputs: int, generator: torch.Generator) -> Network:
        scaling = scaling_of(axes)
        inputs = scaling.width
        layers = []
        for index, omega in enumerate(self.omegas):
            bound = 1 / inputs if index == 0 else (6 / inputs) ** 0.5 / omega
            layers.append(SineLayer(_draw(inputs, self.width, bound, generator), omega))
            inputs = self.width
        if isinstance(self.first_omega, tuple):
            along = scaling.spread(checks.per_column("Siren", "first_omega", self.first_omega, axes))
            with torch.no_grad():
                layers[0].linear.weight.mul_(along / self.omegas[0])
        readout = _draw(inputs, outputs, (6 / inputs) ** 0.5 / self.omegas[-1], generator)
        return Network(self, scaling, nn.Sequential(*layers), readout)


class SineLayer(nn.Module):
    """One layer of a Siren: (n, k) -> (n, h), sin(omega (W x + b)), with omega inside the sine and not in W."""

    def __init__(self, linear: nn.Linear, omega: float) -> None:
        """Take the linear layer and its frequency factor."""
        super().__init__()
        self.linear = linear
        self.omega = omega

    def forward(self, inputs: Tensor) -> Tensor:
        """Apply the layer."""
        return torch.sin(torch.mul(self.linear(inputs), self.omega))

    def extra_repr(self) -> str:
        """Show omega when the module is printed."""
        return f"omega={self.omega:g}"


def _draw(inputs: int, outputs: int, bound: float, generator: torch.Generator) -> nn.Linear:
    weight = uniform(outputs, inputs, bound=bound, generator=generator)
    return linear(weight, uniform(outputs, bound=inputs**-0.5, generator=generator))
