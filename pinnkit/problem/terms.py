"""Terms: residuals that should vanish, such as equations, boundary values, initial states and data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from pinnkit.domains import (
    CrossSection,
    Domain,
    Faces,
    Part,
    Points,
    PointSet,
    Role,
    Sampling,
    Sobol,
    check_group,
)
from pinnkit.domains.pieces.partition import extended
from pinnkit.domains.pieces.restricted import Restricted

from .conditions import Column, ConditionRule, Flux, InitialState, Jump, Mixed, Prescribed, Residual, Scope, Value
from .fluxes.equation_flux import EquationFlux, PrescribedFlux
from .integrals import Integral
from .names import call
from .penalties import Elementwise, Penalty, Square
from .pieces.jumps import JoinsPieces
from .portable import Portable, same

__all__ = [
    "BindingContext",
    "Condition",
    "Data",
    "Dirichlet",
    "Equation",
    "Initial",
    "Neumann",
    "NormalFlux",
    "Periodic",
    "Robin",
    "Term",
]


@dataclass(frozen=True)
class BindingContext:
    """Properties of a problem that a term needs in order to be completed.

    Args:
        domain: of the problem.
        unknowns: names of the unknowns.
        time: name of the time axis, if there is one.
        order: highest derivative in the equations along an axis, by its name.
        fluxes: fluxes of the rows of the equation of that name; of the only equation that has any where it is None.
    """

    domain: Domain
    unknowns: tuple[str, ...]
    time: str | None
    order: Callable[[str], int]
    fluxes: Callable[[str | None], tuple[EquationFlux, ...]]


@dataclass(frozen=True, eq=False)
class Term(Portable):
    """One residual that should vanish at every point of its sites.

    Solvers, references and checks read the following attributes and never the kind, which is a word for reports:

    - purpose: `is_equation`, `fits_data`, `initial_state`, `periodicity` and `periodic_axis`, `rule`;
    - exactness: `hard`, `can_be_hard`, `hard_rank`;
    - place: `sites`, `walls`, `own_points`, `data_columns`, `is_grouped`, `on_single_points`, `has_fixed_points`;
    - reach: `integrals`, `is_local`;
    - cost: `weight`, and `is_square` and `vanishes` of the penalty.

    `Problem.structure` says the rest: orders, linearity, prescribed quantities, wall by wall.

    Args:
        name: the name in reports; None takes the kind.
        sites: one part of the domain, or two for conditions that compare partner points; empty until bound.
        residual: a function of coordinates, unknowns, coefficients, data columns and `n` by name, or a built-in rule.
            It returns ``(n,)``, ``(n, k)`` or a tuple of such.
        penalty: cost of a residual; its mean over the points is the term's loss.  A plain function is wrapped.
        weight: a positive number, or a function of the coordinates, that multiplies the cost.
        points: number of points, or the points themselves; None leaves it to the solver.
        kind: word for the constructor, "equation" or "dirichlet", in reports and default names.
        hard: whether an ansatz or periodic features meet the term exactly, so that it is no part of the loss.
        is_equation: whether the residual is a differential equation: it takes the solver's `points` (others take its
            `condition_points`), its points may follow the residual, and its order sets that of periodicity.
        fits_data: whether the residual compares with measurements, which no solution meets exactly.
        integrals: integrals that the residual uses, with their names; the nodes are points of further sites.
        binding: completes the term once its problem is known; for the constructors below.

    Raises:
        TypeError: for a penalty that cannot be called, or a `hard` that is no bool.
        ValueError: for a weight that is neither positive nor a function, fewer than 1 point, a `hard` term that
            no ansatz meets, or points that do not divide into groups.
    """

    name: str | None
    sites: tuple[Part, ...]
    residual: Callable[..., Any] | ConditionRule
    penalty: Penalty = field(default_factory=Square)
    weight: float | Callable[..., Any] = 1.0
    points: int | Points | None = None
    kind: str = "condition"
    binding: Callable[[Term, BindingContext], Term] | None = field(default=None, repr=False, compare=False)
    hard: bool = False
    is_equation: bool = False
    fits_data: bool = False
    integrals: tuple[tuple[str, Integral], ...] = ()

    def __post_init__(self) -> None:
        label = self.name or self.kind
        if not isinstance(self.hard, bool):
            raise TypeError(f"{label}: `hard` must be True or False, got {self.hard!r}")
        if self.hard and not self.can_be_hard:
            raise ValueError(
                f"{label}: a term of kind '{self.kind}' cannot be hard; only values can: Dirichlet(..., hard=True), "
                f"Initial(..., hard=True), Periodic(..., hard=True). Drop hard=True"
            )
        if not callable(self.weight) and not (isinstance(self.weight, (int, float)) and self.weight > 0):
            raise ValueError(f"{label}: `weight` must be a positive number or a function, got {self.weight!r}")
        given = self.points is None or isinstance(self.points, Points)
        if not given and (isinstance(self.points, bool) or not isinstance(self.points, int) or self.points < 1):
            raise ValueError(f"{label}: `points` must be a whole number of at least 1, got {self.points!r}")
        if isinstance(self.points, Points):
            check_group(self.points, label)
            if self.integrals and self.points.group is not None:
                raise ValueError(f"{label}: points in groups and integrals do not go together; give single points")
        if not callable(self.penalty):
            raise TypeError(f"{label}: `penalty` must be a penalty such as Square() or Huber(), got {self.penalty!r}")
        if not hasattr(self.penalty, "is_square"):  # a plain function
            object.__setattr__(self, "penalty", Elementwise(self.penalty))

    # what a term can do ---------------------------------------------------------------------------------------------
    @property
    def rule(self) -> ConditionRule | None:
        """Built-in condition of the residual; None for a function of the user."""
        return self.residual if isinstance(self.residual, ConditionRule) else None

    @property
    def initial_state(self) -> InitialState | None:
        """Prescribed state at the start of time, where the term is an `Initial`."""
        return self.residual if isinstance(self.residual, InitialState) else None

    @property
    def periodicity(self) -> Jump | None:
        """Jump between the two ends of an axis, where the term is a `Periodic`."""
        return self.residual if isinstance(self.residual, Jump) else None

    @property
    def periodic_axis(self) -> str | None:
        """Axis whose two ends the term identifies, where it is a `Periodic`."""
        return None if self.periodicity is None else self.periodicity.axis

    @property
    def hard_rank(self) -> int | None:
        """Order in which terms are made exact, lowest first; None where no ansatz meets the term."""
        return None if self.rule is None or self.fits_data else self.rule.hard_rank

    @property
    def joins_pieces(self) -> bool:
        """True if the term joins the unknowns of two pieces on the boundary that they share."""
        return isinstance(self.residual, JoinsPieces)

    @property
    def can_be_hard(self) -> bool:
        """True if an ansatz or periodic features can meet the term exactly."""
        return self.hard_rank is not None

    @property
    def own_points(self) -> Points | None:
        """Points given by the user, which replace those drawn from the sites."""
        return self.points if isinstance(self.points, Points) else None

    @property
    def is_grouped(self) -> bool:
        """True if a row of the residual is made of several of the term's own points (rays, integrals)."""
        return self.own_points is not None and self.own_points.group is not None

    @property
    def is_local(self) -> bool:
        """True if every row depends on the unknowns at its own point alone: no integrals, no groups of given points."""
        return not self.integrals and not self.is_grouped

    @property
    def data_columns(self) -> tuple[str, ...]:
        """Names of the data that come with the points given by the user."""
        return () if self.own_points is None else tuple(self.own_points.columns)

    @property
    def on_single_points(self) -> bool:
        """True if the term holds at listed points instead of on a part with a measure."""
        return any(isinstance(site, PointSet) for site in self.sites)

    @property
    def has_fixed_points(self) -> bool:
        """True if the points of the term cannot be moved: given ones, or a list of points."""
        return self.own_points is not None or self.on_single_points

    @property
    def walls(self) -> tuple[tuple[str, float], ...]:
        """Pairs (column, value) of the walls and ends of axes that the sites consist of; empty for other parts."""
        parts = [site.part if isinstance(site, Restricted) else site for site in self.sites]
        return tuple(wall for part in parts if isinstance(part, Faces | CrossSection) for wall in part.walls)

    @property
    def functions(self) -> tuple[tuple[str, Callable[..., Any]], ...]:
        """Functions of the user in this term, each with its name in messages."""
        own = self.residual.functions if isinstance(self.residual, ConditionRule) else ((self.kind, self.residual),)
        return (*own, ("weight", self.weight)) if callable(self.weight) else own

    # methods --------------------------------------------------------------------------------------------------------
    def bind(self, context: BindingContext) -> Term:
        """Fill in the sites from the problem."""
        return self if self.binding is None else self.binding(replace(self, binding=None), context)

    def evaluate(self, scope: Scope) -> Residual:
        """Residual at the points of a scope: a jet, tensor or number, or a tuple of such."""
        if isinstance(self.residual, ConditionRule):
            return self.residual.evaluate(scope)
        return call(self.residual, scope, self.kind)

    def sample(self, n: int, generator: Generator, sampling: Sampling | None = None) -> tuple[Points, ...]:
        """Draw `n` points on each site, from equal draws, so that partner points correspond; given points as they are.

        The result has one entry for each site, then one for the nodes of each integral.
        """
        if self.own_points is not None:
            return self.completed(self.own_points)
        state = generator.get_state()
        drawn = []
        for site in self.sites:
            generator.set_state(state)
            drawn.append(site.sample(n, generator, sampling=sampling or Sobol()))
        return self.completed(*drawn)

    def completed(self, *points: Points) -> tuple[Points, ...]:
        """Add to the points of the sites the nodes of the integrals, in groups, one group for each point."""
        return (*points, *(integral.points(points[0]) for _, integral in self.integrals))

    def finer(self) -> Term:
        """Return the same term with more nodes in its integrals: to check a solution beside the rule that gave it."""
        if not self.integrals:
            return self
        return replace(self, integrals=tuple((name, integral.finer()) for name, integral in self.integrals))

    def __eq__(self, other: object) -> bool:
        """True if all declared fields but `binding` are equal by value; functions are equal to themselves alone."""
        if not isinstance(other, Term):
            return NotImplemented
        return all(same(getattr(self, f.name), getattr(other, f.name)) for f in fields(self) if f.compare)

    def __hash__(self) -> int:
        return hash((self.name, self.kind, self.hard))


