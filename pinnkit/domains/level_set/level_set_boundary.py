"""LevelWall: the boundary of a region, where its function vanishes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from pinnkit.domains.axes import Axis, bounds
from pinnkit.domains.directions import spread
from pinnkit.domains.points import Points
from pinnkit.domains.sampling import DEFAULT_SAMPLING, Sampling, check_sample

from .level_function import onto

if TYPE_CHECKING:
    from .region import Region


@dataclass(frozen=True, repr=False)
class LevelWall:
    """f = 0 during all of time and for all parameters, with outward normals; `Region.boundary` makes it."""

    region: Region

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of the region."""
        return self.region.axes

    @property
    def measure(self) -> float:
        """Length or area, times the extents of time and parameters."""
        return self.region.surface.measure * self.region.others

    def sample(self, n: int, generator: torch.Generator, *, sampling: Sampling = DEFAULT_SAMPLING) -> Points:
        """N points, even in area: coords `(n, d)`, normal grad f / |grad f| `(n, d_space)`, weight `(n,)`.

        Raises:
            TypeError: when `n` is no whole number, `generator` no torch.Generator, `sampling` no Sampling.
            ValueError: when n < 1.
        """
        check_sample("LevelWall.sample", n, generator, sampling)
        dim = self.region.dim
        lower, upper = (bound[dim:] for bound in bounds(self.axes))
        unit, weight = spread(sampling, n, dim - 1, len(lower), self.measure, generator)
        start = self.region.surface.at(unit[:, len(lower) :])
        x, _, gradient = onto(self.region.inside, start, self.region.surface.cell)
        normal = torch.nn.functional.normalize(gradient, dim=1)
        others = (lower + (upper - lower) * unit[:, : len(lower)]).clamp(lower, upper)
        return Points(torch.cat([x, others], dim=1), normal, weight)

    def __repr__(self) -> str:
        return f"LevelWall({self.region!r})"
