"""Weights drawn from an explicit CPU generator in float64: the one place where fields meet randomness."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def uniform(*shape: int, bound: float, generator: torch.Generator) -> Tensor:
    """Draw from U(-bound, bound): float64 on the CPU, of the given shape."""
    return (2 * torch.rand(*shape, generator=generator, dtype=torch.float64) - 1) * bound


def linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    """A linear layer with exactly these values, weight (out, in) and bias (out,).

    It begins without memory, on the meta device, since its own initialisation would draw from the global generator.
    """
    out_features, in_features = weight.shape
    layer = nn.Linear(in_features, out_features, bias=bias is not None, dtype=weight.dtype, device="meta")
    layer.weight = nn.Parameter(weight)
    if bias is not None:
        layer.bias = nn.Parameter(bias)
    return layer


def glorot(inputs: int, outputs: int, *, generator: torch.Generator, gain: float = 1.0) -> nn.Linear:
    """A linear layer with W ~ U(-r, r), r = gain sqrt(6 / (inputs + outputs)), and b = 0.

    Source: Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010, eq. 16.
    """
    bound = gain * (6 / (inputs + outputs)) ** 0.5
    weight = uniform(outputs, inputs, bound=bound, generator=generator)
    return linear(weight, torch.zeros(outputs, dtype=torch.float64))


def fan_in(inputs: int, outputs: int, *, generator: torch.Generator) -> nn.Linear:
    """A linear layer with weights and bias ~ U(-1/sqrt(inputs), 1/sqrt(inputs)), torch's own initialisation."""
    bound = inputs**-0.5
    weight = uniform(outputs, inputs, bound=bound, generator=generator)
    return linear(weight, uniform(outputs, bound=bound, generator=generator))


def small_readout(inputs: int, outputs: int, *, generator: torch.Generator) -> nn.Linear:
    """A Glorot layer at a tenth, so that a field begins near zero and an ansatz near what it says without the field.

    A factored eikonal T0 exp(u) that begins far from T0 settles on a wrong branch with a small residual.
    """
    return glorot(inputs, outputs, generator=generator, gain=0.1)
