"""The classical radiance field: a perceptron on positional encodings of a place and of a direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from pinnkit.fields import checks
from pinnkit.fields.base import AxisLike, DrawnSpec
from pinnkit.fields.initialization import glorot, small_readout
from pinnkit.fields.mlp.positional import PositionalEncoding
from pinnkit.fields.scaling import Scaling

from .view_direction import place_and_view

__all__ = ["ViewMLP", "ViewNetwork"]

_ROWS = 8192


@dataclass(frozen=True)
class ViewMLP(DrawnSpec["ViewNetwork"]):
    """The field of NeRF: gamma(x), `depth` layers, the density, then gamma(d) and one narrower layer, the colour.

    gamma(v) = [v, sin(2^l pi v), cos(2^l pi v)], l = 0..L-1, of the place (scaled to [-1, 1]) and of the direction.
    The density is read before the direction enters, so that it is the same from everywhere.

    Args:
        width: units of the hidden layers; the one behind the direction has half as many.
        depth: hidden layers before the density; the authors take 8 of 256.
        frequencies: L of the place.
        view_frequencies: L of the direction.
        skip: the layer after which gamma(x) enters again, if there are more; None for never.

    Raises:
        ValueError: for a count below 1; from `build` for other columns than a place and a direction.

    Source: Mildenhall et al., NeRF, ECCV 2020, section 5.1 and figure 7.
    """

    learning_rate: ClassVar[float] = 2e-3
    smoothness: ClassVar[float] = 1

    width: int = 64
    depth: int = 4
    frequencies: int = 8
    view_frequencies: int = 2
    skip: int | None = 2

    def __post_init__(self) -> None:
        """Check the arguments."""
        checks.hold_counts(self, width=64, depth=4, frequencies=8, view_frequencies=2)
        if self.skip is not None:
            checks.hold_counts(self, skip=2)

    def _build(self, axes: Sequence[AxisLike], outputs: int, generator: torch.Generator) -> ViewNetwork:
        scaling = place_and_view("ViewMLP", axes, outputs)
        return ViewNetwork(self, scaling, outputs, generator)


class ViewNetwork(nn.Module):
    """The perceptron of `ViewMLP`."""

    def __init__(self, spec: ViewMLP, scaling: Scaling, outputs: int, generator: torch.Generator) -> None:
        """Draw the layers."""
        super().__init__()
        self.spec = spec
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

    @property
    def smoothness(self) -> float:
        """How many times the field may be differentiated in its coordinates."""
        return self.spec.smoothness

    def learning_rates(self) -> dict[nn.Parameter, float]:
        """That of the spec."""
        return dict.fromkeys(self.parameters(), self.spec.learning_rate)

    def forward(self, coords: Tensor) -> Tensor:
        """Evaluate the field: (n, 6) -> (n, outputs)."""
        if coords.device.type == "cpu" and len(coords) > _ROWS:
            return torch.cat([self.forward(piece) for piece in coords.split(_ROWS)])
        scaled = self.scaling(coords)
        encoded = self.place(scaled[:, :3])
        features = encoded
        for number, layer in enumerate(self.layers, start=1):
            features = torch.relu(layer(features))
            if number == self.spec.skip and number < len(self.layers):
                features = torch.cat([features, encoded], 1)
        seen = torch.relu(self.seen(torch.cat([features, self.view(scaled[:, 3:])], 1)))
        return torch.cat([self.density(features), self.colour(seen)], 1)
