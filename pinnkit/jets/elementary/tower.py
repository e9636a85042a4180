"""Towers of derivatives f, f', f'', ... of elementwise functions, and polynomials in one variable.

A tower is computed in two steps: `state` evaluates what is expensive (sines, exponentials) once and is kept for the
backward pass; `tower` combines it into derivatives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = [
    "HIGHEST_SLOPE",
    "Elementwise",
    "Entry",
    "Polynomial",
    "State",
    "derivative",
    "horner",
    "plain",
    "plus",
    "times",
]

Entry = tuple[float, Tensor] | None
"""One derivative as (factor, tensor), so that a factor costs no pass over memory; None where it vanishes."""
State = tuple[Tensor, ...]
"""Tensors that a tower is computed from."""
Polynomial = tuple[float, ...]
"""Coefficients, lowest power first."""

HIGHEST_SLOPE = 5
"""Highest derivative of a tower: those of order 4 and one more for the gradient."""


@dataclass(frozen=True)
class Elementwise:
    """A function applied entry by entry: `tower(state(z), m)` lists the derivatives 0 to m, m at most 5."""

    state: Callable[[Tensor], State]
    tower: Callable[[State, int], list[Entry]]


def plain(tensors: list[Tensor]) -> list[Entry]:
    """Make entries with a factor of one."""
    return [(1.0, tensor) for tensor in tensors]


# polynomials ------------------------------------------------------------------------------------------------------
def horner(coefficients: Polynomial, z: Tensor) -> Tensor:
    """Evaluate a polynomial at z, by Horner's rule."""
    value = torch.full_like(z, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value = value * z + coefficient if coefficient else value * z
    return value


def derivative(p: Polynomial) -> Polynomial:
    """Differentiate a polynomial."""
    return tuple(power * c for power, c in enumerate(p))[1:] or (0.0,)


def times(p: Polynomial, q: Polynomial) -> Polynomial:
    """Multiply two polynomials."""
    product = [0.0] * (len(p) + len(q) - 1)
    for i, a in enumerate(p):
        for j, b in enumerate(q):
            product[i + j] += a * b
    return tuple(product)


def plus(p: Polynomial, q: Polynomial) -> Polynomial:
    """Add two polynomials."""
    size = max(len(p), len(q))
    return tuple(a + b for a, b in zip(p + (0.0,) * (size - len(p)), q + (0.0,) * (size - len(q)), strict=True))