def Equation(residual: Callable[..., Any], *, on: Part | None = None, name: str | None = None, **options: Any) -> Term:
    """A differential equation, `residual = 0` in the whole domain, or on the part `on`.

    ``Equation(lambda u: u.t - alpha * u.xx)``.

    Args:
        residual: a function of coordinates, unknowns, coefficients and integrals by name; ``(n,)``, ``(n, k)`` or a
            tuple of such.
        on: a part of the domain, or a shape in its space; None takes the whole of it.  Where no equation holds in the
            whole domain, the shapes are its pieces.
        name: the name in reports.
        options: `penalty`, `weight`, `points`; any other name with an `Integral`, which the residual then uses.

    Raises:
        TypeError: for a residual that is no function, or an `on` that is no part of a domain.
    """
    _callable(residual, "Equation")
    if on is not None:
        _part(on, "Equation")

    def bind(term: Term, context: BindingContext) -> Term:
        return replace(term, sites=(context.domain if on is None else extended(on, context.domain),))

    return Term(name, (), residual, kind="equation", is_equation=True, binding=bind, **_with_integrals(options))


def Condition(on: Part, residual: Callable[..., Any], *, name: str | None = None, **options: Any) -> Term:
    """Any condition, `residual = 0` on the part `on`; the residual may use the outward normal `n`, ``(n, d)``.

    Args:
        on: the part.
        residual: as of `Equation`.
        name: the name in reports.
        options: as of `Equation`.

    Raises:
        TypeError: for a residual that is no function, or an `on` that is no part of a domain.
    """
    _callable(residual, "Condition")
    return Term(name, (_part(on, "Condition"),), residual, kind="condition", **_with_integrals(options))


