"""Planes times lines before a small perceptron: the vector-matrix factorisation of a dense grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import nn

from pinnkit.fields import checks
from pinnkit.fields.activations import activation
from pinnkit.fields.base import BaseSpec, Network
from pinnkit.fields.encodings import interpolation
from pinnkit.fields.encodings.encoded_network import EncodedNetwork
from pinnkit.fields.encodings.interpolation import Multilinear, Smoothstep
from pinnkit.fields.encodings.plane_encoding import PlaneEncoding, nodes_of
from pinnkit.fields.initialization import small_readout
from pinnkit.fields.mlp.dense import dense
from pinnkit.fields.protocols import AxisLike, Interpolation
from pinnkit.fields.registry import FIELDS
from pinnkit.fields.scaling import Scaling, scaling_of

__all__ = ["PlaneNetwork", "PlanesAndLines", "check_resolution"]


@FIELDS.register(
    examples=lambda: {
        "with a perceptron": PlanesAndLines(resolution=(3, 4, 5), components=3, width=12, depth=2, activation="tanh"),
        "linear": PlanesAndLines(resolution=(4, 3, 2), components=5, interpolation=Smoothstep(), depth=0),
    }
)
@dataclass(frozen=True)
class PlanesAndLines(BaseSpec["PlaneNetwork"]):
    """Planes times lines instead of a dense grid in three coordinates: u = W h(e(v)) + b, v = s(x) in [-1, 1]^3.

    e(v) = [P_1(v_1, v_2) L_1(v_3), P_2(v_1, v_3) L_2(v_2), P_3(v_2, v_3) L_3(v_1)], with R products in each of the
    three; h is a perceptron, or the identity for depth 0: u is then a sum of planes times lines.  A grid of N^3 nodes
    takes 3 R (N^2 + N) numbers.

    Args:
        resolution: nodes along each axis, one number or three.
        components: R.
        interpolation: Multilinear() or Smoothstep() between the nodes.
        width: units per hidden layer.
        depth: number of hidden layers; 0 for none.
        activation: as in `MLP`.

    Raises:
        ValueError: for a count below 1 (a depth below 0), fewer than 2 nodes, another interpolation or activation; from
            `build` unless there are three coordinate columns.

    Source: Chen, Xu, Geiger, Yu, Su, TensoRF: Tensorial Radiance Fields, ECCV 2022, section 3.
    """

    learning_rate: ClassVar[float] = 5e-3
    """Learning rate of the perceptron."""
    table_learning_rate: ClassVar[float] = 2e-2
    """Learning rate of planes and lines, each value of which few points reach."""

    resolution: int | tuple[int, ...] = 64
    components: int = 8
    interpolation: Interpolation = field(default_factory=Multilinear)
    width: int = 64
    depth: int = 1
    activation: str = "relu"

    def __post_init__(self) -> None:
        """Check the arguments."""
        object.__setattr__(self, "resolution", check_resolution("PlanesAndLines", self.resolution))
        checks.counts(self, components=8, width=64)
        if isinstance(self.depth, bool) or not isinstance(self.depth, int) or self.depth < 0:
            raise ValueError(f"PlanesAndLines: `depth` must be a whole number of at least 0, got {self.depth!r}")
        interpolation.check("PlanesAndLines", self.interpolation)
        activation("PlanesAndLines", self.activation)

    @property
    def smoothness(self) -> float:
        """Number of times that the field may be differentiated: the smaller of interpolation and activation."""
        after = activation("PlanesAndLines", self.activation).smoothness if self.depth else float("inf")
        return min(self.interpolation.smoothness, after)

    def _build(self, axes: Sequence[AxisLike], outputs: int, generator: torch.Generator) -> PlaneNetwork:
        scaling = scaling_of(axes)
        if scaling.width != 3:
            raise ValueError(
                f"PlanesAndLines.build: `axes` must have three coordinate columns (a periodic one counts twice), got "
                f"{scaling.width}; use MultilevelGrid in one, two or four"
            )
        encoding = PlaneEncoding(nodes_of(self.resolution), self.components, self.interpolation, generator=generator)
        layers = dense(encoding.width, self.width, self.depth, self.activation, generator=generator)
        readout = small_readout(self.width if self.depth else encoding.width, outputs, generator=generator)
        if not self.depth:  # a sum of products, which must not begin near zero
            with torch.no_grad():
                readout.weight.mul_(10)
        hidden = nn.Sequential(encoding, *layers)
        return PlaneNetwork(self, scaling, hidden, readout)


class PlaneNetwork(EncodedNetwork):
    """A network that begins with planes and lines, u(x) = W h(e(s(x))) + b."""

    def __init__(self, spec: BaseSpec[Network], scaling: Scaling, hidden: nn.Sequential, readout: nn.Linear) -> None:
        """Join the parts; the first of `hidden` is the encoding."""
        super().__init__(spec, scaling, hidden, readout)

    @property
    def encoding(self) -> PlaneEncoding:
        """The planes and lines."""
        first = self.hidden[0]  # type: ignore[index]
        assert isinstance(first, PlaneEncoding)
        return first

    @torch.no_grad()
    def start_from(self, other: nn.Module) -> None:
        """Copy a network of the same components and layers; planes and lines of another resolution are interpolated.

        Raises:
            ValueError: for another kind of field, or another width, depth or number of components.
        """
        if not isinstance(other, PlaneNetwork):
            raise ValueError(f"PlanesAndLines: can start from PlanesAndLines only, got {type(other).__name__}")
        self.encoding.start_from(other.encoding)
        mine = [*self.hidden[1:].parameters(), *self.readout.parameters()]  # type: ignore[index]
        theirs = [*other.hidden[1:].parameters(), *other.readout.parameters()]  # type: ignore[index]
        if [p.shape for p in mine] != [p.shape for p in theirs]:
            raise ValueError("PlanesAndLines: can start from a field of the same width, depth and outputs only")
        for p, q in zip(mine, theirs, strict=True):
            p.copy_(q)


def check_resolution(owner: str, value: object) -> int | tuple[int, ...]:
    """Check the nodes along the axes: a whole number of at least 2, or three of them."""
    found = checks.count_or_tuple(owner, "resolution", value, each="axis", repair="64 is a good start")
    counts = (found,) if isinstance(found, int) else found
    if min(counts) < 2 or len(counts) not in (1, 3):
        raise ValueError(f"{owner}: `resolution` must be at least 2 nodes, one number or three, got {value!r}")
    return found
