"""The problem: a domain, its unknowns, and the terms that should vanish.  It holds no network and no optimiser."""

from __future__ import annotations

import keyword
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from .domains import Axis, Domain, Role
from .jets.frame import Frame, NamedOperator
from .names import check_names
from .terms import Rule, Setting, Term
from .tracing import Trace, trace

__all__ = ["Coefficient", "Problem", "Unknown"]

RESERVED = frozenset({"n", "d", "grad", "laplacian", "hessian", "value"})


@dataclass(frozen=True)
class Unknown:
    """A function to be found.

    Args:
        name: how equations call it.
        components: None for a scalar, ``(n,)``; a number c for a vector, ``(n, c)``.
        axes: the axes it depends on, ``("x",)`` for kappa(x); None means all of the domain's.
    """

    name: str
    components: int | None = None
    axes: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        _name(self.name, "Unknown")
        if self.components is not None and self.components < 1:
            raise ValueError(f"Unknown '{self.name}': `components` must be at least 1, or None, got {self.components}")


@dataclass(frozen=True)
class Coefficient:
    """A number to be found along with the unknowns.

    Args:
        name: how residuals call it.
        initial: where the search starts.
        positive: keep it above zero (its logarithm is what is sought).
    """

    name: str
    initial: float
    positive: bool = False

    def __post_init__(self) -> None:
        _name(self.name, "Coefficient")
        if self.positive and not self.initial > 0:
            raise ValueError(
                f"Coefficient '{self.name}': `initial` must be positive where positive=True, got {self.initial}"
            )


