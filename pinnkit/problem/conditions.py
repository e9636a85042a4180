"""Residuals of the built-in conditions: prescribed values, fluxes, initial states, periodicity.

Each is a frozen dataclass that subclasses `ConditionRule` and is evaluated on a scope of names.  A new one is
registered in `CONDITIONS`, given to `Term` by a constructor of its own, and imported where the package is loaded; the
conformance suite then runs on its examples.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self, cast

import torch
from torch import Tensor

from pinnkit.jets.jet import Jet
from pinnkit.jets.operators import normal_derivative
from pinnkit.registry import Registry

from .names import call

__all__ = [
    "CONDITIONS",
    "Column",
    "ConditionRule",
    "Flux",
    "InitialState",
    "Jump",
    "Mixed",
    "Prescribed",
    "Quantity",
    "Residual",
    "Scope",
    "Value",
    "value_of",
]


@dataclass(frozen=True)
class Column:
    """A value taken from the data column `name` of the points."""

    name: str


Quantity = Jet | Tensor | float
"""Values at points, ``(n,)`` or ``(n, c)``, or the same number everywhere."""

Scope = Mapping[str, Jet | Tensor]
"""Values at points by name: coordinates, unknowns, coefficients, data columns, and the normal `n`."""

Residual = Quantity | tuple[Quantity, ...]
"""Residuals at points: one row, or one for each equation."""

Value = float | Sequence[float] | Tensor | Column | Callable[..., Quantity]
"""A number, a sequence of component values, a tensor, or a function of coordinates and coefficients by name."""

Wrap = Callable[[Callable[..., Any]], Callable[..., Any]]
"""Replacement of a function of the user."""

Functions = tuple[tuple[str, Callable[..., Any]], ...]
"""Functions of the user, each with the keyword that it was given as."""


class ConditionRule(ABC):
    """A residual written by pinnkit, with the data that it was made of.

    `keys` are the keywords of the user: an unknown each, or something derived from one; `unknown_of` names it.  The
    rows of the residual are the components of those unknowns, in this order.  `hard_rank` says in which order
    conditions are made exact by `hardened`, lowest first; None: no ansatz meets this condition.
    """

    hard_rank: ClassVar[int | None] = None

    @property
    @abstractmethod
    def keys(self) -> tuple[str, ...]:
        """Keywords of the user; empty where the rows do not follow from keywords."""

    @property
    @abstractmethod
    def functions(self) -> Functions:
        """Functions of the user."""

    @abstractmethod
    def evaluate(self, scope: Scope) -> tuple[Quantity, ...]:
        """Residuals at the points of a scope, one entry of ``(n,)`` or ``(n, c)`` for each key."""

    def unknown_of(self, key: str) -> str:
        """Name of the unknown that a key is about."""
        return key

    def renamed(self, names: Mapping[str, str], wrap: Wrap) -> Self | None:
        """Return the condition on the unknowns of `names` alone, under other names; None where it is about none.

        Args:
            names: for each unknown that is kept its new name.
            wrap: applied to the functions of the user.

        Raises:
            ValueError: for a condition that cannot be divided.
        """
        del names, wrap
        raise ValueError(f"{type(self).__name__} does not go with pieces; state it by Condition(...) on each piece")


CONDITIONS: Registry[ConditionRule] = Registry("condition")


def value_of(value: Value, scope: Scope, owner: str) -> Quantity:
    """Evaluate a prescribed value at the points: call functions by name, make sequences component vectors."""
    if isinstance(value, Column):
        return scope[value.name]
    if callable(value):
        return cast(Quantity, call(value, scope, owner))
    if isinstance(value, Sequence):
        some = next(v for v in scope.values() if isinstance(v, Jet))
        return torch.as_tensor(value, dtype=some.dtype, device=some.device)
    return value


@CONDITIONS.register(
    examples=lambda: {
        "number": Prescribed((("u", 1.0),)),
        "data": Prescribed((("u", Column("u_data")),), Column("sigma_data")),
    }
)
@dataclass(frozen=True)
class Prescribed(ConditionRule):
    """u - g for each named unknown; divided by sigma, for data, where that is given."""

    hard_rank: ClassVar[int | None] = 0

    values: tuple[tuple[str, Value], ...]
    sigma: Value | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the unknowns."""
        return tuple(name for name, _ in self.values)

    @property
    def functions(self) -> Functions:
        """Functions of the user."""
        return _functions(self.values)

    def evaluate(self, scope: Scope) -> tuple[Quantity, ...]:
        """Residuals, one for each unknown."""
        rows = tuple(scope[name] - value_of(value, scope, name) for name, value in self.values)
        return rows if self.sigma is None else tuple(row / value_of(self.sigma, scope, "sigma") for row in rows)

    def renamed(self, names: Mapping[str, str], wrap: Wrap) -> Self | None:
        """Return the condition on the unknowns of `names` alone, under other names."""
        values = _renamed(self.values, names, wrap)
        return replace(self, values=values) if values else None


