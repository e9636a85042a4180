"""Identity of a problem's terms: residuals at a few points, compared when a solution is loaded.

Functions cannot be compared themselves.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from pinnkit.domains import Points
from pinnkit.problem.linearization import Channel, residual_rows
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Term

__all__ = ["differing_terms", "probe", "probe_rows"]

_POINTS = 8
_SAME = 1e-6
"""Relative tolerance, above the rounding differences between machines."""
_ZERO = 1e-12


def probe(problem: Problem) -> dict[str, list[float]]:
    """For each term its residuals at a few points for random values of the fields, and sums over its data."""
    out = {}
    for term in problem.terms:
        generator = torch.Generator().manual_seed(0)
        sampled = term.sample(_POINTS, generator)
        few = tuple(p.rows(0, _POINTS).to(torch.float64) for p in sampled)
        numbers = probe_rows(problem, term, few, generator)
        data = [torch.stack([c.double().sum(), c.double().square().sum()]) for p in sampled for c in p.columns.values()]
        out[str(term.name)] = torch.cat([numbers, *data]).tolist()
    return out


def differing_terms(problem: Problem, stored: dict[str, list[float]]) -> list[str]:
    """Names of the terms that differ from those whose `probe` was stored, are missing, or are new."""
    own = probe(problem)
    out = [name for name in {**own, **stored} if name not in own or name not in stored]
    for name in own:
        if name in out:
            continue
        a, b = (torch.tensor(numbers, dtype=torch.float64) for numbers in (own[name], stored[name]))
        if a.shape != b.shape or not torch.allclose(a, b, rtol=_SAME, atol=_ZERO, equal_nan=True):
            out.append(name)
    return out


def probe_rows(problem: Problem, term: Term, points: tuple[Points, ...], generator: Generator) -> Tensor:
    """The residuals of a term for random values of the fields, as one vector."""
    asked: dict[Channel, Tensor] = {}

    def drawn(channel: Channel) -> Tensor:
        if channel not in asked:
            n = points[channel.site].coords.shape[0]
            components = problem.unknown(channel.unknown).components
            shape = (n,) if components is None else (n, components)
            asked[channel] = torch.randn(shape, generator=generator, dtype=torch.float64)
        return asked[channel]

    with torch.no_grad():
        return residual_rows(problem, term, points, drawn, problem.initial_coefficients(), raw=True).reshape(-1)
