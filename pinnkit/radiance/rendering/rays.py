"""Rays through the pixels of posed pictures as a part of the domain, with samples along each ray.

A residual on this part receives the unknowns at the samples of all rays, ray after ray, and returns one row per ray:
the rendered colour minus the colour of the pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pinnkit.domains import Axis, Box, Cube, Parameters, Points, Sampling
from pinnkit.domains.sampling import DEFAULT_SAMPLING, check_sample
from pinnkit.radiance.data.backgrounds import Background, RandomBackground
from pinnkit.radiance.data.occupancy import OccupancyGrid
from pinnkit.radiance.data.scene import View

from .ray_marching import RayMarcher, RaySampler, RaySamples

__all__ = ["Rays", "field_domain", "ray_points"]


def field_domain(box: Box) -> Box:
    """Domain of a radiance field: the box of x, y, z and the unit viewing direction `view` (3 columns).

    The direction is a parameter, not space: gradients and normals refer to x, y, z only.  It points from the camera
    into the scene.
    """
    return box * Parameters(view=Cube(-1.0, 1.0, dim=3))


def ray_points(
    origins: Tensor, directions: Tensor, sampler: RaySampler, offset: Tensor | float = 0.5
) -> tuple[Points, RaySamples]:
    """Samples in occupied cells along rays, as points of `field_domain`.

    Args:
        origins: `(rows, 3)`.
        directions: `(rows, 3)`, of any length.
        sampler: sampler of the rays; its dtype and device are those of the result.
        offset: see `RayMarcher.march`.

    Returns:
        Points with coords `(n, 6)` (x, y, z, view), group = counts `(rows,)`, columns `delta` `(n,)`, `distance` `(n,)`
        (lengths in space) and `counts` `(rows,)` again, for the residual; and the samples.
    """
    kind = sampler.grid.lower
    origins, directions = origins.to(kind), directions.to(kind)
    directions = directions / directions.norm(dim=1, keepdim=True)
    samples = sampler.march(origins, directions, offset)
    along = directions.index_select(0, samples.ray)
    columns = {
        "delta": samples.delta,
        "distance": samples.distance,
        "counts": samples.counts,
    }
    return Points(torch.cat([samples.place, along], dim=1), columns=columns, group=samples.counts), samples


@dataclass(frozen=True, eq=False, repr=False)
class Rays:
    """Randomly drawn pixels of views with samples along their rays; see `Rays.of`.

    `sample(n, generator)` draws n pixels and returns the points of `ray_points` with further columns, one entry per
    row: `rgb` `(n, 3)`, the colour of the pixel over `background` `(n, 3)`, and `alpha` `(n,)`.  The residual of a
    field with unknowns `density` and `colour` is then

        seen = render(density.value, colour.value, delta, distance, counts=counts)
        over(seen.colour, seen.accumulation, background) - rgb

    Pixels whose ray meets no occupied cell do not constrain the field and are not drawn; `active` lists the others.

    Args:
        box: bounding box of the scene.
        sampler: sampler of the rays.
        background: background behind the scene, one colour per ray.
        jitter: whether rays pass through random positions of their pixels instead of the centres, for pictures that are
            pixel averages.
        origins: `(V, 3)`, one per view.
        across: `(V, 2, 3)`, change of the direction by one pixel to the right and by one pixel down.
        view: `(m,)` int64, view of each pixel.
        directions: `(m, 3)`, through the centre of each pixel, of unit length along the optical axis.
        rgba: `(m, 4)` uint8, straight alpha.
        active: `(k,)` int64, the pixels to draw from.
    """

    box: Box
    sampler: RaySampler
    background: Background
    jitter: bool
    origins: Tensor
    across: Tensor
    view: Tensor
    directions: Tensor
    rgba: Tensor
    active: Tensor

    def __repr__(self) -> str:
        return f"Rays({len(self.active)} of {len(self.view)} pixels, {len(self.origins)} views, {self.sampler!r})"

    @classmethod
    def of(
        cls,
        views: Sequence[View],
        box: Box,
        sampler: RayMarcher,
        *,
        background: Background | None = None,
        jitter: bool = False,
        most: int = 4_000_000,
        generator: torch.Generator | None = None,
    ) -> Rays:
        """Make from the pixels of views; tensors take the floating type and device of the grid of the sampler.

        Args:
            views: at least one.
            box: bounding box of the scene.
            sampler: occupied cells and step.
            background: by default a random colour for every ray.
            jitter: see the class.
            most: maximum number of pixels; a random subset of more is kept, which bounds the memory (40 bytes per
                pixel).
            generator: draws that subset; needed only then.

        Raises:
            ValueError: without a view, or when a subset is needed and there is no generator.
        """
        if not views:
            raise ValueError("Rays.of: `views` must hold at least one view, got none")
        total = sum(view.camera.width * view.camera.height for view in views)
        if total > most and generator is None:
            raise ValueError(f"Rays.of: {total} pixels are more than `most` = {most}; give a `generator` to choose")
        kind = sampler.grid.lower
        origins, across, numbers, directions, rgba = [], [], [], [], []
        for number, view in enumerate(views):
            camera = view.camera
            pixels = view.image.reshape(-1, view.image.shape[2])
            places = camera.pixels()
            if total > most:
                assert generator is not None
                keep = torch.randperm(len(pixels), generator=generator)[: max(1, round(len(pixels) * most / total))]
                pixels, places = pixels[keep], places[keep]
            frame = camera.right_down_forward
            origins.append(camera.position)
            across.append(torch.stack([frame[:, 0] / camera.fx, frame[:, 1] / camera.fy]))
            numbers.append(torch.full((len(pixels),), number))
            directions.append(camera.rays(places).directions.to(kind.dtype))
            opaque = torch.full((len(pixels), 1), 255, dtype=torch.uint8)
            rgba.append(pixels if pixels.shape[1] == 4 else torch.cat([pixels, opaque], dim=1))
        rays = cls(
            box=box,
            sampler=sampler,
            background=RandomBackground() if background is None else background,
            jitter=jitter,
            origins=torch.stack(origins).to(kind),
            across=torch.stack(across).to(kind),
            view=torch.cat(numbers).to(kind.device),
            directions=torch.cat(directions).to(kind.device),
            rgba=torch.cat(rgba).to(kind.device),
            active=torch.arange(sum(len(part) for part in numbers), device=kind.device),
        )
        return rays.with_grid(sampler.grid, sampler.step)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """x, y, z and the direction `view`."""
        return field_domain(self.box).axes

    @property
    def measure(self) -> float:
        """Number of active pixels."""
        return float(self.active.shape[0])

    @property
    def missed_share(self) -> float:
        """Share of pixels with alpha above 1/2 whose ray meets no occupied cell; large values indicate a hole."""
        solid = self.rgba[:, 3] > 127
        caught = torch.zeros_like(solid)
        caught[self.active] = True
        return float((solid & ~caught).sum() / solid.sum().clamp(min=1))

    def with_grid(self, grid: OccupancyGrid, step: float | None = None) -> Rays:
        """The pixels with another grid or step; active pixels are determined again.

        Raises:
            ValueError: when no ray meets an occupied cell.
        """
        old = self._ray_marcher("with_grid")
        sampler = replace(old, grid=grid, step=old.step if step is None else step, termination=None)
        unit = self.directions / self.directions.norm(dim=1, keepdim=True)
        met = sampler.meets(self.origins[self.view], unit).nonzero()[:, 0]
        if met.numel() == 0:
            raise ValueError(
                "Rays: no ray of the training views meets an occupied cell of the box: check the box, the pose "
                "convention and the alpha of the pictures"
            )
        return replace(self, sampler=sampler, active=met)

    def with_pruned_grid(self, grid: OccupancyGrid) -> Rays:
        """The pixels with fewer occupied cells and unchanged active pixels; cheaper than `with_grid`."""
        return replace(self, sampler=replace(self._ray_marcher("with_pruned_grid"), grid=grid, termination=None))

    def _ray_marcher(self, owner: str) -> RayMarcher:
        if not isinstance(self.sampler, RayMarcher):
            raise TypeError(f"Rays.{owner}: needs samples by a RayMarcher, got {self.sampler!r}; use `with_sampler`")
        return self.sampler

    def with_sampler(self, sampler: RaySampler) -> Rays:
        """The active pixels that still meet an occupied cell, with another sampler."""
        directions = self.directions.index_select(0, self.active)
        directions = directions / directions.norm(dim=1, keepdim=True)
        met = sampler.meets(self.origins.index_select(0, self.view.index_select(0, self.active)), directions)
        return replace(self, sampler=sampler, active=self.active[met] if bool(met.any()) else self.active)

    def sample(self, n: int, generator: torch.Generator, *, sampling: Sampling = DEFAULT_SAMPLING) -> Points:
        """Draw n pixels with replacement, and the samples along their rays; see the class.

        `sampling` is ignored; pixels are drawn independently.

        Raises:
            TypeError: when `n` is no whole number, `generator` no torch.Generator, `sampling` no Sampling.
            ValueError: when n < 1.
        """
        check_sample("Rays.sample", n, generator, sampling)
        origins, directions, columns = self.pixels(n, generator)
        # Drawn in float32 for every dtype, so that a seed gives the same rays.
        offset = torch.rand(n, generator=generator, device=generator.device).to(origins)
        points, _ = ray_points(origins, directions, self.sampler, offset)
        return points._replace(columns={**points.columns, **columns})

    def pixels(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Draw n pixels with replacement: origins and unit directions `(n, 3)` of their rays, and their columns.

        The columns are `rgb` over `background`, `alpha` and `background`, see the class.
        """
        kind, source = self.sampler.grid.lower, generator.device
        pick = torch.randint(self.active.shape[0], (n,), generator=generator, device=source).to(kind.device)
        pixel = self.active.index_select(0, pick)
        view = self.view.index_select(0, pixel)
        directions = self.directions.index_select(0, pixel)
        if self.jitter:
            unit = torch.rand(n, 2, generator=generator, device=source).to(kind)
            directions = directions + ((unit - 0.5)[:, :, None] * self.across.index_select(0, view)).sum(dim=1)
        directions = directions / directions.norm(dim=1, keepdim=True)
        rgba = self.rgba.index_select(0, pixel).to(kind.dtype) / 255
        alpha, background = rgba[:, 3], self.background.draw(n, generator).to(kind)
        shown = rgba[:, :3] * alpha[:, None] + (1 - alpha)[:, None] * background
        columns = {"rgb": shown, "alpha": alpha, "background": background}
        return self.origins.index_select(0, view), directions, columns
