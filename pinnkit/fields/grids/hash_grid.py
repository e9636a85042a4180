"""Multiresolution hash encoding before a small perceptron."""

from __future__ import annotations

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
from pinnkit.fields.encodings.lattice import PRIMES, hash_lattice
from pinnkit.fields.initialization import glorot
from pinnkit.fields.mlp.dense import dense
from pinnkit.fields.protocols import AxisLike, Interpolation
from pinnkit.fields.registry import FIELDS
from pinnkit.fields.scaling import scaling_of

__all__ = ["HashGrid"]


@FIELDS.register(
    "hash",
    examples=lambda: {
        "multilinear": HashGrid(
            levels=3, features=4, rows=16, coarsest=2, finest=5, width=12, depth=1, activation="tanh"
        ),
        "smoothstep": HashGrid(
            levels=2, rows=8, coarsest=1, finest=2, interpolation=Smoothstep(), width=13, depth=1, activation="sin"
        ),
    },
)
@dataclass(frozen=True)
class HashGrid(BaseSpec[EncodedNetwork]):
    """Hash grids of several resolutions, then a perceptron: u = MLP(e(v)), v = s(x) in [-1, 1]^d, d from 1 to 4.

    Level l = 0..levels-1 has about N_l = coarsest * b^l cells along the axis of the largest `finest`, with b = (largest
    finest / coarsest)^(1/(levels-1)), in proportion fewer along the other axes, and at most `rows` rows of `features`
    trained numbers. Each node has a row of its own while the nodes of a level fit; on larger levels node k has the row
    xor_a(k_a p_a) mod rows with the primes 1, 2654435761, 805459861 (and, for a fourth axis, 3674653429). e(v) holds
    the interpolated features of all levels. Numbers in the table: at most levels * rows * features.

    Coordinates beyond the bounds continue the outermost cells.

    Args:
        levels: number of grids.
        features: numbers in a row; an even number.
        rows: largest number of rows of a level, a power of two; 2**14 to 2**19 in the source.
        coarsest: cells along the longest axis of the first level.
        finest: cells along each axis of the last level: one number, one per axis or one per coordinate column. The
            pixels of an image, (width, height), make square cells.
        interpolation: Multilinear() or Smoothstep() between the nodes.
        width: units per hidden layer.
        depth: number of hidden layers.
        activation: as in `MLP`.

    Raises:
        ValueError: for a count below 1, odd features, rows that are no power of two, finest below coarsest, another
            interpolation or activation; from `build` for more than 4 coordinate columns, or a tuple that does not fit
            the axes.

    Source: Müller, Evans, Schied, Keller, Instant Neural Graphics Primitives with a Multiresolution Hash Encoding, ACM
    Trans. Graph. 41 (2022) 102, section 3, with the constants of the authors' code.
    """

    learning_rate: ClassVar[float] = 1e-2
    """Learning rate of the perceptron."""
    table_learning_rate: ClassVar[float] = 2e-2
    """Learning rate of the values on the nodes, each of which few points reach."""

    levels: int = 8
    features: int = 2
    rows: int = 2**15
    coarsest: int = 16
    finest: int | tuple[int, ...] = 256
    interpolation: Interpolation = field(default_factory=Multilinear)
    width: int = 64
    depth: int = 2
    activation: str = "relu"

    def __post_init__(self) -> None:
        """Check the arguments."""
        checks.counts(self, levels=8, features=2, rows=2**15, coarsest=16, width=64, depth=2)
        repair = "give the cells of the last level along each axis, such as the pixels of an image"
        finest = checks.count_or_tuple("HashGrid", "finest", self.finest, each="axis", repair=repair)
        object.__setattr__(self, "finest", finest)
        checks.even("HashGrid", "features", self.features)
        if self.rows & (self.rows - 1) or self.rows < 2:
            raise ValueError(
                f"HashGrid: `rows` must be a power of two, got {self.rows}; take 2**{max(self.rows.bit_length(), 1)}"
            )
        checks.growing("HashGrid", self.coarsest, finest if isinstance(finest, int) else max(finest))
        interpolation.check("HashGrid", self.interpolation)
        activation("HashGrid", self.activation)

    @property
    def smoothness(self) -> float:
        """Number of times that the field may be differentiated: the smaller of interpolation and activation."""
        return min(self.interpolation.smoothness, activation("HashGrid", self.activation).smoothness)

    def _build(self, axes: Sequence[AxisLike], outputs: int, generator: torch.Generator) -> EncodedNetwork:
        scaling = scaling_of(axes)
        checks.grid_dimension("HashGrid", scaling.width, most=len(PRIMES))
        finest = float(self.finest) if isinstance(self.finest, int) else self.finest
        cells = [int(n) for n in scaling.spread(checks.per_column("HashGrid", "finest", finest, axes))]
        lattice = hash_lattice(levels=self.levels, coarsest=self.coarsest, finest=cells, rows=self.rows)
        encoding = GridEncoding(lattice, self.interpolation, features=self.features, generator=generator)
        hidden = nn.Sequential(
            encoding, *dense(encoding.width, self.width, self.depth, self.activation, generator=generator)
        )
        readout = glorot(self.width, outputs, generator=generator)  # the small table keeps the field near zero
        return EncodedNetwork(self, scaling, hidden, readout)
