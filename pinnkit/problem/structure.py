"""Structure of a problem: its equations, conditions and initial states, in the terms of the field.

Everything is found by probing residuals at random points, from fixed seeds; nothing is parsed and nothing is refused.
What cannot be determined is None or `Prescribes.OTHER`.  Numerical methods state their requirements as predicates over
it and raise `Unsupported`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import torch

from pinnkit.domains import Axis, Domain, Faces, Part, Product, Role, Shape, ShapeWall

from .channels import Channel
from .fluxes.equation_flux import EquationFlux
from .fluxes.flux_search import fluxes_of
from .probing import Probe, constant, probe
from .protocols import ProblemLike
from .terms import Term
from .unknowns import Coefficient

__all__ = [
    "FORBIDDEN",
    "Component",
    "Dependence",
    "EquationRow",
    "Factor",
    "InitialCondition",
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


@dataclass(frozen=True)
class Component:
    """One scalar function: an unknown, or one component of a vector unknown.

    Args:
        unknown: its name.
        index: number of the component; 0 for a scalar.
        time_order: order of the highest time derivative in the equations; 0 where there is none.
        columns: coordinate columns that it depends on.
    """

    unknown: str
    index: int
    time_order: int
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Dependence:
    """Dependence of one row of a residual on one component.

    Args:
        component: the component.
        time_order: order of its highest time derivative in the row.
        space_orders: for each space column that the row differentiates it along, the highest order.
        space_order: highest total order in space.
    """

    component: Component
    time_order: int
    space_orders: tuple[tuple[str, int], ...]
    space_order: int

    def along(self, column: str) -> int:
        """Highest order along a space column."""
        return dict(self.space_orders).get(column, 0)


@dataclass(frozen=True)
class Factor:
    """Factor dr/dchannel of one component of a channel in one row.

    Args:
        channel: the channel.
        index: number of the component.
        value: the factor, where it is the same at all points and states; None where it varies.
    """

    channel: Channel
    index: int
    value: float | None


@dataclass(frozen=True)
class EquationRow:
    """One scalar equation: row `index` of the residual of `term`, which holds in the whole domain.

    Args:
        term: the term.
        index: number of the row.
        settles: component that the row determines, by its highest derivatives, first of all in time; None where there
            is no assignment of one row to each component.
        depends_on: components in the row.
        linear: whether the row is affine in the unknowns.
        factors: derivatives of the row with respect to its channels; empty where they cannot be determined, as in
            rows that are not local.
        homogeneous: whether the state zero satisfies the row; None where it cannot be determined.
        is_local: whether the row depends on the components at its own point alone; with integrals or groups of points
            it has no factors, and the orders are those of the integrands as well.
        flux: the vector field F of a row  a div(F) + ...; None where there is none.
    """

    term: Term
    index: int
    settles: Component | None
    depends_on: tuple[Dependence, ...]
    linear: bool
    factors: tuple[Factor, ...]
    homogeneous: bool | None
    is_local: bool = True
    flux: EquationFlux | None = None

    @property
    def time_order(self) -> int:
        """Order of the highest time derivative in the row."""
        return max((d.time_order for d in self.depends_on), default=0)

    @property
    def constant_coefficients(self) -> bool:
        """True if the row is linear with factors that are the same at all points."""
        return self.linear and bool(self.factors) and all(f.value is not None for f in self.factors)

    def on(self, component: Component) -> Dependence | None:
        """Dependence on a component; None where there is none."""
        return next((d for d in self.depends_on if d.component == component), None)


@dataclass(frozen=True)
class Wall:
    """A flat wall of the domain in space.

    Args:
        column: the coordinate that is constant on it.
        value: its value there.
        outward: component of the outward normal along the column, 1 or -1.
    """

    column: str
    value: float
    outward: float


class Prescribes(Enum):
    """Quantity that a condition on a wall prescribes for one component."""

    VALUE = "value"
    FLUX = "flux"
    MIXED = "a combination of value and flux"
    OTHER = "other"


@dataclass(frozen=True)
class WallCondition:
    """One scalar condition on one wall: row `index` of the residual of `term`.

    Args:
        term: the term.
        index: number of the row.
        wall: the wall of a box; None on the boundary of any other shape, whose walls may be curved.
        part: the part on which the row holds: that wall of a box alone, the whole boundary of a shape, or a named wall
            of it (`ShapeWall`).
        prescribes: VALUE u, FLUX du/dn, MIXED a u + b du/dn, or OTHER: tangential or higher derivatives, several
            components, or a nonlinear condition.
        component: component whose value or flux is prescribed; None for OTHER.
        depends_on: components in the row.
        linear: whether the row is affine in the unknowns.
        constant_coefficients: whether it is linear with factors that are the same at all points and times.
        homogeneous: whether the state zero satisfies the row, so that the prescribed value is zero; None where it
            cannot be determined.
    """

    term: Term
    index: int
    wall: Wall | None
    part: Part
    prescribes: Prescribes
    component: Component | None
    depends_on: tuple[Dependence, ...]
    linear: bool
    constant_coefficients: bool
    homogeneous: bool | None

    @property
    def time_order(self) -> int:
        """Order of the highest time derivative in the row."""
        return max((d.time_order for d in self.depends_on), default=0)

    def on(self, component: Component) -> Dependence | None:
        """Dependence on a component; None where there is none."""
        return next((d for d in self.depends_on if d.component == component), None)


@dataclass(frozen=True)
class InitialCondition:
    """One scalar condition at the lower end of time: row `index` of the residual of `term`.

    Args:
        term: the term.
        index: number of the row.
        component: component that is prescribed; None where the row is not the value or the rate of one component.
        level: 0 for its value, 1 for its first time derivative; None as above.
        homogeneous: whether the state zero satisfies the row; None where it cannot be determined.
    """

    term: Term
    index: int
    component: Component | None
    level: int | None
    homogeneous: bool | None = None


@dataclass(frozen=True)
class Structure:
    """Structure of a problem.

    Args:
        space: space axes.
        time: time axis, if there is one.
        parameters: parameter axes.
        periodic: space columns whose two ends are identified.
        components: scalar functions to be found, in the order of the unknowns.
        equations: rows that hold in the whole domain.
        conditions: rows that hold on walls in space, wall by wall.
        initial: rows at the lower end of time.
        final: terms at the upper end of time.
        data: terms that compare with measurements.
        at_points: other terms at listed points, or with data columns.
        comparisons: terms that compare several sites, periodicity aside.
        minimised: terms that are minimised instead of made to vanish.
        elsewhere: terms on other parts of the domain.
        coefficients: numbers to be found.
        linear: whether all residuals are affine in the unknowns and there are no coefficients to be found.
    """

    space: tuple[Axis, ...]
    time: Axis | None
    parameters: tuple[Axis, ...]
    periodic: frozenset[str]
    components: tuple[Component, ...]
    equations: tuple[EquationRow, ...]
    conditions: tuple[WallCondition, ...]
    initial: tuple[InitialCondition, ...]
    final: tuple[Term, ...]
    data: tuple[Term, ...]
    at_points: tuple[Term, ...]
    comparisons: tuple[Term, ...]
    minimised: tuple[Term, ...]
    elsewhere: tuple[Term, ...]
    coefficients: tuple[Coefficient, ...]
    linear: bool

    @property
    def is_local(self) -> bool:
        """True if every equation depends on the unknowns at single points, without integrals and groups of points."""
        return all(row.is_local for row in self.equations)

    @property
    def space_columns(self) -> tuple[str, ...]:
        """Columns of the space axes."""
        return tuple(c for axis in self.space for c in axis.columns)

    @property
    def equation_terms(self) -> tuple[Term, ...]:
        """Terms of the equations, each once."""
        return tuple(dict.fromkeys(row.term for row in self.equations))

    @property
    def initial_terms(self) -> tuple[Term, ...]:
        """Terms at the lower end of time, each once."""
        return tuple(dict.fromkeys(row.term for row in self.initial))

    def component(self, unknown: str, index: int = 0) -> Component:
        """Return one component of an unknown."""
        return next(c for c in self.components if (c.unknown, c.index) == (unknown, index))

    def order_along(self, column: str, component: Component | None = None) -> int:
        """Highest derivative along a space column in the equations, of all components or of one."""
        found = (d for row in self.equations for d in row.depends_on)
        return max((d.along(column) for d in found if component in (None, d.component)), default=0)


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
    orders = {key: max((row.order(key, name) for row in raw), default=0) for key in keys}
    columns = problem.frame.columns
    components = {
        (u, i): Component(u, i, orders[u, i], tuple(c for c in columns if c in problem.columns_of(u))) for u, i in keys
    }
    depends = [row.depends_on(components, name) for row in raw]
    settled = _settled(depends, tuple(components.values()))
    periodic = {t.periodic_axis for t in problem.terms} | {a.name for a in problem.axes if a.periodic}
    return Structure(
        space=axes[Role.SPACE],
        time=time,
        parameters=axes[Role.PARAMETER],
        periodic=frozenset(c for a in axes[Role.SPACE] if a.name in periodic for c in a.columns),
        components=tuple(components.values()),
        equations=tuple(
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
            )
            for row, found, settles in zip(raw, depends, settled, strict=True)
        ),
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
        space = set(problem.frame.space)
        for term in problem.terms:
            if term.periodic_axis is not None:
                continue
            at_ends = [value for column, value in term.walls if time is not None and column == time.name]
            if term.fits_data:
                self.data.append(term)
            elif not term.penalty.vanishes:
                self.minimised.append(term)
            elif len(term.sites) != 1:
                self.comparisons.append(term)
            elif term.is_grouped and term.is_equation and term.sites[0] == problem.domain:
                self.equations.append(term)
            elif term.on_single_points or term.data_columns or term.is_grouped:
                self.at_points.append(term)
            elif term.sites[0] == problem.domain:
                self.equations.append(term)
            elif at_ends and time is not None:
                (self.final if time.upper in at_ends else self.initial).append(term)
            elif (
                term.sites[0] == problem.domain.boundary
                or _is_wall_of(term.sites[0], problem.domain)
                or any(column in space for column, _ in term.walls)
            ):
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

    def order(self, key: tuple[str, int], time: str | None) -> int:
        """Order of the highest time derivative of a component."""
        mine = [c for c, i in self.uses if (c.unknown, i) == key]
        return max((m for c in mine for _, m, _ in c.split(time)), default=0)

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


def _is_wall_of(part: Part, domain: Domain) -> bool:
    """True for named walls of the domain."""
    whole = Product(domain) if isinstance(domain, Shape) else domain
    return isinstance(part, ShapeWall) and part.domain == whole


def _rows(problem: ProblemLike, term: Term) -> range:
    return range(problem.trace(term, raw=False).rows)


def _settled(depends: Sequence[tuple[Dependence, ...]], components: Sequence[Component]) -> Sequence[Component | None]:
    """Assign to each row a component of its own, that with its highest derivatives, first of all in time."""
    if len(depends) != len(components):
        return [None] * len(depends)
    weight = np.full((len(depends), len(components)), FORBIDDEN)
    for r, row in enumerate(depends):
        for d in row:
            weight[r, components.index(d.component)] = 100.0 * d.time_order + 10.0 * d.space_order + 1.0
    found = assign(weight)
    return [None] * len(depends) if found is None else [components[i] for i in found]


def assign(weight: np.ndarray) -> list[int] | None:
    """Return for each row the column that gives the greatest sum of weights; None where a forbidden pair is needed.

    Args:
        weight: ``(rows, columns)``; entries of -1e6 and below are forbidden.
    """
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
