"""Sines, exponentials and smooth activations with their derivatives.

Sources of the recurrences: Abramowitz & Stegun, chapters 4, 7 and 22; where a function is a polynomial in itself (tanh,
sigmoid) its derivatives follow from P_{n+1} = P_n' f'.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .tower import Elementwise, Entry, Polynomial, State, derivative, horner, plain, times

__all__ = ["SMOOTH", "sine_tower", "softplus", "values"]


# sines, exponentials ------------------------------------------------------------------------------------------------
def sine_tower(state: State, highest: int) -> list[Entry]:
    """Derivatives of the sine from (sin z, cos z)."""
    s, c = state
    return [((1.0, s), (1.0, c), (-1.0, s), (-1.0, c))[m % 4] for m in range(highest + 1)]


def _cosine_tower(state: State, highest: int) -> list[Entry]:
    c, s = state
    return [((1.0, c), (-1.0, s), (-1.0, c), (1.0, s))[m % 4] for m in range(highest + 1)]


def _alternating(state: State, highest: int) -> list[Entry]:
    return [(1.0, state[m % 2]) for m in range(highest + 1)]


def _exponential_tower(state: State, highest: int) -> list[Entry]:
    (e,) = state
    return [(1.0, e)] * (highest + 1)


def _expm1_tower(state: State, highest: int) -> list[Entry]:
    (value,) = state
    return [(1.0, value), *([(1.0, value + 1)] * highest)]


# functions that are polynomials in themselves -----------------------------------------------------------------------
def _tanh_tower(state: State, highest: int) -> list[Entry]:
    (t,) = state
    tower: list[Entry] = [(1.0, t)]
    if highest >= 1:
        square = t * t
        slope = 1 - square
        tower.append((1.0, slope))
    if highest >= 2:
        second = t * slope
        tower.append((-2.0, second))
    if highest >= 3:
        tower.append((2.0, slope * (3 * square - 1)))
    if highest >= 4:
        tower.append((-8.0, second * (3 * square - 2)))
    if highest >= 5:
        tower.append((8.0, slope * ((15 * square - 15) * square + 2)))
    return tower


def _sigmoid_tower(state: State, highest: int) -> list[Entry]:
    (s,) = state
    tower: list[Entry] = [(1.0, s)]
    if highest >= 1:
        slope = s * (1 - s)
        tower.append((1.0, slope))
    if highest >= 2:
        second = slope * (1 - 2 * s)
        tower.append((1.0, second))
    if highest >= 3:
        tower.append((1.0, slope * (1 - 6 * slope)))
    if highest >= 4:
        tower.append((1.0, second * (1 - 12 * slope)))
    if highest >= 5:
        tower.append((1.0, slope * ((120 * slope - 30) * slope + 1)))
    return tower


def _tan_tower(state: State, highest: int) -> list[Entry]:
    (t,) = state
    slope = 1 + t * t
    polynomials: list[Polynomial] = [(0.0, 1.0)]  # tan' = 1 + tan^2
    while len(polynomials) <= highest:
        polynomials.append(times(derivative(polynomials[-1]), (1.0, 0.0, 1.0)))
    return plain([t, slope, *(horner(p, t) for p in polynomials[2:])][: highest + 1])


# z times a function, and integrals ----------------------------------------------------------------------------------
def values(tower: list[Entry]) -> list[Tensor]:
    """Return the entries as tensors; none of the derivatives may vanish."""
    return [entry[1] if entry[0] == 1.0 else entry[0] * entry[1] for entry in tower if entry is not None]


def _times_z(z: Tensor, inner: list[Tensor], highest: int) -> list[Entry]:
    """Derivatives of z g(z): z g^(m) + m g^(m-1)."""
    return plain([z * inner[0], *(torch.add(z * inner[m], inner[m - 1], alpha=m) for m in range(1, highest + 1))])


def _silu_tower(state: State, highest: int) -> list[Entry]:
    z, s = state
    return _times_z(z, values(_sigmoid_tower((s,), highest)), highest)


def _bell(z: Tensor, bell: Tensor, highest: int) -> list[Tensor]:
    """Derivatives 0 to `highest` of the density exp(-z^2 / 2): (-1)^m He_m(z) times it."""
    hermite = [torch.ones_like(z), z]
    while len(hermite) <= highest:
        hermite.append(z * hermite[-1] - (len(hermite) - 1) * hermite[-2])
    return [(-1) ** m * hermite[m] * bell for m in range(highest + 1)]


def _gelu_state(z: Tensor) -> State:
    return z, 0.5 * (1 + torch.erf(z * math.sqrt(0.5))), torch.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)


def _gelu_tower(state: State, highest: int) -> list[Entry]:
    z, cumulative, bell = state
    # With P = Phi, p = Phi': gelu = z P, gelu' = P + z p, gelu'' = (2 - z^2) p; from there on Hermite polynomials.
    tower = [z * cumulative]
    if highest >= 1:
        tower.append(torch.addcmul(cumulative, z, bell))
    if highest >= 2:
        square = z * z
        tower.append((2 - square) * bell)
    if highest >= 3:
        tower.append(z * (square - 4) * bell)
    if highest >= 4:
        tower.append(((7 - square) * square - 4) * bell)
    if highest >= 5:
        tower.append(z * ((square - 11) * square + 18) * bell)
    return plain(tower)


def _erf_tower(state: State, highest: int) -> list[Entry]:
    z, value, bell = state  # bell = 2 / sqrt(pi) exp(-z^2), the slope
    root = math.sqrt(2.0)
    derivatives = _bell(root * z, bell, max(highest - 1, 0))
    return plain([value, *(root**m * derivative for m, derivative in enumerate(derivatives))][: highest + 1])


def softplus(beta: float = 1.0, threshold: float = 20.0) -> Elementwise:
    """Make log(1 + exp(beta z)) / beta, and z itself where beta z > threshold, as in torch."""

    def state(z: Tensor) -> State:
        s = torch.sigmoid(beta * z)
        return F.softplus(z, beta, threshold), torch.where(beta * z > threshold, torch.ones_like(s), s)

    def tower(state: State, highest: int) -> list[Entry]:
        value, s = state
        slopes = _sigmoid_tower((s,), highest - 1) if highest else []
        scaled = [(beta**m * entry[0], entry[1]) for m, entry in enumerate(slopes) if entry is not None]
        return [(1.0, value), *scaled]

    return Elementwise(state, tower)


# table --------------------------------------------------------------------------------------------------------------
SMOOTH: dict[str, Elementwise] = {
    "sin": Elementwise(lambda z: (torch.sin(z), torch.cos(z)), sine_tower),
    "cos": Elementwise(lambda z: (torch.cos(z), torch.sin(z)), _cosine_tower),
    "tan": Elementwise(lambda z: (torch.tan(z),), _tan_tower),
    "sinh": Elementwise(lambda z: (torch.sinh(z), torch.cosh(z)), _alternating),
    "cosh": Elementwise(lambda z: (torch.cosh(z), torch.sinh(z)), _alternating),
    "tanh": Elementwise(lambda z: (torch.tanh(z),), _tanh_tower),
    "exp": Elementwise(lambda z: (torch.exp(z),), _exponential_tower),
    "expm1": Elementwise(lambda z: (torch.expm1(z),), _expm1_tower),
    "sigmoid": Elementwise(lambda z: (torch.sigmoid(z),), _sigmoid_tower),
    "silu": Elementwise(lambda z: (z, torch.sigmoid(z)), _silu_tower),
    "gelu": Elementwise(_gelu_state, _gelu_tower),
    "erf": Elementwise(lambda z: (z, torch.erf(z), 2 / math.sqrt(math.pi) * torch.exp(-z * z)), _erf_tower),
}
