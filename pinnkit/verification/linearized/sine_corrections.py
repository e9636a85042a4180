"""Random sines as corrections of a solution: Jacobian of all terms in their weights, effect on the unknowns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from pinnkit.derivatives import terms_of
from pinnkit.domains import Points, Sobol
from pinnkit.fields import RandomFourier
from pinnkit.problem.linearization import Channel, linearise, scope_of
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Term
from pinnkit.solutions.evaluation import index
from pinnkit.solutions.solution import Solution
from pinnkit.solvers.collocation.field_groups import axes_of
from pinnkit.verification.scales import TEST_SEED
from pinnkit.verification.term_sample import subsampled

__all__ = ["SineBasis", "outputs_of"]

_BANDWIDTHS = ((2.0, 0.15), (5.0, 0.55), (16.0, 0.3))
"""Radians per half-width and share of the sines: low, medium and high frequencies, since the shape of the error is
unknown; most of them medium, to approximate undetermined components."""
_ROWS = 3.0
"""Points of an equation for each sine, so that nothing is fitted by chance."""
_NUMBERS = 2**24
"""Numbers of the sines that are evaluated at a time where rows have several points, 128 MB."""
_EVALUATED = 2**25
"""Numbers of the sines of an equation in all, a few seconds."""
_INSIDE = 1500
"""Points at which corrections are measured."""


@dataclass(frozen=True)
class _Sampled:
    """One term at its points: channels of the solution there, and the sines behind each of them."""

    term: Term
    points: tuple[Points, ...]
    values: Mapping[Channel, Tensor]
    features: Mapping[Channel, Tensor]  # where a row has one point; those at groups of points are not kept


@dataclass(frozen=True)
class SineBasis:
    """Random sines of several bandwidths for every component of every unknown.

    Args:
        solution: the corrected solution, before the ansatz if there is one.
        natural_scale: for each term the unit of its rows.
        modules: the sines of each group of unknowns.
        width: number of sines of one component.
        counts: number of points of an equation, of a condition.
    """

    solution: Solution
    natural_scale: Mapping[str, float]
    modules: Mapping[tuple[str, ...], tuple[nn.Module, ...]]
    width: int
    counts: tuple[int, int]

    @classmethod
    def of(cls, solution: Solution, natural_scale: Mapping[str, float], sines: int) -> SineBasis:
        """About `sines` sines for each component, the same for every solution; fewer where rows have many points."""
        problem = solution.problem
        generator = torch.Generator().manual_seed(TEST_SEED)
        sines = min(sines, max(int(math.sqrt(_EVALUATED / (_ROWS * _samples_of_a_row(problem)))), 1))
        modules = {}
        for group in solution.modules:
            axes = axes_of(problem, group)
            outputs = sum(problem.unknown(name).components or 1 for name in group)
            modules[group] = tuple(
                RandomFourier(max(int(share * sines), 1), bandwidth=b).build(
                    axes, outputs, generator=generator, dtype=torch.float64, device="cpu"
                )
                for b, share in _BANDWIDTHS
            )
        width = sum(max(int(share * sines), 1) for _, share in _BANDWIDTHS)
        per = int(_ROWS * width)
        return cls(solution, natural_scale, modules, width, (per, max(width // 2, 20)))

    @property
    def count(self) -> int:
        """Columns without those of the coefficients."""
        return self.width * outputs_of(self.solution.problem)

    def rows(self, step: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Rows and Jacobian of all terms in relative units, at the solution or after a correction ``(P,)``."""
        problem, coefficients = self.solution.problem, self._coefficients(step)
        rows, blocks = [], []
        for at in self._sampled:
            found = linearise(problem, at.term, at.points, self._corrected(at, step), coefficients, raw=True)
            n, k = found.r.shape
            block = torch.zeros(n, k, self.count + len(coefficients), dtype=torch.float64)
            for channel, slope in found.d.items():
                for rows_here, samples, part, phi in self._parts(at, channel):
                    for j in range(slope.shape[-1]):
                        start = self.width * (self._first(channel.unknown) + j)
                        product = part.row_products(slope[samples, :, j], phi)
                        block[rows_here, :, start : start + self.width] += product
            for i, name in enumerate(coefficients):
                block[:, :, self.count + i] = found.dc[name]
            scale = self._scale(at.term, n * k)
            rows.append(scale * found.r.reshape(-1))
            blocks.append(scale * block.reshape(n * k, -1))
        return torch.cat(rows), torch.cat(blocks)

    def owners(self) -> Tensor:
        """Number of the term of each row."""
        problem = self.solution.problem
        counts = [at.points[0].row_count * problem.trace(at.term, raw=True).rows for at in self._sampled]
        return torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))

    def residual(self, step: Tensor) -> Tensor:
        """Nonlinear rows after a correction."""
        problem, coefficients = self.solution.problem, self._coefficients(step)
        found = []
        for at in self._sampled:
            values = self._corrected(at, step)
            r = linearise(problem, at.term, at.points, values, coefficients, raw=True).r.reshape(-1)
            found.append(self._scale(at.term, len(r)) * r)
        return torch.cat(found)

    @cached_property
    def _sampled(self) -> tuple[_Sampled, ...]:
        """Points, values and sines of every term."""
        found = []
        for term in self.solution.problem.terms:
            points = self._points(term)
            channels = self.solution.problem.trace(term, raw=True).channels
            features = {c: self._features(c, points[c.site]) for c in channels if points[c.site].group is None}
            found.append(_Sampled(term, points, self._values(points, channels), features))
        return tuple(found)

    @cached_property
    def effect(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """For each unknown points where it lives ``(n, d)`` and the effect of each column ``(n * components, P)``."""
        problem = self.solution.problem
        coefficients = self._coefficients(None)
        total = self.count + len(coefficients)
        channels = [Channel(0, name, ()) for name in problem.names]
        out, inside = {}, {}
        for name in problem.names:
            generator = torch.Generator().manual_seed(TEST_SEED)
            drawn = problem.domain_of(name).sample(_INSIDE, generator, sampling=Sobol())
            inside[name] = drawn.coords.double()
            points = (drawn._replace(coords=inside[name]),)
            components = problem.unknown(name).components or 1
            matrix = torch.zeros(_INSIDE, components, total, dtype=torch.float64)
            for other, slope in self._slopes(name, points, channels, coefficients).items():
                for i in range(components):
                    for j in range(slope.shape[-1]):
                        start = self.width * (self._first(other) + j)
                        phi = self._features(Channel(0, other, ()), points[0])
                        matrix[:, i, start : start + self.width] += slope[:, i, j, None] * phi
            out[name] = matrix.reshape(_INSIDE * components, total)
        return inside, out

    def _slopes(
        self, name: str, points: tuple[Points, ...], channels: list[Channel], coefficients: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """The ansatz' derivative: of an unknown in the raw values, ``(n, components, raw components)`` each."""
        problem = self.solution.problem
        own = problem.unknown(name).components or 1
        if name not in problem.ansatz:
            return {name: torch.eye(own, dtype=torch.float64).expand(_INSIDE, own, own)}
        every = {channel: value.requires_grad_() for channel, value in self._values(points, channels).items()}

        def lookup(channel: Channel) -> Tensor:
            return every[channel] if channel in every else self._values(points, [channel])[channel]

        with torch.enable_grad():
            value = scope_of(problem, points, lookup, coefficients, raw=True)[name].value.reshape(_INSIDE, -1)
            out: dict[str, list[Tensor]] = {c.unknown: [] for c in channels}
            for i in range(value.shape[1]):
                grads = torch.autograd.grad(
                    value[:, i].sum(), list(every.values()), retain_graph=True, allow_unused=True
                )
                for channel, leaf, grad in zip(every, every.values(), grads, strict=True):
                    found = torch.zeros_like(leaf) if grad is None else grad
                    out[channel.unknown].append(found.reshape(_INSIDE, -1))
        return {other: torch.stack(parts, dim=1) for other, parts in out.items()}

    def _scale(self, term: Term, rows: int) -> float:
        return 1 / (self.natural_scale[str(term.name)] * math.sqrt(rows))

    def _points(self, term: Term) -> tuple[Points, ...]:
        generator = torch.Generator().manual_seed(TEST_SEED + 1)
        n = self.counts[0] if term.is_equation else self.counts[1]
        drawn = term.finer().sample(n, generator, Sobol())
        return tuple(p.to(torch.float64, torch.device("cpu")) for p in subsampled(drawn, self.counts[0]))

    def _values(self, points: tuple[Points, ...], channels: Iterable[Channel]) -> dict[Channel, Tensor]:
        s = self.solution
        there = tuple(p.to(s.dtype, torch.device(s.device)) for p in points)
        with torch.no_grad():
            return {c: v.detach().double().cpu() for c, v in s.fieldset.channels(there, channels).items()}

    def _corrected(self, at: _Sampled, step: Tensor | None) -> dict[Channel, Tensor]:
        """Channels of the solution after a correction."""
        values = dict(at.values)
        if step is None:
            return values
        for channel, value in values.items():
            start = self.width * self._first(channel.unknown)
            components = self.solution.problem.unknown(channel.unknown).components
            weights = step[start : start + self.width * (components or 1)].reshape(-1, self.width)
            added = torch.cat([phi @ weights.T for *_, phi in self._parts(at, channel)])
            values[channel] = value + (added[:, 0] if components is None else added)
        return values

    def _coefficients(self, step: Tensor | None) -> dict[str, Tensor]:
        """Coefficients of the solution after a correction."""
        found = {k: torch.tensor(v, dtype=torch.float64) for k, v in self.solution.coefficients.items()}
        if step is not None:
            for i, name in enumerate(found):
                found[name] = found[name] + step[self.count + i]
        return found

    def _parts(self, at: _Sampled, channel: Channel) -> Iterator[tuple[slice, slice, Points, Tensor]]:
        """Rows, samples, points and the sines there, in parts of bounded size where a row has several samples."""
        points = at.points[channel.site]
        if channel in at.features:
            yield slice(None), slice(None), points, at.features[channel]
            return
        rows, samples = points.row_count, points.coords.shape[0]
        step = max(_NUMBERS // self.width * rows // max(samples, 1), 1)
        first = 0
        for start in range(0, rows, step):
            part = points.rows(start, start + step)
            last = first + part.coords.shape[0]
            yield slice(start, start + step), slice(first, last), part, self._features(channel, part)
            first = last

    def _features(self, channel: Channel, points: Points) -> Tensor:
        """The sines behind a channel, ``(n, width)``."""
        problem = self.solution.problem
        group = next(g for g in self.modules if channel.unknown in g)
        columns = self.solution.fieldset.columns(group)
        local = {problem.frame.columns[c]: i for i, c in enumerate(columns)}
        members = terms_of(index(channel.order, local))
        coords = points.coords[:, list(columns)]
        parts = []
        for module in self.modules[group]:
            phi = module.features(coords, [o for _, o in members])  # type: ignore[operator]
            parts.append(sum(factor * phi[o] for factor, o in members))
        return torch.cat(parts, dim=1)

    def _first(self, unknown: str) -> int:
        """Number of components before those of `unknown`."""
        names = self.solution.problem.names
        return sum(self.solution.problem.unknown(n).components or 1 for n in names[: names.index(unknown)])


def _samples_of_a_row(problem: Problem) -> int:
    """Largest number of points that a row of an equation has at a site."""
    generator = torch.Generator().manual_seed(0)
    found = [t.finer().sample(4, generator, Sobol()) for t in problem.terms if t.is_equation]
    return max((-(-p.coords.shape[0] // max(p.row_count, 1)) for points in found for p in points), default=1)


def outputs_of(problem: Problem) -> int:
    """The number of components of all unknowns together."""
    return sum(u.components or 1 for u in problem.unknowns)
