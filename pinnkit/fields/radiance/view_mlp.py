"""Radiance field of NeRF: a perceptron on positional encodings of a position and a direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from pinnkit.fields import checks
from pinnkit.fields.base import BaseSpec, FieldModule
from pinnkit.fields.encodings.encoded_network import ROWS
from pinnkit.fields.initialization import glorot, small_readout
from pinnkit.fields.mlp.positional import PositionalEncoding
from pinnkit.fields.protocols import AxisLike
from pinnkit.fields.registry import FIELDS
from pinnkit.fields.scaling import Scaling

from .view_direction import position_and_view_scaling

__all__ = ["ViewMLP", "ViewNetwork"]


@FIELDS.register(examples=lambda: {"small": ViewMLP(width=8, depth=3, frequencies=2, view_frequencies=1, skip=1)})
@dataclass(frozen=True)
class ViewMLP(BaseSpec["ViewNetwork"]):
    """The field of NeRF: gamma(x), `depth` layers, the density, then gamma(d) and one narrower layer, the colour.

    gamma(v) = [v, sin(2^l pi v), cos(2^l pi v)], l = 0..L-1, of the position (scaled to [-1, 1]) and of the
    direction. The density is read before the direction enters, so that it does not depend on it.

    Args:
        width: units of the hidden layers; the layer after the direction enters has half as many.
        depth: hidden layers before the density; 8 of 256 units in the source.
        frequencies: L of the position.
        view_frequencies: L of the direction.
        skip: the layer after which gamma(x) enters again, if there are more; None for never.

    Raises:
        ValueError: for a count below 1; from `build` for other columns than a position and a direction.

    Source: Mildenhall et al., NeRF, ECCV 2020, section 5.1 and figure 7.
    """

    learning_rate: ClassVar[float] = 2e-3
    """Learning rate of all parameters."""
    smoothness: ClassVar[float] = 1

    width: int = 64
    depth: int = 4
    frequencies: int = 8
    view_frequencies: int = 2
    skip: int | None = 2

    def __post_init__(self) -> None:
        """Check the arguments."""
        checks.counts(self, width=64, depth=4, frequencies=8, view_frequencies=2)
        if self.skip is not None:
            checks.counts(self, skip=2)

    def _build(self, axes: Sequence[AxisLike], outputs: int, generator: torch.Generator) -> ViewNetwork:
        scaling = position_and_view_scaling("ViewMLP", axes, outputs)
        return ViewNetwork(self, scaling, outputs, generator)


class ViewNetwork(FieldModule):
    """Module of `ViewMLP`."""

    spec: ViewMLP

    def __init__(self, spec: ViewMLP, scaling: Scaling, outputs: int, generator: torch.Generator) -> None:
        """Draw the layers."""
        super().__init__(spec)
        self.scaling = scaling
        self.place = PositionalEncoding(3, spec.frequencies, inputs=True)
        self.view = PositionalEncoding(3, spec.view_frequencies, inputs=True)
        layers, entering = [], self.place.width
        for layer in range(1, spec.depth + 1):
            layers.append(glorot(entering, spec.width, generator=generator, gain=2**0.5))
            again = layer == spec.skip and layer < spec.depth
            entering = spec.width + (self.place.width if again else 0)
        self.layers = nn.ModuleList(layers)
        self.density = glorot(spec.width, 1, generator=generator)
        half = max(spec.width // 2, 1)
        self.seen = glorot(spec.width + self.view.width, half, generator=generator, gain=2**0.5)
        self.colour = small_readout(half, outputs - 1, generator=generator)

    def learning_rates(self) -> dict[nn.Parameter, float]:
        """The `learning_rate` of the spec for every parameter."""
        return dict.fromkeys(self.parameters(), self.spec.learning_rate)

    def forward(self, coords: Tensor) -> Tensor:
        """Evaluate the field: (n, 6) -> (n, outputs)."""
        if coords.device.type == "cpu" and len(coords) > ROWS:
            return torch.cat([self.forward(block) for block in coords.split(ROWS)])
        scaled = self.scaling(coords)
        encoded = self.place(scaled[:, :3])
        features = encoded
        for number, layer in enumerate(self.layers, start=1):
            features = torch.relu(layer(features))
            if number == self.spec.skip and number < len(self.layers):
                features = torch.cat([features, encoded], 1)
        seen = torch.relu(self.seen(torch.cat([features, self.view(scaled[:, 3:])], 1)))
        return torch.cat([self.density(features), self.colour(seen)], 1)
