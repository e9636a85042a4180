"""Sample sets of surface problems: samples near points and in the box, and fixed points with data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from pinnkit.domains import Axis, Box, Points, Sampling

__all__ = ["FixedSamples", "Guide", "NearSurface"]

Guide = Callable[[Tensor], Tensor]
"""Known signed distance ``(n, d)`` -> ``(n,)``, negative inside, such as a `GridField`."""

_ROOM = 1.17
"""Factor by which the bounding box of the points is widened for uniform samples."""


@dataclass(frozen=True, eq=False)
class NearSurface:
    """Part of `domain` with fresh samples near given points, in their bounding box, and in the whole domain.

    Near samples are a point plus Gaussian noise, half of them with each of the two `widths`.  Of the others, five
    sixths are uniform in the bounding box of the points, widened by 17 %, and one sixth in the whole domain.

    Args:
        domain: box that contains all samples.
        points: ``(m, d)``.
        widths: standard deviations of the noise, in units of the coordinates.
        near: fraction of near samples, between 0 and 1.

    Raises:
        ValueError: for points that do not fit the domain, widths that are not positive, `near` outside [0, 1].

    Source: Gropp et al., Implicit Geometric Regularization for Learning Shapes, ICML 2020, section 5 (the sum of a
    uniform distribution and Gaussians around the points); two widths as in Park et al., DeepSDF, CVPR 2019, section 5.
    """

    domain: Box
    points: Tensor
    widths: tuple[float, float]
    near: float = 0.5

    def __post_init__(self) -> None:
        d = len(self.domain.columns)
        if self.points.ndim != 2 or self.points.shape[1] != d or not len(self.points):
            raise ValueError(f"NearSurface: `points` must be (m, {d}) with m > 0, got shape {tuple(self.points.shape)}")
        if len(self.widths) != 2 or not all(w > 0 for w in self.widths):
            raise ValueError(f"NearSurface: `widths` must be two positive lengths, got {self.widths}")
        if not 0 <= self.near <= 1:
            raise ValueError(f"NearSurface: `near` must lie in [0, 1], got {self.near}")

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Axes of the domain."""
        return self.domain.axes

    @property
    def measure(self) -> float:
        """Measure of the domain."""
        return self.domain.measure

    def sample(self, n: int, generator: Generator, *, sampling: Sampling | None = None) -> Points:  # noqa: ARG002
        """Draw n fresh samples; `sampling` is ignored."""
        d = self.points.shape[1]
        near = round(n * self.near)
        box = (n - near) * 5 // 6
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
        return Points(coords)

    def _box(self, lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
        """Bounding box of the points, widened, inside the domain."""
        low, high = self.points.amin(0), self.points.amax(0)
        middle, half = (low + high) / 2, _ROOM * (high - low) / 2
        return torch.maximum(middle - half, lower), torch.minimum(middle + half, upper)


@dataclass(frozen=True, eq=False)
class FixedSamples:
    """Part of fixed points with data; each draw selects among them at random, with replacement.

    Expensive data are thus evaluated once.

    Args:
        domain: box that contains the points.
        points: ``(m, d)``.
        columns: data of each point by name, ``(m, ...)``, passed to residuals under these names.

    Raises:
        ValueError: for columns that do not have one entry for each point.
    """

    domain: Box
    points: Tensor
    columns: Mapping[str, Tensor]

    def __post_init__(self) -> None:
        for name, column in self.columns.items():
            if len(column) != len(self.points):
                raise ValueError(
                    f"FixedSamples: `{name}` must have one entry for each of the {len(self.points)} points, got "
                    f"{len(column)}"
                )

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Axes of the domain."""
        return self.domain.axes

    @property
    def measure(self) -> float:
        """Number of points."""
        return float(len(self.points))

    def sample(self, n: int, generator: Generator, *, sampling: Sampling | None = None) -> Points:  # noqa: ARG002
        """Draw n of the points; `sampling` is ignored."""
        rows = torch.randint(len(self.points), (n,), generator=generator)
        return Points(self.points[rows], columns={name: column[rows] for name, column in self.columns.items()})
