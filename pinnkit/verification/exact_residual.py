"""Residual of the exact solution in the terms of its own problem."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from pinnkit.domains import Points, Sobol
from pinnkit.jets.evaluation.autograd import autograd_jets
from pinnkit.problem.linearization import Channel
from pinnkit.problem.problem import Problem
from pinnkit.solutions.evaluation import index
from pinnkit.solutions.solution import exact_values

from .finding import Finding, Kind
from .measures import number
from .scales import TEST_SEED
from .term_sample import Sample, vanishes

__all__ = ["check_exact"]

_ALLOWED = 1e-3
"""Relative residual of the exact solution up to which it counts as one, rounding and truncated series included."""
_POINTS = 1024
_STEP = 1e-5
"""Step of the difference quotient, as a fraction of an axis."""
_AGREE = 1e-3
"""Relative difference of a derivative and a difference quotient up to which they agree."""
_KINKS = 0.1
"""Fraction of the points at which they may disagree."""


def check_exact(problem: Problem) -> Iterator[Finding]:
    """Find terms that the exact solution does not satisfy.

    Left out are data, problems with coefficients to be found (the exact solution holds for their true values), and
    exact solutions that automatic differentiation does not differentiate.

    Args:
        problem: with or without an exact solution.
    """
    if not problem.exact or problem.coefficients or not _differentiable(problem):
        return
    exact = _Exact(problem)
    for term in problem.terms:
        used = {c.unknown for c in problem.trace(term, raw=False).channels}
        if not vanishes(term) or term.fits_data or not used <= set(problem.exact):
            continue
        check = Sample.at(problem, term, exact, {}, count=_POINTS).check
        if math.isfinite(check.relative) and check.relative > _ALLOWED:
            yield Finding(
                Kind.CLOSED_FORM,
                f"the exact solution given does not satisfy term '{check.name}' (relative residual "
                f"{number(check.relative)}): check the signs and numbers of the term and of `exact`",
                check.relative,
                check.name,
            )


@dataclass(frozen=True)
class _Exact:
    """Derivatives of the exact solution, by automatic differentiation in float64."""

    problem: Problem

    def __call__(self, points: Sequence[Points], channels: Sequence[Channel]) -> Mapping[Channel, Tensor]:
        local = {column: i for i, column in enumerate(self.problem.frame.columns)}
        found = {}
        for c in channels:
            if c.unknown not in self.problem.exact:  # asked for its size alone
                found[c] = _zero(self.problem, points[c.site].coords, c.unknown)
                continue
            order = index(c.order, local)
            value = autograd_jets(partial(self.at, c.unknown), points[c.site].coords, [order])[order]
            value = value.detach()
            found[c] = value if self.problem.unknown(c.unknown).components else value[:, 0]
        return found

    def at(self, name: str, coords: Tensor) -> Tensor:
        """Values of one unknown, ``(n, components)``."""
        value = exact_values(self.problem, coords, {})[name]
        return value if value.ndim == 2 else value[:, None]


def _zero(problem: Problem, coords: Tensor, name: str) -> Tensor:
    components = problem.unknown(name).components
    return coords.new_zeros(len(coords) if components is None else (len(coords), components))


def _differentiable(problem: Problem) -> bool:
    """Compare derivatives along a fixed direction with difference quotients; kinks at a few points are allowed."""
    generator = torch.Generator().manual_seed(TEST_SEED)
    coords = problem.domain.sample(_POINTS // 4, generator, sampling=Sobol()).coords.double()
    extent = torch.tensor([a.upper - a.lower for a in problem.axes for _ in a.columns], dtype=torch.float64)
    step = _STEP * extent
    exact = _Exact(problem)
    orders = [(i,) for i in range(len(extent))]
    try:
        for name in problem.exact:
            slopes = autograd_jets(partial(exact.at, name), coords, orders)
            along = torch.stack([slopes[o] * s for o, s in zip(orders, step, strict=True)]).sum(dim=0)
            values = [exact.at(name, coords + k * step) for k in (-1, 0, 1)]
            quotient = (values[2] - values[0]) / 2
            size = along.abs() + quotient.abs() + _STEP * values[1].abs() * _AGREE
            if not float(((along - quotient).abs() <= _AGREE * size + 1e-15).double().mean()) >= 1 - _KINKS:
                return False
    except (RuntimeError, TypeError, ValueError, NotImplementedError):  # of the user's function
        return False
    return True
