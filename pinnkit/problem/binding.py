"""Binding of terms to their problem: names, sites, shapes and traces, with the checks of all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from pinnkit.domains import Boundary, Box, Faces, Part, PointSet, Product, Role, Shape, ShapeWall
from pinnkit.domains.pieces.partition import Piece

from .channels import Trace
from .conditions import ConditionRule, Flux, Mixed, Prescribed
from .fluxes.equation_flux import EquationFlux
from .fluxes.flux_search import fluxes_of
from .linearization import ROW_SUMS
from .names import arguments, check_names
from .protocols import ProblemLike
from .terms import BindingContext, Term
from .tracing import naming, trace

__all__ = ["Traces", "bind", "trace_through"]

_ROWS = 64
"""Rows at which the nodes of integrals are held against the domain."""
Traces = dict[tuple[str, bool], Trace]
"""Traces of the terms, by name and by whether the channels are raw."""


def bind(problem: ProblemLike, terms: Sequence[Term]) -> tuple[tuple[Term, ...], Traces]:
    """Complete the terms with a name and sites each, and trace them; the order of the terms stays.

    Raises:
        ValueError, TypeError: for a term that does not fit the problem.
    """
    label = f"problem '{problem.name}'"
    if not terms:
        raise ValueError(f"{label}: `terms` is empty; give at least one Equation or Data")
    named = _named(terms, label)
    traces: Traces = {}
    bound: dict[str, Term] = {}
    context = BindingContext(
        problem.domain,
        problem.names,
        problem.time,
        order=lambda axis: _order_along(problem, axis, bound, traces),
        fluxes=lambda equation: _fluxes(problem, equation, bound, traces),
    )
    for term in sorted(named, key=lambda t: not t.is_equation):  # conditions may ask for the equation's order
        name = str(term.name)
        with naming(f"{label}: term '{name}'"):
            ready = term.bind(context)
        ready = replace(ready, sites=tuple(_placed(site, problem, f"{label}: term '{name}'") for site in ready.sites))
        ready = replace(ready, integrals=tuple((key, each.within(problem.axes)) for key, each in ready.integrals))
        _check_wall(problem, ready, f"{label}: term '{name}'")
        _check_names(problem, ready, label)
        traces[name, False] = trace(problem, ready, raw=False)
        _check_nodes(problem, ready, f"{label}: term '{name}'")
        _check_components(problem, ready, traces[name, False].rows)
        bound[name] = ready
    return tuple(bound[str(t.name)] for t in named), traces


def trace_through(problem: ProblemLike, terms: Sequence[Term]) -> Traces:
    """Trace the bound terms through the ansatz; nothing where there is none."""
    return {(str(t.name), True): trace(problem, t, raw=True) for t in terms} if problem.ansatz else {}


def _named(terms: Sequence[Term], label: str) -> list[Term]:
    """Give every term a name of its own: the given one, or its kind, numbered where it repeats."""
    wanted = [t.name or t.kind for t in terms]
    count: Counter[str] = Counter()
    found = []
    for term, want in zip(terms, wanted, strict=True):
        count[want] += 1
        numbered = term.name is None and wanted.count(want) > 1
        found.append(replace(term, name=f"{want}_{count[want]}" if numbered else want))
    double = [name for name, n in Counter(t.name for t in found).items() if n > 1]
    if double:
        raise ValueError(f"{label}: two terms are named '{double[0]}'; names must differ")
    return found


def _placed(site: Part, problem: ProblemLike, label: str) -> Part:
    """Put the columns of a part in the order of the domain's, and refuse a part outside the domain."""
    axes = problem.axes
    own, other = ({a.name: a for a in found} for found in (axes, site.axes))
    if set(own) != set(other):
        raise ValueError(f"{label} lives on a part with axes {tuple(other)}, the domain has {tuple(own)}")
    for name, axis in own.items():
        there = other[name]
        slack = 1e-9 * (axis.upper - axis.lower)
        outside = there.lower < axis.lower - slack or there.upper > axis.upper + slack
        if outside or (isinstance(site, Faces) and there != axis and not _bounds_an_unknown(site, problem)):
            raise ValueError(
                f"{label} lives on {site!r}, which is no part of the domain: `{name}` spans "
                f"({there.lower:g}, {there.upper:g}) there and ({axis.lower:g}, {axis.upper:g}) in the domain"
            )
        if there.dim != axis.dim:
            raise ValueError(f"{label}: `{name}` has {there.dim} columns there and {axis.dim} in the domain")
    if tuple(other) == tuple(own):
        return site
    if not isinstance(site, PointSet):
        raise ValueError(f"{label} lives on a part with axes {tuple(other)}; their order in the domain is {tuple(own)}")
    blocks = dict(zip(other, site.coords.split([a.dim for a in site.axes], dim=1), strict=True))
    ordered = {name: blocks[name] if axis.dim > 1 else blocks[name][:, 0] for name, axis in own.items()}
    return PointSet(weight=site.weight, **ordered)


