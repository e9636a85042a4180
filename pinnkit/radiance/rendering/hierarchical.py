"""Hierarchical sampling: the weights of a coarse field place the samples of the fine field."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn

from pinnkit.domains import Axis, Points, Sampling
from pinnkit.domains.sampling import DEFAULT_SAMPLING, check_sample

from .outputs import density_activation
from .rays import Rays
from .sampling import box_intersection, merge_samples, sample_cdf, sample_intervals, stratified
from .volume_rendering import ray_weights

__all__ = ["HierarchicalRays", "StratifiedRays"]


@dataclass(frozen=True, eq=False)
class StratifiedRays:
    """Pixels of `rays` with stratified samples between the walls of the box.

    Args:
        rays: training pixels.
        samples: per ray.

    Source: Mildenhall et al., NeRF, ECCV 2020, eq. 2.
    """

    rays: Rays
    samples: int

    @property
    def axes(self) -> tuple[Axis, ...]:
        """x, y, z and the direction `view`."""
        return self.rays.axes

    @property
    def measure(self) -> float:
        """Number of active pixels."""
        return self.rays.measure

    def sample(self, n: int, generator: Generator, *, sampling: Sampling = DEFAULT_SAMPLING) -> Points:
        """Draw n pixels and their samples, `samples` per ray; `sampling` is ignored.

        Raises:
            TypeError, ValueError: as `Rays.sample`.
        """
        check_sample("StratifiedRays.sample", n, generator, sampling)
        origins, directions, columns = self.rays.pixels(n, generator)
        near, far = self.span(origins, directions)
        return self.points(origins, directions, stratified(near, far, self.samples, generator), columns)

    def span(self, origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """Interval of the rays inside the box; empty for a miss."""
        sampler = self.rays.sampler
        if sampler.contraction is not None:
            return torch.zeros_like(origins[:, 0]), sampler.contraction.max_length(origins)
        near, far = box_intersection(origins, directions, sampler.grid.lower, sampler.grid.upper)
        return near, torch.maximum(far, near)

    def points(self, origins: Tensor, directions: Tensor, distance: Tensor, columns: dict[str, Tensor]) -> Points:
        """Samples at distances `(rows, k)` as points with the columns of `Rays`."""
        near, far = self.span(origins, directions)
        _, delta = sample_intervals(distance, near, far)
        contraction = self.rays.sampler.contraction
        if contraction is None:
            place = origins[:, None] + distance[..., None] * directions[:, None]
        else:
            each = distance.shape[1]
            o, d = origins.repeat_interleave(each, dim=0), directions.repeat_interleave(each, dim=0)
            found = contraction.samples_on_rays(o, d, distance.flatten())
            place, delta = found.place.view(*distance.shape, 3), delta * found.speed.view(distance.shape)
        coords = torch.cat([place, directions[:, None].expand_as(place)], dim=2).flatten(0, 1)
        rows, k = distance.shape
        counts = torch.full((rows,), k, dtype=torch.int64, device=origins.device)
        more = {"delta": delta.flatten(), "distance": distance.flatten(), "counts": counts}
        return Points(coords, columns={**columns, **more}, group=counts)


@dataclass(frozen=True, eq=False)
class HierarchicalRays:
    """Stratified samples, together with `samples` further ones drawn from the weights of a coarse field.

    Args:
        coarse: the stratified samples.
        module: the coarse field during training, whose first output is the raw density; it is evaluated without
            gradient at every draw.
        samples: further samples per ray.

    Source: Mildenhall et al., NeRF, ECCV 2020, section 5.2.
    """

    coarse: StratifiedRays
    module: nn.Module
    samples: int

    @property
    def axes(self) -> tuple[Axis, ...]:
        """x, y, z and the direction `view`."""
        return self.coarse.axes

    @property
    def measure(self) -> float:
        """Number of active pixels."""
        return self.coarse.measure

    def sample(self, n: int, generator: Generator, *, sampling: Sampling = DEFAULT_SAMPLING) -> Points:
        """Draw n pixels and their samples; `sampling` is ignored.

        Raises:
            TypeError, ValueError: as `Rays.sample`.
        """
        check_sample("HierarchicalRays.sample", n, generator, sampling)
        coarse = self.coarse
        origins, directions, columns = coarse.rays.pixels(n, generator)
        near, far = coarse.span(origins, directions)
        first = stratified(near, far, coarse.samples, generator)
        with torch.no_grad():
            points = coarse.points(origins, directions, first, {})
            like = next(self.module.parameters())
            raw = self.module(points.coords.to(like))[:, 0].to(first)
            density = density_activation(coarse.rays.box, coarse.rays.sampler.contraction)(raw).view(first.shape)
            edges, delta = sample_intervals(first, near, far)
            second = sample_cdf(edges, ray_weights(density, delta), self.samples, generator)
        return coarse.points(origins, directions, merge_samples(first, second), columns)
