"""Problem: a domain, its unknowns, and the terms that should vanish.  It holds no network and no optimiser."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from pinnkit.domains import Axis, Box, Domain, Operand, Product, Role, Shape
from pinnkit.domains.combination import leaves_of
from pinnkit.domains.pieces.partition import Partition, Piece, in_space, partition_of
from pinnkit.domains.pieces.refinement import Cut
from pinnkit.jets.frame import Frame
from pinnkit.jets.jet import coordinate

from .ansatz import Lift
from .binding import bind, trace_through
from .channels import Trace
from .hard_conditions import check_hard, lifts_of
from .names import call, check_names
from .pieces.interface import Interface
from .pieces.piecewise import Piecewise, record_piecewise
from .pieces.splitting import divided
from .pieces.views import views_of
from .portable import Portable
from .structure import Structure, structure_of
from .terms import Term
from .tracing import naming
from .unknowns import Coefficient as Coefficient
from .unknowns import Unknown as Unknown

__all__ = ["Coefficient", "Problem", "Unknown"]


@dataclass(frozen=True)
class Problem(Portable):
    """A differential equation with its conditions, written once.

    Problems can be pickled and copied, see `Portable`.  They are equal where their fields are; functions are equal to
    themselves alone, so that a problem that was unpickled with lambdas in it differs from the original.

    Args:
        name: a short identifier; results are written under it.
        domain: where, for instance ``Box(x=(0, 1), t=(0, 1))``.
        unknowns: a name, an `Unknown`, or a sequence of such.
        terms: residuals that should vanish.
        coefficients: numbers to be found along with the unknowns.
        ansatz: for some unknowns, the function that makes the unknown out of the fields' raw outputs, called by
            argument names: ``{"u": lambda u, x: x * (1 - x) * u}``.  Hard conditions make one of their own, which
            stands here beside those given.
        exact: closed forms, for validation only; no solver sees them.
        reference_solver: ``(problem, budget) -> Reference``, in place of the finite differences derived from the terms.
        metrics: ``name -> function(solution) -> float``: scores of problems that have no equation.
        dtype: floating-point type of the solve, torch.float64 or torch.float32.
        plan: the `Plan` of field and solvers that `solve` executes where none is given; None has one made by probing.
            A problem that brings its own is scored by its metrics, not by the size of its residuals.
        figures: ``name -> function(solution) -> matplotlib Figure``: drawn by a report instead of its own pictures.
        pieces: shapes that divide the domain, each with a field of its own; kept as the `Partition` that they make with
            the shapes of piecewise coefficients, and of unknowns and equations that hold in a part of the domain alone.
        interfaces: what holds between pieces instead of a perfect contact; also given among the terms.
        facts: plain values that belong to the data, such as the normalisation of a cloud; kept in solution.h5.

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
    plan: Any = None
    figures: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    pieces: Partition = field(default=None, repr=False)  # type: ignore[assignment]
    interfaces: Sequence[Interface] = ()
    piecewise: tuple[Piecewise, ...] = field(init=False, repr=False, compare=False)
    frame: Frame = field(init=False, repr=False, compare=False)
    traces: Mapping[tuple[str, bool], Trace] = field(init=False, repr=False, compare=False)

    def __init__(  # the declared fields are normalised, so that `unknowns="u"` may be written
        self,
        name: str,
        domain: Domain,
        unknowns: str | Unknown | Sequence[str | Unknown],
        terms: Sequence[Term | Interface],
        coefficients: Sequence[Coefficient] = (),
        ansatz: Mapping[str, Callable[..., Any]] | None = None,
        exact: Mapping[str, Callable[..., Any]] | None = None,
        reference_solver: Callable[..., Any] | None = None,
        metrics: Mapping[str, Callable[..., float]] | None = None,
        dtype: torch.dtype = torch.float64,
        plan: Any = None,
        figures: Mapping[str, Callable[..., Any]] | None = None,
        facts: Mapping[str, Any] | None = None,
        pieces: Partition | Sequence[Operand] = (),
        interfaces: Sequence[Interface] = (),
    ) -> None:
        if not name or not isinstance(name, str) or name in (".", "..") or any(c in name for c in "/\\\0"):
            raise ValueError(f"Problem: `name` must be a non-empty word that can name a folder, got {name!r}")
        if not hasattr(domain, "face"):
            raise TypeError(f"problem '{name}': `domain` must be a domain such as Box(x=(0, 1)), got {_kind(domain)}")
        if dtype not in (torch.float32, torch.float64):
            raise ValueError(f"problem '{name}': `dtype` must be torch.float32 or torch.float64, got {dtype}")
        items = (unknowns,) if isinstance(unknowns, str) else unknowns
        named = _sequence(items, (str, Unknown), f"problem '{name}': `unknowns`", "'u' or Unknown('u', components=2)")
        found = tuple(Unknown(u) if isinstance(u, str) else u for u in named)
        stated = _sequence(terms, (Term, Interface), f"problem '{name}': `terms`", "[Equation(...), Dirichlet(...)]")
        listed = [t for t in stated if isinstance(t, Term)]
        between = (*(t for t in stated if isinstance(t, Interface)), *interfaces)
        label = f"problem '{name}': `pieces`"
        shapes = pieces if isinstance(pieces, Partition) else _sequence(pieces, (Operand,), label, "Disk(x=0, y=0)")
        sought = _sequence(coefficients, (Coefficient,), f"problem '{name}': `coefficients`", "Coefficient('nu', 0.1)")
        for key, value in {
            "name": name,
            "domain": domain,
            "unknowns": found,
            "coefficients": sought,
            "ansatz": _functions(_given(ansatz), f"problem '{name}': `ansatz`"),
            "exact": _functions(exact, f"problem '{name}': `exact`"),
            "reference_solver": reference_solver,
            "metrics": _functions(metrics, f"problem '{name}': `metrics`"),
            "dtype": dtype,
            "plan": plan,
            "figures": _functions(figures, f"problem '{name}': `figures`"),
            "facts": _facts(facts, f"problem '{name}': `facts`"),
            "interfaces": between,
            "frame": _frame(domain.axes),
        }.items():
            object.__setattr__(self, key, value)
        self._check_names()
        self._check_exact()
        with record_piecewise() as recorded:
            found_terms, traces = bind(self, listed)
        object.__setattr__(self, "terms", found_terms)
        object.__setattr__(self, "piecewise", tuple(recorded))
        object.__setattr__(self, "pieces", self._divided(shapes))
        if not self.soft_terms:
            raise ValueError(f"problem '{name}': every term is hard, so nothing is left to solve; add an Equation")
        object.__setattr__(self, "ansatz", MappingProxyType({**self.ansatz, **lifts_of(self)}))
        check_hard(self)
        object.__setattr__(self, "traces", MappingProxyType(traces | trace_through(self, found_terms)))

    # names --------------------------------------------------------------------------------------------------------
    @property
    def names(self) -> tuple[str, ...]:
        """Names of the unknowns."""
        return tuple(u.name for u in self.unknowns)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Axes of the domain."""
        return self.domain.axes

    @property
    def time(self) -> str | None:
        """Name of the time axis, if there is one."""
        return next((a.name for a in self.domain.axes if a.role is Role.TIME), None)

    def unknown(self, name: str) -> Unknown:
        """Return the unknown of that name."""
        return next(u for u in self.unknowns if u.name == name)

    def columns_of(self, name: str) -> frozenset[str]:
        """Return the coordinate columns that an unknown depends on."""
        axes = self.unknown(name).axes
        return frozenset(c for a in self.domain.axes if axes is None or a.name in axes for c in a.columns)

    def term(self, name: str) -> Term:
        """Return the term of that name."""
        return next(t for t in self.terms if t.name == name)

    def trace(self, term: Term, *, raw: bool) -> Trace:
        """Return the trace of a term in the unknowns (raw=False), or in the fields through the ansatz (raw=True)."""
        return self.traces[str(term.name), raw and bool(self.ansatz)]

    @property
    def soft_terms(self) -> tuple[Term, ...]:
        """Terms that a solver has to meet: all but the hard ones, which hold by construction."""
        return tuple(t for t in self.terms if not t.hard)

    @property
    def periodic(self) -> tuple[str, ...]:
        """Axes along which every field is periodic by construction."""
        return tuple(t.periodic_axis for t in self.terms if t.hard and t.periodic_axis is not None)

    # properties found by probing ------------------------------------------------------------------------------------
    @cached_property
    def structure(self) -> Structure:
        """Equations, conditions and initial states in the terms of the field, found by probing when first asked for."""
        return structure_of(self)

    @property
    def linear(self) -> bool:
        """True if every residual is affine in what the fields give, and there is no coefficient to be found."""
        return not self.coefficients and all(self.trace(t, raw=True).linear for t in self.soft_terms)

    @property
    def is_divided(self) -> bool:
        """True where `solve` has to solve `in_pieces`: the domain has several pieces, and the unknowns span them."""
        return len(self.pieces) > 1 and not any(isinstance(u.on, Piece) for u in self.unknowns)

    @cached_property
    def in_pieces(self) -> Problem:
        """The problem with a copy of each unknown for each piece; itself where the domain is not divided.

        Copies are named ``u_1``, ``u_2`` after the numbers of the pieces.  Each equation holds in each piece, each
        condition on the part of its wall that bounds the piece.  Where two pieces meet, terms join the copies: the
        value and the normal flux of the equations are continuous, unless an `Interface` says otherwise.

        Raises:
            ValueError: for terms that cannot be divided, and statements on interfaces that do not fit.
        """
        if not self.is_divided:
            return self
        found = divided(self)
        return replace(
            self,
            unknowns=found.unknowns,
            terms=found.terms,
            exact=found.exact,
            ansatz=found.ansatz,
            pieces=self.pieces,
            interfaces=(),
            reference_solver=None,
            metrics={},
            figures={},
        )

    @cached_property
    def names_in_pieces(self) -> tuple[Mapping[str, str], ...]:
        """For each piece the names that the unknowns which live there have in the problem in pieces."""
        return tuple(MappingProxyType(dict(view.names)) for view in views_of(self))

    def domain_of(self, unknown: str) -> Domain:
        """Return the domain in which an unknown lives: the piece in a problem in pieces, else the whole."""
        on = self.unknown(unknown).on
        return on.domain if isinstance(on, Piece) else self.domain

    def axes_of(self, unknown: str) -> tuple[Axis, ...]:
        """Return the axes that an unknown depends on, with the bounds of its own piece."""
        own = self.unknown(unknown).axes
        return tuple(a for a in self.domain_of(unknown).axes if own is None or a.name in own)

    def smoothness_needed(self, unknown: str) -> int:
        """Highest number of times that the terms differentiate the field of `unknown`."""
        channels = [c for t in self.terms for c in self.trace(t, raw=True).channels if c.unknown == unknown]
        return max((c.highest for c in channels), default=0)

    def initial_coefficients(self) -> dict[str, Tensor]:
        """Return the starting values of the coefficients, 0-d tensors."""
        return {c.name: torch.tensor(c.initial, dtype=self.dtype) for c in self.coefficients}

    def __hash__(self) -> int:
        return hash((self.name, self.domain, self.unknowns, self.terms, self.coefficients, self.dtype))

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
        for name in self.names:
            if f"{name}_partner" in self.names:
                raise ValueError(
                    f"{label}: unknown `{name}_partner` has the name of `{name}` at the partner points of Periodic; "
                    f"choose another name"
                )
        for kind, table in (("ansatz", self.ansatz), ("exact", self.exact)):
            for key in table:
                if key not in self.names:
                    raise ValueError(f"{label}: `{kind}` names `{key}`, which is no unknown; they are {self.names}")
        at = {"a coordinate": names[0], "a coefficient": names[2]}
        for key, function in self.ansatz.items():
            check_names(function, {**at, "an unknown": names[1]}, f"{label}: ansatz of `{key}`")
        for key, function in self.exact.items():
            check_names(function, at, f"{label}: exact solution of `{key}`")

    def _divided(self, given: Partition | Sequence[Operand]) -> Partition:
        """Partition of the domain by the shapes given, those of coefficients, unknowns and equations."""
        if isinstance(given, Partition):
            if any(isinstance(u.on, Piece) for u in self.unknowns):
                return given
            given = given.given
        cuts = [Cut(tuple(given), covers=True, owner=f"problem '{self.name}': `pieces`")] if given else []
        for k in self.piecewise:
            cuts.append(Cut(k.shapes, covers=k.elsewhere is None, owner=f"problem '{self.name}': {k!r}"))
        for u in self.unknowns:
            if isinstance(u.on, Operand):
                cuts.append(Cut((u.on,), covers=False, owner=f"problem '{self.name}': unknown `{u.name}`"))
        equations = [t for t in self.terms if t.is_equation and len(t.sites) == 1 and t.own_points is None]
        if all(t.sites[0] != self.domain for t in equations):
            for t in equations:
                site: Any = t.sites[0]
                if isinstance(site, Box | Product | Shape):
                    owner = f"problem '{self.name}': term '{t.name}'"
                    cuts.append(Cut((in_space(site)[0],), covers=False, owner=owner))
        unique = {cut.shapes: cut for cut in reversed(cuts)}
        simplest = sorted(reversed(unique.values()), key=lambda cut: max(len(leaves_of(s)) for s in cut.shapes))
        return partition_of(self.domain, simplest, tuple(given))

    def _check_exact(self) -> None:
        """Call the closed forms once, so that a wrong shape is found now and not after the solve."""
        coords = self.domain.sample(7, torch.Generator().manual_seed(0)).coords.to(self.dtype)
        at = {name: coordinate(self.frame, coords, name).value for name in self.frame.names}
        for key, function in self.exact.items():
            owner = f"problem '{self.name}': exact solution of `{key}`"
            with naming(owner):
                shape = torch.as_tensor(call(function, {**at, **self.initial_coefficients()}, owner)).shape
            components = self.unknown(key).components
            expected = (7,) if components is None else (7, components)
            if shape not in ((), expected):
                raise ValueError(
                    f"{owner} must return shape (n{'' if components is None else f', {components}'}), "
                    f"got {tuple(shape)} for n = 7 points"
                )


def _sequence(value: Any, kinds: tuple[type, ...], owner: str, example: str) -> tuple[Any, ...]:
    items = (value,) if isinstance(value, kinds) else value
    if isinstance(items, str) or not isinstance(items, Iterable):
        raise TypeError(f"{owner} must be a sequence such as {example}, got {_kind(value)}")
    found = tuple(items)
    for item in found:
        if not isinstance(item, kinds):
            raise TypeError(f"{owner} must hold items such as {example}, got {_kind(item)}")
    return found


def _functions(table: Any, owner: str) -> Mapping[str, Callable[..., Any]]:
    if table is not None and not isinstance(table, Mapping):
        raise TypeError(f"{owner} must be a mapping such as dict(u=lambda x: ...), got {_kind(table)}")
    for key, function in (table or {}).items():
        if not callable(function):
            raise TypeError(f"{owner} of `{key}` must be a function, got {_kind(function)}")
    return MappingProxyType(dict(table or {}))


def _facts(facts: Any, owner: str) -> Mapping[str, Any]:
    """Plain values, which a file can hold."""
    if facts is not None and not isinstance(facts, Mapping):
        raise TypeError(f"{owner} must be a mapping such as dict(scale=2.0), got {_kind(facts)}")
    try:
        json.dumps(dict(facts or {}), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{owner} must be plain values (numbers, words, lists) that JSON can hold: {error}") from None
    return MappingProxyType(dict(facts or {}))


def _given(ansatz: Any) -> Any:
    """Drop the entries of hard conditions: `dataclasses.replace` passes the whole table, and they are made again."""
    if not isinstance(ansatz, Mapping):
        return ansatz
    return {name: function for name, function in ansatz.items() if not isinstance(function, Lift)}


def _frame(axes: Sequence[Axis]) -> Frame:
    return Frame(
        columns=tuple(c for a in axes for c in a.columns),
        space=tuple(c for a in axes if a.role is Role.SPACE for c in a.columns),
        vectors=tuple((a.name, a.columns) for a in axes if a.dim > 1),
    )


def _kind(value: object) -> str:
    return f"{type(value).__name__} {value!r}"[:80]
