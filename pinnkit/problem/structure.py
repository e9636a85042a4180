"""Structure of a problem: its equations, conditions and initial states, in the terms of the field.

Everything is found by probing residuals at random points, from fixed seeds; nothing is parsed and nothing is refused.
What cannot be determined is None or `Prescribes.OTHER`.  Numerical methods state their requirements as predicates over
it and raise `Unsupported`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from pinnkit.domains import Axis, Boundary, Domain, Faces, Part, Product, Role, Shape, ShapeWall

from .channels import Channel
from .fluxes.flux_search import fluxes_of
from .pieces.interface_conditions import interface_conditions
from .probing import Probe, constant, probe
from .protocols import ProblemLike
from .structure_parts import Component as Component
from .structure_parts import Dependence as Dependence
from .structure_parts import EquationRow as EquationRow
from .structure_parts import Factor as Factor
from .structure_parts import InitialCondition as InitialCondition
from .structure_parts import InterfaceCondition as InterfaceCondition
from .structure_parts import Prescribes as Prescribes
from .structure_parts import Structure as Structure
from .structure_parts import Wall as Wall
from .structure_parts import WallCondition as WallCondition
from .terms import Term

__all__ = [
    "FORBIDDEN",
    "Component",
    "Dependence",
    "EquationRow",
    "Factor",
    "InitialCondition",
    "InterfaceCondition",
    "Prescribes",
    "Structure",
    "Wall",
    "WallCondition",
    "assign",
    "structure_of",
]

FORBIDDEN = -1e6
"""Weight of a pair that `assign` may not choose."""
_PARALLEL = 1e-9
"""Relative size of the tangential part up to which a gradient counts as normal to the wall."""


def structure_of(problem: ProblemLike) -> Structure:
    """Find the structure of a problem by probing its terms."""
    axes = {role: tuple(a for a in problem.axes if a.role is role) for role in Role}
    time = next(iter(axes[Role.TIME]), None)
    sorted_terms = _Sorted(problem, time)
    keys = [(u.name, i) for u in problem.unknowns for i in range(u.components or 1)]
    probes = {id(t): probe(problem, t, t.sites) for t in (*sorted_terms.equations, *sorted_terms.initial)}
    raw = [_Row.of(problem, t, j, probes[id(t)]) for t in sorted_terms.equations for j in _rows(problem, t)]
    fluxes = {id(t): fluxes_of(problem, t, len(_rows(problem, t))) for t in sorted_terms.equations}
    name = None if time is None else time.name
    by_row = [row.orders(name) for row in raw]
    orders = {key: max((found.get(key, 0) for found in by_row), default=0) for key in keys}
    columns = problem.frame.columns
    components = {
        (u, i): Component(u, i, orders[u, i], tuple(c for c in columns if c in problem.columns_of(u))) for u, i in keys
    }
    depends = [row.depends_on(components, name) for row in raw]
    settled = _by_part(raw, depends, tuple(components.values()), problem)
    periodic = {t.periodic_axis for t in problem.terms} | {a.name for a in problem.axes if a.periodic}
    equations = tuple(
        EquationRow(
            row.term,
            row.index,
            settles,
            found,
            row.linear,
            row.factors,
            row.homogeneous,
            row.term.is_local,
            fluxes[id(row.term)][row.index],
            _part(row.term, problem),
        )
        for row, found, settles in zip(raw, depends, settled, strict=True)
    )
    return Structure(
        space=axes[Role.SPACE],
        time=time,
        parameters=axes[Role.PARAMETER],
        periodic=frozenset(c for a in axes[Role.SPACE] if a.name in periodic for c in a.columns),
        components=tuple(components.values()),
        equations=equations,
        conditions=tuple(c for t in sorted_terms.conditions for c in _wall_conditions(problem, t, components, name)),
        initial=tuple(
            _initial(_Row.of(problem, t, j, probes[id(t)]), components, name)
            for t in sorted_terms.initial
            for j in _rows(problem, t)
        ),
        final=tuple(sorted_terms.final),
        data=tuple(sorted_terms.data),
        at_points=tuple(sorted_terms.at_points),
        comparisons=tuple(sorted_terms.comparisons),
        minimised=tuple(sorted_terms.minimised),
        elsewhere=tuple(sorted_terms.elsewhere),
        coefficients=tuple(problem.coefficients),
        linear=not problem.coefficients and all(problem.trace(t, raw=False).linear for t in problem.terms),
        interfaces=interface_conditions(problem, equations),
        joins=tuple(sorted_terms.joins),
    )


class _Sorted:
    """Terms of a problem by the place where they hold."""

    def __init__(self, problem: ProblemLike, time: Axis | None) -> None:
        self.equations: list[Term] = []
        self.conditions: list[Term] = []
        self.initial: list[Term] = []
        self.final: list[Term] = []
        self.data: list[Term] = []
        self.at_points: list[Term] = []
        self.comparisons: list[Term] = []
        self.minimised: list[Term] = []
        self.elsewhere: list[Term] = []
        self.joins: list[Term] = []
        space = set(problem.frame.space)
        in_pieces = len(problem.pieces) > 1
        for term in problem.terms:
            if term.periodic_axis is not None:
                continue
            at_ends = [value for column, value in term.walls if time is not None and column == time.name]
            if term.fits_data:
                self.data.append(term)
            elif not term.penalty.vanishes:
                self.minimised.append(term)
            elif term.joins_pieces:
                self.joins.append(term)
            elif len(term.sites) != 1:
                self.comparisons.append(term)
            elif term.is_grouped and term.is_equation and term.sites[0] == problem.domain:
                self.equations.append(term)
            elif term.on_single_points or term.data_columns or term.is_grouped:
                self.at_points.append(term)
            elif term.sites[0] == problem.domain or (in_pieces and term.is_equation):
                self.equations.append(term)
            elif at_ends and time is not None:
                (self.final if time.upper in at_ends else self.initial).append(term)
            elif _is_on_wall(term, problem.domain, space) or (in_pieces and has_normals(term.sites[0])):
                self.conditions.append(term)
            else:
                self.elsewhere.append(term)


@dataclass(frozen=True)
class _Row:
    """One row of a term's residual with its probe."""

    term: Term
    index: int
    linear: bool
    uses: Mapping[tuple[Channel, int], torch.Tensor | None]  # None where there is no derivative
    probe: Probe | None

    @classmethod
    def of(cls, problem: ProblemLike, term: Term, index: int, found: Probe | None) -> _Row:
        """Read one row from a probe; without one, it may depend on all components of the channels traced."""
        trace = problem.trace(term, raw=False)
        if found is None:
            every = [(c, i) for c in trace.channels for i in range(problem.unknown(c.unknown).components or 1)]
            return cls(term, index, trace.linear_rows[index], dict.fromkeys(every), None)
        return cls(term, index, trace.linear_rows[index], found.uses(index), found)

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Factors of the channels, where they are known; none of a row that depends on several points."""
        if not self.term.is_local:
            return ()
        return tuple(Factor(c, i, constant(slope)) for (c, i), slope in self.uses.items() if slope is not None)

    @property
    def homogeneous(self) -> bool | None:
        """True if the state zero satisfies the row."""
        return None if self.probe is None else not bool((self.probe.source[:, self.index] != 0).any())

    def orders(self, time: str | None) -> dict[tuple[str, int], int]:
        """Order of the highest time derivative of each component in the row."""
        found: dict[tuple[str, int], int] = {}
        for c, i in self.uses:
            key = c.unknown, i
            found[key] = max([found.get(key, 0), *(m for _, m, _ in c.split(time))])
        return found

    def depends_on(self, components: Mapping[tuple[str, int], Component], time: str | None) -> tuple[Dependence, ...]:
        """Dependence on each component, in the order in which the channels name them."""
        found: dict[tuple[str, int], list[tuple[int, tuple[str, ...]]]] = {}
        for channel, i in self.uses:
            parts = found.setdefault((channel.unknown, i), [])
            parts += [(m, names) for _, m, names in channel.split(time)]
        return tuple(
            Dependence(
                components[key],
                max(m for m, _ in parts),
                tuple(
                    (c, max(names.count(c) for _, names in parts))
                    for c in dict.fromkeys(n for _, p in parts for n in p)
                ),
                max(len(names) for _, names in parts),
            )
            for key, parts in found.items()
        )


def has_normals(part: Part) -> bool:
    """True for walls, whose points have outward normals."""
    return part.sample(1, torch.Generator().manual_seed(0)).normal is not None


def _is_on_wall(term: Term, domain: Domain, space: set[str]) -> bool:
    """True for a term on the boundary, on walls of a box, or on named walls of a shape."""
    (site,) = term.sites
    if isinstance(domain, Shape | Product):
        whole = Product(domain) if isinstance(domain, Shape) else domain
        return isinstance(site, Boundary | ShapeWall) and site.domain == whole
    return site == domain.boundary or any(column in space for column, _ in term.walls)


def _rows(problem: ProblemLike, term: Term) -> range:
    return range(problem.trace(term, raw=False).rows)


def _part(term: Term, problem: ProblemLike) -> Part | None:
    """Part of the domain in which an equation holds; None for the whole."""
    return None if term.sites[0] == problem.domain else term.sites[0]


def _by_part(
    rows: Sequence[_Row],
    depends: Sequence[tuple[Dependence, ...]],
    components: Sequence[Component],
    problem: ProblemLike,
) -> Sequence[Component | None]:
    """Assign to each row a component that it settles, separately in each part in which equations hold."""
    parts = [_part(row.term, problem) for row in rows]
    if all(part is None for part in parts):
        return _settled(depends, components)
    found: list[Component | None] = [None] * len(rows)
    for part in dict.fromkeys(p for p in parts if p is not None):
        here = [i for i, p in enumerate(parts) if p is None or p == part]
        own = dict.fromkeys(d.component for i in here for d in depends[i])
        for i, settles in zip(here, _settled([depends[i] for i in here], tuple(own)), strict=True):
            found[i] = found[i] or settles
    return found


def _settled(depends: Sequence[tuple[Dependence, ...]], components: Sequence[Component]) -> Sequence[Component | None]:
    """Assign to each row a component of its own, that with its highest derivatives, first of all in time."""
    if len(depends) != len(components):
        return [None] * len(depends)
    weight = np.full((len(depends), len(components)), FORBIDDEN)
    at = {(c.unknown, c.index): k for k, c in enumerate(components)}
    for r, row in enumerate(depends):
        for d in row:
            weight[r, at[d.component.unknown, d.component.index]] = 100.0 * d.time_order + 10.0 * d.space_order + 1.0
    found = assign(weight)
    return [None] * len(depends) if found is None else [components[i] for i in found]


def assign(weight: np.ndarray) -> list[int] | None:
    """Return for each row the column that gives the greatest sum of weights; None where a forbidden pair is needed.

    Args:
        weight: ``(rows, columns)``; entries of -1e6 and below are forbidden.
    """
    best = weight.argmax(axis=1) if weight.size else np.zeros(0, dtype=np.int64)
    largest = weight[np.arange(len(best)), best]
    alone = ((weight == largest[:, None]).sum(axis=1) == 1).all() and len(set(best.tolist())) == len(best)
    if alone and (largest > FORBIDDEN / 2).all():  # every row gets its only largest weight: no sum is greater
        return [int(c) for c in best]
    from scipy.optimize import linear_sum_assignment  # takes long to load, and few runs need it

    at, columns = linear_sum_assignment(weight, maximize=True)
    if len(at) < weight.shape[0] or (weight[at, columns] <= FORBIDDEN / 2).any():
        return None
    return [int(c) for c in columns]


def _wall_conditions(
    problem: ProblemLike,
    term: Term,
    components: Mapping[tuple[str, int], Component],
    time: str | None,
) -> list[WallCondition]:
    """Rows of a condition, wall by wall."""
    (site,) = term.sites
    walls: list[Wall | None] = [None]
    parts: list[Part] = [site]
    if isinstance(site, Faces):
        upper = {c: a.upper for a in problem.axes for c in a.columns}
        walls = [Wall(column, value, 1.0 if value == upper[column] else -1.0) for column, value in site.walls]
        parts = [Faces(site.box, (wall,)) for wall in site.walls]
    found = probe(problem, term, parts)
    out = []
    for i, wall in enumerate(walls):
        here = None if found is None else found.on(i)
        for j in _rows(problem, term):
            row = _Row.of(problem, term, j, here)
            depends = row.depends_on(components, time)
            prescribes = _prescribes(row, problem.frame.space)
            out.append(
                WallCondition(
                    term,
                    j,
                    wall,
                    parts[i],
                    prescribes,
                    None if prescribes is Prescribes.OTHER else depends[0].component,
                    depends,
                    row.linear,
                    row.linear
                    and row.term.is_local
                    and here is not None
                    and all(f.value is not None for f in row.factors),
                    row.homogeneous,
                )
            )
    return out


def _prescribes(row: _Row, space: Sequence[str]) -> Prescribes:
    """Quantity that a row prescribes: the value of one component, its normal derivative, or both."""
    found = row.probe
    if not row.linear or not row.term.is_local or found is None or len({(c.unknown, i) for c, i in row.uses}) != 1:
        return Prescribes.OTHER
    value = torch.zeros_like(found.source[:, row.index])
    gradient: dict[str, torch.Tensor] = {}
    for (channel, _), factor in row.uses.items():
        for k, columns in channel.derivatives:
            if factor is None or len(columns) > 1 or (columns and columns[0] not in space):
                return Prescribes.OTHER
            if columns:
                gradient[columns[0]] = gradient.get(columns[0], 0.0) + k * factor
            else:
                value = value + k * factor
    if not gradient:
        return Prescribes.VALUE if bool((value != 0).all()) else Prescribes.OTHER
    if found.normal is None:
        return Prescribes.OTHER
    slope = torch.stack([gradient.get(c, torch.zeros_like(value)) for c in space], dim=1)
    size = torch.linalg.vector_norm(slope, dim=1)
    tangential = slope - (slope * found.normal).sum(dim=1, keepdim=True) * found.normal
    if not bool(((torch.linalg.vector_norm(tangential, dim=1) <= _PARALLEL * size) & (size > 0)).all()):
        return Prescribes.OTHER
    return Prescribes.MIXED if bool((value != 0).any()) else Prescribes.FLUX


def _initial(row: _Row, components: Mapping[tuple[str, int], Component], time: str | None) -> InitialCondition:
    """Component and level that a row at the start of time prescribes, where it is the value or the rate of one."""
    if row.linear and row.term.is_local and len(row.uses) == 1:
        (((channel, i), slope),) = row.uses.items()
        level = {(): 0, (time,): 1}.get(channel.order) if isinstance(channel.order, tuple) else None
        if level is not None and slope is not None and bool((slope != 0).all()):
            return InitialCondition(row.term, row.index, components[channel.unknown, i], level, row.homogeneous)
    return InitialCondition(row.term, row.index, None, None, row.homogeneous)
