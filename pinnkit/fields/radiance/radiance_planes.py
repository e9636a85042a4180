"""Planes times lines for radiance: density at a position, colour at a position and in a direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from pinnkit.fields import checks
from pinnkit.fields.base import BaseSpec, FieldModule
from pinnkit.fields.encodings.encoded_network import ROWS
from pinnkit.fields.encodings.interpolation import Multilinear
from pinnkit.fields.encodings.plane_encoding import PlaneEncoding, nodes_of
from pinnkit.fields.grids.planes_and_lines import check_resolution
from pinnkit.fields.protocols import AxisLike
from pinnkit.fields.registry import FIELDS
from pinnkit.fields.scaling import Scaling

from .view_direction import HARMONICS, ViewDependentLayers, harmonics, position_and_view_scaling

__all__ = ["RadianceNetwork", "RadiancePlanes"]


@FIELDS.register(examples=lambda: {"small": RadiancePlanes(resolution=(4, 3, 2), components=3, width=10)})
@dataclass(frozen=True)
class RadiancePlanes(BaseSpec["RadianceNetwork"]):
    """Planes times lines, then two hidden layers; the direction enters the second, as nine spherical harmonics.

    The six columns are a position and a direction (`field_domain`).  The first output, the density, is read from the
    first hidden layer, so that it does not depend on the direction; the colour is read from the second.

    Args:
        resolution: nodes of planes and lines along each axis of the position, one number or three.
        components: products in each of the three pairs of a plane and a line.
        width: units of the two hidden layers.

    Raises:
        ValueError: for a count below 1, fewer than 2 nodes; from `build` for other columns, or a single output.

    Source: Chen, Xu, Geiger, Yu, Su, TensoRF: Tensorial Radiance Fields, ECCV 2022, section 4; here one set of products
    serves density and colour, and the network takes all products as its inputs.
    """

    learning_rate: ClassVar[float] = 1e-2
    """Learning rate of the hidden layers."""
    table_learning_rate: ClassVar[float] = 6e-2
    """Learning rate of planes and lines: high, for a few hundred steps, each of which reaches a part of them."""
    smoothness: ClassVar[float] = 1

    resolution: int | tuple[int, ...] = 128
    components: int = 12
    width: int = 64

    def __post_init__(self) -> None:
        """Check the arguments."""
        object.__setattr__(self, "resolution", check_resolution("RadiancePlanes", self.resolution))
        checks.counts(self, components=12, width=64)

    def _build(self, axes: Sequence[AxisLike], outputs: int, generator: torch.Generator) -> RadianceNetwork:
        scaling = position_and_view_scaling("RadiancePlanes", axes, outputs)
        encoding = PlaneEncoding(nodes_of(self.resolution), self.components, Multilinear(), generator=generator)
        head = ViewDependentLayers(encoding.width, HARMONICS, self.width, outputs, generator=generator)
        return RadianceNetwork(self, scaling, encoding, head)


class RadianceNetwork(FieldModule):
    """Planes and lines of the position, harmonics of the direction, and the layers that join them."""

    spec: RadiancePlanes

    def __init__(
        self, spec: RadiancePlanes, scaling: Scaling, encoding: PlaneEncoding, head: ViewDependentLayers
    ) -> None:
        """Join the parts."""
        super().__init__(spec)
        self.scaling = scaling
        self.encoding = encoding
        self.head = head

    def learning_rates(self) -> Mapping[nn.Parameter, float]:
        """The spec's `table_learning_rate` for planes and lines, its `learning_rate` for the layers."""
        tables = {id(p) for p in self.encoding.node_values()}
        slow, fast = self.spec.learning_rate, self.spec.table_learning_rate
        return {p: fast if id(p) in tables else slow for p in self.parameters()}

    def forward(self, coords: Tensor) -> Tensor:
        """Evaluate the field: (n, 6) -> (n, outputs)."""
        scaled = self.scaling(coords)
        encoded = self.encoding(scaled[:, :3])
        # The direction has bounds -1 and 1, so that the scaled one is the unit vector itself.
        seen = harmonics(scaled[:, 3:])
        if coords.device.type != "cpu" or len(coords) <= ROWS:
            values: Tensor = self.head(encoded, seen)
            return values
        return torch.cat([self.head(*block) for block in zip(encoded.split(ROWS), seen.split(ROWS), strict=True)])

    @torch.no_grad()
    def start_from(self, other: nn.Module) -> None:
        """Copy a network on coarser (or finer) planes and lines; a field of another kind is ignored.

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
