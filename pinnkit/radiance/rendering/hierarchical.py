"""Hierarchical sampling: a coarse field on stratified samples says where the samples of the fine one are."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn

from pinnkit.domains import Axis, Points, Sampling
from pinnkit.domains.sampling import DEFAULT_SAMPLING, check_sample

from .outputs import density_in
from .rays import Rays
from .sampling import box_span, intervals, merged, sample_cdf, stratified
from .volume_rendering import ray_weights

__all__ = ["Hierarchical", "Stratified"]


@dataclass(frozen=True, eq=False)
class Stratified:
    """The pixels of `rays`, with so many stratified samples on each, between the walls of the box.

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
        """The number of pixels that are drawn from."""
        return self.rays.measure

    def sample(self, n: int, generator: Generator, *, sampling: Sampling = DEFAULT_SAMPLING) -> Points:
        """N pixels and their samples, `samples` a ray; `sampling` has no effect.

        Raises:
            TypeError, ValueError: as `Rays.sample`.
        """
        check_sample("Stratified.sample", n, generator, sampling)
        origins, directions, columns = self.rays.pixels(n, generator)
        near, far = self.span(origins, directions)
        return self.points(origins, directions, stratified(near, far, self.samples, generator), columns)

    def span(self, origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """Where rays are in the box; an empty span where they miss it."""
        marcher = self.rays.marcher
        if marcher.space is not None:
            return torch.zeros_like(origins[:, 0]), marcher.space.reach(origins)
        near, far = box_span(origins, directions, marcher.grid.lower, marcher.grid.upper)
        return near, torch.maximum(far, near)

    def points(self, origins: Tensor, directions: Tensor, distance: Tensor, columns: dict[str, Tensor]) -> Points:
        """Samples at distances `(rows, k)` as points with the columns of `Rays`."""
        near, far = self.span(origins, directions)
        _, delta = intervals(distance, near, far)
        space = self.rays.marcher.space
        if space is None:
            place = origins[:, None] + distance[..., None] * directions[:, None]
        else:
            each = distance.shape[1]
            o, d = origins.repeat_interleave(each, dim=0), directions.repeat_interleave(each, dim=0)
            found = space.on_rays(o, d, distance.flatten())
            place, delta = found.place.view(*distance.shape, 3), delta * found.speed.view(distance.shape)
        coords = torch.cat([place, directions[:, None].expand_as(place)], dim=2).flatten(0, 1)
        rows, k = distance.shape
        counts = torch.full((rows,), k, dtype=torch.int64, device=origins.device)
        more = {"delta": delta.flatten(), "distance": distance.flatten(), "counts": counts}
        return Points(coords, columns={**columns, **more}, group=counts)


@dataclass(frozen=True, eq=False)
class Hierarchical:
    """Stratified samples, and as many more as `samples` where the weights of a coarse field are, together.

    Args:
        coarse: the stratified samples.
        module: the coarse field as it is being trained, whose first output is the density before its `exp`; it is asked
            without gradient at every draw.
        samples: further ones on each ray.

    Source: Mildenhall et al., NeRF, ECCV 2020, section 5.2.
    """

    coarse: Stratified
    module: nn.Module
    samples: int

    @property
    def axes(self) -> tuple[Axis, ...]:
        """x, y, z and the direction `view`."""
        return self.coarse.axes

    @property
    def measure(self) -> float:
        """The number of pixels that are drawn from."""
        return self.coarse.measure

    def sample(self, n: int, generator: Generator, *, sampling: Sampling = DEFAULT_SAMPLING) -> Points:
        """N pixels and their samples; `sampling` has no effect.

        Raises:
            TypeError, ValueError: as `Rays.sample`.
        """
        check_sample("Hierarchical.sample", n, generator, sampling)
        coarse = self.coarse
        origins, directions, columns = coarse.rays.pixels(n, generator)
        near, far = coarse.span(origins, directions)
        first = stratified(near, far, coarse.samples, generator)
        with torch.no_grad():
            points = coarse.points(origins, directions, first, {})
            like = next(self.module.parameters())
            raw = self.module(points.coords.to(like))[:, 0].to(first)
            density = density_in(coarse.rays.box, coarse.rays.marcher.space)(raw).view(first.shape)
            edges, delta = intervals(first, near, far)
            second = sample_cdf(edges, ray_weights(density, delta), self.samples, generator)
        return coarse.points(origins, directions, merged(first, second), columns)
