"""The rates of an evolution problem: what its equations say of u_t, pointwise, and how that depends on the jets.

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
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.linearization import Channel, linearise, provider, residual_rows
from pinnkit.problem.terms import Term

from .survey import Survey, members

__all__ = ["Rates", "Slot", "Walls", "first_scale", "initial_values"]

Array = NDArray[np.float64]
Slot = tuple[int, int]
"""A row of the state and how many times it is differentiated in space."""


class Rates:
    """The pointwise rates of every row of the state.

    Args:
        survey: of the problem.

    Raises:
        Unsupported: where the equations are not affine in the highest time derivatives, or do not determine them.
    """

    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self.rows = survey.rows
        self._at = {row: i for i, row in enumerate(self.rows)}
        self._mass: Tensor | None = None
        self._probe()

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Everything that the rates depend on."""
        found: dict[Slot, None] = {(at, 0): None for (_, level), at in self._at.items() if level}
        for term in self.survey.equations:
            for channel in self._channels(term):
                for row, order, _, _ in self._sources(channel):
                    if row >= 0:
                        found[row, order] = None
        return tuple(sorted(found))

    def __call__(self, places: Tensor, times: Tensor, values: Mapping[Slot, Tensor]) -> Tensor:
        """The rates (rows, n) at n points in space and time, from the jets of the state, each (n,)."""
        coords = self.survey.coords(places, times)
        r0 = self._residual(coords, values, None)
        mass = self._mass if self._mass is not None else self._mass_at(coords, values)
        found = -torch.linalg.solve(mass, r0.T) if mass.ndim == 2 else -torch.linalg.solve(mass, r0).T
        return self._with_levels(found, values, coords.shape[0])

    def slopes(self, places: Tensor, times: Tensor, values: Mapping[Slot, Tensor]) -> dict[tuple[int, Slot], Tensor]:
        """The partial derivatives (n,) of the rate of each row with respect to each jet of the state."""
        survey = self.survey
        coords = survey.coords(places, times)
        n = coords.shape[0]
        rates = self(places, times, values)
        highest = torch.stack([rates[self._at[i, s.rate - 1]] for i, s in enumerate(survey.scalars)])
        raw: dict[Slot, Tensor] = {}
        mass = torch.zeros(n, len(survey.scalars), len(survey.scalars), dtype=torch.float64)
        first = 0
        for term in survey.equations:
            channels = {c: self._value(c, values, n, highest) for c in self._channels(term)}
            found = linearise(survey.problem, term, (Points(coords),), channels).d
            last = first + survey.problem.trace(term, raw=False).rows
            for channel, slope in found.items():
                for row, order, factor, component in self._sources(channel):
                    part = factor * slope[:, :, component]
                    if row < 0:
                        mass[:, first:last, -1 - row] += part
                    else:
                        target = raw.setdefault((row, order), torch.zeros(n, len(survey.scalars), dtype=torch.float64))
                        target[:, first:last] += part
            first = last
        out: dict[tuple[int, Slot], Tensor] = {}
        for slot, part in raw.items():
            solved = -torch.linalg.solve(mass, part)
            for i, s in enumerate(survey.scalars):
                if bool((solved[:, i] != 0).any()):
                    out[self._at[i, s.rate - 1], slot] = solved[:, i]
        for i, s in enumerate(survey.scalars):
            if s.rate == 2:
                out[self._at[i, 0], (self._at[i, 1], 0)] = torch.ones(n, dtype=torch.float64)
        return out

    # pieces -----------------------------------------------------------------------------------------------------
    def _channels(self, term: Term) -> tuple[Channel, ...]:
        return self.survey.problem.trace(term, raw=False).channels

    def _sources(self, channel: Channel) -> list[tuple[int, int, float, int]]:
        """For each member and component: its row of the state (or -1 - scalar for a highest rate), order, factor."""
        survey = self.survey
        found = []
        for index in range(survey.problem.unknown(channel.unknown).components or 1):
            scalar = survey.scalar_of(channel.unknown, index)
            for factor, m, k in members(channel, survey.time.name):
                row = -1 - scalar if m == survey.scalars[scalar].rate else self._at[scalar, m]
                found.append((row, k, factor, index))
        return found

    def _value(self, channel: Channel, values: Mapping[Slot, Tensor], n: int, highest: Tensor | None) -> Tensor:
        """A channel from the jets of the state; highest rates are taken as zero where they are not given."""
        parts: dict[int, Tensor] = {}
        for row, order, factor, component in self._sources(channel):
            if row >= 0:
                part = factor * values[row, order]
            else:
                part = torch.zeros(n, dtype=torch.float64) if highest is None else factor * highest[-1 - row]
            parts[component] = parts[component] + part if component in parts else part
        if self.survey.problem.unknown(channel.unknown).components is None:
            return parts[0]
        return torch.stack([parts[c] for c in sorted(parts)], dim=1)

    @torch.no_grad()
    def _residual(self, coords: Tensor, values: Mapping[Slot, Tensor], highest: Tensor | None) -> Tensor:
        """The residuals of all equations side by side, (n, k)."""
        problem = self.survey.problem
        parts = []
        for term in self.survey.equations:
            channels = {c: self._value(c, values, coords.shape[0], highest) for c in self._channels(term)}
            lookup = provider(problem, channels, problem.trace(term, raw=False).ignored)
            parts.append(residual_rows(problem, term, (Points(coords),), lookup, {}, raw=False))
        return torch.cat(parts, dim=1)

    def _mass_at(self, coords: Tensor, values: Mapping[Slot, Tensor]) -> Tensor:
        """A at every point, (n, k, k): the partial derivatives of the residuals with respect to the highest rates."""
        survey, n = self.survey, coords.shape[0]
        parts = []
        for term in survey.equations:
            channels = {c: self._value(c, values, n, None) for c in self._channels(term)}
            found = linearise(survey.problem, term, (Points(coords),), channels).d
            part = torch.zeros(n, survey.problem.trace(term, raw=False).rows, len(survey.scalars), dtype=torch.float64)
            for channel, slope in found.items():
                for row, _, factor, component in self._sources(channel):
                    if row < 0:
                        part[:, :, -1 - row] += factor * slope[:, :, component]
            parts.append(part)
        return torch.cat(parts, dim=1)

    def _with_levels(self, highest: Tensor, values: Mapping[Slot, Tensor], n: int) -> Tensor:
        rows = []
        for i, level in self.rows:
            top = level == self.survey.scalars[i].rate - 1
            rows.append(highest[i] if top else values[self._at[i, 1], 0].expand(n))
        return torch.stack(rows)

    def _probe(self) -> None:
        """Look at random points and states whether the equations are affine in the rates, and whether A is constant."""
        survey = self.survey
        generator = torch.Generator().manual_seed(0)
        n = 24
        unit = torch.rand(2, n, generator=generator, dtype=torch.float64)
        places = survey.space.lower + survey.space.extent * unit[0]
        times = survey.time.lower + survey.time.extent * unit[1]
        coords = survey.coords(places, times)
        slots = {*self.slots, *((row, 0) for row in range(len(self.rows)))}

        def draw(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        values = {slot: draw(n) for slot in slots}
        r0 = self._residual(coords, values, None)
        mass = self._mass_at(coords, values)
        for scale in (1.0, 100.0):
            rates = scale * draw(len(survey.scalars), n)
            affine = r0 + torch.einsum("nkj,jn->nk", mass, rates)
            size = r0.abs() + torch.einsum("nkj,jn->nk", mass.abs(), rates.abs())
            wrong = (self._residual(coords, values, rates) - affine).abs()
            if not bool((wrong <= 1e-9 * size + 1e-300).all()):
                raise Unsupported(
                    "method of lines", f"{survey.label}: the equations are not affine in the highest time derivatives"
                )
        smallest = torch.linalg.svdvals(mass)
        if not bool((smallest[:, -1] > 1e-10 * smallest[:, 0]).all()):
            raise Unsupported(
                "method of lines",
                f"{survey.label}: the equations do not determine all time derivatives; one of them is a constraint",
            )
        others = {slot: draw(n) for slot in slots}
        again = self._mass_at(coords, others)
        both = torch.cat([mass, again])
        if torch.allclose(both, both[:1].expand_as(both), rtol=1e-10, atol=1e-10 * float(both.abs().max())):
            self._mass = mass[0]


class Walls:
    """The conditions on the two walls: B c = g(t), with what B needs and g with its time derivatives.

    Args:
        survey: of the problem; every condition is affine with constant coefficients.
    """

    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self.items = [(w, self._slopes(w)) for w in survey.walls]
        self._constant = [self._is_constant(i) for i in range(len(self.items))]

    def __len__(self) -> int:
        return len(self.items)

    def data(self, times: Array, order: int) -> Array:
        """The `order`-th time derivative of g, (S, walls), at times (S,)."""
        out = np.zeros((len(times), len(self.items)))
        for i in range(len(self.items)):
            if order == 0 or not self._constant[i]:
                out[:, i] = self._g(i, times, order)
        return out

    def _g(self, i: int, times: Array, order: int) -> Array:
        wall, _ = self.items[i]
        at = torch.from_numpy(np.ascontiguousarray(times)).requires_grad_(order > 0)
        with torch.set_grad_enabled(order > 0):
            value = -self._residual(i, at)
            for _ in range(order):
                if not value.requires_grad:
                    return np.zeros(len(times))
                (found,) = torch.autograd.grad(value.sum(), at, create_graph=True, allow_unused=True)
                value = torch.zeros_like(value) if found is None else found
        if not bool(torch.isfinite(value).all()):
            raise Unsupported(
                "method of lines",
                f"{self.survey.label}: the values of the condition '{wall.term.name}' have no finite time derivative",
            )
        return value.detach().numpy()

    def _points(self, i: int, times: Tensor) -> Points:
        wall = self.items[i][0] if hasattr(self, "items") and i < len(self.items) else self.survey.walls[i]
        normal = torch.full((len(times), 1), wall.normal, dtype=torch.float64)
        return Points(self.survey.coords(torch.full_like(times, wall.place), times), normal=normal)

    def _residual(self, i: int, times: Tensor) -> Tensor:
        wall, problem = self.survey.walls[i], self.survey.problem
        values = {c: torch.zeros_like(v) for c, v in self._zeros(wall.term, len(times)).items()}
        lookup = provider(problem, values, problem.trace(wall.term, raw=False).ignored)
        return residual_rows(problem, wall.term, (self._points(i, times),), lookup, {}, raw=False)[:, wall.index]

    def _zeros(self, term: Term, n: int) -> dict[Channel, Tensor]:
        return self.survey.random_values(term, n, torch.Generator().manual_seed(0))

    def _slopes(self, wall: object) -> dict[Slot, float]:
        """The coefficients of B for one condition: {(scalar, order): factor}."""
        i = self.survey.walls.index(wall)
        found, problem = self.survey.walls[i], self.survey.problem
        times = torch.tensor([self.survey.time.lower], dtype=torch.float64)
        normal = torch.full((1, 1), found.normal, dtype=torch.float64)
        points = Points(self.survey.coords(torch.full_like(times, found.place), times), normal=normal)
        slopes = linearise(problem, found.term, (points,), self._zeros(found.term, 1)).d
        out: dict[Slot, float] = {}
        for channel, slope in slopes.items():
            for index in range(slope.shape[2]):
                scalar = self.survey.scalar_of(channel.unknown, index)
                for factor, _, k in members(channel, self.survey.time.name):
                    value = factor * float(slope[0, found.index, index])
                    if value:
                        out[scalar, k] = out.get((scalar, k), 0.0) + value
        return out

    def _is_constant(self, i: int) -> bool:
        time = self.survey.time
        g = self._g(i, np.linspace(time.lower, time.upper, 33), 0)
        return bool((g == g[0]).all())


def first_scale(sizes: Array, rates: Array, extent: float) -> Array:
    """The units (R,) of errors at the start: the rows' sizes, or what their rates make of them in 2 % of the time axis.

    A row that starts at zero has no size yet; a thousandth of the largest row's is the least.
    """
    found = np.maximum(sizes, 0.02 * extent * rates)
    return np.maximum(found, max(1e-3 * float(found.max()), 1e-300))


def initial_values(survey: Survey, places: Array) -> Array:
    """The state (rows, n) at the start of time.

    Raises:
        Unsupported: where a row has no initial value, or a condition at the start is no such value.
    """
    n, problem, time = len(places), survey.problem, survey.time
    at = torch.from_numpy(np.ascontiguousarray(places))
    points = Points(survey.coords(at, torch.full_like(at, time.lower)))
    found: dict[tuple[int, int], Array] = {}
    for term in survey.initial:
        trace = problem.trace(term, raw=False)
        values = {c: torch.zeros_like(v) for c, v in survey.random_values(term, n, torch.Generator()).items()}
        result = linearise(problem, term, (points,), values)
        for j in range(trace.rows):
            uses = [
                (channel, i, slope[:, j, i])
                for channel, slope in result.d.items()
                for i in range(slope.shape[2])
                if bool((slope[:, j, i] != 0).any())
            ]
            plain = len(uses) == 1 and trace.linear and uses[0][0].order in ((), (time.name,))
            if not plain or bool((uses[0][2] == 0).any()):
                raise Unsupported(
                    "method of lines",
                    f"{survey.label}: the initial condition '{term.name}' is not the value of one unknown",
                )
            channel, i, slope = uses[0]
            level = int(channel.order == (time.name,))
            found[survey.scalar_of(channel.unknown, i), level] = (-result.r[:, j] / slope).numpy()
    out = np.empty((len(survey.rows), n))
    for k, (i, level) in enumerate(survey.rows):
        name = survey.scalars[i].unknown + (f"_{time.name}" if level else "")
        if (i, level) not in found:
            raise Unsupported(
                "method of lines", f"{survey.label}: there is no initial state of `{name}`; add Initial({name}=...)"
            )
        out[k] = found[i, level]
    if not np.isfinite(out).all() or math.isnan(float(out.sum())):
        raise Unsupported("method of lines", f"{survey.label}: the initial state is not finite everywhere")
    return out
