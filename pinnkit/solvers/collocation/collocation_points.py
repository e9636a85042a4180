"""Collocation points: drawn in chunks from a seed, so that they are regenerated instead of stored.

Chunk i of draw k depends on the seed, k and i alone: a resumed run uses the same points, and ten million of them need
no more memory than one chunk.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from pinnkit.domains import Boundary, Faces, Part, Points, PointSet, Sampling, ShapeWall, Sobol, columns
from pinnkit.domains.pieces.restricted import Restricted
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Term
from pinnkit.solvers.protocols import SamplingPlan

__all__ = ["CollocationPoints", "counts_of", "generator_of"]

CHUNK = 8192
"""Rows per chunk: large enough for efficient matrix products, small enough for the cache of one core."""
_KEEP = 262_144
"""Largest number of points of a term that are kept in memory."""


def generator_of(*key: int) -> torch.Generator:
    """Generator on the CPU whose stream is fixed by the integers of `key`, independent for different keys."""
    # The length comes first, since SeedSequence takes (1, 2) and (1, 2, 0) for the same entropy.
    seed = int(np.random.SeedSequence((len(key), *key)).generate_state(1, np.uint64)[0] >> 1)
    return torch.Generator().manual_seed(seed)


@dataclass(frozen=True)
class CollocationPoints:
    """Points of every term of a problem for one draw.

    Args:
        problem: owner of the terms.
        counts: number of points of each term, by name.
        seed: of the run.
        draw: 0, 1, ... : fresh points for every draw.
        device: of the points.
        dtype: of the points.
        sampling: layout of the points.
        chunk: rows per chunk.
        batch: largest number of rows taken of those that a term brings itself, a fresh choice for every draw.
        chosen: coordinates ``(n, d)`` that replace drawn points, by term.
    """

    problem: Problem
    counts: dict[str, int]
    seed: int
    draw: int = 0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype = torch.float64
    sampling: Sampling = field(default_factory=Sobol)
    chunk: int = CHUNK
    batch: int | None = None
    chosen: Mapping[str, Tensor] = field(default_factory=dict)
    _kept: dict[tuple[str, int], tuple[Points, ...]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def planned(
        cls,
        problem: Problem,
        plan: SamplingPlan,
        seed: int,
        *,
        draw: int = 0,
        device: torch.device,
        dtype: torch.dtype,
        chunk: int = CHUNK,
    ) -> CollocationPoints:
        """Points of a solver's sampling plan."""
        if plan.batch is None:
            counts = counts_of(problem, plan.points, plan.condition_points)
        else:
            counts = {name: min(n, plan.batch) for name, n in counts_of(problem, plan.batch, plan.batch).items()}
        return cls(
            problem,
            counts,
            seed,
            draw=draw,
            device=device,
            dtype=dtype,
            sampling=plan.sampling,
            chunk=chunk,
            batch=plan.batch,
        )

    def size(self, term: Term) -> int:
        """Number of rows of a term: of points, or of groups of them."""
        if not isinstance(term.points, Points):
            return self.counts[str(term.name)]
        own = term.points.row_count
        return own if self.batch is None else min(own, self.batch)

    def chunks(self, term: Term) -> Iterator[tuple[Points, ...]]:
        """Points of `term`, chunk by chunk, one set for each of its sites, then the nodes of its integrals."""
        total = self.size(term)
        keep = total <= _KEEP
        for i, start in enumerate(range(0, total, self.chunk)):
            key = (str(term.name), i)
            if key in self._kept:
                yield self._kept[key]
                continue
            points = self._chunk(term, i, start, min(start + self.chunk, total))
            if keep:
                self._kept[key] = points
            yield points

    def whole(self, term: Term) -> tuple[Points, ...]:
        """All points of `term` as one chunk, kept for solvers that need them at every step."""
        key = str(term.name), -1
        if key not in self._kept:
            self._kept[key] = self._chunk(term, 0, 0, self.size(term))
        return self._kept[key]

    def _chunk(self, term: Term, i: int, start: int, stop: int) -> tuple[Points, ...]:
        index = [t.name for t in self.problem.terms].index(term.name)
        if isinstance(term.points, Points) and self.size(term) < term.points.row_count:
            rows = _shuffled(term.points.row_count, self.size(term), self.seed, self.draw, index)
            drawn: tuple[Points, ...] = term.completed(term.points.take(rows[start:stop]))
        elif isinstance(term.points, Points):
            drawn = term.completed(term.points.rows(start, stop))
        elif str(term.name) in self.chosen:
            drawn = term.completed(Points(self.chosen[str(term.name)][start:stop]))
        elif len(term.sites) == 1 and isinstance(term.sites[0], PointSet):  # rows of one draw, so that none is repeated
            whole = term.sample(self.size(term), generator_of(self.seed, self.draw, index), self.sampling)
            drawn = tuple(points.rows(start, stop) for points in whole)
        else:
            drawn = term.sample(stop - start, generator_of(self.seed, self.draw, index, i), self.sampling)
        return tuple(points.to(self.dtype, self.device) for points in drawn)


def _shuffled(total: int, batch: int, seed: int, draw: int, index: int) -> Tensor:
    """Rows of batch `draw`: every row is used once before any is repeated, except a remainder after the last batch."""
    each = total // batch
    at = draw % each * batch
    return _permutation(total, seed, draw // each, index)[at : at + batch]


@lru_cache(maxsize=16)
def _permutation(total: int, seed: int, epoch: int, index: int) -> Tensor:
    return torch.randperm(total, generator=generator_of(seed, epoch, index))


def counts_of(problem: Problem, equation: int, condition: int) -> dict[str, int]:
    """Points per term: the number that the term states, else `equation` for equations and `condition` for the rest."""
    counts = {}
    for term in problem.terms:
        default = equation if term.is_equation else condition
        wanted = term.points if isinstance(term.points, int) else default
        counts[str(term.name)] = min([wanted, *(_number_of_points(site) for site in term.sites)])
    return counts


def _number_of_points(site: Part) -> int:
    """Number of points of a finite part: a PointSet, the ends of an interval, the start of an ODE; else no limit."""
    if isinstance(site, PointSet):
        return int(site.coords.shape[0])
    if len(columns(site.axes)) > 1:
        return 2**30
    if isinstance(site, Faces):
        return len(site.walls)
    return max(round(site.measure), 1) if isinstance(site, ShapeWall | Boundary | Restricted) else 2**30