def _bounds_an_unknown(site: Faces, problem: ProblemLike) -> bool:
    """True for walls of a box to which an unknown is confined, and in a problem in pieces, whose walls were checked."""
    space = tuple(a for a in site.axes if a.role is Role.SPACE)
    return any(isinstance(u.on, Piece) or (isinstance(u.on, Box) and u.on.axes == space) for u in problem.unknowns)


def _check_wall(problem: ProblemLike, term: Term, label: str) -> None:
    """Refuse a value or flux on a wall of a shape of which the domain is combined, in place of the domain's own wall.

    Such a wall may be cut off by other shapes, and its normals may point into the domain.
    """
    domain = Product(problem.domain) if isinstance(problem.domain, Shape) else problem.domain
    if not isinstance(domain, Product) or not isinstance(term.rule, Prescribed | Flux | Mixed):
        return
    for site in term.sites:
        own = isinstance(site, Boundary | ShapeWall) and site.domain == domain
        if isinstance(site, Faces | Boundary | ShapeWall) and not own and domain.pieces_on(site):
            raise ValueError(
                f"{label} lives on {site!r}, a wall of a shape of which the domain is combined; give the domain's own: "
                f"domain.boundary_of(...) of that wall or shape"
            )


def _check_names(problem: ProblemLike, term: Term, label: str) -> None:
    known: dict[str, tuple[str, ...]] = {
        "a coordinate": tuple(a.name for a in problem.axes),
        "a data column": _data_columns(term),
        "the normal": () if term.is_equation else ("n",),
    }
    at_weight = dict(known)
    known["a function"] = (ROW_SUMS,) if _in_groups(term) else ()
    known["a coefficient"] = tuple(c.name for c in problem.coefficients)
    if term.rule is None:
        known["an unknown"] = problem.names
        known["an integral"] = _check_integrals(problem, term, label)
    else:
        for key in term.rule.keys:
            if term.rule.unknown_of(key) not in problem.names:
                raise ValueError(f"{label}: {term.kind} uses `{key}`, which is no unknown; they are {problem.names}")
    for owner, function in term.functions:
        if function is term.weight:
            check_names(function, at_weight, f"{label}: `weight` of '{term.name}'")
        else:
            check_names(
                function, known, f"{label}: " + (owner if term.rule is None else f"{term.kind} value of `{owner}`")
            )


def _check_integrals(problem: ProblemLike, term: Term, label: str) -> tuple[str, ...]:
    """Names of the integrals of a term, after a check of the names that they use."""
    residual = term.residual
    if isinstance(residual, ConditionRule):
        return ()
    coefficients = tuple(c.name for c in problem.coefficients)
    taken = {*(a.name for a in problem.axes), *problem.names, *coefficients, *_data_columns(term), "n"}
    for name, integral in term.integrals:
        owner = f"{label}: integral `{name}` of '{term.name}'"
        if name in taken:
            raise ValueError(f"{owner} has the name of something else; the names {sorted(taken)} are taken")
        if name not in arguments(residual, owner)[0]:
            raise ValueError(f"{owner} is not used by the residual; name it among the arguments, or leave it out")
        integral.check(problem.names, coefficients, term.data_columns, owner)
    return tuple(name for name, _ in term.integrals)