@CONDITIONS.register(examples=lambda: {"number": Flux((("u", 0.5),))})
@dataclass(frozen=True)
class Flux(ConditionRule):
    """∂u/∂n - g for each named unknown, n the outward normal."""

    values: tuple[tuple[str, Value], ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the unknowns."""
        return tuple(name for name, _ in self.values)

    @property
    def functions(self) -> Functions:
        """Functions of the user."""
        return _functions(self.values)

    def evaluate(self, scope: Scope) -> tuple[Quantity, ...]:
        """Residuals, one for each unknown."""
        return tuple(
            normal_derivative(_unknown(scope, name), _normal(scope)) - value_of(value, scope, name)
            for name, value in self.values
        )

    def renamed(self, names: Mapping[str, str], wrap: Wrap) -> Self | None:
        """Return the condition on the unknowns of `names` alone, under other names."""
        values = _renamed(self.values, names, wrap)
        return replace(self, values=values) if values else None


@CONDITIONS.register(examples=lambda: {"numbers": Mixed((("u", (1.0, 2.0, 3.0)),))})
@dataclass(frozen=True)
class Mixed(ConditionRule):
    """a u + b ∂u/∂n - g for each named unknown (Robin)."""

    values: tuple[tuple[str, tuple[Value, Value, Value]], ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the unknowns."""
        return tuple(name for name, _ in self.values)

    @property
    def functions(self) -> Functions:
        """Functions of the user."""
        return tuple(item for name, triple in self.values for item in _functions((name, v) for v in triple))

    def evaluate(self, scope: Scope) -> tuple[Quantity, ...]:
        """Residuals, one for each unknown."""
        rows = []
        for name, triple in self.values:
            a, b, g = (value_of(v, scope, name) for v in triple)
            u = _unknown(scope, name)
            rows.append(a * u + b * normal_derivative(u, _normal(scope)) - g)
        return tuple(rows)

    def renamed(self, names: Mapping[str, str], wrap: Wrap) -> Self | None:
        """Return the condition on the unknowns of `names` alone, under other names."""
        values = tuple(
            (names[name], (_wrapped(a, wrap), _wrapped(b, wrap), _wrapped(g, wrap)))
            for name, (a, b, g) in self.values
            if name in names
        )
        return replace(self, values=values) if values else None


@CONDITIONS.register(examples=lambda: {"value and rate": InitialState((("u", 1.0), ("u_t", 0.0)), "t", ("u",))})
@dataclass(frozen=True)
class InitialState(ConditionRule):
    """State at the lower end of time: u - g for the key "u", u_t - h for the key "u_t", u_tt - k for "u_tt"."""

    hard_rank: ClassVar[int | None] = 2

    values: tuple[tuple[str, Value], ...]
    time: str
    unknowns: tuple[str, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the unknowns and of their rates."""
        return tuple(key for key, _ in self.values)

    @property
    def functions(self) -> Functions:
        """Functions of the user."""
        return _functions(self.values)

    def unknown_of(self, key: str) -> str:
        """Name of the unknown whose value or rate `key` is."""
        return self.split(key)[0]

    def split(self, key: str) -> tuple[str, int]:
        """Name of the unknown of `key`, and the order of its time derivative: ("u", 2) for "u_tt"."""
        if key in self.unknowns:
            return key, 0
        name, _, suffix = key.rpartition("_")
        order = len(suffix) // len(self.time)
        return (name, order) if order and suffix == self.time * order else (key, 0)

    def evaluate(self, scope: Scope) -> tuple[Quantity, ...]:
        """Residuals, one for each key."""
        rows = []
        for key, value in self.values:
            name, order = self.split(key)
            u = _unknown(scope, name)
            u = u.d(*(self.time,) * order) if order else u
            rows.append(u - value_of(value, scope, key))
        return tuple(rows)

    def renamed(self, names: Mapping[str, str], wrap: Wrap) -> Self | None:
        """Return the state of the unknowns of `names` alone, under other names."""
        values = []
        for key, value in self.values:
            name, rate = self.split(key)
            if name in names:
                suffix = f"_{self.time}" if rate else ""
                values.append((names[name] + suffix, _wrapped(value, wrap)))
        return replace(self, values=tuple(values), unknowns=tuple(names.values())) if values else None


@CONDITIONS.register(examples=lambda: {"value and slope": Jump("x", ("u",), 1)})
@dataclass(frozen=True)
class Jump(ConditionRule):
    """Jump of each unknown and its derivatives along `axis` between two opposite walls (periodicity).

    Args:
        axis: a space axis.
        unknowns: names of the unknowns.
        order: highest derivative that is compared.
    """

    hard_rank: ClassVar[int | None] = 1

    axis: str
    unknowns: tuple[str, ...]
    order: int

    @property
    def keys(self) -> tuple[str, ...]:
        """Return none: the rows follow from the problem's unknowns and the order."""
        return ()

    @property
    def functions(self) -> Functions:
        """Return none."""
        return ()

    def evaluate(self, scope: Scope) -> tuple[Quantity, ...]:
        """Residuals: for each unknown, derivatives of order 0 to `order`."""
        rows = []
        for name in self.unknowns:
            here, there = _unknown(scope, name), _unknown(scope, f"{name}_partner")
            for _ in range(self.order + 1):
                rows.append(here - there)
                here, there = here.d(self.axis), there.d(self.axis)
        return tuple(rows)


def _normal(scope: Scope) -> Tensor:
    if "n" not in scope:
        raise ValueError("a normal derivative needs a wall of space; this part has no outward normal")
    return cast(Tensor, scope["n"])


def _unknown(scope: Scope, name: str) -> Jet:
    return cast(Jet, scope[name])


def _functions(values: Iterable[tuple[str, Value]]) -> Functions:
    return tuple((name, value) for name, value in values if callable(value))


def _renamed(
    values: Iterable[tuple[str, Value]], names: Mapping[str, str], wrap: Wrap
) -> tuple[tuple[str, Value], ...]:
    return tuple((names[name], _wrapped(value, wrap)) for name, value in values if name in names)


def _wrapped(value: Value, wrap: Wrap) -> Value:
    return wrap(value) if callable(value) else value
