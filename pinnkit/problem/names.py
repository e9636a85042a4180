"""Calls of functions by argument name: the parameters of an equation are the names that it uses, in any order."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

__all__ = ["arguments", "call", "check_names"]


def arguments(function: Callable[..., Any], owner: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """List the names that `function` must be given, and those that it takes where there are any (with defaults).

    Raises:
        TypeError: for `*args`, positional-only parameters, or a builtin without a signature.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        name = getattr(function, "__name__", type(function).__name__)
        raise TypeError(
            f"{owner}: `{name}` has no readable signature, so its arguments cannot be matched by name; "
            f"wrap it: lambda x: {name}(x)"
        ) from None
    needed: list[str] = []
    optional: list[str] = []
    for parameter in parameters:
        if parameter.kind is parameter.VAR_KEYWORD:
            continue
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
            raise TypeError(
                f"{owner}: the parameter `{parameter}` cannot be matched by name; "
                f"name the coordinates and unknowns that it uses: lambda x, u: ..."
            )
        (needed if parameter.default is parameter.empty else optional).append(parameter.name)
    return tuple(needed), tuple(optional)


def check_names(function: Callable[..., Any], groups: Mapping[str, Iterable[str]], owner: str) -> None:
    """Refuse a function that asks for a name which the problem does not have, or has a default for one that it has.

    Args:
        function: the equation, coefficient, boundary value or exact solution.
        groups: names by kind, `{"a coordinate": ("x", "t"), "an unknown": ("u",)}`.
        owner: first words of messages.

    Raises:
        ValueError: with the missing name and all the names that there are; with the name whose default would never be
            used.
    """
    needed, optional = arguments(function, owner)
    known = {name for names in groups.values() for name in names}
    for kind, names in groups.items():
        for name in names:
            if name in optional:
                raise ValueError(
                    f"{owner} has a default for `{name}`, which is {kind} and would replace it; give the constant "
                    "another name"
                )
    for name in needed:
        if name not in known:
            kinds = " nor ".join(f"{kind} {_tuple(names)}" for kind, names in groups.items() if tuple(names))
            raise ValueError(f"{owner} uses `{name}`, which is neither {kinds}")


def call(function: Callable[..., Any], scope: Mapping[str, Any], owner: str = "function") -> Any:
    """Call `function` with those entries of `scope` that its parameters name."""
    needed, optional = arguments(function, owner)
    for name in needed:
        if name not in scope:
            raise ValueError(f"{owner} uses `{name}`, which is not known here; there are {_tuple(scope)}")
    names = (*needed, *(name for name in optional if name in scope))
    return function(**{name: scope[name] for name in names})


def _tuple(names: Iterable[str]) -> str:
    return "(" + ", ".join(repr(name) for name in names) + ")"
