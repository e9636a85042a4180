"""The function sinc and Bessel functions with their derivatives.

Source of the recurrences: Abramowitz & Stegun, chapters 4 and 9.
"""

from __future__ import annotations

import math

import torch

from .bessel import bessel_tower
from .smooth import sine_tower, values
from .tower import Elementwise, Entry, State, horner, plain

__all__ = ["SPECIAL"]


def _sinc_tower(state: State, highest: int) -> list[Entry]:
    """Derivatives of sin(y) / y at y = pi z: g^(m) = (sin^(m)(y) - m g^(m-1)) / y, and the power series near zero."""
    (z,) = state
    y = math.pi * z
    near = y.abs() < 2.0
    inside = torch.where(near, y, torch.zeros_like(y))
    outside = torch.where(near, torch.full_like(y, 2.0), y)
    sines = values(sine_tower((torch.sin(outside), torch.cos(outside)), highest))
    tower, last = [], torch.zeros_like(y)
    for m in range(highest + 1):
        last = (sines[m] - m * last) / outside
        coefficients = [0.0] * (30 - m)
        for k in range((m + 1) // 2, 15):
            coefficients[2 * k - m] = (-1) ** k * math.perm(2 * k, m) / math.factorial(2 * k + 1)
        tower.append(math.pi**m * torch.where(near, horner(tuple(coefficients), inside), last))
    return plain(tower)


def _bessel(n: int) -> Elementwise:
    return Elementwise(lambda z: (z,), lambda state, highest: plain(bessel_tower(state[0], n, highest)))


SPECIAL: dict[str, Elementwise] = {
    "sinc": Elementwise(lambda z: (z,), _sinc_tower),
    "special_bessel_j0": _bessel(0),
    "special_bessel_j1": _bessel(1),
}
