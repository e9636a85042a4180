"""Recognising an eikonal equation, s(x) = |grad T|, by how its residual behaves; nothing is parsed.

The residual of such an equation depends on the gradient alone and does not change when the gradient is rotated; the
slowness s at a point is the length of gradient at which the residual vanishes there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

from pinnkit.domains import Box, Points, Role
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.linearization import Channel, linearise
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Term
from pinnkit.references.finite_differences.grid_problem import refuse_common
from pinnkit.references.grid import Array

__all__ = ["Medium", "medium"]

_CHUNK = 400_000
_STEPS = 80


@dataclass(frozen=True)
class Medium:
    """An eikonal problem: where it is, how slow it is there, and its point sources.

    Args:
        problem: whose residual it is.
        term: the equation.
        sources: coordinates ``(m, d)``.
        starts: T at the sources ``(m,)``.
    """

    problem: Problem
    term: Term
    sources: Array
    starts: Array

    def slowness(self, coords: Array) -> Array:
        """|grad T| at points ``(n, d)``: the zero of the residual in the length of the gradient, by Newton's method.

        Raises:
            Unsupported: where there is no positive zero.
        """
        return np.concatenate([self._slowness(coords[i : i + _CHUNK]) for i in range(0, len(coords), _CHUNK)])

    def _slowness(self, coords: Array) -> Array:
        points = Points(torch.from_numpy(np.ascontiguousarray(coords)))
        length = torch.ones(len(coords), dtype=torch.float64)
        first, *others = _channels(self.problem)
        for _ in range(_STEPS):
            values = {first: length} | {c: torch.zeros_like(length) for c in others}
            found = linearise(self.problem, self.term, (points,), values)
            r, slope = found.r[:, 0], found.d[first][:, 0, 0]
            target = length - r / slope
            new = torch.minimum(torch.maximum(target, length / 8), length * 8)
            settled = bool(((new - length).abs() <= 1e-14 * length).all())
            length = new
            if settled:
                break
        found = linearise(self.problem, self.term, (points,), {first: length} | {c: 0 * length for c in others})
        error = (found.r[:, 0] / (found.d[first][:, 0, 0] * length)).abs()
        if not bool((error <= 1e-9).all()):
            raise Unsupported(
                "factored eikonal equation",
                f"problem '{self.problem.name}': at some points no length of the gradient makes the residual vanish",
            )
        return np.asarray(length.numpy())


def medium(problem: Problem) -> Medium | None:
    """The eikonal problem that `problem` is, or None where it is of another kind.

    Raises:
        Unsupported: for an eikonal equation whose data are not values at points.
    """
    box = problem.domain
    equations = [t for t in problem.terms if t.is_equation and t.sites[0] == box]
    if not isinstance(box, Box) or len(equations) != 1 or len(problem.unknowns) != 1:
        return None
    term = equations[0]
    if not term.is_local:
        return None
    if problem.unknowns[0].components is not None or any(a.role is not Role.SPACE for a in box.axes):
        return None
    if not _only_length_of_gradient(problem, term):
        return None
    refuse_common(problem)
    label = f"problem '{problem.name}'"
    others = [t for t in problem.terms if t is not term]
    for other in others:
        trace = problem.trace(other, raw=False)
        if not other.on_single_points or not trace.linear or [c.order for c in trace.channels] != [()]:
            raise Unsupported(
                "factored eikonal equation",
                f"{label}: an eikonal equation is solved from point sources only, Dirichlet(PointSet(...), T=0.0); "
                f"term '{other.name}' is of another kind",
            )
    if not others:
        raise Unsupported(
            "factored eikonal equation",
            f"{label}: the eikonal equation has no source; add Dirichlet(PointSet(...), T=0.0)",
        )
    where, starts = [], []
    for other in others:
        coords = other.sites[0].sample(10**9, Generator().manual_seed(0)).coords.double()
        (channel,) = problem.trace(other, raw=False).channels
        found = linearise(problem, other, (Points(coords),), {channel: torch.zeros(len(coords), dtype=torch.float64)})
        where.append(coords.numpy())
        starts.append((-found.r[:, 0] / found.d[channel][:, 0, 0]).numpy())
    return Medium(problem, term, np.concatenate(where), np.concatenate(starts))


def _channels(problem: Problem) -> list[Channel]:
    return [Channel(0, problem.names[0], (column,)) for column in problem.frame.space]


def _only_length_of_gradient(problem: Problem, term: Term) -> bool:
    trace = problem.trace(term, raw=False)
    wanted = {(column,) for column in problem.frame.space}
    if trace.rows != 1 or {c.order for c in trace.channels} != wanted:
        return False
    generator = Generator().manual_seed(0)
    points = problem.domain.sample(16, generator).to(torch.float64, "cpu")
    d = len(wanted)
    direction = torch.randn(16, 2, d, generator=generator, dtype=torch.float64)
    direction = direction / direction.norm(dim=2, keepdim=True)
    if d == 1:
        direction[:, 1] = -direction[:, 0]
    length = torch.rand(16, 1, generator=generator, dtype=torch.float64) + 0.5
    residuals: list[Tensor] = []
    for turned in range(2):
        gradient = length * direction[:, turned]
        values = {c: gradient[:, i].contiguous() for i, c in enumerate(_channels(problem))}
        residuals.append(linearise(problem, term, (points,), values).r)
    size = residuals[0].abs().amax() + residuals[1].abs().amax() + 1e-300
    return bool(((residuals[0] - residuals[1]).abs() <= 1e-10 * size).all())
