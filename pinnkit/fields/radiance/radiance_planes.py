"""Planes times lines for radiance: density and colour at a place, seen in a direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from pinnkit.fields import checks
from pinnkit.fields.base import AxisLike, DrawnSpec
from pinnkit.fields.encodings.interpolation import Multilinear
from pinnkit.fields.encodings.plane_encoding import PlaneEncoding, nodes_of
from pinnkit.fields.grids.planes_and_lines import check_resolution
from pinnkit.fields.scaling import Scaling

from .view_direction import HARMONICS, SeenFrom, harmonics, place_and_view

__all__ = ["RadianceNetwork", "RadiancePlanes"]

_ROWS = 8192
"""Points in a piece: hidden layers of so many rows stay in a processor's cache, where they are twice as fast."""


@dataclass(frozen=True)
class RadiancePlanes(DrawnSpec["RadianceNetwork"]):
    """Planes times lines, then two hidden layers; the direction enters the second, as nine spherical harmonics.

    The six columns are a place and a direction (`field_domain`).  The first output, the density, is read from the
    first hidden layer, so that it is the same from everywhere; the others, the colour, from the second.

    Args:
        resolution: nodes of planes and lines along each axis of the place, one number or three.
        components: products in each of the three pairs of a plane and a line.
        width: units of the two hidden layers.

    Raises:
        ValueError: for a count below 1, fewer than 2 nodes; from `build` for other columns, or a single output.

    Source: Chen, Xu, Geiger, Yu, Su, TensoRF: Tensorial Radiance Fields, ECCV 2022, section 4; here one set of products
    serves density and colour, and all of them go to the network side by side.
    """

    learning_rate: ClassVar[float] = 1e-2
    """Of the hidden layers."""
    table_learning_rate: ClassVar[float] = 6e-2
    """Of planes and lines: high, for a few hundred steps, each of which reaches a part of them."""
    smoothness: ClassVar[float] = 1

    resolution: int | tuple[int, ...] = 128
    components: int = 12
    width: int = 64

    def __post_init__(self) -> None:
        """Check the arguments."""
        object.__setattr__(self, "resolution", check_resolution("RadiancePlanes", self.resolution))
        checks.hold_counts(self, components=12, width=64)

    def _build(self, axes: Sequence[AxisLike], outputs: int, generator: torch.Generator) -> RadianceNetwork:
        scaling = place_and_view("RadiancePlanes", axes, outputs)
        encoding = PlaneEncoding(nodes_of(self.resolution), self.components, Multilinear(), generator=generator)
        head = SeenFrom(encoding.width, HARMONICS, self.width, outputs, generator=generator)
        return RadianceNetwork(self, scaling, encoding, head)


class RadianceNetwork(nn.Module):
    """Planes and lines at the place, the harmonics of the direction, and the layers that join them."""

    def __init__(self, spec: RadiancePlanes, scaling: Scaling, encoding: PlaneEncoding, head: SeenFrom) -> None:
        """Join the parts."""
        super().__init__()
        self.spec = spec
        self.scaling = scaling
        self.encoding = encoding
        self.head = head

    @property
    def smoothness(self) -> float:
        """How many times the field may be differentiated in its coordinates."""
        return self.spec.smoothness

    def learning_rates(self) -> Mapping[nn.Parameter, float]:
        """High for planes and lines, lower for the layers."""
        tables = {id(p) for p in self.encoding.parameters()}
        slow, fast = self.spec.learning_rate, self.spec.table_learning_rate
        return {p: fast if id(p) in tables else slow for p in self.parameters()}

    def forward(self, coords: Tensor) -> Tensor:
        """Evaluate the field: (n, 6) -> (n, outputs)."""
        scaled = self.scaling(coords)
        encoded = self.encoding(scaled[:, :3])
        # The direction has bounds -1 and 1, so that the scaled one is the unit vector itself.
        seen = harmonics(scaled[:, 3:])
        if coords.device.type != "cpu" or len(coords) <= _ROWS:
            values: Tensor = self.head(encoded, seen)
            return values
        return torch.cat([self.head(*piece) for piece in zip(encoded.split(_ROWS), seen.split(_ROWS), strict=True)])

    @torch.no_grad()
    def start_from(self, other: nn.Module) -> None:
        """Take over a network on coarser (or finer) planes and lines; from any other field, nothing.

        Raises:
            ValueError: for another width or number of components.
        """
        if not isinstance(other, RadianceNetwork):
            return
        self.encoding.start_from(other.encoding)
        mine, theirs = dict(self.head.named_parameters()), dict(other.head.named_parameters())
        if {k: p.shape for k, p in mine.items()} != {k: p.shape for k, p in theirs.items()}:
            raise ValueError("RadiancePlanes: can start from a field of the same width and outputs only")
        for name, p in mine.items():
            p.copy_(theirs[name])
