"""Linear read-out with an output scale, so that a field of size one is trained in any unit of the unknown."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .base import Network

__all__ = ["ScaledReadout", "scaled"]


class ScaledReadout(nn.Linear):
    """u = scale (W h + b) + shift: (n, N) -> (n, outputs), with scale and shift kept as buffers, (outputs,) each.

    A step of Adam changes every weight by about the learning rate: for values of 1e3, or of 1e-3, an unscaled read-out
    would take 1e3 times as long, or never converge. The scales are powers of two, so that they cost no digits.
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
        self.read_buffers()

    @classmethod
    def plain(cls, readout: nn.Linear) -> ScaledReadout:
        """Wrap `readout` with scale 1 and shift 0, until a state is loaded."""
        outputs = readout.out_features
        return cls(readout, torch.ones(outputs), torch.zeros(outputs))

    def forward(self, features: Tensor) -> Tensor:
        """Apply the layer."""
        values = super().forward(features)
        # One scale for all outputs is a number, which a Taylor pass folds into the layer; a scale of 1 is left out.
        if self._factor is None:
            values = torch.mul(values, self.scale)
        elif self._factor != 1.0:
            values = torch.mul(values, self._factor)
        return torch.add(values, self.shift) if self._shifted else values

    def linear_map(self) -> tuple[Tensor, Tensor | None]:
        """Return scale and shift merged into a weight (outputs, N) and a bias (outputs,)."""
        weight = self.scale[:, None] * self.weight
        return weight, None if self.bias is None else self.scale * self.bias + self.shift

    @torch.no_grad()
    def assign(self, weight: Tensor, bias: Tensor | None) -> None:
        """Set the weights so that, scale and shift included, the layer is the map with this weight and bias."""
        self.weight.copy_(weight / self.scale[:, None].to(weight))
        if self.bias is not None and bias is not None:
            self.bias.copy_((bias - self.shift.to(bias)) / self.scale.to(bias))

    def read_buffers(self) -> None:
        """Keep the scale and shift as numbers, for `forward`; to be called after the buffers have changed."""
        scales = set(self.scale.tolist()) if self.scale.device.type != "meta" else {1.0}
        self._factor: float | None = scales.pop() if len(scales) == 1 else None
        self._shifted = self.shift.device.type != "meta" and bool((self.shift != 0).any())


def scaled(module: nn.Module) -> nn.Module:
    """Put a `ScaledReadout`, of scale 1, into every network inside `module`; return `module`."""
    for part in module.modules():
        if isinstance(part, Network) and not isinstance(part.readout, ScaledReadout):
            part.readout = ScaledReadout.plain(part.readout)
    return module


def _loaded(module: nn.Module, _: object) -> None:
    assert isinstance(module, ScaledReadout)
    module.read_buffers()
