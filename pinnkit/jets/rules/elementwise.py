"""Elementwise functions of one argument with all their derivatives: the towers f, f', ..., that the chain rule uses.

A tower is computed in two steps: `state` evaluates what is expensive (sines, exponentials) once and is kept for the
backward pass, `tower` combines it into derivatives. An entry is a pair (factor, tensor), so that a sign or a factor
costs no pass over memory, or None where the derivative vanishes identically.

Sources of the recurrences: Abramowitz & Stegun, chapters 3, 4, 7, 9, 22; where a function is a polynomial in itself
(tanh, sigmoid) its derivatives follow from P_{n+1} = P_n' f'.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from .bessel import bessel_tower

__all__ = ["ELEMENTWISE", "Elementwise", "Entry", "clamped", "elu", "leaky_relu", "power", "softplus"]

Entry = tuple[float, Tensor] | None
State = tuple[Tensor, ...]

HIGHEST_SLOPE = 5
"""Derivatives that a tower must supply: those of order 4 and one more for the gradient."""


@dataclass(frozen=True)
class Elementwise:
    """A function applied entry by entry: `tower(state(z), m)` lists the derivatives 0 to m, m at most 5."""

    state: Callable[[Tensor], State]
    tower: Callable[[State, int], list[Entry]]


def _plain(tensors: list[Tensor]) -> list[Entry]:
    return [(1.0, tensor) for tensor in tensors]


# sines, exponentials ------------------------------------------------------------------------------------------------
def _sine_tower(state: State, highest: int) -> list[Entry]:
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
    polynomials: list[tuple[float, ...]] = [(0.0, 1.0)]  # tan' = 1 + tan^2
    while len(polynomials) <= highest:
        polynomials.append(_times(_derivative(polynomials[-1]), (1.0, 0.0, 1.0)))
    return _plain([t, slope, *(_horner(p, t) for p in polynomials[2:])][: highest + 1])


# z times a function, and integrals ----------------------------------------------------------------------------------
def _values(tower: list[Entry]) -> list[Tensor]:
    """The entries as tensors, of a tower none of whose derivatives vanishes."""
    return [entry[1] if entry[0] == 1.0 else entry[0] * entry[1] for entry in tower if entry is not None]


def _times_z(z: Tensor, inner: list[Tensor], highest: int) -> list[Entry]:
    """Derivatives of z g(z): z g^(m) + m g^(m-1)."""
    return _plain([z * inner[0], *(torch.add(z * inner[m], inner[m - 1], alpha=m) for m in range(1, highest + 1))])


def _silu_tower(state: State, highest: int) -> list[Entry]:
    z, s = state
    return _times_z(z, _values(_sigmoid_tower((s,), highest)), highest)


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
    return _plain(tower)


def _erf_tower(state: State, highest: int) -> list[Entry]:
    z, value, bell = state  # bell = 2 / sqrt(pi) exp(-z^2), the slope
    root = math.sqrt(2.0)
    derivatives = _bell(root * z, bell, max(highest - 1, 0))
    return _plain([value, *(root**m * derivative for m, derivative in enumerate(derivatives))][: highest + 1])


def softplus(beta: float = 1.0, threshold: float = 20.0) -> Elementwise:
    """log(1 + exp(beta z)) / beta, and z itself where beta z > threshold, as torch has it."""

    def state(z: Tensor) -> State:
        s = torch.sigmoid(beta * z)
        return F.softplus(z, beta, threshold), torch.where(beta * z > threshold, torch.ones_like(s), s)

    def tower(state: State, highest: int) -> list[Entry]:
        value, s = state
        slopes = _sigmoid_tower((s,), highest - 1) if highest else []
        scaled = [(beta**m * entry[0], entry[1]) for m, entry in enumerate(slopes) if entry is not None]
        return [(1.0, value), *scaled]

    return Elementwise(state, tower)


# piecewise polynomials ----------------------------------------------------------------------------------------------
def _piecewise(state: State, highest: int) -> list[Entry]:
    value, slope = state
    none: list[Entry] = [None] * highest
    return [(1.0, value), (1.0, slope), *none][: highest + 1]


def clamped(lower: float | Tensor | None, upper: float | Tensor | None) -> Elementwise:
    """The argument limited to [lower, upper]; its slope is 1 between them, bounds included, as torch has it."""

    def state(z: Tensor) -> State:
        slope = torch.ones_like(z)
        if lower is not None:
            slope = slope * (z >= lower)
        if upper is not None:
            slope = slope * (z <= upper)
        return torch.clamp(z, lower, upper), slope  # type: ignore[arg-type]

    return Elementwise(state, _piecewise)


def leaky_relu(slope: float) -> Elementwise:
    """max(z, 0) + slope min(z, 0)."""

    def state(z: Tensor) -> State:
        slopes = torch.where(z > 0, torch.ones_like(z), torch.full_like(z, slope))
        return z * slopes, slopes

    return Elementwise(state, _piecewise)


def elu(alpha: float) -> Elementwise:
    """Return z where z > 0, else alpha (exp(z) - 1)."""

    def state(z: Tensor) -> State:
        return z, torch.exp(torch.clamp(z, max=0.0))

    def tower(state: State, highest: int) -> list[Entry]:
        z, e = state
        positive = z > 0
        tower = [torch.where(positive, z, alpha * (e - 1))]
        if highest >= 1:
            tower.append(torch.where(positive, torch.ones_like(z), alpha * e))
        curved = torch.where(positive, torch.zeros_like(z), alpha * e)
        return _plain(tower + [curved] * (highest - 1))

    return Elementwise(state, tower)


# powers -------------------------------------------------------------------------------------------------------------
def power(exponent: float) -> Elementwise:
    """z^exponent: the derivatives are a (a - 1) ... (a - m + 1) z^(a - m), and vanish where that factor does."""

    def tower(state: State, highest: int) -> list[Entry]:
        (z,) = state
        entries: list[Entry] = []
        factor = 1.0
        for m in range(highest + 1):
            entries.append(None if factor == 0 else (factor, _power(z, exponent - m)))
            factor *= exponent - m
        return entries

    return Elementwise(lambda z: (z,), tower)


def _power(z: Tensor, exponent: float) -> Tensor:
    # torch.pow with these exponents is as slow as with any other
    if exponent == 0:
        return torch.ones_like(z)
    if exponent == 1:
        return z
    if exponent == 2:
        return z * z
    return torch.pow(z, exponent)


def _falling(base: float) -> Callable[[State, int], list[Entry]]:
    """Derivatives of a function whose slope is base / z: base (-1)^(m-1) (m-1)! z^-m."""

    def tower(state: State, highest: int) -> list[Entry]:
        value, inverse = state
        entries: list[Entry] = [(1.0, value)]
        run = inverse
        for m in range(1, highest + 1):
            entries.append((base * (-1) ** (m - 1) * math.factorial(m - 1), run))
            run = run * inverse if m < highest else run
        return entries

    return tower


def _reciprocal_tower(state: State, highest: int) -> list[Entry]:
    (inverse,) = state
    entries: list[Entry] = []
    run = inverse
    for m in range(highest + 1):
        entries.append(((-1) ** m * float(math.factorial(m)), run))
        run = run * inverse if m < highest else run
    return entries


def _root_tower(exponent: float) -> Callable[[State, int], list[Entry]]:
    """Derivatives of z^exponent from the value and 1/z."""

    def tower(state: State, highest: int) -> list[Entry]:
        value, inverse = state
        entries: list[Entry] = []
        factor, run = 1.0, value
        for m in range(highest + 1):
            entries.append((factor, run))
            factor *= exponent - m
            run = run * inverse if m < highest else run
        return entries

    return tower


# inverse functions: f^(m) = P_m(z) q(z)^(shift - m), q = a + b z^2 ---------------------------------------------------
def _inverse(function: Callable[[Tensor], Tensor], sign: float, q: tuple[float, float], exponent: float) -> Elementwise:
    """A function with slope sign q(z)^exponent: P_{m+1} = P_m' q + (exponent - m + 1) P_m q', q = q0 + q1 z^2."""

    def tower(state: State, highest: int) -> list[Entry]:
        value, z, base = state
        entries: list[Entry] = [(1.0, value)]
        polynomials = _inverse_polynomials(q, exponent)
        for m in range(1, highest + 1):
            slope = _horner(polynomials[m - 1], z) * torch.pow(base, exponent - m + 1)
            entries.append((sign, slope))
        return entries

    return Elementwise(lambda z: (function(z), z, q[0] + q[1] * z * z), tower)


@lru_cache(maxsize=16)
def _inverse_polynomials(q: tuple[float, float], exponent: float) -> tuple[tuple[float, ...], ...]:
    polynomials: list[tuple[float, ...]] = [(1.0,)]
    for m in range(1, HIGHEST_SLOPE):
        last = polynomials[-1]
        fall = tuple(2 * q[1] * (exponent - m + 1) * c for c in (0.0, *last))  # (exponent - m + 1) q' P
        polynomials.append(_plus(_times(_derivative(last), (q[0], 0.0, q[1])), fall))
    return tuple(polynomials)


def _acosh_state(z: Tensor) -> State:
    return torch.acosh(z), z, (z - 1) * (z + 1)  # z^2 - 1 without its cancellation at 1


# sinc and Bessel ----------------------------------------------------------------------------------------------------
def _sinc_tower(state: State, highest: int) -> list[Entry]:
    """Derivatives of sin(y) / y at y = pi z: g^(m) = (sin^(m)(y) - m g^(m-1)) / y, and the power series near zero."""
    (z,) = state
    y = math.pi * z
    near = y.abs() < 2.0
    inside = torch.where(near, y, torch.zeros_like(y))
    outside = torch.where(near, torch.full_like(y, 2.0), y)
    sines = _values(_sine_tower((torch.sin(outside), torch.cos(outside)), highest))
    tower, last = [], torch.zeros_like(y)
    for m in range(highest + 1):
        last = (sines[m] - m * last) / outside
        coefficients = [0.0] * (30 - m)
        for k in range((m + 1) // 2, 15):
            coefficients[2 * k - m] = (-1) ** k * math.perm(2 * k, m) / math.factorial(2 * k + 1)
        tower.append(math.pi**m * torch.where(near, _horner(tuple(coefficients), inside), last))
    return _plain(tower)


def _bessel(n: int) -> Elementwise:
    return Elementwise(lambda z: (z,), lambda state, highest: _plain(bessel_tower(state[0], n, highest)))


# polynomials, lowest coefficient first ------------------------------------------------------------------------------
def _horner(coefficients: tuple[float, ...], z: Tensor) -> Tensor:
    value = torch.full_like(z, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value = value * z + coefficient if coefficient else value * z
    return value


def _derivative(p: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(power * c for power, c in enumerate(p))[1:] or (0.0,)


def _times(p: tuple[float, ...], q: tuple[float, ...]) -> tuple[float, ...]:
    product = [0.0] * (len(p) + len(q) - 1)
    for i, a in enumerate(p):
        for j, b in enumerate(q):
            product[i + j] += a * b
    return tuple(product)


def _plus(p: tuple[float, ...], q: tuple[float, ...]) -> tuple[float, ...]:
    size = max(len(p), len(q))
    return tuple(a + b for a, b in zip(p + (0.0,) * (size - len(p)), q + (0.0,) * (size - len(q)), strict=True))


_SINH = Elementwise(lambda z: (torch.sinh(z), torch.cosh(z)), _alternating)
_COSH = Elementwise(lambda z: (torch.cosh(z), torch.sinh(z)), _alternating)
_ABS = Elementwise(lambda z: (torch.abs(z), torch.sign(z)), _piecewise)
_RELU = Elementwise(lambda z: (torch.relu(z), (z > 0).to(z.dtype)), _piecewise)
_SIGMOID = Elementwise(lambda z: (torch.sigmoid(z),), _sigmoid_tower)

ELEMENTWISE: dict[str, Elementwise] = {
    "sin": Elementwise(lambda z: (torch.sin(z), torch.cos(z)), _sine_tower),
    "cos": Elementwise(lambda z: (torch.cos(z), torch.sin(z)), _cosine_tower),
    "tan": Elementwise(lambda z: (torch.tan(z),), _tan_tower),
    "sinh": _SINH,
    "cosh": _COSH,
    "tanh": Elementwise(lambda z: (torch.tanh(z),), _tanh_tower),
    "exp": Elementwise(lambda z: (torch.exp(z),), _exponential_tower),
    "expm1": Elementwise(lambda z: (torch.expm1(z),), _expm1_tower),
    "log": Elementwise(lambda z: (torch.log(z), torch.reciprocal(z)), _falling(1.0)),
    "log2": Elementwise(lambda z: (torch.log2(z), torch.reciprocal(z)), _falling(1 / math.log(2.0))),
    "log10": Elementwise(lambda z: (torch.log10(z), torch.reciprocal(z)), _falling(1 / math.log(10.0))),
    "log1p": Elementwise(lambda z: (torch.log1p(z), torch.reciprocal(1 + z)), _falling(1.0)),
    "sqrt": Elementwise(lambda z: (torch.sqrt(z), torch.reciprocal(z)), _root_tower(0.5)),
    "rsqrt": Elementwise(lambda z: (torch.rsqrt(z), torch.reciprocal(z)), _root_tower(-0.5)),
    "reciprocal": Elementwise(lambda z: (torch.reciprocal(z),), _reciprocal_tower),
    "square": power(2.0),
    "abs": _ABS,
    "relu": _RELU,
    "sigmoid": _SIGMOID,
    "silu": Elementwise(lambda z: (z, torch.sigmoid(z)), _silu_tower),
    "gelu": Elementwise(_gelu_state, _gelu_tower),
    "erf": Elementwise(lambda z: (z, torch.erf(z), 2 / math.sqrt(math.pi) * torch.exp(-z * z)), _erf_tower),
    "atan": _inverse(torch.atan, 1.0, (1.0, 1.0), -1.0),
    "asin": _inverse(torch.asin, 1.0, (1.0, -1.0), -0.5),
    "acos": _inverse(torch.acos, -1.0, (1.0, -1.0), -0.5),
    "asinh": _inverse(torch.asinh, 1.0, (1.0, 1.0), -0.5),
    "atanh": _inverse(torch.atanh, 1.0, (1.0, -1.0), -1.0),
    "acosh": Elementwise(_acosh_state, _inverse(torch.acosh, 1.0, (-1.0, 1.0), -0.5).tower),
    "sinc": Elementwise(lambda z: (z,), _sinc_tower),
    "special_bessel_j0": _bessel(0),
    "special_bessel_j1": _bessel(1),
}
"""The elementwise functions of one argument, by the name of the torch function."""
