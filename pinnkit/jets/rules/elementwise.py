"""Elementwise functions of one argument with their slopes."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F

from pinnkit.jets.dispatch import add_rules
from pinnkit.jets.elementary.bessel import bessel_j
from pinnkit.jets.frame import Frame
from pinnkit.jets.jet import Jet, constant

from .kinds import Elementwise, implements

__all__: list[str] = []


def _gelu_slope(z: Any, approximate: str = "none") -> Any:
    if approximate == "none":
        return 0.5 * (1.0 + torch.erf(z * math.sqrt(0.5))) + z * torch.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    a, b = math.sqrt(2 / math.pi), 0.044715
    t = torch.tanh(a * (z + b * z**3))
    return 0.5 * (1.0 + t) + 0.5 * z * (1.0 - t * t) * a * (1.0 + 3 * b * z * z)


def _sinc_slope(z: Any) -> Any:
    """Return d/dz sin(pi z)/(pi z), by its power series where |z| < 1/3, since the closed form cancels there."""
    near = torch.abs(z.value) < 1 / 3
    far = torch.where(near, torch.ones_like(z.value), z)
    series: Any = 0.0
    for k in range(11, 0, -1):  # sum over k of (-1)^k pi^(2k) 2k z^(2k-1) / (2k+1)!, by Horner's rule
        series = z * z * series + (-1) ** k * math.pi ** (2 * k) * 2 * k / math.factorial(2 * k + 1)
    return torch.where(near, z * series, (torch.cos(math.pi * far) - torch.sinc(far)) / far)


def _softplus_slope(z: Any, beta: float = 1, threshold: float = 20) -> Any:
    """Return a sigmoid, and exactly one above the threshold, where torch continues in a straight line."""
    return torch.where(beta * z.value > threshold, torch.ones_like(z.value), torch.sigmoid(beta * z))


add_rules(
    {
        "sin": Elementwise(torch.sin, torch.cos),
        "cos": Elementwise(torch.cos, lambda z: -torch.sin(z)),
        "tan": Elementwise(torch.tan, lambda z: 1.0 + torch.tan(z) ** 2),
        "sinh": Elementwise(torch.sinh, torch.cosh),
        "cosh": Elementwise(torch.cosh, torch.sinh),
        "tanh": Elementwise(torch.tanh, lambda z: 1.0 - torch.tanh(z) ** 2),
        "asin": Elementwise(torch.asin, lambda z: torch.rsqrt(1.0 - z * z)),
        "acos": Elementwise(torch.acos, lambda z: -torch.rsqrt(1.0 - z * z)),
        "atan": Elementwise(torch.atan, lambda z: 1.0 / (1.0 + z * z)),
        "asinh": Elementwise(torch.asinh, lambda z: torch.rsqrt(1.0 + z * z)),
        "acosh": Elementwise(torch.acosh, lambda z: torch.rsqrt(z * z - 1.0)),
        "atanh": Elementwise(torch.atanh, lambda z: 1.0 / (1.0 - z * z)),
        "exp": Elementwise(torch.exp, torch.exp),
        "expm1": Elementwise(torch.expm1, torch.exp),
        "exp2": Elementwise(torch.exp2, lambda z: math.log(2.0) * torch.exp2(z)),
        "log": Elementwise(torch.log, lambda z: 1.0 / z),
        "log1p": Elementwise(torch.log1p, lambda z: 1.0 / (1.0 + z)),
        "log2": Elementwise(torch.log2, lambda z: 1.0 / (math.log(2.0) * z)),
        "log10": Elementwise(torch.log10, lambda z: 1.0 / (math.log(10.0) * z)),
        "sqrt": Elementwise(torch.sqrt, lambda z: 0.5 * torch.rsqrt(z)),
        "rsqrt": Elementwise(torch.rsqrt, lambda z: -0.5 * torch.rsqrt(z) / z),
        "square": Elementwise(torch.square, lambda z: 2.0 * z),
        "reciprocal": Elementwise(torch.reciprocal, lambda z: -1.0 / (z * z)),
        "abs": Elementwise(torch.abs, lambda z: constant(z.frame, torch.sign(z.value))),
        "erf": Elementwise(torch.erf, lambda z: 2.0 / math.sqrt(math.pi) * torch.exp(-z * z)),
        "erfc": Elementwise(torch.erfc, lambda z: -2.0 / math.sqrt(math.pi) * torch.exp(-z * z)),
        "sigmoid": Elementwise(torch.sigmoid, lambda z: torch.sigmoid(z) * (1.0 - torch.sigmoid(z))),
        "logsigmoid": Elementwise(F.logsigmoid, lambda z: torch.sigmoid(-z)),
        "log_sigmoid": Elementwise(F.logsigmoid, lambda z: torch.sigmoid(-z)),
        "softplus": Elementwise(F.softplus, _softplus_slope),
        "silu": Elementwise(F.silu, lambda z, **_: torch.sigmoid(z) * (1.0 + z * (1.0 - torch.sigmoid(z)))),
        "gelu": Elementwise(F.gelu, _gelu_slope),
        "relu": Elementwise(F.relu, lambda z, **_: constant(z.frame, (z.value > 0).to(z.dtype))),
        "sinc": Elementwise(torch.sinc, _sinc_slope),
    }
)


def _bessel(frame: Frame, z: Jet, n: int) -> Jet:
    """Return J_n, with J_n' = (J_{n-1} - J_{n+1}) / 2, Abramowitz & Stegun 9.1.27."""

    def partial(column: str) -> Jet | None:
        dz = z.partial(column)
        return None if dz is None else 0.5 * (_bessel(frame, z, n - 1) - _bessel(frame, z, n + 1)) * dz

    return Jet(frame, lambda: bessel_j(z.value, n), partial)


@implements("bessel_j0")
def _bessel_j0(frame: Frame, z: Jet) -> Jet:
    return _bessel(frame, z, 0)


@implements("bessel_j1")
def _bessel_j1(frame: Frame, z: Jet) -> Jet:
    return _bessel(frame, z, 1)
