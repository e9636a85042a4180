"""Positional encoding before a multilayer perceptron, as in radiance fields."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pinnkit.fields import checks
from pinnkit.fields.activations import Pointwise, activation
from pinnkit.fields.base import BaseSpec
from pinnkit.fields.encodings.encoded_network import EncodedNetwork
from pinnkit.fields.initialization import glorot
from pinnkit.fields.protocols import AxisLike
from pinnkit.fields.registry import FIELDS
from pinnkit.fields.scaling import scaling_of

__all__ = ["PositionalEncoding", "PositionalMLP"]


@FIELDS.register(
    "positional",
    examples=lambda: {
        "with a skip": PositionalMLP(frequencies=2, inputs=False, width=12, depth=3, skip=2, activation="silu"),
        "without": PositionalMLP(frequencies=1, width=13, depth=2, skip=None),
    },
)
@dataclass(frozen=True)
class PositionalMLP(BaseSpec[EncodedNetwork]):
    """Sines and cosines of doubling frequency, then a multilayer perceptron: u = MLP(gamma(v)), v = s(x) in [-1, 1]^d.

    gamma(v) = [v, sin(pi v), ..., sin(2^(L-1) pi v), cos(pi v), ..., cos(2^(L-1) pi v)] for every column of v, the
    first entry where `inputs` is True. Where the perceptron is deeper than `skip`, gamma(v) is joined to the
    activations of that hidden layer again. Initialised as in `MLP`, with a read-out ten times as large.

    gamma has period 2 in each v: without `inputs` the two ends of an axis have the same value.

    Args:
        frequencies: L; the fastest wave is 2^(2 - L) long, where an axis is 2 long.
        inputs: True puts v itself before the waves.
        width: units per hidden layer.
        depth: number of hidden layers; 8 of 256 units in the source.
        skip: the hidden layer after which gamma(v) enters again, if there are more; None for never.
        activation: as in `MLP`; the encoding is smooth, so the smoothness is that of the activation.

    Raises:
        ValueError: for a count below 1, `inputs` that is no bool, an unknown activation.

    Source: Mildenhall et al., NeRF: Representing Scenes as Neural Radiance Fields for View Synthesis, ECCV 2020,
    section 5.1 and figure 7.
    """

    learning_rate: ClassVar[float] = 3e-3
    """Learning rate of all parameters."""

    frequencies: int = 8
    inputs: bool = True
    width: int = 128
    depth: int = 4
    skip: int | None = 5
    activation: str = "relu"

    def __post_init__(self) -> None:
        """Check the arguments."""
        checks.counts(self, frequencies=8, width=128, depth=4)
        if self.skip is not None:
            checks.counts(self, skip=5)
        checks.flags(self, inputs="True puts the coordinates beside their sines and cosines")
        activation("PositionalMLP", self.activation)

    @property
    def smoothness(self) -> float:
        """Number of times that the field may be differentiated: that of its activation."""
        return activation("PositionalMLP", self.activation).smoothness

    def _build(self, axes: Sequence[AxisLike], outputs: int, generator: torch.Generator) -> EncodedNetwork:
        scaling = scaling_of(axes)
        encoding = PositionalEncoding(scaling.width, self.frequencies, inputs=self.inputs)
        layers: list[nn.Module] = []
        entering = encoding.width
        for layer in range(1, self.depth + 1):
            layers.append(glorot(entering, self.width, generator=generator))
            again = layer == self.skip and layer < self.depth
            entering = self.width + (encoding.width if again else 0)
        readout = glorot(self.width, outputs, generator=generator)
        hidden = _Skipping(encoding, layers, Pointwise(self.activation), after=self.skip)
        return EncodedNetwork(self, scaling, hidden, readout)


class PositionalEncoding(nn.Module):
    """[v, sin(2^l pi v), cos(2^l pi v)], l = 0..L-1: (n, d) -> (n, d (1 + 2 L)), by frequency, then column."""

    octaves: Tensor

    def __init__(self, columns: int, frequencies: int, *, inputs: bool) -> None:
        """Encode `columns` columns; `inputs` puts v itself first."""
        super().__init__()
        self.inputs = inputs
        self.width = columns * (2 * frequencies + inputs)
        each = math.pi * 2.0 ** torch.arange(frequencies, dtype=torch.float64)
        octaves = torch.kron(each[:, None], torch.eye(columns, dtype=torch.float64))
        self.register_buffer("octaves", octaves, persistent=False)

    def forward(self, coords: Tensor) -> Tensor:
        """Encode coordinates that lie in [-1, 1]."""
        angles = F.linear(coords, self.octaves)
        waves = [torch.sin(angles), torch.cos(angles)]
        return torch.cat([coords, *waves] if self.inputs else waves, -1)


class _Skipping(nn.Module):
    """Hidden layers after an encoding that enters a second time after one of them."""

    def __init__(self, encoding: nn.Module, layers: list[nn.Module], activation: nn.Module, *, after: int | None):
        super().__init__()
        self.encoding = encoding
        self.layers = nn.ModuleList(layers)
        self.activation = activation
        self.after = after

    def forward(self, coords: Tensor) -> Tensor:
        encoded = self.encoding(coords)
        features = encoded
        for number, layer in enumerate(self.layers, start=1):
            features = self.activation(layer(features))
            if number == self.after and number < len(self.layers):
                features = torch.cat([features, encoded], -1)
        return features
