"""Dense grids of several resolutions before a small perceptron."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import nn

from pinnkit.fields import checks
from pinnkit.fields.activations import activation
from pinnkit.fields.base import BaseSpec
from pinnkit.fields.encodings import interpolation
from pinnkit.fields.encodings.encoded_network import EncodedNetwork
from pinnkit.fields.encodings.grid_encoding import GridEncoding
from pinnkit.fields.encodings.interpolation import Multilinear, Smoothstep
from pinnkit.fields.encodings.lattice import dense_lattice
from pinnkit.fields.initialization import glorot
from pinnkit.fields.mlp.dense import dense
from pinnkit.fields.protocols import AxisLike, Interpolation
from pinnkit.fields.registry import FIELDS
from pinnkit.fields.scaling import scaling_of

__all__ = ["MultilevelGrid"]

_MOST = 2**28
"""Largest number of values in a table, 1 GiB in single precision."""


@FIELDS.register(
    "grid",
    examples=lambda: {
        "multilinear": MultilevelGrid(levels=2, coarsest=2, finest=(4, 3), width=12, depth=1),
        "smoothstep": MultilevelGrid(
            levels=3, features=4, coarsest=1, finest=4, interpolation=Smoothstep(), centred=False, activation="gelu"
        ),
    },
)
@dataclass(frozen=True)
class MultilevelGrid(BaseSpec[EncodedNetwork]):
    """Dense grids of several resolutions, then a perceptron: u = MLP(e(v)), v = s(x) in [-1, 1]^d, d from 1 to 4.

    Level l = 0..levels-1 has r_l = finest * b^(l - levels + 1) cells along each axis, rounded, with
    b = (largest finest / coarsest)^(1/(levels-1)); each node has `features` trained numbers, and e(v) holds the
    interpolated ones of all levels. Numbers in the table: features times the sum of the r_l^d (centred).

    The last levels are not determined at nodes that no data reach: where values between the data matter, `finest`
    should be the resolution of the data, or less.

    Args:
        levels: number of grids.
        features: numbers at a node; an even number.
        coarsest: cells along the longest axis of the first level.
        finest: cells along each axis of the last level: one number, one per axis or one per coordinate column.
            The pixels of an image along each axis put one node of the last level on each pixel.
        interpolation: Multilinear() or Smoothstep() between the nodes.
        centred: True puts nodes at the centres of the cells, (k + 1/2) / r of the extent for k = 0..r-1, and
            extrapolates in the outermost half cells; False puts r + 1 nodes at k / r, ends included.
        width: units per hidden layer.
        depth: number of hidden layers.
        activation: as in `MLP`.

    Raises:
        ValueError: for a count below 1, odd features, finest below coarsest, another interpolation or activation; from
            `build` for more than 4 coordinate columns, a tuple that does not fit the axes, fewer than two nodes along
            an axis, or more than 2**28 numbers.

    Source: Müller et al., Instant Neural Graphics Primitives, ACM Trans. Graph. 41 (2022) 102, section 3 without the
    hash; Takikawa et al., Neural Geometric Level of Detail, CVPR 2021, section 3.
    """

    learning_rate: ClassVar[float] = 1e-2
    """Learning rate of the perceptron."""
    table_learning_rate: ClassVar[float] = 2e-2
    """Learning rate of the values on the nodes, each of which few points reach."""

    levels: int = 5
    features: int = 2
    coarsest: int = 16
    finest: int | tuple[int, ...] = 256
    interpolation: Interpolation = field(default_factory=Multilinear)
    centred: bool = True
    width: int = 64
    depth: int = 2
    activation: str = "relu"

    def __post_init__(self) -> None:
        """Check the arguments."""
        checks.counts(self, levels=5, features=2, coarsest=16, width=64, depth=2)
        checks.even("MultilevelGrid", "features", self.features)
        repair = "give the cells of the last level along each axis, such as the pixels of an image"
        finest = checks.count_or_tuple("MultilevelGrid", "finest", self.finest, each="axis", repair=repair)
        object.__setattr__(self, "finest", finest)
        checks.growing("MultilevelGrid", self.coarsest, finest if isinstance(finest, int) else max(finest))
        interpolation.check("MultilevelGrid", self.interpolation)
        checks.flags(self, centred="True puts nodes on the centres of pixels, False on the ends of the axes")
        activation("MultilevelGrid", self.activation)

    @property
    def smoothness(self) -> float:
        """Number of times that the field may be differentiated: the smaller of interpolation and activation."""
        return min(self.interpolation.smoothness, activation("MultilevelGrid", self.activation).smoothness)

    def resolutions(self, finest: Sequence[int]) -> list[list[int]]:
        """Return the cells per level and axis, coarse to fine, from the cells of the last level."""
        growth = 0.0 if self.levels == 1 else math.log(max(finest) / self.coarsest) / (self.levels - 1)
        fewest = 2 if self.centred else 1
        return [
            [max(min(fewest, cells), round(cells * math.exp(-growth * back))) for cells in finest]
            for back in reversed(range(self.levels))
        ]

    def _build(self, axes: Sequence[AxisLike], outputs: int, generator: torch.Generator) -> EncodedNetwork:
        scaling = scaling_of(axes)
        checks.grid_dimension("MultilevelGrid", scaling.width, most=4)
        finest = float(self.finest) if isinstance(self.finest, int) else self.finest
        per_column = scaling.spread(checks.per_column("MultilevelGrid", "finest", finest, axes))
        lattice = dense_lattice(self.resolutions([int(cells) for cells in per_column]), centred=self.centred)
        numbers = self.features * int(lattice.rows.sum())
        if lattice.nodes.min() < 2 or numbers > _MOST:
            raise ValueError(
                f"MultilevelGrid.build: `finest` must leave at least two nodes along each axis and at most {_MOST:,} "
                f"numbers in all, got {self.finest!r}, which makes {int(lattice.nodes.min())} nodes and {numbers:,} "
                f"numbers; change `finest`, or take HashGrid, whose table does not grow with it"
            )
        encoding = GridEncoding(lattice, self.interpolation, features=self.features, generator=generator)
        hidden = nn.Sequential(
            encoding, *dense(encoding.width, self.width, self.depth, self.activation, generator=generator)
        )
        readout = glorot(self.width, outputs, generator=generator)  # the small table keeps the field near zero
        return EncodedNetwork(self, scaling, hidden, readout)
