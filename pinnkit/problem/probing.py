"""Random probes of a term: partial derivatives of its residual at random points and states, from a fixed seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from pinnkit.domains import Part, Points, Uniform

from .channels import Channel
from .linearization import linearise
from .protocols import ProblemLike
from .terms import Term

__all__ = ["Probe", "probe", "random_values"]

POINTS = 24
"""Points of each part and size of the state."""
_SIZES = (0.1, 1.0, 10.0)
"""Sizes of the random states: a term that is small near zero, or a cap, shows at one of them."""
_SPREAD = 1e-12
"""Relative spread of a derivative that counts as constant."""


@dataclass(frozen=True)
class Probe:
    """Partial derivatives of one term's residual at random points and states; m is their number, k that of rows.

    Args:
        slopes: for each channel dr/dchannel, ``(m, k, components)``; where a row depends on the channel at several
            points (groups, integrals) the sum of the magnitudes.
        source: residual of the state zero, ``(m, k)``.
        normal: outward normal at the points, ``(m, d_space)``; None where there is none.
        parts: for each part probed its rows among the m.
    """

    slopes: Mapping[Channel, Tensor]
    source: Tensor
    normal: Tensor | None
    parts: tuple[Tensor, ...]

    def on(self, part: int) -> Probe:
        """Return the probe of one part alone."""
        at = self.parts[part]
        return Probe(
            {c: s[at] for c, s in self.slopes.items()},
            self.source[at],
            None if self.normal is None else self.normal[at],
            (torch.arange(len(at)),),
        )

    def uses(self, row: int) -> dict[tuple[Channel, int], Tensor]:
        """Return the derivatives ``(m,)`` of one row that are not zero, by channel and component; NaN is not zero."""
        return {
            (channel, i): slope[:, row, i]
            for channel, slope in self.slopes.items()
            for i in (slope[:, row] != 0).any(dim=0).nonzero()[:, 0].tolist()
        }


def random_values(
    problem: ProblemLike, channels: Iterable[Channel], n: int, generator: Generator, *, size: float = 1.0
) -> dict[Channel, Tensor]:
    """Draw normally distributed values of channels at n points, ``(n,)`` or ``(n, c)``, in float64."""
    values = {}
    for channel in channels:
        c = problem.unknown(channel.unknown).components
        shape = (n,) if c is None else (n, c)
        values[channel] = size * torch.randn(shape, generator=generator, dtype=torch.float64)
    return values


def probe(problem: ProblemLike, term: Term, parts: Sequence[Part]) -> Probe | None:
    """Differentiate the residual of a term with one site at random points of each part and at random states.

    Returns None where the residual cannot be evaluated or differentiated there.
    """
    generator = Generator().manual_seed(0)
    channels = problem.trace(term, raw=False).channels
    found: dict[Channel, list[Tensor]] = {c: [] for c in channels}
    sources, normals, owners = [], [], []
    for size in _SIZES:
        points, owner = _points(term, parts, generator)
        try:
            every = term.completed(points)
            values: dict[Channel, Tensor] = {}
            for site, sampled in enumerate(every):
                own = [c for c in channels if c.site == site]
                values |= random_values(problem, own, sampled.coords.shape[0], generator, size=size)
            zero = {c: torch.zeros_like(v) for c, v in values.items()}
            at = linearise(problem, term, every, values)
            slopes = {c: every[c.site].row_sums(s if every[c.site].group is None else s.abs()) for c, s in at.d.items()}
            sources.append(linearise(problem, term, every, zero).r)
        except (RuntimeError, NotImplementedError, ValueError):  # no derivative, or outside of a table
            return None
        for c, slope in slopes.items():
            found[c].append(slope)
        owners.append(owner)
        if points.normal is not None:
            normals.append(points.normal)
    owned = torch.cat(owners)
    return Probe(
        {c: torch.cat(s) for c, s in found.items()},
        torch.cat(sources),
        torch.cat(normals) if normals else None,
        tuple((owned == i).nonzero()[:, 0] for i in range(len(parts))),
    )


def constant(slope: Tensor) -> float | None:
    """Return the value of a derivative ``(m,)`` that is the same everywhere, to rounding; None where it varies."""
    spread, largest = slope.max() - slope.min(), slope.abs().max()
    return float(slope[0]) if bool(spread <= _SPREAD * largest) else None


def _points(term: Term, parts: Sequence[Part], generator: Generator) -> tuple[Points, Tensor]:
    """Sample each part, or take the first of the term's own points; with the number of the part of each row."""
    if term.own_points is not None and len(parts) == 1:
        points = term.own_points.rows(0, POINTS).to(torch.float64, "cpu")
        return points, torch.zeros(points.row_count, dtype=torch.int64)
    drawn = [part.sample(POINTS, generator, sampling=Uniform()).to(torch.float64, "cpu") for part in parts]
    owner = torch.cat([torch.full((p.row_count,), i) for i, p in enumerate(drawn)])
    if len(drawn) == 1:
        return drawn[0], owner
    normals = [p.normal for p in drawn if p.normal is not None]
    coords = torch.cat([p.coords for p in drawn])
    return Points(coords, torch.cat(normals) if len(normals) == len(drawn) else None), owner
