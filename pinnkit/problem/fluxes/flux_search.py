"""Search for the flux of each row of an equation, by its derivatives with respect to the divergences that it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
from torch import Generator, Tensor

from pinnkit.jets.divergences import record_divergences
from pinnkit.problem.channels import Channel
from pinnkit.problem.linearization import residual_rows
from pinnkit.problem.probing import constant, random_values
from pinnkit.problem.protocols import ProblemLike
from pinnkit.problem.terms import Term

from .equation_flux import EquationFlux, FluxPart

__all__ = ["fluxes_of"]

_POINTS = 24
"""Points of each size of the state."""
_SIZES = (0.1, 1.0, 10.0)
"""Sizes of the random states."""
_Key = tuple[int, int | None]


def fluxes_of(problem: ProblemLike, term: Term, rows: int) -> tuple[EquationFlux | None, ...]:
    """Fluxes of the rows of a bound term; None for rows without one.

    A row has a flux where it takes one divergence, or several with constant factors, found by differentiating it at
    random points and states.  Rows with integrals or groups of points have none.

    Args:
        problem: owner of the term.
        term: an equation.
        rows: number of its rows.
    """
    if term.rule is not None or not term.is_local:
        return (None,) * rows
    generator = Generator().manual_seed(0)
    try:
        probes = [_probe(problem, term, generator, size) for size in _SIZES]
    except (RuntimeError, NotImplementedError, ValueError):  # no derivative, or outside of a table
        return (None,) * rows
    if not probes[0]:
        return (None,) * rows
    slopes = {key: torch.cat([each[key] for each in probes]) for key in probes[0]}
    residual = cast(Callable[..., Any], term.residual)
    return tuple(_flux(residual, {k: s[:, row] for k, s in slopes.items()}) for row in range(rows))


def _probe(problem: ProblemLike, term: Term, generator: Generator, size: float) -> dict[_Key, Tensor]:
    """Derivatives ``(m, rows)`` of a residual with respect to each divergence and component at random values."""
    drawn = term.sample(_POINTS, generator)
    points = tuple(p.rows(0, _POINTS).to(torch.float64, "cpu") for p in drawn)
    values: dict[Channel, Tensor] = {}

    def lookup(channel: Channel) -> Tensor:
        if channel not in values:
            count = points[channel.site].coords.shape[0]
            values.update(random_values(problem, [channel], count, generator, size=size))
        return values[channel]

    start = problem.initial_coefficients().items()
    coefficients = {name: (value.double() * (1 + size / 7)) for name, value in start}
    with torch.enable_grad(), record_divergences() as record:
        rows = residual_rows(problem, term, points, lookup, coefficients, raw=False)
        offsets = {i: offset for i, offset in enumerate(record.offsets) if offset is not None}
        slopes = [_slopes(rows[:, j], list(offsets.values())) for j in range(rows.shape[1])]
    found: dict[_Key, Tensor] = {}
    for at, (i, offset) in enumerate(offsets.items()):
        stacked = torch.stack([row[at] for row in slopes], dim=1)  # (m, rows) or (m, rows, components)
        if offset.ndim == 1:
            found[i, None] = stacked
        else:
            found.update({(i, c): stacked[:, :, c] for c in range(offset.shape[1])})
    return found


def _slopes(row: Tensor, leaves: list[Tensor]) -> list[Tensor]:
    if not row.requires_grad or not leaves:
        return [torch.zeros_like(leaf) for leaf in leaves]
    found = torch.autograd.grad(row.sum(), leaves, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(leaf) if g is None else g for leaf, g in zip(leaves, found, strict=True)]


def _flux(residual: Callable[..., Any], slopes: Mapping[_Key, Tensor]) -> EquationFlux | None:
    """Flux of one row from its derivatives with respect to the divergences."""
    used = {key: slope for key, slope in slopes.items() if bool((slope != 0).any())}
    if not used or not all(bool(torch.isfinite(slope).all()) for slope in used.values()):
        return None
    factors = {key: constant(slope) for key, slope in used.items()}
    first = next(iter(factors.values()))
    if len(used) == 1:
        ((i, c),) = used
        return EquationFlux(residual, (FluxPart(i, c, 1.0),), first)
    if first is None:
        return None
    parts = []
    for (i, c), factor in factors.items():
        if factor is None:
            return None
        parts.append(FluxPart(i, c, factor / first))
    return EquationFlux(residual, tuple(parts), first)
