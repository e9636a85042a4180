"""Conditions that only the ansatz of a problem holds, checked on values from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from pinnkit.domains import Points, Sobol
from pinnkit.jets.jet import plain
from pinnkit.problem.hardening import softened
from pinnkit.problem.linearization import Channel, scope_of
from pinnkit.problem.problem import Problem
from pinnkit.solutions.solution import Solution
from pinnkit.verification.finding import Finding, Kind
from pinnkit.verification.measures import number, percent
from pinnkit.verification.residual_checks import MISSED
from pinnkit.verification.scales import TEST_SEED, rms

__all__ = ["ansatz_findings", "without_ansatz"]

_POINTS = 1024
_FREE = 1e-9
"""Change of the unknown with the field, relative, below which the ansatz prescribes its value."""


def without_ansatz(problem: Problem) -> Problem:
    """The same problem for the unknowns themselves: every hard condition is a term again, and there is no ansatz."""
    soft = softened(problem)
    return replace(soft, ansatz={}) if soft.ansatz else soft


def ansatz_findings(problem: Problem, solution: Solution) -> Iterator[Finding]:
    """Find walls and starts where an ansatz of the user prescribes another value.

    Args:
        problem: with its ansatz.
        solution: of the problem without it.
    """
    soft = softened(problem)
    for name in soft.ansatz:
        coords = _edges(problem)
        low, high = (_through(soft, name, coords, value, solution) for value in (0.0, 1.0))
        inside = problem.domain.sample(
            _POINTS, torch.Generator().manual_seed(TEST_SEED), sampling=Sobol()
        ).coords.double()
        size = rms(_through(soft, name, inside, 1.0, solution) - _through(soft, name, inside, 0.0, solution))
        fixed = (high - low).abs().reshape(len(coords), -1).amax(dim=1) <= _FREE * size
        if not bool(fixed.any()):
            continue
        found = solution.fieldset.unknowns(coords[fixed], solution.coefficient_tensors)[name]
        everywhere = rms(solution.fieldset.unknowns(inside, solution.coefficient_tensors)[name])
        gap = rms(found - low[fixed])
        if gap > MISSED * everywhere:
            yield Finding(
                Kind.CONDITION,
                f"the values that the ansatz of `{name}` prescribes are missed by {number(gap)} (rms), "
                f"{percent(gap / everywhere) if everywhere else number(gap)} of the solution",
                gap / everywhere if everywhere else 1.0,
                name,
            )


def _edges(problem: Problem) -> Tensor:
    """Points on all walls and at the start of time ``(n, d)``."""
    generator = torch.Generator().manual_seed(TEST_SEED)
    inside = problem.domain.sample(_POINTS, generator, sampling=Sobol()).coords.double()
    parts = []
    if problem.frame.space:
        parts.append(problem.domain.boundary.sample(_POINTS, generator, sampling=Sobol()).coords.double())
    if problem.time is not None:
        start = inside.clone()
        start[:, problem.frame.columns.index(problem.time)] = next(
            a.lower for a in problem.axes if a.name == problem.time
        )
        parts.append(start)
    return torch.cat(parts) if parts else inside


def _through(problem: Problem, name: str, coords: Tensor, value: float, solution: Solution) -> Tensor:
    """An unknown where every field is a constant."""

    def lookup(channel: Channel) -> Tensor:
        components = problem.unknown(channel.unknown).components
        shape = (len(coords),) if components is None else (len(coords), components)
        return torch.full(shape, value if channel.order == () else 0.0, dtype=torch.float64)

    coefficients: Mapping[str, Tensor] = {k: v.double() for k, v in solution.coefficient_tensors.items()}
    scope = scope_of(problem, (Points(coords),), lookup, coefficients, raw=True)
    return plain(scope[name])
