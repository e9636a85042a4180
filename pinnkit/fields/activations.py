"""Activation functions by name: a spec holds the name, so that it can be written to a file and read back."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import MappingProxyType
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["ACTIVATIONS", "Activation", "Pointwise", "activation"]


class Activation(NamedTuple):
    """A pointwise function and the number of times that it may be differentiated."""

    function: Callable[[Tensor], Tensor]
    smoothness: float


ACTIVATIONS = MappingProxyType(
    {
        "tanh": Activation(torch.tanh, math.inf),
        "sin": Activation(torch.sin, math.inf),
        "gelu": Activation(F.gelu, math.inf),
        "silu": Activation(F.silu, math.inf),
        "softplus": Activation(F.softplus, math.inf),
        "sigmoid": Activation(torch.sigmoid, math.inf),
        # Piecewise linear: the first derivative exists almost everywhere, the second misses its jumps.
        "relu": Activation(torch.relu, 1),
    }
)


def activation(owner: str, name: object) -> Activation:
    """Look up an activation by name; raises ValueError with the known names."""
    if isinstance(name, str) and name in ACTIVATIONS:
        return ACTIVATIONS[name]
    raise ValueError(
        f"{owner}: `activation` must be one of {', '.join(map(repr, ACTIVATIONS))}, got {name!r}; "
        f"'tanh' suits equations (for sines scaled by omega use Siren)"
    )


class Pointwise(nn.Module):
    """Layer of one activation: (n, k) -> (n, k)."""

    def __init__(self, name: str) -> None:
        """Look `name` up in `ACTIVATIONS`."""
        super().__init__()
        self.name = name

    def forward(self, inputs: Tensor) -> Tensor:
        """Apply the function entry by entry."""
        return ACTIVATIONS[self.name].function(inputs)

    def extra_repr(self) -> str:
        """Show the name when the module is printed."""
        return self.name
