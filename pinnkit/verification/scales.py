"""Sizes of the unknowns: measured, or from the equations for unknowns that vanish."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from pinnkit.domains import Points, Sobol
from pinnkit.problem.linearization import Channel, linearise
from pinnkit.problem.problem import Problem
from pinnkit.problem.residual_parts import residual_parts
from pinnkit.problem.terms import Term

__all__ = ["TEST_SEED", "Unknowns", "least_sizes", "rms", "sizes_of"]

TEST_SEED = 1_618_033_988  # of points that no solve has seen: solves take their points from seeds that users type
_POINTS = 512
_COUPLED = 1e-10
"""Smallest bound that counts, relative to the largest unknown."""
_VANISHES = 1e-3
"""Size of an unknown that counts as zero, relative to the size at which the equations notice it."""

Unknowns = Callable[[Sequence[Points], Sequence[Channel]], Mapping[Channel, Tensor]]
"""Derivatives of the unknowns at the points of each site, ``(n,)`` or ``(n, c)``."""


def sizes_of(
    problem: Problem,
    unknowns: Unknowns,
    least: Mapping[str, float],
    *,
    dtype: torch.dtype = torch.float64,
    device: str = "cpu",
) -> dict[str, float]:
    """Size of each unknown: its root mean square in the domain, or a lower bound for an unknown that may vanish.

    The transverse velocity of a channel flow is zero, and comes out as rounding; divided by itself it tells nothing.
    An unknown v whose own equation, walls and initial state prescribe zero gets the lower bound 1e-3 s: with s, v
    contributes as much to an equation as the largest of the other unknowns, in the equation where s is least.

    Args:
        problem: the problem.
        unknowns: gives channels of the unknowns at points.
        least: the lower bounds, by `least_sizes`.
        dtype: of the points.
        device: of the points.
    """
    sizes = _measured(problem, unknowns, dtype, device)
    return {name: max(size, least.get(name, 0.0)) for name, size in sizes.items()}


def least_sizes(
    problem: Problem,
    unknowns: Unknowns,
    coefficients: Mapping[str, Tensor],
    *,
    dtype: torch.dtype = torch.float64,
    device: str = "cpu",
) -> dict[str, float]:
    """Lower bounds of the sizes of unknowns that may vanish, see `sizes_of`; with the `coefficients` of the problem."""
    undriven = _undriven(problem) if len(problem.names) > 1 else set()
    if not undriven:
        return {}
    sizes = _measured(problem, unknowns, dtype, device)
    bounds: dict[str, float] = {}
    for term in problem.structure.equation_terms:
        weights = _weights(problem, term, unknowns, coefficients, dtype, device)
        for name in undriven & set(weights):
            others = [weights[other] * sizes[other] for other in weights if other != name]
            if not others or not weights[name] > 0:
                continue
            bound = _VANISHES * max(others) / weights[name]
            if bound > _COUPLED * max(sizes.values()):  # else the others enter by products with this one alone
                bounds[name] = min(bounds.get(name, float("inf")), bound)
    return bounds


def _measured(problem: Problem, unknowns: Unknowns, dtype: torch.dtype, device: str) -> dict[str, float]:
    sizes: dict[str, float] = {}
    for domain in dict.fromkeys(problem.domain_of(name) for name in problem.names):
        generator = torch.Generator().manual_seed(TEST_SEED)
        inside = domain.sample(_POINTS, generator, sampling=Sobol()).to(dtype, device)
        own = [Channel(0, name, ()) for name in problem.names if problem.domain_of(name) == domain]
        sizes |= {channel.unknown: rms(value) for channel, value in unknowns((inside,), own).items()}
    return sizes


def _weights(
    problem: Problem,
    term: Term,
    unknowns: Unknowns,
    coefficients: Mapping[str, Tensor],
    dtype: torch.dtype,
    device: str,
) -> dict[str, float]:
    """Contribution of each unknown to the residual, for a field of size one that varies over the whole domain."""
    generator = torch.Generator().manual_seed(TEST_SEED)
    points = tuple(p.to(dtype, device) for p in term.sample(_POINTS, generator, Sobol()))
    values = unknowns(points, problem.trace(term, raw=False).channels)
    out: dict[str, float] = {}
    for part in residual_parts(problem, linearise(problem, term, points, values, coefficients), values):
        out[part.unknown] = max(out.get(part.unknown, 0.0), part.natural)
    return out


def _undriven(problem: Problem) -> set[str]:
    """Unknowns whose own equations, walls and initial states all prescribe zero, without data and an ansatz."""
    structure = problem.structure
    if problem.ansatz or structure.data or structure.at_points:
        return set()
    rows = [(row.settles, row.homogeneous) for row in structure.equations]
    rows += [(c.component, c.homogeneous) for c in structure.conditions]
    rows += [(i.component, i.homogeneous) for i in structure.initial]
    return set(problem.names) - {c.unknown for c, zero in rows if c is not None and zero is not True}


def rms(values: Tensor) -> float:
    """Root mean square; 0 of nothing."""
    return float(values.double().square().mean().sqrt()) if values.numel() else 0.0
