"""Derivatives of the equations' residuals with respect to their channels, at points in the domain or on a wall."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Generator, Tensor

from pinnkit.domains import Part, Points, Uniform
from pinnkit.problem.linearization import Channel, linearise
from pinnkit.problem.probing import random_values
from pinnkit.problem.problem import Problem

from .symbol import Slopes

__all__ = ["Values", "equation_slopes", "random_state"]

_POINTS = 24

Values = Callable[[Sequence[Points], Sequence[Channel]], Mapping[Channel, Tensor]]
"""Derivatives of the unknowns at points of each site."""


def random_state(problem: Problem) -> Values:
    """Return normally distributed derivatives of the unknowns, for linear problems, where they do not matter."""

    def values(points: Sequence[Points], channels: Sequence[Channel]) -> Mapping[Channel, Tensor]:
        return random_values(problem, channels, points[0].coords.shape[0], Generator().manual_seed(1))

    return values


def equation_slopes(
    problem: Problem, values: Values, coefficients: Mapping[str, Tensor], part: Part | None = None
) -> dict[str, Slopes] | None:
    """Linearise every equation at points of a part, the domain by default; None where that is not possible.

    Args:
        problem: the problem.
        values: derivatives of the unknowns at points.
        coefficients: of the problem.
        part: where; a wall, for instance.
    """
    generator = Generator().manual_seed(0)
    where = problem.domain if part is None else part
    points = (where.sample(_POINTS, generator, sampling=Uniform()).to(torch.float64, "cpu"),)
    out: dict[str, Slopes] = {}
    for term in problem.structure.equation_terms:
        channels = problem.trace(term, raw=False).channels
        try:
            out[str(term.name)] = linearise(problem, term, points, values(points, channels), coefficients).d
        except (RuntimeError, NotImplementedError, ValueError):  # no derivative, or outside of a table
            return None
    return out
