"""The two operations that wait until it is known which channels their reader needs: see `Taylor`."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from . import fused
from .activations import Elementwise
from .plain import elementwise_parts
from .taylor import Taylor

__all__ = ["Applied", "LinearLayer"]


@dataclass(frozen=True)
class LinearLayer:
    """A linear layer on all channels, one matrix product; the bias belongs to the value alone."""

    source: Taylor
    weight: Tensor
    bias: Tensor | None

    def scaled(self, factor: float) -> LinearLayer:
        """`factor` times this layer, for the price of scaling its weight: sin(omega (W x + b)) is written so."""
        return LinearLayer(self.source, self.weight * factor, None if self.bias is None else self.bias * factor)

    def resolve(self) -> Taylor:
        """All channels, or an affine quantity from an affine one."""
        affinity = self.source.affinity
        if affinity is not None:
            value, rows = affinity
            return Taylor.affine(self.source.plan, F.linear(value, self.weight, self.bias), F.linear(rows, self.weight))
        return Taylor.full(self.source.plan, self._apply(self.source.coefficients, self.bias))

    def channels(self, wanted: tuple[int, ...]) -> Tensor:
        """The channels `wanted`."""
        return self._apply(self.source.channels(wanted), self.bias if wanted[0] == 0 else None)

    def _apply(self, data: Tensor, bias: Tensor | None) -> Tensor:
        if not fused.plain():
            return fused.linear(data, self.weight, bias)
        result = F.linear(data, self.weight)
        return result if bias is None else torch.cat([result[:1] + bias, result[1:]])


@dataclass(frozen=True)
class Applied:
    """An elementwise function of one argument, by the chain rule."""

    source: Taylor
    function: Elementwise

    def resolve(self) -> Taylor:
        """All channels."""
        return Taylor.full(self.source.plan, self.channels(self.source.plan.every))

    def channels(self, wanted: tuple[int, ...]) -> Tensor:
        """The channels `wanted`."""
        plan, affinity = self.source.plan, self.source.affinity
        if fused.plain():
            parts = elementwise_parts(plan, wanted, self.function, self.source.parts())
            return self._stack(parts)
        if affinity is not None:
            return fused.affine_elementwise(*affinity, plan, wanted, self.function)
        return fused.elementwise(self.source.coefficients, plan, wanted, self.function)

    def _stack(self, parts: list[Tensor | None]) -> Tensor:
        # A channel of an affine argument may be a row still; the shape is that of the value.
        shape = self.source.shape
        zeros = torch.zeros((), dtype=self.source.dtype, device=self.source.device)
        return torch.stack([(zeros if part is None else part).expand(shape) for part in parts])
