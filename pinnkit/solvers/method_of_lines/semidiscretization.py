"""Semidiscretisation: the rates u_t that the equations give pointwise, their derivatives, and the wall constraints.

The equations are affine in the highest time derivatives, A u_t + r_0 = 0 with A of a point's size, so
u_t = -A^-1 r_0, and by the implicit function theorem d u_t / d channel = -A^-1 d r / d channel at that u_t.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinnkit.domains import Points
from pinnkit.problem.channels import Channel
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.linearization import linearise, provider, residual_rows
from pinnkit.problem.probing import random_values
from pinnkit.problem.structure import WallCondition
from pinnkit.problem.terms import Term

from .state_layout import METHOD, StateLayout

__all__ = ["Rates", "StateDerivative", "WallConstraints", "first_scale", "initial_values"]

Array = NDArray[np.float64]
StateDerivative = tuple[int, int]
"""Row of the state and order of its derivative in space."""


class Rates:
    """Pointwise rates of every row of the state.

    Args:
        layout: of the state.

    Raises:
        Unsupported: where the equations are not affine in the highest time derivatives, or do not determine them.
    """

    def __init__(self, layout: StateLayout) -> None:
        self.layout = layout
        self.rows = layout.rows
        self._at = {row: i for i, row in enumerate(self.rows)}
        self._mass: Tensor | None = None
        self._probe()

    @property
    def inputs(self) -> tuple[StateDerivative, ...]:
        """Derivatives of the state that the rates depend on."""
        found: dict[StateDerivative, None] = {(at, 0): None for (_, level), at in self._at.items() if level}
        for term in self.layout.equations:
            for channel in self._channels(term):
                for row, order, _, _ in self._sources(channel):
                    if row >= 0:
                        found[row, order] = None
        return tuple(sorted(found))

    def __call__(self, places: Tensor, times: Tensor, values: Mapping[StateDerivative, Tensor]) -> Tensor:
        """Evaluate the rates (rows, n) at n points in space and time, from the derivatives of the state, each (n,)."""
        coords = self.layout.coords(places, times)
        r0 = self._residual(coords, values, None)
        mass = self._mass if self._mass is not None else self._mass_at(coords, values)
        found = -torch.linalg.solve(mass, r0.T) if mass.ndim == 2 else -torch.linalg.solve(mass, r0).T
        return self._with_levels(found, values, coords.shape[0])

    def slopes(
        self, places: Tensor, times: Tensor, values: Mapping[StateDerivative, Tensor]
    ) -> dict[tuple[int, StateDerivative], Tensor]:
        """Evaluate the partial derivatives (n,) of each row's rate with respect to each derivative of the state."""
        layout = self.layout
        coords = layout.coords(places, times)
        n = coords.shape[0]
        rates = self(places, times, values)
        highest = torch.stack([rates[self._at[i, s.time_order - 1]] for i, s in enumerate(layout.components)])
        raw: dict[StateDerivative, Tensor] = {}
        mass = torch.zeros(n, len(layout.components), len(layout.components), dtype=torch.float64)
        first = 0
        for term in layout.equations:
            channels = {c: self._value(c, values, n, highest) for c in self._channels(term)}
            found = linearise(layout.problem, term, (Points(coords),), channels).d
            last = first + layout.problem.trace(term, raw=False).rows
            for channel, slope in found.items():
                for row, order, factor, component in self._sources(channel):
                    part = factor * slope[:, :, component]
                    if row < 0:
                        mass[:, first:last, -1 - row] += part
                    else:
                        target = raw.setdefault(
                            (row, order), torch.zeros(n, len(layout.components), dtype=torch.float64)
                        )
                        target[:, first:last] += part
            first = last
        out: dict[tuple[int, StateDerivative], Tensor] = {}
        for source, part in raw.items():
            solved = -torch.linalg.solve(mass, part)
            for i, s in enumerate(layout.components):
                if bool((solved[:, i] != 0).any()):
                    out[self._at[i, s.time_order - 1], source] = solved[:, i]
        for i, s in enumerate(layout.components):
            if s.time_order == 2:
                out[self._at[i, 0], (self._at[i, 1], 0)] = torch.ones(n, dtype=torch.float64)
        return out

    # pieces -----------------------------------------------------------------------------------------------------
    def _channels(self, term: Term) -> tuple[Channel, ...]:
        return self.layout.problem.trace(term, raw=False).channels

    def _sources(self, channel: Channel) -> list[tuple[int, int, float, int]]:
        """List the derivatives in a channel, by component: row of the state, order in space, factor, component.

        The row is -1 - c for the highest rate of component c.
        """
        layout = self.layout
        found = []
        for index in range(layout.problem.unknown(channel.unknown).components or 1):
            c = layout.index_of(channel.unknown, index)
            highest = layout.components[c].time_order
            for factor, m, columns in channel.split(layout.time.name):
                if m <= highest:  # the equations do not depend on the others
                    found.append((-1 - c if m == highest else self._at[c, m], len(columns), factor, index))
        return found

    def _value(
        self, channel: Channel, values: Mapping[StateDerivative, Tensor], n: int, highest: Tensor | None
    ) -> Tensor:
        """Evaluate a channel from the derivatives of the state; highest rates are zero where they are not given."""
        parts: dict[int, Tensor] = {}
        for row, order, factor, component in self._sources(channel):
            if row >= 0:
                part = factor * values[row, order]
            else:
                part = torch.zeros(n, dtype=torch.float64) if highest is None else factor * highest[-1 - row]
            parts[component] = parts[component] + part if component in parts else part
        count = self.layout.problem.unknown(channel.unknown).components
        zero = torch.zeros(n, dtype=torch.float64)
        return parts.get(0, zero) if count is None else torch.stack([parts.get(c, zero) for c in range(count)], dim=1)

    @torch.no_grad()
    def _residual(self, coords: Tensor, values: Mapping[StateDerivative, Tensor], highest: Tensor | None) -> Tensor:
        """Evaluate the residuals of all equations side by side, (n, k)."""
        problem = self.layout.problem
        parts = []
        for term in self.layout.equations:
            channels = {c: self._value(c, values, coords.shape[0], highest) for c in self._channels(term)}
            points = (Points(coords),)
            lookup = provider(problem, channels, problem.trace(term, raw=False).ignored, points)
            parts.append(residual_rows(problem, term, points, lookup, {}, raw=False))
        return torch.cat(parts, dim=1)

    def _mass_at(self, coords: Tensor, values: Mapping[StateDerivative, Tensor]) -> Tensor:
        """Evaluate A at every point, (n, k, k): the derivatives of the residuals with respect to the highest rates."""
        layout, n = self.layout, coords.shape[0]
        parts = []
        for term in layout.equations:
            channels = {c: self._value(c, values, n, None) for c in self._channels(term)}
            found = linearise(layout.problem, term, (Points(coords),), channels).d
            rows = layout.problem.trace(term, raw=False).rows
            part = torch.zeros(n, rows, len(layout.components), dtype=torch.float64)
            for channel, slope in found.items():
                for row, _, factor, component in self._sources(channel):
                    if row < 0:
                        part[:, :, -1 - row] += factor * slope[:, :, component]
            parts.append(part)
        return torch.cat(parts, dim=1)

    def _with_levels(self, highest: Tensor, values: Mapping[StateDerivative, Tensor], n: int) -> Tensor:
        rows = []
        for i, level in self.rows:
            top = level == self.layout.components[i].time_order - 1
            rows.append(highest[i] if top else values[self._at[i, 1], 0].expand(n))
        return torch.stack(rows)

    def _probe(self) -> None:
        """Test at random points and states whether the equations are affine in the rates, and whether A is constant."""
        layout = self.layout
        generator = torch.Generator().manual_seed(0)
        n = 24
        unit = torch.rand(2, n, generator=generator, dtype=torch.float64)
        places = layout.space.lower + layout.space.extent * unit[0]
        times = layout.time.lower + layout.time.extent * unit[1]
        coords = layout.coords(places, times)
        inputs = {*self.inputs, *((row, 0) for row in range(len(self.rows)))}

        def draw(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        values = {source: draw(n) for source in inputs}
        r0 = self._residual(coords, values, None)
        mass = self._mass_at(coords, values)
        for scale in (1.0, 100.0):
            rates = scale * draw(len(layout.components), n)
            affine = r0 + torch.einsum("nkj,jn->nk", mass, rates)
            size = r0.abs() + torch.einsum("nkj,jn->nk", mass.abs(), rates.abs())
            wrong = (self._residual(coords, values, rates) - affine).abs()
            if not bool((wrong <= 1e-9 * size + 1e-300).all()):
                raise Unsupported(
                    METHOD, f"{layout.label}: the equations are not affine in the highest time derivatives"
                )
        smallest = torch.linalg.svdvals(mass)
        if not bool((smallest[:, -1] > 1e-10 * smallest[:, 0]).all()):
            raise Unsupported(
                METHOD,
                f"{layout.label}: the equations do not determine all time derivatives; one of them is a constraint",
            )
        others = {source: draw(n) for source in inputs}
        again = self._mass_at(coords, others)
        both = torch.cat([mass, again])
        if torch.allclose(both, both[:1].expand_as(both), rtol=1e-10, atol=1e-10 * float(both.abs().max())):
            self._mass = mass[0]


class WallConstraints:
    """Conditions on the two walls as linear constraints B c = g(t), with B's entries and g with its time derivatives.

    Args:
        layout: of the state; every condition is affine with constant coefficients.
    """

    def __init__(self, layout: StateLayout) -> None:
        self.layout = layout
        self.conditions = layout.conditions
        self.slopes = tuple(self._slopes(condition) for condition in self.conditions)
        self._constant = tuple(self._is_constant(condition) for condition in self.conditions)

    def __len__(self) -> int:
        return len(self.conditions)

    def data(self, times: Array, order: int) -> Array:
        """Evaluate the `order`-th time derivative of g, (S, walls), at times (S,).

        Raises:
            Unsupported: where it is not finite.
        """
        out = np.zeros((len(times), len(self)))
        for i, condition in enumerate(self.conditions):
            if order == 0 or not self._constant[i]:
                out[:, i] = self._g(condition, times, order)
        return out

    def _g(self, condition: WallCondition, times: Array, order: int) -> Array:
        at = torch.from_numpy(np.ascontiguousarray(times)).requires_grad_(order > 0)
        with torch.set_grad_enabled(order > 0):
            value = -self._residual(condition, at)
            for _ in range(order):
                if not value.requires_grad:
                    return np.zeros(len(times))
                (found,) = torch.autograd.grad(value.sum(), at, create_graph=True, allow_unused=True)
                value = torch.zeros_like(value) if found is None else found
        if not bool(torch.isfinite(value).all()):
            name = condition.term.name
            raise Unsupported(
                METHOD, f"{self.layout.label}: the values of the condition '{name}' have no finite time derivative"
            )
        return value.detach().numpy()

    def _points(self, condition: WallCondition, times: Tensor) -> Points:
        wall = condition.wall
        assert wall is not None
        normal = torch.full((len(times), 1), wall.outward, dtype=torch.float64)
        return Points(self.layout.coords(torch.full_like(times, wall.value), times), normal=normal)

    def _residual(self, condition: WallCondition, times: Tensor) -> Tensor:
        """Evaluate the residual of the state zero at times (n,)."""
        problem, term = self.layout.problem, condition.term
        values = {c: torch.zeros_like(v) for c, v in self._random(term, len(times)).items()}
        points = (self._points(condition, times),)
        lookup = provider(problem, values, problem.trace(term, raw=False).ignored, points)
        return residual_rows(problem, term, points, lookup, {}, raw=False)[:, condition.index]

    def _random(self, term: Term, n: int) -> dict[Channel, Tensor]:
        problem = self.layout.problem
        return random_values(problem, problem.trace(term, raw=False).channels, n, torch.Generator().manual_seed(0))

    def _slopes(self, condition: WallCondition) -> dict[StateDerivative, float]:
        """Entries of B for one condition, by component and order in space."""
        layout, term = self.layout, condition.term
        points = self._points(condition, torch.tensor([layout.time.lower], dtype=torch.float64))
        slopes = linearise(layout.problem, term, (points,), self._random(term, 1)).d
        out: dict[StateDerivative, float] = {}
        for channel, slope in slopes.items():
            for index in range(slope.shape[2]):
                component = layout.index_of(channel.unknown, index)
                for factor, _, columns in channel.split(layout.time.name):
                    value = factor * float(slope[0, condition.index, index])
                    if value:
                        key = component, len(columns)
                        out[key] = out.get(key, 0.0) + value
        return out

    def _is_constant(self, condition: WallCondition) -> bool:
        time = self.layout.time
        g = self._g(condition, np.linspace(time.lower, time.upper, 33), 0)
        return bool((g == g[0]).all())


def first_scale(sizes: Array, rates: Array, extent: float) -> Array:
    """Compute the units (R,) of errors at the start: sizes of the rows, or their change in 2 % of the time axis.

    A row that starts at zero has no size yet; a thousandth of the largest row's is the least.
    """
    found = np.maximum(sizes, 0.02 * extent * rates)
    return np.maximum(found, max(1e-3 * float(found.max()), 1e-300))


def initial_values(layout: StateLayout, places: Array) -> Array:
    """Evaluate the state (rows, n) at the start of time, at places (n,).

    Raises:
        Unsupported: where a row has no initial value, or a condition at the start is no such value.
    """
    n, problem, time = len(places), layout.problem, layout.time
    at = torch.from_numpy(np.ascontiguousarray(places))
    points = Points(layout.coords(at, torch.full_like(at, time.lower)))
    found: dict[tuple[int, int], Array] = {}
    for term in layout.structure.initial_terms:
        channels = problem.trace(term, raw=False).channels
        values = {c: torch.zeros_like(v) for c, v in random_values(problem, channels, n, torch.Generator()).items()}
        result = linearise(problem, term, (points,), values)
        for row in (r for r in layout.structure.initial if r.term is term):
            if row.component is None or row.level is None:
                raise Unsupported(
                    METHOD, f"{layout.label}: the initial condition '{term.name}' is not the value of one unknown"
                )
            unknown, index = row.component.unknown, row.component.index
            order = (time.name,) * row.level
            slope = next(s for c, s in result.d.items() if (c.unknown, c.order) == (unknown, order))[
                :, row.index, index
            ]
            key = layout.index_of(unknown, index), row.level
            found[key] = (-result.r[:, row.index] / slope).numpy()
    out = np.empty((len(layout.rows), n))
    for k, (i, level) in enumerate(layout.rows):
        name = layout.components[i].unknown + (f"_{time.name}" if level else "")
        if (i, level) not in found:
            raise Unsupported(METHOD, f"{layout.label}: there is no initial state of `{name}`; add Initial({name}=...)")
        out[k] = found[i, level]
    if not np.isfinite(out).all() or math.isnan(float(out.sum())):
        raise Unsupported(METHOD, f"{layout.label}: the initial state is not finite everywhere")
    return out
