"""Multilayer perceptron with one activation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from pinnkit.fields import checks
from pinnkit.fields.activations import ACTIVATIONS, activation
from pinnkit.fields.base import BaseSpec, Network
from pinnkit.fields.initialization import small_readout
from pinnkit.fields.protocols import AxisLike
from pinnkit.fields.registry import FIELDS
from pinnkit.fields.scaling import scaling_of

from .dense import dense

__all__ = ["MLP"]


@FIELDS.register("mlp", examples=lambda: {name: MLP(width=12, depth=2, activation=name) for name in ACTIVATIONS})
@dataclass(frozen=True)
class MLP(BaseSpec[Network]):
    """Multilayer perceptron: h_0 = s(x), h_l = a(W_l h_{l-1} + b_l) for l = 1..depth, u = W h_depth + b.

    W ~ U(-r, r) with r = sqrt(6 / (inputs + outputs)) of each layer, a tenth of that for the read-out, b = 0.

    Args:
        width: units per hidden layer.
        depth: number of hidden layers.
        activation: "tanh", "sin", "gelu", "silu", "softplus", "sigmoid" (all smooth) or "relu" (one derivative).

    Raises:
        ValueError: for a width or depth below 1, or an activation that is not in that list.

    Source: Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010, eq. 16.
    """

    width: int = 64
    depth: int = 3
    activation: str = "tanh"

    def __post_init__(self) -> None:
        """Check the arguments."""
        checks.counts(self, width=64, depth=3)
        activation("MLP", self.activation)

    @property
    def smoothness(self) -> float:
        """Number of times that the field may be differentiated: that of its activation."""
        return activation("MLP", self.activation).smoothness

    def _build(self, axes: Sequence[AxisLike], outputs: int, generator: torch.Generator) -> Network:
        scaling = scaling_of(axes)
        hidden = nn.Sequential(*dense(scaling.width, self.width, self.depth, self.activation, generator=generator))
        readout = small_readout(self.width, outputs, generator=generator)
        return Network(self, scaling, hidden, readout)