def Dirichlet(on: Part, *, hard: bool = False, name: str | None = None, **values: Value) -> Term:
    """Prescribed values, u = g on `on`: ``Dirichlet(wall, u=0.0, v=lambda y: y)``.

    Keywords that are options of a term (`penalty`, `weight`, `points`) are taken as such.  With `hard` the values are
    met exactly: u = g~ + m N, m the product of the distances from the walls, g~ the values carried into the inside;
    walls of a box only, and the values must agree where walls meet.

    Args:
        on: the part.
        hard: whether the values are met exactly.
        name: the name in reports.
        values: for each unknown a number or a function of the coordinates, in the unit of the unknown.

    Raises:
        TypeError: for an `on` that is no part of a domain.
        ValueError: without an unknown.
    """
    options = _options(values)
    rule = Prescribed(_values(values, "Dirichlet"))
    return Term(name, (_part(on, "Dirichlet"),), rule, kind="dirichlet", hard=hard, **options)


def Neumann(on: Part, *, name: str | None = None, **derivatives: Value) -> Term:
    """Prescribed normal derivative, ∂u/∂n = g on `on`, n the outward normal: ``Neumann(wall, u=0.0)``.

    `NormalFlux` prescribes the flux of the equation instead, k ∂u/∂n for ``div(k * grad(u))``.

    Args:
        on: the part.
        name: the name in reports.
        derivatives: g for each unknown, a number or a function of the coordinates; also `penalty`, `weight`, `points`.

    Raises:
        TypeError: for an `on` that is no part of a domain.
        ValueError: without an unknown.
    """
    options = _options(derivatives)
    return Term(name, (_part(on, "Neumann"),), Flux(_values(derivatives, "Neumann")), kind="neumann", **options)


