"""A case: a problem, the truth about it, and the settings of its solve."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pinnkit import Problem

__all__ = ["CASES", "Case", "CaseKind", "all_cases", "hard", "ill_posed", "smooth"]

Array = NDArray[np.float64]
Coordinates = Mapping[str, Array]
Truth = Callable[[Coordinates], dict[str, Array]]


SECONDS = 20.0
"""Time limit of the automatic choice of field and solver; fixed steps of given solvers have none."""


class CaseKind(Enum):
    """Kinds of cases."""

    SMOOTH = "smooth"
    HARD = "hard"
    ILL_POSED = "ill-posed"


@dataclass(frozen=True)
class Case:
    """A problem without `exact`, and the truth about it.

    Args:
        name: unique.
        kind: of the case.
        build: the problem; called anew for every use.
        source: of the problem and of its truth.
        exact: closed forms by unknown, torch functions called by the names of the coordinates.
        truth: of problems without a closed form: coordinates, each ``(n,)``, to values by unknown.
        places: coordinates at which the truth is known; None takes points of the domain.
        coefficients: true values of the coefficients.
        settings: keywords of `solve`; without solvers among them, the automatic choice has `SECONDS`.
        wrong: defect of an ill-posed problem, or difficulty of a hard one; empty for smooth ones.
    """

    name: str
    kind: CaseKind
    build: Callable[[], Problem]
    source: str
    exact: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    truth: Truth | None = None
    places: Mapping[str, Array] | None = None
    coefficients: Mapping[str, float] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    wrong: str = ""

    @property
    def keywords(self) -> dict[str, Any]:
        """Keywords of `solve`."""
        return dict(self.settings) if "solvers" in self.settings else {"seconds": SECONDS, **self.settings}

    @property
    def has_truth(self) -> bool:
        """True where an answer can be compared with the truth."""
        return bool(self.exact) or self.truth is not None

    def values(self, at: Coordinates) -> dict[str, Array]:
        """True values of the unknowns at points.

        Args:
            at: for each axis ``(n,)``, or ``(n, d)`` for a vector axis.
        """
        if self.truth is not None:
            return self.truth(at)
        given = {name: torch.as_tensor(value, dtype=torch.float64) for name, value in at.items()}
        count = len(next(iter(given.values())))
        found = {}
        for unknown, function in self.exact.items():
            value = torch.as_tensor(function(**{n: given[n] for n in inspect.signature(function).parameters}))
            value = value if value.ndim else value.expand(count)
            found[unknown] = value.double().numpy()
        return found


CASES: dict[str, Case] = {}


def _register(kind: CaseKind, source: str, options: Mapping[str, Any]) -> Callable[..., Any]:
    def decorate(build: Callable[[], Problem]) -> Callable[[], Problem]:
        name = build.__name__
        if name in CASES and CASES[name].build.__module__ != build.__module__:
            raise ValueError(f"case '{name}' is registered twice; choose another name")
        CASES[name] = Case(name, kind, build, source, **options)
        return build

    return decorate


def smooth(source: str, **options: Any) -> Callable[..., Any]:
    """Register a function as a well-posed problem with a smooth solution; its name is that of the case.

    Args:
        source: of the problem and its truth.
        options: further fields of `Case`.
    """
    return _register(CaseKind.SMOOTH, source, options)


def hard(source: str, wrong: str, **options: Any) -> Callable[..., Any]:
    """Register a well-posed problem that is hard to solve; `wrong` says why.  Arguments as of `smooth`."""
    return _register(CaseKind.HARD, source, {**options, "wrong": wrong})


def ill_posed(source: str, wrong: str, **options: Any) -> Callable[..., Any]:
    """Register an ill-posed or under-determined problem; `wrong` names the defect.  Arguments as of `smooth`."""
    return _register(CaseKind.ILL_POSED, source, {**options, "wrong": wrong})


def all_cases() -> dict[str, Case]:
    """Cases of all modules of this package, by name."""
    import tests.verdict_cases as package

    for module in pkgutil.iter_modules(package.__path__):
        if module.name.startswith(("smooth_", "hard_", "ill_posed_")):
            importlib.import_module(f"{package.__name__}.{module.name}")
    return dict(CASES)
