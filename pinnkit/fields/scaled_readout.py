"""A linear read-out in the unit of the unknown: so that a field of size one is trained whatever the unit."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .base import Network

__all__ = ["ScaledReadout", "scaled"]


class ScaledReadout(nn.Linear):
    """u = scale (W h + b) + shift: (n, N) -> (n, outputs), with scale and shift kept as buffers, (outputs,) each.

    A step of Adam changes every weight by the same amount: with values of 1e3, or of 1e-3, a plain read-out would take
    1e3 times as long, or never settle. The scales are powers of two, so that they cost no digits.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, readout: nn.Linear, scale: Tensor, shift: Tensor) -> None:
        """Take over the weights of `readout`."""
        outputs, width = readout.weight.shape
        super().__init__(width, outputs, bias=readout.bias is not None, dtype=readout.weight.dtype, device="meta")
        self.weight = readout.weight
        self.bias = readout.bias
        self.register_buffer("scale", scale.to(readout.weight))
        self.register_buffer("shift", shift.to(readout.weight))
        self.register_load_state_dict_post_hook(_loaded)
        self._read()

    @classmethod
    def plain(cls, readout: nn.Linear) -> ScaledReadout:
        """Around `readout`, with scale 1 and shift 0 until a state is loaded."""
        outputs = readout.out_features
        return cls(readout, torch.ones(outputs), torch.zeros(outputs))

    def forward(self, features: Tensor) -> Tensor:
        """Apply the layer."""
        values = super().forward(features)
        # One number for all outputs is folded into the layer where derivatives pass through; one is left out.
        if self._factor is None:
            values = torch.mul(values, self.scale)
        elif self._factor != 1.0:
            values = torch.mul(values, self._factor)
        return torch.add(values, self.shift) if self._shifted else values

    def linear_map(self) -> tuple[Tensor, Tensor | None]:
        """The whole of it as a weight (outputs, N) and a bias (outputs,)."""
        weight = self.scale[:, None] * self.weight
        return weight, None if self.bias is None else self.scale * self.bias + self.shift

    @torch.no_grad()
    def assign(self, weight: Tensor, bias: Tensor | None) -> None:
        """Make the whole of it the linear map with this weight and bias."""
        self.weight.copy_(weight / self.scale[:, None].to(weight))
        if self.bias is not None and bias is not None:
            self.bias.copy_((bias - self.shift.to(bias)) / self.scale.to(bias))

    def _read(self) -> None:
        """What `forward` needs to know of the buffers, as numbers."""
        scales = set(self.scale.tolist()) if self.scale.device.type != "meta" else {1.0}
        self._factor: float | None = scales.pop() if len(scales) == 1 else None
        self._shifted = self.shift.device.type != "meta" and bool((self.shift != 0).any())


def scaled(module: nn.Module) -> nn.Module:
    """The module with a `ScaledReadout`, of scale 1, in every network inside it."""
    for part in module.modules():
        if isinstance(part, Network) and not isinstance(part.readout, ScaledReadout):
            part.readout = ScaledReadout.plain(part.readout)
    return module


def _loaded(module: Any, _: Any) -> None:
    module._read()