def _check_nodes(problem: ProblemLike, term: Term, owner: str) -> None:
    """Refuse integrals whose nodes leave a shape inside its bounding box."""
    if not term.integrals or isinstance(problem.domain, Box):
        return
    points = term.sample(_ROWS, torch.Generator().manual_seed(0))
    for (name, _), nodes in zip(term.integrals, points[-len(term.integrals) :], strict=True):
        normal = nodes.normal is not None  # on the boundary, to rounding
        outside = 0 if normal else int((~problem.domain.contains(nodes.coords)).sum())
        if outside:
            raise ValueError(
                f"{owner}: {outside} of {nodes.coords.shape[0]} nodes of integral `{name}` lie outside of the domain; "
                "integrate over the shape itself, over=shape, or give ends that follow its boundary"
            )


def _in_groups(term: Term) -> bool:
    """Return whether the points of a term come in groups."""
    if term.own_points is not None or term.rule is not None or not term.sites:
        return term.is_grouped
    return term.sites[0].sample(1, torch.Generator().manual_seed(0)).group is not None


def _data_columns(term: Term) -> tuple[str, ...]:
    """Names of the data that come with the points: those given, or those that a part samples."""
    if term.own_points is not None:
        return term.data_columns
    if term.rule is not None or not term.sites:
        return ()
    return tuple(term.sites[0].sample(1, torch.Generator().manual_seed(0)).columns)


def _check_components(problem: ProblemLike, term: Term, rows: int) -> None:
    names = () if term.rule is None else tuple(term.rule.unknown_of(key) for key in term.rule.keys)
    expected = sum(problem.unknown(name).components or 1 for name in names)
    if names and rows != expected:
        raise ValueError(
            f"problem '{problem.name}': term '{term.name}' compares values of {rows} components with unknowns {names}, "
            f"which have {expected}; a value is a number, (n,), or (n, c) for a vector unknown"
        )


def _order_along(problem: ProblemLike, axis: str, bound: Mapping[str, Term], traces: Traces) -> int:
    """Highest derivative along one column of `axis` in the equations that are bound already."""
    columns = next(a.columns for a in problem.axes if a.name == axis)
    orders = [0]
    for name, term in bound.items():
        if term.is_equation:
            for channel in traces[name, False].channels:
                orders += [order.count(column) for _, order in channel.derivatives for column in columns]
    return max(orders)


def _fluxes(
    problem: ProblemLike, equation: str | None, bound: Mapping[str, Term], traces: Traces
) -> tuple[EquationFlux, ...]:
    """Fluxes of one of the equations that are bound already.

    Raises:
        ValueError: where there is no such equation, several have a flux, or its rows have none.
    """
    known = {name: term for name, term in bound.items() if term.is_equation}
    if equation is not None and equation not in known:
        raise ValueError(f"there is no equation '{equation}'; the equations are {tuple(known)}")
    found = {
        name: fluxes_of(problem, term, traces[name, False].rows)
        for name, term in known.items()
        if equation in (None, name)
    }
    own = {name: tuple(f for f in fluxes if f is not None) for name, fluxes in found.items()}
    own = {name: fluxes for name, fluxes in own.items() if fluxes}
    if not own:
        raise ValueError(
            f"no row of {'the equations' if equation is None else f'equation {equation!r}'} {tuple(found)} has a flux; "
            "write the equation with div(...), such as div(k(x, y) * grad(u)), or state the condition by Condition(...)"
        )
    if len(own) > 1:
        raise ValueError(f"the equations {tuple(own)} have a flux each; say which one, equation='{next(iter(own))}'")
    return next(iter(own.values()))
