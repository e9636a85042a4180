"""Powers, logarithms and inverse functions with their derivatives.

Sources of the recurrences: Abramowitz & Stegun, chapters 3 and 4.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from .tower import HIGHEST_SLOPE, Elementwise, Entry, Polynomial, State, derivative, horner, plus, times

__all__ = ["ALGEBRAIC", "power"]


# powers -------------------------------------------------------------------------------------------------------------
def power(exponent: float) -> Elementwise:
    """Make z^a: the derivatives are a (a - 1) ... (a - m + 1) z^(a - m), and vanish where that factor does."""

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
    # torch.pow is as slow with these exponents as with any other
    if exponent == 0:
        return torch.ones_like(z)
    if exponent == 1:
        return z
    if exponent == 2:
        return z * z
    return torch.pow(z, exponent)


def _falling(base: float) -> Callable[[State, int], list[Entry]]:
    """Make the tower of a function with slope base / z: base (-1)^(m-1) (m-1)! z^-m."""

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
    """Make the tower of z^exponent, from the value and 1/z."""

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
    """Make a function with slope sign q(z)^exponent: P_{m+1} = P_m' q + (exponent - m + 1) P_m q', q = q0 + q1 z^2."""

    def tower(state: State, highest: int) -> list[Entry]:
        value, z, base = state
        entries: list[Entry] = [(1.0, value)]
        polynomials = _inverse_polynomials(q, exponent)
        for m in range(1, highest + 1):
            slope = horner(polynomials[m - 1], z) * torch.pow(base, exponent - m + 1)
            entries.append((sign, slope))
        return entries

    return Elementwise(lambda z: (function(z), z, q[0] + q[1] * z * z), tower)


@lru_cache(maxsize=16)
def _inverse_polynomials(q: tuple[float, float], exponent: float) -> tuple[Polynomial, ...]:
    polynomials: list[Polynomial] = [(1.0,)]
    for m in range(1, HIGHEST_SLOPE):
        last = polynomials[-1]
        fall = tuple(2 * q[1] * (exponent - m + 1) * c for c in (0.0, *last))  # (exponent - m + 1) q' P
        polynomials.append(plus(times(derivative(last), (q[0], 0.0, q[1])), fall))
    return tuple(polynomials)


def _acosh_state(z: Tensor) -> State:
    return torch.acosh(z), z, (z - 1) * (z + 1)  # z^2 - 1 without its cancellation at 1


# table --------------------------------------------------------------------------------------------------------------
ALGEBRAIC: dict[str, Elementwise] = {
    "log": Elementwise(lambda z: (torch.log(z), torch.reciprocal(z)), _falling(1.0)),
    "log2": Elementwise(lambda z: (torch.log2(z), torch.reciprocal(z)), _falling(1 / math.log(2.0))),
    "log10": Elementwise(lambda z: (torch.log10(z), torch.reciprocal(z)), _falling(1 / math.log(10.0))),
    "log1p": Elementwise(lambda z: (torch.log1p(z), torch.reciprocal(1 + z)), _falling(1.0)),
    "sqrt": Elementwise(lambda z: (torch.sqrt(z), torch.reciprocal(z)), _root_tower(0.5)),
    "rsqrt": Elementwise(lambda z: (torch.rsqrt(z), torch.reciprocal(z)), _root_tower(-0.5)),
    "reciprocal": Elementwise(lambda z: (torch.reciprocal(z),), _reciprocal_tower),
    "square": power(2.0),
    "atan": _inverse(torch.atan, 1.0, (1.0, 1.0), -1.0),
    "asin": _inverse(torch.asin, 1.0, (1.0, -1.0), -0.5),
    "acos": _inverse(torch.acos, -1.0, (1.0, -1.0), -0.5),
    "asinh": _inverse(torch.asinh, 1.0, (1.0, 1.0), -0.5),
    "atanh": _inverse(torch.atanh, 1.0, (1.0, -1.0), -1.0),
    "acosh": Elementwise(_acosh_state, _inverse(torch.acosh, 1.0, (-1.0, 1.0), -0.5).tower),
}