def NormalFlux(on: Part, value: Value, *, equation: str | None = None, name: str | None = None, **options: Any) -> Term:
    """The natural condition n . F = g on `on`: n the outward normal, F the flux of an equation.

    F is the argument of the divergence in the equation as it is written: with ``div(k * grad(u)) = f`` the condition is
    k ∂u/∂n = g, with ``div(-k * grad(u)) + f = 0`` it is -k ∂u/∂n = g.  Convection to air of temperature 20 at a wall,
    for the first of them: ``NormalFlux(wall, lambda u: -h * (u - 20))``.

    Args:
        on: the part, with a normal.
        value: g, a number, one number for each row of the equation, or a function of coordinates, unknowns and
            coefficients by name.
        equation: name of the equation; None where only one equation has a flux.
        name: the name in reports.
        options: `penalty`, `weight`, `points`.

    Raises:
        TypeError: for an `on` that is no part of a domain.
        ValueError: from `Problem`, where there is no such equation or it has no flux.

    Source: Evans, Partial Differential Equations, 2nd ed., section 6.1.
    """

    def bind(term: Term, context: BindingContext) -> Term:
        if on.sample(1, Generator().manual_seed(0)).normal is None:
            raise ValueError(f"NormalFlux: {on!r} has no outward normal; give a wall, such as domain.boundary")
        return replace(term, residual=PrescribedFlux(context.fluxes(equation), value))

    return Term(name, (_part(on, "NormalFlux"),), PrescribedFlux((), value), kind="flux", binding=bind, **options)


def Robin(on: Part, *, name: str | None = None, **abg: Any) -> Term:
    """A mixed condition, a u + b ∂u/∂n = g on `on`: ``Robin(wall, u=(a, b, g))``.

    Args:
        on: the part.
        name: the name in reports.
        abg: (a, b, g) for each unknown, numbers or functions of the coordinates; also `penalty`, `weight`, `points`.

    Raises:
        TypeError: for an `on` that is no part of a domain.
        ValueError: for what is no triple, or without an unknown.
    """
    options = _options(abg)
    for key, triple in abg.items():
        if not isinstance(triple, (tuple, list)) or len(triple) != 3:
            raise ValueError(f"Robin: `{key}` must be a triple (a, b, g) for a u + b du/dn = g, got {triple!r}")
    values = tuple((key, tuple(triple)) for key, triple in _values(abg, "Robin"))
    return Term(name, (_part(on, "Robin"),), Mixed(values), kind="robin", **options)


