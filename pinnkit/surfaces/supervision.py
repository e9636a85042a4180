"""Where a surface problem is sampled: near its points and in all of the box, with the distance where it is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from pinnkit.domains import Axis, Box, Points, Sampling

__all__ = ["Around", "Guide"]

Guide = Callable[[Tensor], Tensor]
"""A signed distance that is known already: ``(n, d)`` -> ``(n,)``, negative inside, such as a `GridField`."""

_ROOM = 1.17
"""The box of the points is widened by so much for the samples that fill it."""


@dataclass(frozen=True, eq=False)
class Around:
    """A part of `domain`: fresh samples near given points, in the box of the points, and in the whole domain.

    Near samples are a point plus Gaussian noise, half of them with each of the two `widths`.  Three quarters of the
    others fill the box of the points, widened by 17 %, and one quarter the whole domain.  With a `guide` every sample
    has its value as the data column ``distance``.

    Args:
        domain: the box that no sample leaves.
        points: ``(m, d)``.
        widths: standard deviations of the noise, in units of the coordinates.
        guide: what gives the column ``distance``; None for samples without one.
        near: the fraction of near samples, between 0 and 1.

    Raises:
        ValueError: for points that do not fit the domain, widths that are not positive, `near` outside [0, 1].

    Source: Gropp et al., Implicit Geometric Regularization for Learning Shapes, ICML 2020, section 5 (the sum of a
    uniform distribution and Gaussians around the points); two widths as in Park et al., DeepSDF, CVPR 2019, section 5.
    """

    domain: Box
    points: Tensor
    widths: tuple[float, float]
    guide: Guide | None = None
    near: float = 0.5

    def __post_init__(self) -> None:
        d = len(self.domain.columns)
        if self.points.ndim != 2 or self.points.shape[1] != d or not len(self.points):
            raise ValueError(f"Around: `points` must be (m, {d}) with m > 0, got shape {tuple(self.points.shape)}")
        if len(self.widths) != 2 or not all(w > 0 for w in self.widths):
            raise ValueError(f"Around: `widths` must be two positive lengths, got {self.widths}")
        if not 0 <= self.near <= 1:
            raise ValueError(f"Around: `near` must lie in [0, 1], got {self.near}")

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Those of the domain."""
        return self.domain.axes

    @property
    def measure(self) -> float:
        """That of the domain."""
        return self.domain.measure

    def sample(self, n: int, generator: Generator, *, sampling: Sampling | None = None) -> Points:  # noqa: ARG002
        """N fresh samples in random places; `sampling` has no effect."""
        d = self.points.shape[1]
        near = round(n * self.near)
        box = (n - near) * 3 // 4
        lower = torch.tensor([a.lower for a in self.axes], dtype=torch.float64)
        upper = torch.tensor([a.upper for a in self.axes], dtype=torch.float64)
        chosen = torch.randint(len(self.points), (near,), generator=generator)
        noise = torch.randn(near, d, generator=generator, dtype=torch.float64)
        noise[: near // 2] *= self.widths[0]
        noise[near // 2 :] *= self.widths[1]
        free = torch.rand(n - near, d, generator=generator, dtype=torch.float64)
        low, high = self._box(lower, upper)
        free[:box] = low + free[:box] * (high - low)
        free[box:] = lower + free[box:] * (upper - lower)
        coords = torch.cat([self.points[chosen] + noise, free])
        coords = torch.minimum(torch.maximum(coords, lower), upper)
        columns = {} if self.guide is None else {"distance": self.guide(coords)}
        return Points(coords, columns=columns)

    def _box(self, lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
        """Of the points, widened, inside the domain."""
        low, high = self.points.amin(0), self.points.amax(0)
        middle, half = (low + high) / 2, _ROOM * (high - low) / 2
        return torch.maximum(middle - half, lower), torch.minimum(middle + half, upper)
