"""Random Fourier features before a multilayer perceptron."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pinnkit.fields import checks
from pinnkit.fields.activations import activation
from pinnkit.fields.base import BaseSpec, Network
from pinnkit.fields.initialization import small_readout
from pinnkit.fields.protocols import AxisLike
from pinnkit.fields.registry import FIELDS
from pinnkit.fields.scaling import scaling_of

from .dense import dense

__all__ = ["FourierFeatures", "FourierMLP"]


@FIELDS.register(
    "fourier",
    examples=lambda: {
        "fixed": FourierMLP(features=6, sigma=(0.2, 0.3), width=12, depth=2, activation="gelu"),
        "learned": FourierMLP(features=5, sigma=0.3, learned=True, width=11, depth=1, activation="sin"),
    },
)
@dataclass(frozen=True)
class FourierMLP(BaseSpec[Network]):
    """Fourier features, then a multilayer perceptron: u = MLP([cos 2 pi B v, sin 2 pi B v]), v = s(x) in [-1, 1]^d.

    B is (features, d_total) with B_ja ~ N(0, sigma_a^2), in periods per unit of v. The authors' v spans [0, 1], half
    as wide: their sigma is twice the one here. The perceptron is initialised as in `MLP`.

    Args:
        features: number of rows of B; the perceptron has twice as many inputs.
        sigma: standard deviation of B, one number, one per axis or one per coordinate column.
        learned: True makes B a trained parameter, False a fixed buffer; both begin with the same B.
        width: units per hidden layer.
        depth: number of hidden layers.
        activation: as in `MLP`; the features are smooth, so that the smoothness is that of the activation.

    Raises:
        ValueError: for a count below 1, a sigma that is not above 0, an unknown activation; from `build` for a tuple
            `sigma` that does not fit the axes.

    Source: Tancik et al., Fourier Features Let Networks Learn High Frequency Functions in Low Dimensional Domains,
    NeurIPS 2020, section 5 (Gaussian mapping).
    """

    features: int = 32
    sigma: float | tuple[float, ...] = 0.6
    learned: bool = False
    width: int = 64
    depth: int = 2
    activation: str = "tanh"

    def __post_init__(self) -> None:
        """Check the arguments."""
        sigma = checks.positive_or_tuple(
            "FourierMLP", "sigma", self.sigma, each="axis", repair="0.2 to 2 suits equations, 5 and more images"
        )
        object.__setattr__(self, "sigma", sigma)
        checks.counts(self, features=32, width=64, depth=2)
        checks.flags(self, learned="True trains the frequencies, False keeps them as drawn")
        activation("FourierMLP", self.activation)

    @property
    def smoothness(self) -> float:
        """Number of times that the field may be differentiated: that of its activation."""
        return activation("FourierMLP", self.activation).smoothness

    def _build(self, axes: Sequence[AxisLike], outputs: int, generator: torch.Generator) -> Network:
        scaling = scaling_of(axes)
        sigma = scaling.spread(checks.per_column("FourierMLP", "sigma", self.sigma, axes))
        frequencies = sigma * torch.randn(self.features, scaling.width, generator=generator, dtype=torch.float64)
        layers = dense(2 * self.features, self.width, self.depth, self.activation, generator=generator)
        hidden = nn.Sequential(FourierFeatures(frequencies, learned=self.learned), *layers)
        readout = small_readout(self.width, outputs, generator=generator)
        return Network(self, scaling, hidden, readout)


class FourierFeatures(nn.Module):
    """The encoding [cos 2 pi B v, sin 2 pi B v]: (n, d) -> (n, 2 m), for B of shape (m, d)."""

    frequencies: Tensor

    def __init__(self, frequencies: Tensor, *, learned: bool) -> None:
        """Hold B as a parameter where it is learned and as a buffer where it is not."""
        super().__init__()
        if learned:
            self.frequencies = nn.Parameter(frequencies)
        else:
            self.register_buffer("frequencies", frequencies)

    def forward(self, coords: Tensor) -> Tensor:
        """Encode coordinates that lie in [-1, 1]."""
        angles = F.linear(coords, torch.mul(self.frequencies, 2 * math.pi))
        return torch.cat([torch.cos(angles), torch.sin(angles)], -1)