@dataclass(frozen=True)
class Problem:
    """A differential equation with its conditions, written once.

    Args:
        name: a short identifier; results are written under it.
        domain: where, for instance ``Box(x=(0, 1), t=(0, 1))``.
        unknowns: a name, an `Unknown`, or a sequence of such.
        terms: what should vanish.
        coefficients: numbers to be found along with the unknowns.
        ansatz: for some unknowns, the function that makes the unknown out of the fields' raw outputs, called by
            argument names: ``{"u": lambda u, x: x * (1 - x) * u}``.
        exact: closed forms, for validation only; no solver sees them.
        reference_solver: ``(problem, budget) -> Reference``, in place of the finite differences derived from the terms.
        metrics: ``name -> function(solution) -> float``, how to score what has no equation.
        dtype: of the solve, float64 unless said otherwise.

    Raises:
        ValueError, TypeError: for names that clash or are unknown, terms with wrong shapes or without an unknown.
    """

    name: str
    domain: Domain
    unknowns: Sequence[Unknown]
    terms: Sequence[Term]
    coefficients: Sequence[Coefficient] = ()
    ansatz: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    exact: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    reference_solver: Callable[..., Any] | None = None
    metrics: Mapping[str, Callable[..., float]] = field(default_factory=dict)
    dtype: torch.dtype = torch.float64
    frame: Frame = field(init=False, repr=False, compare=False)
    traces: Mapping[tuple[str, bool], Trace] = field(init=False, repr=False, compare=False)

    def __init__(  # the declared fields are normalised, so that `unknowns="u"` may be written
        self,
        name: str,
        domain: Domain,
        unknowns: str | Unknown | Sequence[str | Unknown],
        terms: Sequence[Term],
        coefficients: Sequence[Coefficient] = (),
        ansatz: Mapping[str, Callable[..., Any]] | None = None,
        exact: Mapping[str, Callable[..., Any]] | None = None,
        reference_solver: Callable[..., Any] | None = None,
        metrics: Mapping[str, Callable[..., float]] | None = None,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        if not name or not isinstance(name, str) or any(c in name for c in "/\\\0"):
            raise ValueError(f"Problem: `name` must be a non-empty word that can name a folder, got {name!r}")
        if not hasattr(domain, "face"):
            raise TypeError(f"problem '{name}': `domain` must be a domain such as Box(x=(0, 1)), got {_kind(domain)}")
        if dtype not in (torch.float32, torch.float64):
            raise ValueError(f"problem '{name}': `dtype` must be torch.float32 or torch.float64, got {dtype}")
        items = [unknowns] if isinstance(unknowns, (str, Unknown)) else list(unknowns)
        found = tuple(Unknown(u) if isinstance(u, str) else u for u in items)
        for key, value in {
            "name": name,
            "domain": domain,
            "unknowns": found,
            "coefficients": tuple(coefficients),
            "ansatz": MappingProxyType(dict(ansatz or {})),
            "exact": MappingProxyType(dict(exact or {})),
            "reference_solver": reference_solver,
            "metrics": MappingProxyType(dict(metrics or {})),
            "dtype": dtype,
            "frame": _frame(domain.axes),
        }.items():
            object.__setattr__(self, key, value)
        self._check_names()
        self._bind(tuple(terms))

    # names --------------------------------------------------------------------------------------------------------
    @property
    def names(self) -> tuple[str, ...]:
        """The names of the unknowns."""
        return tuple(u.name for u in self.unknowns)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of the domain."""
        return self.domain.axes

    @property
    def time(self) -> str | None:
        """The name of the time axis, if there is one."""
        return next((a.name for a in self.domain.axes if a.role is Role.TIME), None)

    def unknown(self, name: str) -> Unknown:
        """The unknown of that name."""
        return next(u for u in self.unknowns if u.name == name)

    def columns_of(self, name: str) -> frozenset[str]:
        """The coordinate columns that an unknown depends on."""
        axes = self.unknown(name).axes
        return frozenset(c for a in self.domain.axes if axes is None or a.name in axes for c in a.columns)

    def term(self, name: str) -> Term:
        """The term of that name."""
        return next(t for t in self.terms if t.name == name)

    def trace(self, term: Term, *, raw: bool) -> Trace:
        """What probing found out: of the unknowns (raw=False), or of the fields through the ansatz (raw=True)."""
        return self.traces[str(term.name), raw and bool(self.ansatz)]

    # properties found by probing ------------------------------------------------------------------------------------
    @property
    def linear(self) -> bool:
        """Whether every residual is affine in what the fields give, and there is no coefficient to be found."""
        return not self.coefficients and all(self.trace(t, raw=True).linear for t in self.terms)

    def smoothness_needed(self, unknown: str) -> int:
        """How many times the field of `unknown` is differentiated by the terms."""
        channels = [c for t in self.terms for c in self.trace(t, raw=True).channels if c.unknown == unknown]
        return max((_order(c.order) for c in channels), default=0)

    def initial_coefficients(self) -> dict[str, Tensor]:
        """The coefficients' starting values, 0-d tensors."""
        return {c.name: torch.tensor(c.initial, dtype=self.dtype) for c in self.coefficients}

    # construction ---------------------------------------------------------------------------------------------------
    def _check_names(self) -> None:
        label = f"problem '{self.name}'"
        names = [a.name for a in self.domain.axes], list(self.names), [c.name for c in self.coefficients]
        if not self.unknowns:
            raise ValueError(f"{label}: `unknowns` is empty; name at least one, such as unknowns='u'")
        repeated = [name for name, count in Counter(chain(*names)).items() if count > 1]
        if repeated:
            raise ValueError(
                f"{label}: `{repeated[0]}` names two things; axes {names[0]}, unknowns {names[1]}, "
                f"coefficients {names[2]} must all differ"
            )
        for u in self.unknowns:
            for axis in u.axes or ():
                if axis not in names[0]:
                    raise ValueError(f"{label}: unknown `{u.name}` has the axis `{axis}`, the domain has {names[0]}")
        for kind, table in (("ansatz", self.ansatz), ("exact", self.exact)):
            for key, function in table.items():
                if key not in self.names:
                    raise ValueError(f"{label}: `{kind}` names `{key}`, which is no unknown; they are {self.names}")
                if not callable(function):
                    raise TypeError(f"{label}: `{kind}` of `{key}` must be a function, got {_kind(function)}")
        at = {"a coordinate": names[0], "a coefficient": names[2]}
        for key, function in self.ansatz.items():
            check_names(function, {**at, "an unknown": names[1]}, f"{label}: ansatz of `{key}`")
        for key, function in self.exact.items():
            check_names(function, at, f"{label}: exact solution of `{key}`")

    def _bind(self, terms: tuple[Term, ...]) -> None:
        label = f"problem '{self.name}'"
        if not terms:
            raise ValueError(f"{label}: `terms` is empty; give at least one Equation or Data")
        for term in terms:
            if not isinstance(term, Term):
                raise TypeError(f"{label}: `terms` holds {_kind(term)}; use Equation(...), Dirichlet(...), ...")
        named = _label_all(terms)
        traces: dict[tuple[str, bool], Trace] = {}
        object.__setattr__(self, "traces", traces)
        bound: dict[str, Term] = {}
        setting = Setting(self.domain, self.names, self.time, lambda axis: self._order_along(axis, bound))
        for term in sorted(named, key=lambda t: t.kind != "equation"):  # conditions may ask for the equation's order
            ready = term.bind(setting)
            self._check_term(ready)
            for raw in (False, True) if self.ansatz else (False,):
                traces[str(ready.name), raw] = trace(self, ready, raw=raw)
            bound[str(ready.name)] = ready
        object.__setattr__(self, "terms", tuple(bound[str(t.name)] for t in named))
        object.__setattr__(self, "traces", MappingProxyType(traces))

    def _check_term(self, term: Term) -> None:
        label = f"problem '{self.name}'"
        own = tuple(a.name for a in self.domain.axes)
        for site in term.sites:
            other = tuple(a.name for a in site.axes)
            if sorted(other) != sorted(own):
                raise ValueError(f"{label}: term '{term.name}' lives on a part with axes {other}, the domain has {own}")
        columns = tuple(term.points.columns) if hasattr(term.points, "columns") else ()  # type: ignore[union-attr]
        known = {
            "a coordinate": own,
            "an unknown": self.names,
            "a coefficient": tuple(c.name for c in self.coefficients),
            "a data column": columns,
            "the normal": ("n",) if term.kind != "equation" else (),
        }
        if isinstance(term.residual, Rule):
            for name, _ in getattr(term.residual, "values", ()):
                if term.kind != "initial" and name not in self.names:
                    raise ValueError(f"{label}: {term.kind} uses `{name}`, which is no unknown; they are {self.names}")
            known.pop("an unknown")
        for owner, function in term.functions:
            what = owner if owner == term.kind else f"{term.kind} value of `{owner}`"
            check_names(function, known, f"{label}: {what}")

    def _order_along(self, axis: str, bound: Mapping[str, Term]) -> int:
        orders = [0]
        for name, term in bound.items():
            if term.kind == "equation":
                for channel in self.traces[name, False].channels:
                    parts = channel.order.terms if isinstance(channel.order, NamedOperator) else ((1.0, channel.order),)
                    orders += [columns.count(axis) for _, columns in parts]
        return max(orders)


def _label_all(terms: tuple[Term, ...]) -> list[Term]:
    """Every term with a name of its own: the given one, or the kind's, numbered where it repeats."""
    wanted = [t.name or t.kind for t in terms]
    given = Counter(t.name for t in terms if t.name)
    double = [name for name, count in given.items() if count > 1]
    if double:
        raise ValueError(f"Problem: two terms are named '{double[0]}'; names must differ")
    count: Counter[str] = Counter()
    labelled = []
    for term, want in zip(terms, wanted, strict=True):
        count[want] += 1
        unique = want if wanted.count(want) == 1 else f"{want}_{count[want]}"
        labelled.append(replace(term, name=unique))
    return labelled


def _frame(axes: Sequence[Axis]) -> Frame:
    return Frame(
        columns=tuple(c for a in axes for c in a.columns),
        space=tuple(c for a in axes if a.role is Role.SPACE for c in a.columns),
        vectors=tuple((a.name, a.columns) for a in axes if a.dim > 1),
    )


def _order(order: tuple[str, ...] | NamedOperator) -> int:
    return max(len(o) for _, o in order.terms) if isinstance(order, NamedOperator) else len(order)


def _name(name: str, owner: str) -> None:
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        raise ValueError(f"{owner}: a name must be a Python identifier, got {name!r}")
    if name in RESERVED:
        raise ValueError(f"{owner}: `{name}` is reserved ({', '.join(sorted(RESERVED))}); choose another name")


def _kind(value: object) -> str:
    return f"{type(value).__name__} {value!r}"[:80]
