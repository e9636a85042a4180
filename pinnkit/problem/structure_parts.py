"""Parts of the structure of a problem: equations, conditions, initial states and interfaces, in the field's words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pinnkit.domains import Axis, Part
from pinnkit.domains.pieces.partition import Piece

from .channels import Channel
from .conditions import Value
from .fluxes.equation_flux import EquationFlux
from .terms import Term
from .unknowns import Coefficient

__all__ = [
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
]


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
    """One scalar equation: row `index` of the residual of `term`, which holds in the whole domain or in a piece of it.

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
        part: part of the domain in which it holds; None for the whole.
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
    part: Part | None = None

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
class InterfaceCondition:
    """Conditions on an unknown where two pieces of the domain meet.

    With n the unit normal from the first piece into the second, [u] the value in the second less that in the first, F
    the flux of the equation that settles a component in a piece, and s the sign with which a resistance dissipates:

        [u] = direction * jump + s * resistance * n . F,    [n . F] = flux_jump.

    Args:
        first: a piece.
        second: its neighbour.
        part: the boundary that they share, with the normal n.
        unknown: its name.
        order: order of the equations in space; below 2 there is no condition on the flux.
        fluxes: for each component the fluxes in the first and in the second piece, with the coefficients of that
            piece; None for an equation without one, where the normal derivative takes its place.
        resistance: of the contact; 0 for continuous values.
        jump: prescribed jump of the value.
        flux_jump: prescribed jump of the normal flux.
        direction: 1 where the jump counts from the first piece to the second, -1 where from the second to the first.
    """

    first: Piece
    second: Piece
    part: Part
    unknown: str
    order: int
    fluxes: tuple[tuple[EquationFlux | None, EquationFlux | None], ...]
    resistance: Value = 0.0
    jump: Value = 0.0
    flux_jump: Value = 0.0
    direction: int = 1


@dataclass(frozen=True)
class Structure:
    """Structure of a problem.

    Args:
        space: space axes.
        time: time axis, if there is one.
        parameters: parameter axes.
        periodic: space columns whose two ends are identified.
        components: scalar functions to be found, in the order of the unknowns.
        equations: rows that hold in the whole domain, and in a divided one those that hold in a piece.
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
        interfaces: what holds where two pieces of the domain meet, for each unknown that lives in both.
        joins: terms that state it, in a problem in pieces.
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
    interfaces: tuple[InterfaceCondition, ...] = ()
    joins: tuple[Term, ...] = ()

    @property
    def is_divided(self) -> bool:
        """True where unknowns or equations differ between pieces of the domain."""
        return bool(self.interfaces or self.joins) or any(row.part is not None for row in self.equations)

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
