"""Residuals that pinnkit writes for the user: prescribed values, fluxes, initial states, periodic jumps.

Each is a frozen object that sees the whole scope of names, so that a reference solver can recognise it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from pinnkit.jets.jet import Jet
from pinnkit.jets.operators import normal_derivative

from .names import call

__all__ = ["Column", "Flux", "Jump", "Mixed", "Prescribed", "Start", "Value"]

Value = Any
"""A number, a sequence of component values, a tensor, or a function of coordinates and coefficients by name."""


@dataclass(frozen=True)
class Column:
    """A value taken from the data column `name` of the points."""

    name: str


def value_of(value: Value, scope: Mapping[str, Any], owner: str) -> Any:
    """A boundary value at the sample points: functions are called by name, sequences become component vectors."""
    if isinstance(value, Column):
        return scope[value.name]
    if callable(value):
        return call(value, scope, owner)
    if isinstance(value, (tuple, list)):
        some = next(v for v in scope.values() if isinstance(v, Jet))
        return torch.as_tensor(value, dtype=some.dtype, device=some.device)
    return value


@dataclass(frozen=True)
class Prescribed:
    """u - g for each named unknown; divided by sigma, for data, where that is given."""

    values: tuple[tuple[str, Value], ...]
    sigma: Value = None

    @property
    def functions(self) -> tuple[tuple[str, Callable[..., Any]], ...]:
        """The user's functions, each with the name of the argument that it was given as."""
        return _functions(self.values)

    def evaluate(self, scope: Mapping[str, Any]) -> tuple[Any, ...]:
        """The residuals, one for each unknown."""
        rows = tuple(scope[name] - value_of(value, scope, name) for name, value in self.values)
        return rows if self.sigma is None else tuple(row / value_of(self.sigma, scope, "sigma") for row in rows)


@dataclass(frozen=True)
class Flux:
    """∂u/∂n - g for each named unknown, n the outward normal."""

    values: tuple[tuple[str, Value], ...]

    @property
    def functions(self) -> tuple[tuple[str, Callable[..., Any]], ...]:
        """The user's functions, each with the name of the argument that it was given as."""
        return _functions(self.values)

    def evaluate(self, scope: Mapping[str, Any]) -> tuple[Any, ...]:
        """The residuals, one for each unknown."""
        return tuple(
            normal_derivative(scope[name], _normal(scope)) - value_of(value, scope, name) for name, value in self.values
        )


@dataclass(frozen=True)
class Mixed:
    """a u + b ∂u/∂n - g for each named unknown (Robin)."""

    values: tuple[tuple[str, tuple[Value, Value, Value]], ...]

    @property
    def functions(self) -> tuple[tuple[str, Callable[..., Any]], ...]:
        """The user's functions, each with the name of the argument that it was given as."""
        return tuple(item for name, triple in self.values for item in _functions((name, v) for v in triple))

    def evaluate(self, scope: Mapping[str, Any]) -> tuple[Any, ...]:
        """The residuals, one for each unknown."""
        rows = []
        for name, triple in self.values:
            a, b, g = (value_of(v, scope, name) for v in triple)
            rows.append(a * scope[name] + b * normal_derivative(scope[name], _normal(scope)) - g)
        return tuple(rows)


@dataclass(frozen=True)
class Start:
    """The state at the lower end of time: u - g for the key "u", u_t - h for the key "u_t"."""

    values: tuple[tuple[str, Value], ...]
    time: str
    unknowns: tuple[str, ...]

    @property
    def functions(self) -> tuple[tuple[str, Callable[..., Any]], ...]:
        """The user's functions, each with the name of the argument that it was given as."""
        return _functions(self.values)

    def split(self, key: str) -> tuple[str, bool]:
        """The unknown that `key` names, and whether it is its time derivative."""
        suffix = f"_{self.time}"
        return (key, False) if key in self.unknowns else (key.removesuffix(suffix), True)

    def evaluate(self, scope: Mapping[str, Any]) -> tuple[Any, ...]:
        """The residuals, one for each key."""
        rows = []
        for key, value in self.values:
            name, rate = self.split(key)
            u = scope[name].d(self.time) if rate else scope[name]
            rows.append(u - value_of(value, scope, key))
        return tuple(rows)


@dataclass(frozen=True)
class Jump:
    """The jump of each unknown and its derivatives along `axis` between two opposite walls (periodicity)."""

    axis: str
    unknowns: tuple[str, ...]
    order: int

    functions: tuple[tuple[str, Callable[..., Any]], ...] = ()

    def evaluate(self, scope: Mapping[str, Any]) -> tuple[Any, ...]:
        """The residuals: for each unknown, derivatives of order 0 to `order`."""
        rows = []
        for name in self.unknowns:
            here, there = scope[name], scope[f"{name}_partner"]
            for _ in range(self.order + 1):
                rows.append(here - there)
                here, there = here.d(self.axis), there.d(self.axis)
        return tuple(rows)


def _normal(scope: Mapping[str, Any]) -> Any:
    if "n" not in scope:
        raise ValueError("a normal derivative needs a wall of space; this part has no outward normal")
    return scope["n"]


def _functions(values: Iterable[tuple[str, Value]]) -> tuple[tuple[str, Callable[..., Any]], ...]:
    return tuple((name, value) for name, value in values if callable(value))
