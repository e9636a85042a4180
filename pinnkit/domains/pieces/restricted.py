"""Parts restricted to a piece: the points of a wall, or of an end of time, that lie in a piece of the domain."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Generator, Tensor

from pinnkit.domains.axes import Axis
from pinnkit.domains.points import Points
from pinnkit.domains.protocols import Domain, InTime, Part
from pinnkit.domains.sampling import DEFAULT_SAMPLING, Sampling, Sobol, check_sample

__all__ = ["Restricted", "inside", "share_inside"]

_NEAR = 1e-9
"""Distance to a piece, relative to the size of the coordinates, up to which a point counts as in it."""
_PROBES = 4096
"""Points by which the share of a part in a piece is measured."""
_TRIES = 8


@dataclass(frozen=True, repr=False)
class Restricted:
    """The points of a part that lie in a domain, walls included: a wall of a composite as far as one piece reaches.

    Args:
        part: with or without normals, which are kept.
        domain: with the same axes.

    Raises:
        ValueError: where no point of the part lies in the domain.
    """

    part: Part
    domain: Domain

    def __post_init__(self) -> None:
        if not self._share > 0:
            raise ValueError(f"no part of {self.part!r} lies in {self.domain!r}")

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of the part."""
        return self.part.axes

    @property
    def measure(self) -> float:
        """Measure of the part times the share that lies in the domain, by 4,096 fixed points."""
        return self.part.measure * self._share

    def sample(self, n: int, generator: Generator, *, sampling: Sampling = DEFAULT_SAMPLING) -> Points:
        """N points, by rejection from the part, with weights that sum to the measure.

        Raises:
            TypeError: when `n` is no whole number, `generator` no torch.Generator, `sampling` no Sampling.
            ValueError: when n < 1.
        """
        check_sample("Restricted.sample", n, generator, sampling)
        count = math.ceil(1.1 * n / self._share) + 16
        state = generator.get_state()
        for _ in range(_TRIES):
            generator.set_state(state)
            drawn = self.part.sample(count, generator, sampling=sampling)
            kept = torch.nonzero(inside(self.domain, drawn.coords))[:, 0]
            if len(kept) >= n or drawn.coords.shape[0] < count:
                break
            count *= 2
        if len(kept) > n:  # evenly spread over the draw, whose rows may be ordered by wall
            kept = kept[torch.linspace(0, len(kept) - 1, n, dtype=torch.float64).round().long()]
        points = drawn.take(kept)
        if points.weight is None or not len(kept):
            return points
        return points._replace(weight=points.weight * (self.measure / float(points.weight.sum())))

    def with_time(self, lower: float, upper: float) -> Restricted:
        """The same part during another time.

        Raises:
            TypeError: for a part whose times are fixed.
        """
        if not isinstance(self.part, InTime):
            raise TypeError(f"{self.part!r} cannot be moved to another time")
        return Restricted(self.part.with_time(lower, upper), self.domain.with_time(lower, upper))

    @cached_property
    def _share(self) -> float:
        return share_inside(self.part, self.domain)

    def __repr__(self) -> str:
        return f"{self.part!r} in {self.domain!r}"


def inside(domain: Domain, coords: Tensor) -> Tensor:
    """True for each point `(n, d)` in the closed domain up to rounding, `(n,)`."""
    size = max(1.0, float(coords.abs().max())) if coords.numel() else 1.0
    return domain.signed_distance(coords) <= _NEAR * size


def share_inside(part: Part, domain: Domain) -> float:
    """Share of the measure of a part that lies in a domain, by fixed points."""
    points = part.sample(_PROBES, Generator().manual_seed(0), sampling=Sobol())
    if not points.coords.shape[0]:
        return 0.0
    within = inside(domain, points.coords).double()
    return float(within.mean()) if points.weight is None else float(within @ points.weight / points.weight.sum())
