"""Pending operations of a Taylor pass, computed once their needed channels are known: see `Taylor`."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pinnkit.jets.elementary import Elementwise

from . import fused
from .taylor_pass import Taylor
from .traceable_ops import elementwise_parts
from .weight_record import LinearUse

__all__ = ["Applied", "LinearLayer"]


@dataclass(frozen=True)
class LinearLayer:
    """A linear layer on all channels, one matrix product; the bias belongs to the value alone.

    `factor` times the layer costs no more than scaling its weight: sin(omega (W x + b)) is written so.
    """

    source: Taylor
    weight: Tensor
    bias: Tensor | None
    factor: float = 1.0

    def scaled(self, factor: float) -> LinearLayer:
        """Return `factor` times this layer."""
        return LinearLayer(self.source, self.weight, self.bias, self.factor * factor)

    def resolve(self) -> Taylor:
        """Compute all channels, or an affine quantity from an affine one."""
        plan, affinity = self.source.plan, self.source.affinity
        if affinity is None:
            return Taylor.full(plan, self._apply(self.source.coefficients, biased=True))
        value, rows = affinity
        if self._recorded:  # cotangents for every point: the constant derivatives are expanded over the points
            spread = torch.cat([value.unsqueeze(0), rows.expand(rows.shape[0], *value.shape)])
            applied = self._apply(spread, biased=True)
            if len(applied) == len(plan.channels):
                return Taylor.full(plan, applied)
            parts: list[Tensor | None] = [None] * len(plan.channels)
            for channel, part in zip((0, *plan.sloped), applied, strict=True):
                parts[channel] = part
            return Taylor.stacked(plan, parts)
        weight, bias = self._scaled()
        return Taylor.affine(plan, F.linear(value, weight, bias), F.linear(rows, weight))

    def channels(self, wanted: tuple[int, ...]) -> Tensor:
        """Compute the channels `wanted`."""
        return self._apply(self.source.channels(wanted), biased=wanted[0] == 0)

    @property
    def _recorded(self) -> bool:
        trained = self.weight.requires_grad or (self.bias is not None and self.bias.requires_grad)
        return self.source.plan.record is not None and trained

    def _scaled(self) -> tuple[Tensor, Tensor | None]:
        if self.factor == 1:
            return self.weight, self.bias
        return self.weight * self.factor, None if self.bias is None else self.bias * self.factor

    def _apply(self, data: Tensor, *, biased: bool) -> Tensor:
        """Apply the layer to channels (K, n, ..., k); slice 0 is the value where `biased`."""
        weight, bias = self._scaled()
        if not biased:
            bias = None
        record = self.source.plan.record
        if record is None or not self._recorded:
            return _product(data, weight, bias)
        # The record replaces the weights in the graph, so that the backward pass leaves them out.
        result = _product(data, weight.detach(), None if bias is None else bias.detach())
        if not result.requires_grad:
            result.requires_grad_()
        record.append(LinearUse(self.weight, self.bias if biased else None, self.factor, data.detach(), result))
        return result


def _product(data: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    if not fused.is_traced():
        return fused.linear(data, weight, bias)
    result = F.linear(data, weight)
    return result if bias is None else torch.cat([result[:1] + bias, result[1:]])


@dataclass(frozen=True)
class Applied:
    """An elementwise function of one argument, by the chain rule."""

    source: Taylor
    function: Elementwise

    def scaled(self, factor: float) -> None:
        """Return None: a factor costs a pass over the channels."""
        del factor

    def resolve(self) -> Taylor:
        """Compute all channels."""
        return Taylor.full(self.source.plan, self.channels(self.source.plan.every))

    def channels(self, wanted: tuple[int, ...]) -> Tensor:
        """Compute the channels `wanted`."""
        plan, affinity = self.source.plan, self.source.affinity
        if fused.is_traced():
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
