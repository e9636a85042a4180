"""Networks of Gaussian bumps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from pinnkit.fields import checks
from pinnkit.fields.base import BaseSpec, Network
from pinnkit.fields.initialization import fan_in
from pinnkit.fields.protocols import AxisLike
from pinnkit.fields.registry import FIELDS
from pinnkit.fields.scaling import scaling_of

__all__ = ["BumpLayer", "Gauss"]


@FIELDS.register(
    "gauss",
    examples=lambda: {
        "small": Gauss(width=12, depth=2, scale=1.5),
    },
)
@dataclass(frozen=True)
class Gauss(BaseSpec[Network]):
    """Gaussian network: h_0 = s(x), h_l = exp(-(scale (W_l h_{l-1} + b_l))^2) for l = 1..depth, u = W h_depth + b.

    Every weight and bias ~ U(-1/sqrt(n), 1/sqrt(n)), with n inputs of the layer. A bump has the width
    1 / (scale |w|) along the direction of its weights w: scale sets the detail that the network begins with. In terms
    of exp(-z^2 / (2 sigma^2)), scale = 1 / (sqrt(2) sigma).

    Args:
        width: bumps per layer.
        depth: number of layers of bumps.
        scale: one for all layers; about 2 for equations, 10 to 30 for images.

    Raises:
        ValueError: for a width or depth below 1, or a scale that is not above 0.

    Source: Ramasinghe & Lucey, Beyond Periodicity: Towards a Unifying Framework for Activations in Coordinate-MLPs,
    ECCV 2022, section 4; in this form and with these weights Saragadam et al., WIRE: Wavelet Implicit Neural
    Representations, CVPR 2023, and their code (vishwa91/wire, modules/gauss.py).
    """

    smoothness: ClassVar[float] = math.inf
    learning_rate: ClassVar[float] = 5e-3
    """Learning rate of Adam, as in liuzhen0212/FINER, run_gauss.sh.  Measured on a photograph of 48 x 48, 250 steps,
    scale 10: 22.4 dB with 1e-3, 24.9 with 2e-3, 28.6 with 5e-3, 29.4 with 1e-2; 1e-2 is too much for scale 30."""

    width: int = 64
    depth: int = 3
    scale: float = 10.0

    def __post_init__(self) -> None:
        """Check the arguments."""
        checks.counts(self, width=64, depth=3)
        checks.positives(self, scale="use about 2 for equations, 10 to 30 for images")

    def _build(self, axes: Sequence[AxisLike], outputs: int, generator: torch.Generator) -> Network:
        scaling = scaling_of(axes)
        inputs = scaling.width
        layers = []
        for _ in range(self.depth):
            layers.append(BumpLayer(fan_in(inputs, self.width, generator=generator), self.scale))
            inputs = self.width
        readout = fan_in(inputs, outputs, generator=generator)
        return Network(self, scaling, nn.Sequential(*layers), readout)


class BumpLayer(nn.Module):
    """One layer of a Gauss network: (n, k) -> (n, h), exp(-(scale (W x + b))^2)."""

    def __init__(self, linear: nn.Linear, scale: float) -> None:
        """Take the linear layer and the factor inside the square."""
        super().__init__()
        self.linear = linear
        self.scale = scale

    def forward(self, inputs: Tensor) -> Tensor:
        """Apply the layer."""
        return torch.exp(torch.neg(torch.square(torch.mul(self.linear(inputs), self.scale))))

    def extra_repr(self) -> str:
        """Show the scale when the module is printed."""
        return f"scale={self.scale:g}"
