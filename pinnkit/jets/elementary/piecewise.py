"""Piecewise polynomials and exponentials with their derivatives, which leave out the jumps at the seams."""

from __future__ import annotations

import torch
from torch import Tensor

from .tower import Elementwise, Entry, State, plain

__all__ = ["PIECEWISE", "clamped", "elu", "leaky_relu"]


def _piecewise(state: State, highest: int) -> list[Entry]:
    value, slope = state
    none: list[Entry] = [None] * highest
    return [(1.0, value), (1.0, slope), *none][: highest + 1]


def clamped(lower: float | Tensor | None, upper: float | Tensor | None) -> Elementwise:
    """Make z limited to [lower, upper]; its slope is 1 between them, bounds included, as in torch."""

    def state(z: Tensor) -> State:
        slope = torch.ones_like(z)
        if lower is not None:
            slope = slope * (z >= lower)
        if upper is not None:
            slope = slope * (z <= upper)
        return torch.clamp(z, lower, upper), slope  # type: ignore[arg-type]

    return Elementwise(state, _piecewise)


def leaky_relu(slope: float) -> Elementwise:
    """Make max(z, 0) + slope min(z, 0)."""

    def state(z: Tensor) -> State:
        slopes = torch.where(z > 0, torch.ones_like(z), torch.full_like(z, slope))
        return z * slopes, slopes

    return Elementwise(state, _piecewise)


def elu(alpha: float) -> Elementwise:
    """Make z where z > 0, else alpha (exp(z) - 1)."""

    def state(z: Tensor) -> State:
        return z, torch.exp(torch.clamp(z, max=0.0))

    def tower(state: State, highest: int) -> list[Entry]:
        z, e = state
        positive = z > 0
        tower = [torch.where(positive, z, alpha * (e - 1))]
        if highest >= 1:
            tower.append(torch.where(positive, torch.ones_like(z), alpha * e))
        curved = torch.where(positive, torch.zeros_like(z), alpha * e)
        return plain(tower + [curved] * (highest - 1))

    return Elementwise(state, tower)


PIECEWISE: dict[str, Elementwise] = {
    "abs": Elementwise(lambda z: (torch.abs(z), torch.sign(z)), _piecewise),
    "relu": Elementwise(lambda z: (torch.relu(z), (z > 0).to(z.dtype)), _piecewise),
}
