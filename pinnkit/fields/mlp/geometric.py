"""A softplus network that begins as the signed distance of a sphere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pinnkit.fields import checks
from pinnkit.fields.base import BaseSpec, Network
from pinnkit.fields.initialization import linear
from pinnkit.fields.protocols import AxisLike
from pinnkit.fields.registry import FIELDS
from pinnkit.fields.scaling import scaling_of

__all__ = ["GeometricMLP", "SoftplusLayers"]

_NEARLY_EQUAL = 1e-5
"""Standard deviation of the weights of the read-out around their mean, as in the authors' code."""
_MEASURED = 512
"""Points for the averages that scale and shift the initial network."""


@FIELDS.register(
    "geometric",
    examples=lambda: {
        "small": GeometricMLP(width=12, depth=3, radius=0.4, beta=6.0, skip=2),
    },
)
@dataclass(frozen=True)
class GeometricMLP(BaseSpec[Network]):
    """Network that begins as the distance from a sphere: u(x) = |x - c| - R nearly, c the centre of the box.

    h_0 = s(x), h_l = softplus_beta(W_l h_{l-1} + b_l) for l = 1..depth, u = w . h_depth + b, softplus_beta(z) =
    log(1 + exp(beta z)) / beta. The input of layer `skip` + 1 is [h_skip, h_0] / sqrt(2), of `width` entries in all.
    W ~ N(0, 2/m), with m outputs of the layer, preserves lengths on average, since half of the units are active; the
    read-out ~ N(sqrt(pi/n), 1e-5^2) sums n positive parts of N(0, 2/n) to |h_0|; hidden biases are 0. This is exact for
    ReLU and infinite width. At finite width the read-out is then scaled so that |grad u| is 1 on average over the box,
    and shifted so that u is 0 on average over the sphere (the shift is -R in the limit). Lengths are in the unit of the
    coordinates: s(x) is undone up to a common factor, so that boxes of any size and shape begin with a sphere.

    Args:
        width: units per hidden layer.
        depth: number of hidden layers.
        radius: R over the shortest half extent of the box; axes of time or parameters count as others do.
        beta: sharpness of the softplus, which tends to a ReLU; its second derivative reaches beta / 4.
        skip: the number of hidden layers after which h_0 enters again; None takes half of the depth, 0 leaves it out.

    Raises:
        ValueError: for a width or depth below 1, a radius or beta that is not above 0, or a `skip` not below the
            depth: the input would enter at the read-out; from `build` for a width that is not above the columns that
            enter again.

    Source: Atzmon & Lipman, SAL: Sign Agnostic Learning of Shapes from Raw Data, CVPR 2020, theorem 1; Gropp et al.,
    Implicit Geometric Regularization for Learning Shapes, ICML 2020, section 6.1 (softplus of beta 100), and their
    code (amosgropp/IGR, code/model/network.py); the skip is that of Park et al., DeepSDF, CVPR 2019.
    """

    smoothness: ClassVar[float] = math.inf
    learning_rate: ClassVar[float] = 5e-3
    """Learning rate of Adam, as in IGR's reconstruction (amosgropp/IGR, code/reconstruction/setup.conf)."""

    width: int = 64
    depth: int = 4
    radius: float = 0.5
    beta: float = 100.0
    skip: int | None = None

    def __post_init__(self) -> None:
        """Check the arguments."""
        checks.counts(self, width=64, depth=4)
        checks.positives(
            self, radius="0.5 is half of the way to the walls", beta="100 is nearly a ReLU, 10 is smoother"
        )
        skip, depth = self.skip, self.depth
        if skip is not None and (isinstance(skip, bool) or not isinstance(skip, int) or not 0 <= skip < depth):
            raise ValueError(
                f"GeometricMLP: `skip` must be None or a whole number from 0 to depth - 1 = {depth - 1}, got {skip!r}; "
                f"None lets the input enter again half way, 0 leaves that out"
            )

    @property
    def enters_after(self) -> int:
        """Number of hidden layers after which the input enters again; 0 where it does not."""
        return self.depth // 2 if self.skip is None else self.skip

    def _build(self, axes: Sequence[AxisLike], outputs: int, generator: torch.Generator) -> Network:
        scaling = scaling_of(axes)
        half = torch.tensor([(a.upper - a.lower) / 2 for a in axes for _ in range(a.dim)], dtype=torch.float64)
        longest, columns = half.max().item(), scaling.width
        if self.enters_after and self.width <= columns:
            raise ValueError(
                f"GeometricMLP.build: `width` must be above the {columns} columns of the coordinates, which enter "
                f"again after layer {self.enters_after}, got {self.width}; use a greater width, or skip=0"
            )
        layers, inputs = [], columns
        for index in range(1, self.depth + 1):
            out = self.width - columns if index == self.enters_after else self.width
            layers.append(_normal(inputs, out, 0.0, (2 / out) ** 0.5, generator))
            inputs = self.width  # the columns that enter again replace the units left out
        readout = _normal(inputs, outputs, longest * (math.pi / inputs) ** 0.5, longest * _NEARLY_EQUAL, generator)
        hidden = SoftplusLayers(layers, scaling.spread(half / longest), self.enters_after, self.beta)
        network = Network(self, scaling, hidden, readout)
        middle = torch.tensor([(a.upper + a.lower) / 2 for a in axes for _ in range(a.dim)], dtype=torch.float64)
        _normalise(network, middle, half, self.radius * half.min(), generator)
        return network


class SoftplusLayers(nn.Module):
    """The hidden layers of a GeometricMLP: (n, d) -> (n, width)."""

    shape: Tensor

    def __init__(self, layers: Sequence[nn.Linear], shape: Tensor, skip: int, beta: float) -> None:
        """Take the linear layers, the half extents over the largest (d,), the layer of the skip, and beta."""
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.register_buffer("shape", shape)
        self.skip = skip
        self.beta = beta

    def forward(self, scaled: Tensor) -> Tensor:
        """Apply all layers to coordinates that lie in [-1, 1]."""
        start = torch.mul(scaled, self.shape)
        hidden = start
        for index, layer in enumerate(self.layers):
            if index == self.skip and index > 0:
                hidden = torch.mul(torch.cat([hidden, start], -1), 0.5**0.5)
            hidden = F.softplus(layer(hidden), beta=self.beta)
        return hidden

    def extra_repr(self) -> str:
        """Show the constants when the module is printed."""
        return f"skip={self.skip}, beta={self.beta:g}"


def _normalise(network: Network, middle: Tensor, half: Tensor, radius: Tensor, generator: torch.Generator) -> None:
    """Scale and shift the read-out: a mean gradient of length 1 in the box, a mean of 0 on the sphere."""
    shape = (_MEASURED, len(half))
    inside = middle + half * (2 * torch.rand(shape, generator=generator, dtype=torch.float64) - 1)
    directions = torch.randn(shape, generator=generator, dtype=torch.float64)
    wall = middle + radius * F.normalize(directions, dim=1)
    with torch.enable_grad():
        value = network(inside.requires_grad_())[:, 0].sum()
        (gradient,) = torch.autograd.grad(value, inside)
    with torch.no_grad():
        network.readout.weight.div_(torch.linalg.vector_norm(gradient, dim=1).mean())
        network.readout.bias.sub_(network(wall).mean(0))


def _normal(inputs: int, outputs: int, mean: float, deviation: float, generator: torch.Generator) -> nn.Linear:
    drawn = torch.randn(outputs, inputs, generator=generator, dtype=torch.float64)
    return linear(mean + deviation * drawn, torch.zeros(outputs, dtype=torch.float64))
