"""Initial weights, drawn from an explicit CPU generator in float64; nothing else in fields is random."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def uniform(*shape: int, bound: float, generator: torch.Generator) -> Tensor:
    """Draw from U(-bound, bound): float64 on the CPU, of the given shape."""
    return (2 * torch.rand(*shape, generator=generator, dtype=torch.float64) - 1) * bound


def linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    """Make a linear layer with exactly these values, weight (out, in) and bias (out,).

    It is made on the meta device, without memory, since its own initialisation would draw from the global generator.
    """
    out_features, in_features = weight.shape
    layer = nn.Linear(in_features, out_features, bias=bias is not None, dtype=weight.dtype, device="meta")
    layer.weight = nn.Parameter(weight)
    if bias is not None:
        layer.bias = nn.Parameter(bias)
    return layer


def glorot(inputs: int, outputs: int, *, generator: torch.Generator, gain: float = 1.0) -> nn.Linear:
    """Make a linear layer with W ~ U(-r, r), r = gain sqrt(6 / (inputs + outputs)), and b = 0.

    Source: Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010, eq. 16.
    """
    bound = gain * (6 / (inputs + outputs)) ** 0.5
    weight = uniform(outputs, inputs, bound=bound, generator=generator)
    return linear(weight, torch.zeros(outputs, dtype=torch.float64))


def fan_in(inputs: int, outputs: int, *, generator: torch.Generator) -> nn.Linear:
    """Make a linear layer with weights and bias ~ U(-1/sqrt(inputs), 1/sqrt(inputs)), torch's own initialisation."""
    bound = inputs**-0.5
    weight = uniform(outputs, inputs, bound=bound, generator=generator)
    return linear(weight, uniform(outputs, bound=bound, generator=generator))


def small_readout(inputs: int, outputs: int, *, generator: torch.Generator) -> nn.Linear:
    """Make a Glorot layer with a tenth of the weights, so that the field begins near zero.

    An ansatz then begins near its own part: a factored eikonal T0 exp(u) that begins far from T0 converges to a wrong
    branch with a small residual.
    """
    return glorot(inputs, outputs, generator=generator, gain=0.1)