def Periodic(
    axis: str, *, order: int | None = None, hard: bool = False, name: str | None = None, **options: Any
) -> Term:
    """Periodicity along `axis`: every unknown and its derivatives agree on the two opposite walls.

    Args:
        axis: a space axis of the domain.
        order: the highest derivative that is matched; None takes the order of the equation along `axis`, less one.
        hard: every derivative agrees exactly: fields see the axis as (cos, sin) of its angle.
        name: the name in reports.
        options: `penalty`, `weight`, `points`.

    Raises:
        ValueError: for an order below 0; from `Problem` for an axis that is no space axis of its domain.
    """
    if order is not None and order < 0:
        raise ValueError(f"Periodic: `order` must be at least 0, got {order}")

    def bind(term: Term, context: BindingContext) -> Term:
        axes = {a.name: a for a in context.domain.axes if a.role is Role.SPACE}
        if axis not in axes:
            raise ValueError(f"Periodic: `{axis}` is not a space axis of the domain; its space axes are {tuple(axes)}")
        ends = axes[axis].lower, axes[axis].upper
        sites = tuple(context.domain.face(**{axis: end}) for end in ends)
        matched = max(context.order(axis) - 1, 0) if order is None else order
        return replace(term, sites=sites, residual=Jump(axis, context.unknowns, matched))

    return Term(name, (), Jump(axis, (), 0), kind="periodic", binding=bind, hard=hard, **options)


def Initial(*, hard: bool = False, name: str | None = None, **values: Value) -> Term:
    """The state at the lower end of time: ``Initial(u=lambda x: torch.sin(x), u_t=0.0)``.

    With `hard` it is met exactly: u = u0 + s N, or u0 + (t - t0) v0 + s^2 N with a rate, s = (t - t0) / (t1 - t0).  The
    field then has to carry the state away, u0 included, which takes more of it the longer the time: for times over
    which the state is forgotten a soft condition is the better one.

    Args:
        hard: whether the state is met exactly.
        name: the name in reports.
        values: for each unknown, or a time derivative of it such as `u_t` or `u_tt`, a number or a function of the
            other coordinates; also `penalty`, `weight`, `points`.

    Raises:
        ValueError: without an unknown; from `Problem`, where its domain has no time axis or there is no such unknown or
            rate.
    """
    options = _options(values)
    pairs = _values(values, "Initial")

    def bind(term: Term, context: BindingContext) -> Term:
        time = next((a for a in context.domain.axes if a.role is Role.TIME), None)
        if time is None:
            names = tuple(a.name for a in context.domain.axes)
            raise ValueError(f"Initial: the domain has no time axis, its axes are {names}; add t=(0, T) to the Box")
        rule = InitialState(pairs, time.name, context.unknowns)
        for key, _ in pairs:
            if rule.split(key)[0] not in context.unknowns:
                raise ValueError(
                    f"Initial: `{key}` is neither an unknown {context.unknowns} nor its rate, "
                    f"such as `{context.unknowns[0]}_{time.name}`"
                )
        return replace(term, sites=(context.domain.face(**{time.name: time.lower}),), residual=rule)

    return Term(name, (), InitialState(pairs, "t", ()), kind="initial", binding=bind, hard=hard, **options)


