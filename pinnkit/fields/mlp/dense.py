"""Hidden layers of a multilayer perceptron."""

from __future__ import annotations

import torch
from torch import nn

from pinnkit.fields.activations import Pointwise
from pinnkit.fields.initialization import glorot

__all__ = ["dense"]


def dense(inputs: int, width: int, depth: int, name: str, *, generator: torch.Generator) -> list[nn.Module]:
    """Return `depth` pairs of a Glorot linear layer and an activation, the first with `inputs` inputs."""
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers += [glorot(inputs, width, generator=generator), Pointwise(name)]
        inputs = width
    return layers
