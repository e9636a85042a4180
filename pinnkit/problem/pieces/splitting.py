"""The problem in pieces: a copy of each unknown for each piece that it lives in, joined by interface terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast

from pinnkit.domains import CrossSection, Faces, Part, Points, PointSet
from pinnkit.domains.pieces.partition import Partition, Piece
from pinnkit.problem.names import arguments
from pinnkit.problem.protocols import ProblemLike
from pinnkit.problem.structure import Structure
from pinnkit.problem.terms import Term
from pinnkit.problem.unknowns import Unknown

from .interface_terms import interface_terms
from .views import PieceView, holds_in, is_divided, views_of

__all__ = ["Divisible", "Division", "divided"]


class Divisible(ProblemLike, Protocol):
    """Problem with a partition of its domain."""

    @property
    def structure(self) -> Structure:
        """Structure."""
        ...

    @property
    def exact(self) -> Mapping[str, Callable[..., Any]]:
        """Closed forms."""
        ...


@dataclass(frozen=True)
class Division:
    """Content of the problem in pieces.

    Args:
        views: the problem as it is seen in each piece.
        unknowns: copies of the unknowns, and those that are not divided.
        terms: conditions and equations of each piece, then what joins the pieces.
        exact: closed forms of the copies.
        ansatz: of the copies.
    """

    views: tuple[PieceView, ...]
    unknowns: tuple[Unknown, ...]
    terms: tuple[Term, ...]
    exact: Mapping[str, Callable[..., Any]]
    ansatz: Mapping[str, Callable[..., Any]]


def divided(problem: Divisible) -> Division:
    """Divide a problem.

    Raises:
        ValueError: for terms that cannot be divided: hard and periodic ones, integrals and groups of points; for an
            equation in a piece where one of its unknowns does not live, an unknown without an equation in a piece, and
            an `Interface` that is nowhere.
    """
    views = views_of(problem)
    _refuse(problem)
    terms: list[Term] = []
    for term in problem.terms:
        copies = [copy for view in views if (copy := _copy(problem, term, view)) is not None]
        if not copies:
            raise ValueError(f"problem '{problem.name}': term '{term.name}' holds in none of the pieces")
        terms += [copies[0][1]] if len(copies) == 1 else [replace(t, name=f"{t.name}, {p.name}") for p, t in copies]
    terms += interface_terms(problem, views)
    unknowns = [u for u in problem.unknowns if not is_divided(problem, u)]
    for view in views:
        here = dict(view.names)
        unknowns += [
            replace(u, name=here[u.name], on=view.piece)
            for u in problem.unknowns
            if u.name in here and is_divided(problem, u)
        ]
    return Division(views, tuple(unknowns), tuple(terms), _copies(views, problem.exact), _copies(views, problem.ansatz))


def _refuse(problem: ProblemLike) -> None:
    for term in problem.terms:
        label = f"problem '{problem.name}': term '{term.name}'"
        if term.hard:
            raise ValueError(f"{label} is hard, which does not go with pieces; drop hard=True")
        if not term.is_local:
            raise ValueError(f"{label} has integrals or groups of points, which cannot be divided into pieces")
        if len(term.sites) != 1:
            raise ValueError(
                f"{label} compares two sides of the domain, which cannot be divided into pieces; prescribe values or "
                "fluxes instead"
            )


def _copy(problem: Divisible, term: Term, view: PieceView) -> tuple[Piece, Term] | None:
    """Return a term as it is in a piece; None where it does not hold there."""
    names = dict(view.names)
    rule = term.rule
    if rule is None:
        residual = cast(Callable[..., Any], term.residual)
        used = [n for n in arguments(residual, str(term.name))[0] if n in problem.names]
        split = [n for n in used if is_divided(problem, problem.unknown(n))]
        missing = [n for n in split if n not in names]
        if split and len(missing) == len(split):
            return None
        found: Any = view.wrap(residual)
    else:
        missing = []
        found = rule.renamed(names, view.wrap)
        if found is None:
            return None
    site = _site(problem, term, view.piece)
    if site is None:
        return None
    if missing:
        raise ValueError(
            f"problem '{problem.name}': term '{term.name}' holds in {view.piece!r}, and `{missing[0]}` does not; "
            "restrict it by on=..., or let the unknown live there"
        )
    weight = view.wrap(term.weight) if callable(term.weight) else term.weight
    copy = replace(term, residual=found, weight=weight)
    if isinstance(site, Points):
        return view.piece, replace(copy, points=site, sites=_point_set(term, problem, view.piece))
    return view.piece, replace(copy, sites=(site,))


def _site(problem: Divisible, term: Term, piece: Piece) -> Part | Points | None:
    """Return the part of the site of a term, or those of its own points, that belong to a piece; None if there is none.

    Points on the boundary of two pieces belong to the first of them.
    """
    (site,) = term.sites
    pieces = problem.pieces
    if term.own_points is not None:
        mine = pieces.owner(term.own_points.coords) == piece.number - 1
        return term.own_points.take(mine.nonzero()[:, 0]) if bool(mine.any()) else None
    if isinstance(site, PointSet):
        return _subset(site, pieces, piece)
    if site == problem.domain:
        return piece.domain
    if term.is_equation:
        return piece.domain if holds_in(site, piece) else None
    if isinstance(site, Faces | CrossSection) and not _in_space(site, problem):
        return piece.domain.face(**{column: value for column, value in site.walls})
    if isinstance(site, Faces):
        walls = [w for w in site.walls if pieces.restricted(Faces(site.box, (w,)), piece) is not None]
        return pieces.restricted(Faces(site.box, tuple(walls)), piece) if walls else None
    return pieces.restricted(site, piece)


def _in_space(site: Faces | CrossSection, problem: ProblemLike) -> bool:
    return any(column in problem.frame.space for column, _ in site.walls)


def _subset(site: PointSet, pieces: Partition, piece: Piece) -> PointSet | None:
    mine = pieces.owner(site.coords) == piece.number - 1
    if not bool(mine.any()):
        return None
    blocks = site.coords[mine].split([axis.dim for axis in site.axes], dim=1)
    named = {a.name: b if a.dim > 1 else b[:, 0] for a, b in zip(site.axes, blocks, strict=True)}
    return PointSet(weight=site.weight[mine], **named)


def _point_set(term: Term, problem: Divisible, piece: Piece) -> tuple[Part, ...]:
    (site,) = term.sites
    if isinstance(site, PointSet):
        found = _subset(site, problem.pieces, piece)
        assert found is not None
        return (found,)
    return (site,)


def _copies(
    views: Sequence[PieceView], functions: Mapping[str, Callable[..., Any]]
) -> Mapping[str, Callable[..., Any]]:
    return {copy: view.wrap(functions[name]) for view in views for name, copy in view.names if name in functions}