def Data(points: Mapping[str, Any], /, *, sigma: Any = None, name: str | None = None, **values: Any) -> Term:
    """Measurements: ``Data(dict(x=xs, t=ts), u=measured)``; the residual is (u - measured) / sigma.

    Args:
        points: an array of m coordinates for each axis of the domain.
        sigma: standard deviation of the measurements, a number or m of them, in the unit of the unknown.
        name: the name in reports.
        values: m measured values for each unknown, ``(m,)`` or ``(m, components)``; also `penalty`, `weight`.

    Raises:
        TypeError: for points that are no mapping, or anything that is no array of numbers.
        ValueError: without an unknown, for arrays that are empty, not finite or of different lengths, and a sigma that
            is not positive; from `Problem` for other axes than those of its domain.
    """
    options = _options(values)
    if "points" in options:
        raise TypeError("Data: the points are the first argument; `points=` is not an option here")
    if sigma is not None and not values:
        raise ValueError(
            "Data: name at least one unknown and its value, such as u=measured; `sigma=` is the standard deviation of "
            "the measurements, so an unknown needs another name"
        )
    pairs = _values(values, "Data")
    arrays = {key: _array(value, f"Data: `{key}`") for key, value in pairs}
    if not isinstance(points, Mapping):
        raise TypeError(f"Data: the points must be a mapping such as dict(x=xs, t=ts), got {type(points).__name__}")
    where = {key: torch.atleast_1d(_array(value, f"Data: `{key}`")) for key, value in points.items()}
    if sigma is not None:
        arrays["sigma"] = _array(sigma, "Data: `sigma`")
        if not bool((arrays["sigma"] > 0).all()):
            raise ValueError("Data: `sigma` must be positive everywhere")
    count = {len(a) for a in where.values()}
    if len(count) != 1:
        shapes = {key: tuple(a.shape) for key, a in where.items()}
        raise ValueError(f"Data: the coordinates must have equal lengths, got {shapes}")
    rows = count.pop()
    if rows == 0:
        raise ValueError("Data: there are no points, the arrays are empty")
    for key, array in arrays.items():
        if array.ndim == 0 and key == "sigma":
            continue
        if array.ndim == 0 or len(array) != rows:
            raise ValueError(
                f"Data: `{key}` must have one value for each of the {rows} points, got {tuple(array.shape)}"
            )

    def bind(term: Term, context: BindingContext) -> Term:
        names = tuple(a.name for a in context.domain.axes)
        if set(where) != set(names):
            raise ValueError(f"Data: coordinates must be given for each axis {names}, got {tuple(where)}")
        if sigma is not None and "sigma" in context.unknowns:
            raise ValueError(
                "Data: `sigma=` is the standard deviation of the measurements, and the problem has an unknown of that "
                "name; rename the unknown, or write Condition(PointSet(...), lambda sigma: sigma - value)"
            )
        coords = torch.cat([where[n].reshape(rows, -1) for n in names], dim=1)
        columns = {f"{key}_data": array.expand(rows) if array.ndim == 0 else array for key, array in arrays.items()}
        part = PointSet(**{n: where[n] for n in names})
        return replace(term, sites=(part,), points=Points(coords=coords, columns=columns))

    rule = Prescribed(
        tuple((key, Column(f"{key}_data")) for key, _ in pairs), None if sigma is None else Column("sigma_data")
    )
    return Term(name, (), rule, kind="data", fits_data=True, binding=bind, **options)


def _array(value: Any, owner: str) -> Tensor:
    if isinstance(value, np.ma.MaskedArray) and bool(np.ma.getmaskarray(value).any()):
        raise ValueError(
            f"{owner} has {int(np.ma.getmaskarray(value).sum())} masked entries, which would be taken for values; "
            "leave these points out"
        )
    try:
        array = torch.as_tensor(value, dtype=torch.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{owner} must be an array of numbers, got {type(value).__name__}") from error
    if not bool(torch.isfinite(array).all()):
        bad = int((~torch.isfinite(array)).sum())
        raise ValueError(f"{owner} has {bad} entries that are not finite; remove or impute them")
    return array


def _with_integrals(options: dict[str, Any]) -> dict[str, Any]:
    """Options of a term with the integrals among them as one."""
    found = tuple((key, value) for key, value in options.items() if isinstance(value, Integral))
    return {**{key: value for key, value in options.items() if not isinstance(value, Integral)}, "integrals": found}


def _options(values: dict[str, Any]) -> dict[str, Any]:
    return {key: values.pop(key) for key in ("penalty", "weight", "points", "hard") if key in values}


def _values(values: Mapping[str, Any], owner: str) -> tuple[tuple[str, Any], ...]:
    if not values:
        raise ValueError(f"{owner}: name at least one unknown and its value, such as u=0.0")
    return tuple(values.items())


def _callable(residual: object, owner: str) -> None:
    if not callable(residual):
        raise TypeError(f"{owner}: expected a function such as `lambda u: u.t - u.xx`, got {type(residual).__name__}")


def _part(on: object, owner: str) -> Part:
    if not hasattr(on, "sample"):
        hint: Sequence[str] = ("domain.boundary", "domain.face(x=0)")
        raise TypeError(f"{owner}: expected a part of the domain such as {' or '.join(hint)}, got {type(on).__name__}")
    return on  # type: ignore[return-value]
