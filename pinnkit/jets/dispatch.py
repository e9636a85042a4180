"""Table of derivative rules of torch functions on jets, by name; the modules in `pinnkit.jets.rules` fill it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol

__all__ = ["ALIASES", "RULES", "Function", "Rule", "add_rules", "apply", "function_name"]

Function = Callable[..., Any]


class Rule(Protocol):
    """The derivative rule of one torch function."""

    elementwise: ClassVar[bool]
    """True for elementwise functions of one argument, which error messages list."""

    def apply(self, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the result of `func`: a jet, or a plain tensor where `func` has no derivative."""


RULES: dict[str, Rule] = {}
"""The rule of each function, by the name of the function; `add_rules` fills it."""

ALIASES = {
    "__getitem__": "getitem",
    "subtract": "sub",
    "multiply": "mul",
    "divide": "div",
    "true_divide": "div",
    "__rsub__": "rsub",
    "absolute": "abs",
    "arctan": "atan",
    "arctan2": "atan2",
    "arcsin": "asin",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsinh": "asinh",
    "arctanh": "atanh",
    "negative": "neg",
    "concat": "cat",
    "concatenate": "cat",
    "special_bessel_j0": "bessel_j0",
    "special_bessel_j1": "bessel_j1",
    "special_erf": "erf",
    "special_expit": "sigmoid",
    "special_sinc": "sinc",
    "linalg_norm": "norm",
    "linalg_vector_norm": "norm",
    "vector_norm": "norm",
    "linalg_cross": "cross",
    "linalg_vecdot": "vecdot",
    "clip": "clamp",
}
"""Other names of functions, and the names in `RULES`."""


def add_rules(rules: Mapping[str, Rule]) -> None:
    """Enter rules into the table by the names of their functions; raises ValueError for a name that has one."""
    taken = sorted(set(rules) & set(RULES))
    if taken:
        raise ValueError(f"add_rules: {', '.join(taken)} have a derivative rule already; keep one of them")
    RULES.update(rules)


def function_name(func: Function) -> str:
    """Return the name of a torch function, as `RULES` has it."""
    name: str = getattr(func, "__name__", str(func))
    return ALIASES.get(name, name)


def apply(func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Apply `func` to jets: the result is a jet, or a plain tensor where `func` has no derivative.

    Raises:
        TypeError: for a function without a derivative rule, or one that mixes samples, by name.
    """
    name = function_name(func)
    rule = RULES.get(name)
    if rule is not None:
        return rule.apply(func, args, kwargs)
    if name.endswith("_") and not name.endswith("__"):
        raise TypeError(f"torch.{name} changes its argument in place, which a jet refuses; use torch.{name[:-1]}")
    known = sorted(name for name, rule in RULES.items() if rule.elementwise)
    raise TypeError(
        f"torch.{name} has no derivative rule for jets; write it with supported functions "
        f"({', '.join(known)}, ...), or take `.value` where no derivative is needed"
    )
