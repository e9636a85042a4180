"""Weak form of a problem from its residuals.

A row of the residual that is affine in the second derivatives, linearised at a state, is

    r = sum_j (A_j : D^2 u_j + b_j . grad u_j + c_j u_j) - f,

and with a test function v, by integration by parts,

    sum_j int (-(A_j grad u_j) . grad v + ((b_j - div A_j) . grad u_j + c_j u_j) v) + boundary int n . A_j grad u_j v
        = int f v.

div A is taken by central differences of the coefficients with the step `STEP` of the domain's size, at which truncation
and rounding are both some 1e-10 of the coefficient, far below the error of the elements.  They serve coefficients from
tables and functions without derivatives as well.  With gradients by automatic differentiation in their place a function
that breaks the graph would count as constant without notice.

On a wall with natural conditions  gamma_k . grad u + alpha_k u = g_k  the boundary term is

    n . A grad u = m (g - alpha u) + (A n - m gamma) . grad u,   m = (n . A n) / (n . gamma),

where the last vector is tangential; it vanishes for isotropic A, and where gamma is the conormal A n.  For systems m is
the matrix that solves the same equation for all normal derivatives.

Where A depends on the unknowns (but not on their derivatives), div A is the derivative along the state, A_x + A_u grad u,
and Newton's matrix has the terms that follow from A_u as well.

A flux that is recorded with a row would enter in `Linear`, in place of `a` and its divergence: int flux . grad v with
the natural condition n . flux.

Source: Ern & Guermond, Theory and Practice of Finite Elements, 2004, chapter 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from pinnkit.domains import Boundary, Box, Faces, Points, Product, Shape, ShapeWall
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.linearization import Channel, linearise
from pinnkit.problem.problem import Problem
from pinnkit.problem.structure import EquationRow, Structure, WallCondition
from pinnkit.problem.terms import Term
from pinnkit.references.errors import TooFewConditions, TooManyConditions
from pinnkit.references.grid import Array

__all__ = ["METHOD", "STEP", "Jets", "Linear", "TestedRow", "Varies", "WeakForm", "box_piece", "is_value", "shape_of", "weak_form"]

METHOD = "finite elements"
_PROBES = 32
"""Points at which the dependence of coefficients is tested."""
STEP = 1e-5
"""Step of the central differences of coefficients, relative to the size of the domain."""


@dataclass(frozen=True, eq=False)
class Jets:
    """A state and its derivatives in space at n points, for C components.

    Args:
        value: ``(C, n)``.
        gradient: ``(C, n, d)``.
    """

    value: Array
    gradient: Array

    @classmethod
    def zero(cls, components: int, n: int, dim: int) -> Jets:
        """The state zero."""
        return cls(np.zeros((components, n)), np.zeros((components, n, dim)))

    def shifted(self, axis: int, step: float) -> Jets:
        """The jets at the points moved along an axis, to first order in the values; gradients stay as they are."""
        return Jets(self.value + step * self.gradient[..., axis], self.gradient)

    def changed(self, component: int, by: Array | float) -> Jets:
        """The jets with another value of one component."""
        value = self.value.copy()
        value[component] += by
        return Jets(value, self.gradient)

    def take(self, rows: slice) -> Jets:
        """The jets at some of the points."""
        return Jets(self.value[:, rows], self.gradient[:, rows])

    def derivative(self, axes: Sequence[int]) -> Array:
        """One derivative of all components, ``(C, n)``; second derivatives are taken as zero."""
        if not axes:
            return self.value
        return self.gradient[..., axes[0]] if len(axes) == 1 else np.zeros_like(self.value)


@dataclass(frozen=True, eq=False)
class Linear:
    """A row of a residual, linearised at n points where second derivatives vanish: coefficients of C components.

    Args:
        a: of the second derivatives, symmetric, ``(C, n, d, d)``.
        b: of the gradients ``(C, n, d)``.
        c: of the values ``(C, n)``.
        f: right-hand side ``(n,)``.
    """

    a: Array
    b: Array
    c: Array
    f: Array


class Varies(Enum):
    """Dependence of coefficients."""

    NOWHERE = "constant"
    IN_SPACE = "of the place"
    WITH_STATE = "of the place and the unknowns"


@dataclass(frozen=True)
class TestedRow:
    """A row of an equation and the number of the component whose functions it is tested with."""

    row: EquationRow
    component: int


@dataclass(frozen=True)
class WeakForm:
    """Equations with their test functions, and the conditions on each piece of the boundary.

    Args:
        problem: that is discretised.
        rows: equations.
        degrees: degree of the elements of each component: 2, or 1 where no second derivative of it occurs.
        conditions: for each piece of the boundary its conditions.
        names: name of the wall of each piece.
        size: of the domain.
    """

    problem: Problem
    rows: tuple[TestedRow, ...]
    degrees: tuple[int, ...]
    conditions: tuple[tuple[WallCondition, ...], ...]
    names: tuple[str, ...]
    size: float

    @property
    def label(self) -> str:
        """The problem by name, for messages."""
        return f"problem '{self.problem.name}'"

    @property
    def structure(self) -> Structure:
        """Structure of the problem."""
        return self.problem.structure

    @property
    def linear(self) -> bool:
        """True if every residual is affine in the unknowns."""
        return self.structure.linear

    @property
    def components(self) -> int:
        """Number of scalar functions to be found."""
        return len(self.structure.components)

    @property
    def space(self) -> tuple[str, ...]:
        """Columns of space."""
        return self.structure.space_columns

    @cached_property
    def second_order(self) -> Varies:
        """Dependence of the coefficients of second derivatives, found at random points and states.

        Raises:
            Unsupported: where they depend on first or second derivatives of the unknowns.
        """
        factors = [f for row in self.structure.equations for f in row.factors if _order(self, f.channel) > 1]
        if all(row.factors for row in self.structure.equations) and all(f.value is not None for f in factors):
            return Varies.NOWHERE
        return Varies.IN_SPACE if self.linear else _dependence(self)

    def points(self, x: Array, time: float | None, normal: Array | None = None) -> Points:
        """Points ``(n, d)`` of space at a time, in the columns of the problem."""
        every = dict(zip(self.space, x.T, strict=True))
        if self.structure.time is not None:
            every[self.structure.time.name] = np.full(len(x), time)
        coords = np.stack([every[column] for column in self.problem.frame.columns], axis=1)
        return Points(torch.from_numpy(coords), None if normal is None else torch.from_numpy(normal))

    def linearised(
        self, term: Term, points: Points, levels: Sequence[Jets], weights: Sequence[float]
    ) -> list[Linear]:
        """All rows of a term, linearised at points.

        Args:
            term: the term.
            points: with normals for conditions.
            levels: the state and its derivatives in time, as many as there are.
            weights: derivative of each of these by the state; 1 for the state itself.
        """
        problem, dim = self.problem, len(self.space)
        n = points.coords.shape[0]
        values: dict[Channel, Tensor] = {}
        parts: dict[Channel, list[tuple[float, int, tuple[int, ...]]]] = {}
        time = None if self.structure.time is None else self.structure.time.name
        for channel in problem.trace(term, raw=False).channels:
            split = [(k, m, tuple(self.space.index(c) for c in names)) for k, m, names in channel.split(time)]
            parts[channel] = split
            of = self.numbers(channel.unknown)
            total = np.zeros((len(of), n))
            for factor, rate, axes in split:
                total += factor * levels[rate].derivative(axes)[of]
            scalar = problem.unknown(channel.unknown).components is None
            values[channel] = torch.from_numpy(total[0] if scalar else np.ascontiguousarray(total.T))
        found = linearise(problem, term, (points,), values)
        out = []
        for row in range(found.r.shape[1]):
            a = np.zeros((self.components, n, dim, dim))
            b, c = np.zeros((self.components, n, dim)), np.zeros((self.components, n))
            f = -found.r[:, row].numpy()
            for channel, slopes in found.d.items():
                for at, component in enumerate(self.numbers(channel.unknown)):
                    slope = slopes[:, row, at].numpy()
                    if not slope.any():
                        continue
                    # What the state itself contributes; known parts of derivatives in time stay in f.
                    own = np.zeros(n)
                    for factor, rate, axes in parts[channel]:
                        weight = factor * weights[rate]
                        own += weight * levels[0].derivative(axes)[component]
                        if len(axes) == 2:
                            a[component, :, axes[0], axes[1]] += weight / 2 * slope
                            a[component, :, axes[1], axes[0]] += weight / 2 * slope
                        elif len(axes) == 1:
                            b[component, :, axes[0]] += weight * slope
                        else:
                            c[component] += weight * slope
                    f = f + slope * own
            out.append(Linear(a, b, c, f))
        return out

    def numbers(self, unknown: str) -> list[int]:
        """Numbers of the components of an unknown."""
        return [i for i, c in enumerate(self.structure.components) if c.unknown == unknown]


def weak_form(problem: Problem, names: Sequence[str]) -> WeakForm:
    """Match the rows of a problem to test functions, and its conditions to the pieces of the boundary.

    Args:
        problem: that is discretised.
        names: name of the wall of each piece of the boundary.

    Raises:
        Unsupported: with the reason, for what finite elements do not cover.
        TooFewConditions: for a wall without a condition.
        TooManyConditions: for a wall with more than the equations take.
    """
    label, structure = f"problem '{problem.name}'", problem.structure
    _refuse(label, structure)
    rows, degrees = _tested(label, structure)
    conditions = tuple(
        tuple(c for c in structure.conditions if piece in pieces_of(c, problem)) for piece in range(len(names))
    )
    quadratic = degrees.count(2)
    for piece, found in enumerate(conditions):
        if len(found) > quadratic:
            raise TooManyConditions(
                METHOD,
                f"{label}: {len(found)} conditions on the wall '{names[piece]}', where the equations take {quadratic}; "
                f"leave out '{found[-1].term.name}' there",
            )
        if len(found) < quadratic:
            missing = _without_condition(structure, degrees, found)
            raise TooFewConditions(
                METHOD,
                f"{label}: no condition for `{missing}` on the wall '{names[piece]}'; give its value, its flux or a "
                f"combination there",
            )
    extents = [axis.extent for axis in structure.space]
    form = WeakForm(problem, rows, degrees, conditions, tuple(names), max(extents))
    if not form.linear:
        _refuse_second_powers(form)
    return form


def _dependence(form: WeakForm) -> Varies:
    """Dependence of the coefficients of second derivatives on the state, at random points and states."""
    generator = torch.Generator().manual_seed(0)
    points = Points(form.problem.domain.sample(_PROBES, generator).coords)
    n, dim, count = points.coords.shape[0], len(form.space), form.components
    levels = max(c.time_order for c in form.structure.components) + 1
    weights = (1.0, *(0.0,) * (levels - 1))

    def coefficients(jets: Jets) -> Array:
        terms = form.structure.equation_terms
        rows = [row for t in terms for row in form.linearised(t, points, [jets] * levels, weights)]
        return np.stack([row.a for row in rows])

    value = torch.rand((2, count, n), generator=generator, dtype=torch.float64).numpy()
    gradient = torch.rand((2, count, n, dim), generator=generator, dtype=torch.float64).numpy() - 0.5
    base = coefficients(Jets(value[0], gradient[0]))
    scale = float(np.abs(base).max())
    if not np.allclose(coefficients(Jets(value[0], gradient[1])), base, rtol=1e-12, atol=1e-12 * scale):
        raise Unsupported(
            METHOD,
            f"{form.label}: the coefficients of second derivatives depend on first derivatives of the unknowns, as in "
            f"minimal surfaces; finite elements take coefficients of the place and of the unknowns themselves",
        )
    same = np.allclose(coefficients(Jets(value[1], gradient[0])), base, rtol=1e-12, atol=1e-12 * scale)
    return Varies.IN_SPACE if same else Varies.WITH_STATE


def _refuse_second_powers(form: WeakForm) -> None:
    """Refuse rows that are not affine in the second derivatives.

    Raises:
        Unsupported: with the term.
    """
    generator = torch.Generator().manual_seed(1)
    points = Points(form.problem.domain.sample(_PROBES, generator).coords)
    for term in form.structure.equation_terms:
        channels = form.problem.trace(term, raw=False).channels
        states = []
        for scale in (0.0, 1.0):
            values = {}
            for channel in channels:
                width = form.problem.unknown(channel.unknown).components
                shape = (points.coords.shape[0],) if width is None else (points.coords.shape[0], width)
                drawn = torch.rand(shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
                values[channel] = drawn * (scale if _order(form, channel) > 1 else 1.0)
            found = linearise(form.problem, term, (points,), values).d
            states.append([found[c] for c in channels if _order(form, c) > 1])
        for before, after in zip(*states, strict=True):
            if not torch.allclose(before, after, rtol=1e-12, atol=1e-12):
                raise Unsupported(
                    METHOD, f"{form.label}: '{term.name}' is not linear in its second derivatives, as finite elements need"
                )


def is_value(condition: WallCondition) -> bool:
    """True for a condition without derivatives."""
    return all(d.space_order == 0 for d in condition.depends_on) and condition.time_order == 0


def pieces_of(condition: WallCondition, problem: Problem) -> tuple[int, ...]:
    """Numbers of the pieces of the boundary on which a condition holds, as `plane_walls` counts them."""
    part = condition.part
    if isinstance(part, Boundary | ShapeWall):
        return part.pieces
    assert isinstance(part, Faces) and condition.wall is not None
    columns = problem.structure.space_columns
    axis = columns.index(condition.wall.column)
    upper = condition.wall.outward > 0
    return (box_piece(len(columns), axis, upper),)


def box_piece(dim: int, axis: int, upper: bool) -> int:
    """Number of the piece of a wall of a box: counter-clockwise from the lower y in the plane."""
    if dim == 2:
        return {(1, False): 0, (0, True): 1, (1, True): 2, (0, False): 3}[axis, upper]
    return 2 * axis + upper


def _order(form: WeakForm, channel: Channel) -> int:
    time = None if form.structure.time is None else form.structure.time.name
    return max(len(names) for _, _, names in channel.split(time))


def _refuse(label: str, structure: Structure) -> None:
    """Refuse terms that are no equations and no conditions on walls.

    Raises:
        Unsupported: with the first of them.
    """

    def refuse(reason: str) -> None:
        raise Unsupported(METHOD, f"{label}: {reason}")

    for term in structure.comparisons:
        refuse(f"term '{term.name}' compares {len(term.sites)} sites")
    for term in structure.elsewhere:
        refuse(f"term '{term.name}' holds on {term.sites[0]!r}, which is no wall of the domain")
    for term in structure.final:
        refuse(f"term '{term.name}' is a condition at the end of time")
    for column in structure.periodic:
        refuse(f"`{column}` is periodic, which finite differences cover")
    if not structure.equations:
        refuse("there is no equation in the inside of the domain")
    for row in structure.equations:
        for d in row.depends_on:
            if d.space_order > 2:
                refuse(f"'{row.term.name}' has a derivative of order {d.space_order}; elements of second degree take 2")
    if len(structure.equations) != len(structure.components):
        refuse(
            f"the equations have {len(structure.equations)} rows for {len(structure.components)} components of the "
            f"unknowns"
        )


def _tested(label: str, structure: Structure) -> tuple[tuple[TestedRow, ...], tuple[int, ...]]:
    """The component whose functions each row is tested with, and the degree of the elements of each component.

    Rows with second derivatives are tested by the component that they settle among those with second derivatives; the
    other rows, such as div u = 0, by the others, such as the pressure, in their order.
    """
    components = structure.components
    highest = [max((d.space_order for r in structure.equations if (d := r.on(c))), default=0) for c in components]
    degrees = tuple(2 if order == 2 else 1 for order in highest)
    if 2 not in degrees:
        raise Unsupported(METHOD, f"{label}: no equation has second derivatives in space, which finite elements need")
    second = [r for r in structure.equations if any(d.space_order == 2 for d in r.depends_on)]
    first = [r for r in structure.equations if r not in second]
    quadratic = [i for i, degree in enumerate(degrees) if degree == 2]
    others = [i for i, degree in enumerate(degrees) if degree == 1]
    if len(second) != len(quadratic):
        raise Unsupported(
            METHOD,
            f"{label}: {len(second)} rows have second derivatives, of {len(quadratic)} components; they must be as many",
        )
    from pinnkit.problem.structure import FORBIDDEN, assign  # beside its only use

    weight = np.full((len(second), len(quadratic)), FORBIDDEN)
    for i, row in enumerate(second):
        for j, number in enumerate(quadratic):
            d = row.on(components[number])
            if d is not None and d.space_order == 2:
                weight[i, j] = 10.0 * sum(order == 2 for _, order in d.space_orders) + d.time_order
    found = assign(weight)
    if found is None:
        raise Unsupported(METHOD, f"{label}: no assignment gives every component an equation with its second derivatives")
    tested = [TestedRow(row, quadratic[j]) for row, j in zip(second, found, strict=True)]
    tested += [TestedRow(row, number) for row, number in zip(first, others, strict=True)]
    return tuple(tested), degrees


def _without_condition(structure: Structure, degrees: Sequence[int], found: Sequence[WallCondition]) -> str:
    known = {c.component for c in found}
    every = [c for c, degree in zip(structure.components, degrees, strict=True) if degree == 2]
    missing = next((c for c in every if c not in known), every[-1])
    scalar = sum(c.unknown == missing.unknown for c in structure.components) == 1
    return missing.unknown if scalar else f"{missing.unknown}[{missing.index}]"


def shape_of(problem: Problem) -> Shape | Box:
    """The domain in space.

    Raises:
        Unsupported: for a domain that is neither a box nor a shape.
    """
    domain = problem.domain
    shape = domain.shape if isinstance(domain, Product) else domain
    if not isinstance(shape, Shape | Box):
        raise Unsupported(METHOD, f"problem '{problem.name}': the domain is no box and no shape but {shape!r}")
    return shape

