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

Where A depends on the unknowns (but not on their derivatives), div A is the derivative along the state,
A_x + A_u grad u, and Newton's matrix has the terms that follow from A_u as well.

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

from pinnkit.domains import Points
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.linearization import Channel, linearise
from pinnkit.problem.problem import Problem
from pinnkit.problem.structure import EquationRow, Structure, WallCondition
from pinnkit.problem.terms import Term
from pinnkit.references.grid import Array

__all__ = ["METHOD", "PROBES", "STEP", "Jets", "Linear", "TestedRow", "Varies", "WeakForm", "is_value", "space_order"]

METHOD = "finite elements"
PROBES = 32
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
        factors = [f for row in self.structure.equations for f in row.factors if space_order(self, f.channel) > 1]
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

    def linearised(self, term: Term, points: Points, levels: Sequence[Jets], weights: Sequence[float]) -> list[Linear]:
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


def _dependence(form: WeakForm) -> Varies:
    """Dependence of the coefficients of second derivatives on the state, at random points and states."""
    generator = torch.Generator().manual_seed(0)
    points = Points(form.problem.domain.sample(PROBES, generator).coords)
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


def is_value(condition: WallCondition) -> bool:
    """True for a condition without derivatives."""
    return all(d.space_order == 0 for d in condition.depends_on) and condition.time_order == 0


def space_order(form: WeakForm, channel: Channel) -> int:
    """Highest number of differentiations in space in a channel."""
    time = None if form.structure.time is None else form.structure.time.name
    return max(len(names) for _, _, names in channel.split(time))
