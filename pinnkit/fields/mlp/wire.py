"""Networks of complex Gabor wavelets, in real arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pinnkit.fields import checks
from pinnkit.fields.base import BaseSpec, Network
from pinnkit.fields.initialization import fan_in, linear, uniform
from pinnkit.fields.protocols import AxisLike
from pinnkit.fields.registry import FIELDS
from pinnkit.fields.scaling import scaling_of

__all__ = ["ComplexLinear", "Wavelets", "Wire"]

_WILDEST = 4.0
"""Largest omega / scale: above it one layer may amplify by more than exp(4) = 55."""


@FIELDS.register(
    "wire",
    examples=lambda: {
        "small": Wire(width=14, depth=2, omega=3.0, scale=2.0),
    },
)
@dataclass(frozen=True)
class Wire(BaseSpec[Network]):
    """Wavelet network: h_0 = s(x), h_l = psi(W_l h_{l-1} + b_l) for l = 1..depth, u = Re(W h_depth + b).

    psi(z) = exp(j omega z - |scale z|^2) is a complex Gabor wavelet; W_1 is real, all further weights are complex, with
    real and imaginary parts ~ U(-1/sqrt(n), 1/sqrt(n)), with n complex inputs of the layer. A layer has `width` /
    sqrt(2) complex units, rounded down, so that it has about as many real parameters as a real layer of `width`. With z
    = a + jb the wavelet is exp(-omega b - scale^2 (a^2 + b^2)) (cos omega a + j sin omega a), which is evaluated as
    pairs of real numbers, so that Taylor jets and linear read-outs work as for real networks. psi is at most exp((omega
    / scale)^2 / 4).

    Args:
        width: real units per layer with as many parameters.
        depth: number of layers of wavelets, the first, real one included.
        omega: frequency; 20 for images, 5 to 8 for denoising and super-resolution, less for equations.
        scale: inverse width of the envelope; 10 for images.

    Raises:
        ValueError: for a width below 2, a depth below 1, an omega or scale that is not above 0, or an omega more than
            four times the scale: the wavelets would amplify their inputs.

    Source: Saragadam et al., WIRE: Wavelet Implicit Neural Representations, CVPR 2023, section 3, and their code
    (vishwa91/wire, modules/wire.py).
    """

    smoothness: ClassVar[float] = math.inf
    learning_rate: ClassVar[float] = 5e-3
    """Learning rate of Adam. On 16 photographs the authors of FINER measured 21.1 dB with 1e-3, 28.8 with 5e-3 and 12.6
    with 2e-2 (liuzhen0212/FINER, run_wire.sh)."""

    width: int = 64
    depth: int = 3
    omega: float = 20.0
    scale: float = 10.0

    def __post_init__(self) -> None:
        """Check the arguments."""
        checks.counts(self, width=64, depth=3)
        if self.width < 2:
            raise ValueError("Wire: `width` must be at least 2, one complex unit, got 1; 64 is a good start")
        checks.positives(self, omega="20 suits images, 5 equations", scale="10 suits images, 5 equations")
        if self.omega > _WILDEST * self.scale:
            raise ValueError(
                f"Wire: `omega` must be at most {_WILDEST:g} times `scale`, got {self.omega:g} and {self.scale:g}: "
                f"layers may magnify exp((omega / scale)^2 / 4) times; use an omega of at most {2 * self.scale:g}"
            )

    @property
    def units(self) -> int:
        """Complex units per layer."""
        return int(self.width / math.sqrt(2))

    def _build(self, axes: Sequence[AxisLike], outputs: int, generator: torch.Generator) -> Network:
        scaling = scaling_of(axes)
        hidden = Wavelets(
            fan_in(scaling.width, self.units, generator=generator),
            [ComplexLinear(self.units, self.units, generator=generator) for _ in range(self.depth - 1)],
            self.omega,
            self.scale,
        )
        # Re(W h + b) for complex W and h is a real layer on [Re h, Im h], with weights [Re W, -Im W].
        bound = self.units**-0.5
        weight = uniform(outputs, 2 * self.units, bound=bound, generator=generator)
        readout = linear(weight, uniform(outputs, bound=bound, generator=generator))
        return Network(self, scaling, hidden, readout)


class Wavelets(nn.Module):
    """The hidden layers of a Wire network: (n, k) -> (n, 2 m), real parts first, then imaginary ones."""

    def __init__(self, first: nn.Linear, others: Sequence[ComplexLinear], omega: float, scale: float) -> None:
        """Take the real first layer, the complex ones, and the constants of the wavelet."""
        super().__init__()
        self.first = first
        self.others = nn.ModuleList(others)
        self.omega = omega
        self.scale = scale

    def forward(self, inputs: Tensor) -> Tensor:
        """Apply all layers."""
        a = self.first(inputs)
        angle = torch.mul(a, self.omega)
        envelope = torch.exp(torch.neg(torch.square(torch.mul(a, self.scale))))
        real, imaginary = torch.mul(envelope, torch.cos(angle)), torch.mul(envelope, torch.sin(angle))
        for layer in self.others:
            real, imaginary = self._wavelet(*layer(real, imaginary))
        return torch.cat([real, imaginary], -1)

    def _wavelet(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        """Evaluate the real and imaginary parts of psi(a + jb)."""
        angle = torch.mul(a, self.omega)
        size = torch.add(torch.square(torch.mul(a, self.scale)), torch.square(torch.mul(b, self.scale)))
        envelope = torch.exp(torch.neg(torch.add(size, torch.mul(b, self.omega))))
        return torch.mul(envelope, torch.cos(angle)), torch.mul(envelope, torch.sin(angle))

    def extra_repr(self) -> str:
        """Show the constants when the module is printed."""
        return f"omega={self.omega:g}, scale={self.scale:g}"


class ComplexLinear(nn.Module):
    """Complex layer W h + b, W = R + jS and b = r + js: real and imaginary parts (n, k), (n, k) -> (n, h), (n, h)."""

    def __init__(self, inputs: int, outputs: int, *, generator: torch.Generator) -> None:
        """Draw all four parts from U(-1/sqrt(inputs), 1/sqrt(inputs))."""
        super().__init__()
        self.real = fan_in(inputs, outputs, generator=generator)
        self.imaginary = fan_in(inputs, outputs, generator=generator)

    def forward(self, real: Tensor, imaginary: Tensor) -> tuple[Tensor, Tensor]:
        """Apply the layer: R p - S q + r and S p + R q + s."""
        p, q = self.real.weight, self.imaginary.weight
        return (
            torch.sub(F.linear(real, p, self.real.bias), F.linear(imaginary, q)),
            torch.add(F.linear(real, q, self.imaginary.bias), F.linear(imaginary, p)),
        )
