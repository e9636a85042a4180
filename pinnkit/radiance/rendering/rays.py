"""Rays: the pixels of posed pictures as a part of the domain, with samples along the ray of each.

A residual on this part sees the unknowns at the samples of all rays, one ray after the other, and returns one row per
ray: what the field sends along it minus the colour of the pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pinnkit.domains import Axis, Box, Cube, Parameters, Points, Sampling
from pinnkit.domains.sampling import DEFAULT_SAMPLING, check_sample
from pinnkit.radiance.data.backgrounds import AnyColour, Background
from pinnkit.radiance.data.occupancy import OccupancyGrid
from pinnkit.radiance.data.scene import View

from .ray_marching import Marcher, Samples, Walk

__all__ = ["Rays", "field_domain", "ray_points"]


def field_domain(box: Box) -> Box:
    """Where a radiance field lives: the box of x, y, z and the unit direction `view` (3 columns) that light is seen in.

    The direction is a parameter, not space: gradients and normals mean x, y, z only.  It points from the camera into
    the scene.
    """
    return box * Parameters(view=Cube(-1.0, 1.0, dim=3))


def ray_points(
    origins: Tensor, directions: Tensor, marcher: Walk, offset: Tensor | float = 0.5
) -> tuple[Points, Samples]:
    """Samples in occupied cells along rays, as points of `field_domain`.

    Args:
        origins: `(rows, 3)`.
        directions: `(rows, 3)`, of any length.
        marcher: the grid and the step; its type and device are those of the result.
        offset: see `Marcher.march`.

    Returns:
        Points with coords `(n, 6)` (x, y, z, view), group = counts `(rows,)`, columns `delta` `(n,)`, `distance` `(n,)`
        (lengths in space) and `counts` `(rows,)` again, for the residual; and the samples.
    """
    kind = marcher.grid.lower
    origins, directions = origins.to(kind), directions.to(kind)
    directions = directions / directions.norm(dim=1, keepdim=True)
    samples = marcher.march(origins, directions, offset)
    along = directions.index_select(0, samples.ray)
    columns = {
        "delta": samples.delta,
        "distance": samples.distance,
        "counts": samples.counts,
    }
    return Points(torch.cat([samples.place, along], dim=1), columns=columns, group=samples.counts), samples


@dataclass(frozen=True, eq=False, repr=False)
class Rays:
    """Pixels of views, drawn at random, with samples along their rays.  Make one by `Rays.of`.

    `sample(n, generator)` draws n pixels and gives what `ray_points` does, with more columns, one entry per row:
    `rgb` `(n, 3)`, what the pixel shows over `background` `(n, 3)`, and `alpha` `(n,)`.  So the residual of a field
    with unknowns `density` and `colour` reads

        seen = render(density.value, colour.value, delta, distance, counts=counts)
        over(seen.colour, seen.accumulation, background) - rgb

    Pixels whose ray meets no occupied cell say nothing about the field and are not drawn: `drawn` is the others.

    Args:
        box: where the scene is.
        marcher: occupied cells and step.
        background: behind the scene, one colour a ray.
        jitter: rays go through a random place of their pixel instead of its middle, for pictures that are averages
            over pixels.
        origins: `(V, 3)`, one per view.
        across: `(V, 2, 3)`, how much the direction changes by one pixel to the right and by one pixel down.
        view: `(m,)` int64, the view of each pixel.
        directions: `(m, 3)`, through the middle of each pixel, length 1 along the optical axis.
        rgba: `(m, 4)` uint8, straight alpha.
        drawn: `(k,)` int64, the pixels that are drawn from.
    """

    box: Box
    marcher: Walk
    background: Background
    jitter: bool
    origins: Tensor
    across: Tensor
    view: Tensor
    directions: Tensor
    rgba: Tensor
    drawn: Tensor

    def __repr__(self) -> str:
        return f"Rays({len(self.drawn)} of {len(self.view)} pixels, {len(self.origins)} views, {self.marcher!r})"

    @classmethod
    def of(
        cls,
        views: Sequence[View],
        box: Box,
        marcher: Marcher,
        *,
        background: Background | None = None,
        jitter: bool = False,
        most: int = 4_000_000,
        generator: torch.Generator | None = None,
    ) -> Rays:
        """The pixels of views; tensors take the floating type and the device of the marcher's grid.

        Args:
            views: at least one.
            box: where the scene is.
            marcher: occupied cells and step.
            background: by default a random colour for every ray.
            jitter: see the class.
            most: of more pixels than this, a random choice of so many is kept, to bound memory (40 bytes a pixel).
            generator: makes that choice; needed only then.

        Raises:
            ValueError: without a view, or when a choice is to be made and there is no generator.
        """
        if not views:
            raise ValueError("Rays.of: `views` must hold at least one view, got none")
        total = sum(view.camera.width * view.camera.height for view in views)
        if total > most and generator is None:
            raise ValueError(f"Rays.of: {total} pixels are more than `most` = {most}; give a `generator` to choose")
        kind = marcher.grid.lower
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
            marcher=marcher,
            background=AnyColour() if background is None else background,
            jitter=jitter,
            origins=torch.stack(origins).to(kind),
            across=torch.stack(across).to(kind),
            view=torch.cat(numbers).to(kind.device),
            directions=torch.cat(directions).to(kind.device),
            rgba=torch.cat(rgba).to(kind.device),
            drawn=torch.arange(sum(len(part) for part in numbers), device=kind.device),
        )
        return rays.through(marcher.grid, marcher.step)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """x, y, z and the direction `view`."""
        return field_domain(self.box).axes

    @property
    def measure(self) -> float:
        """The number of pixels that are drawn from."""
        return float(self.drawn.shape[0])

    @property
    def missed(self) -> float:
        """The share of pixels with alpha above 1/2 whose ray meets no occupied cell: more than a little is a hole."""
        solid = self.rgba[:, 3] > 127
        caught = torch.zeros_like(solid)
        caught[self.drawn] = True
        return float((solid & ~caught).sum() / solid.sum().clamp(min=1))

    def through(self, grid: OccupancyGrid, step: float | None = None) -> Rays:
        """The same pixels with another grid or step; which of them meet something is looked up anew.

        Raises:
            ValueError: when no ray meets an occupied cell.
        """
        old = self._plain("through")
        marcher = replace(old, grid=grid, step=old.step if step is None else step, front=None)
        unit = self.directions / self.directions.norm(dim=1, keepdim=True)
        met = marcher.meets(self.origins[self.view], unit).nonzero()[:, 0]
        if met.numel() == 0:
            raise ValueError(
                "Rays: no ray of the training views meets an occupied cell of the box: check the box, the pose "
                "convention and the alpha of the pictures"
            )
        return replace(self, marcher=marcher, drawn=met)

    def pruned(self, grid: OccupancyGrid) -> Rays:
        """The same pixels, drawn as before, with fewer occupied cells: cheaper than `through`."""
        return replace(self, marcher=replace(self._plain("pruned"), grid=grid, front=None))

    def _plain(self, owner: str) -> Marcher:
        if not isinstance(self.marcher, Marcher):
            raise TypeError(f"Rays.{owner}: needs samples by a Marcher, got {self.marcher!r}; use `seen_by`")
        return self.marcher

    def seen_by(self, marcher: Walk) -> Rays:
        """The pixels that were drawn and still meet an occupied cell, with samples taken by another marcher."""
        directions = self.directions.index_select(0, self.drawn)
        directions = directions / directions.norm(dim=1, keepdim=True)
        met = marcher.meets(self.origins.index_select(0, self.view.index_select(0, self.drawn)), directions)
        return replace(self, marcher=marcher, drawn=self.drawn[met] if bool(met.any()) else self.drawn)

    def sample(self, n: int, generator: torch.Generator, *, sampling: Sampling = DEFAULT_SAMPLING) -> Points:
        """N pixels, drawn with replacement, and the samples along their rays: see the class.

        `sampling` has no effect: pixels are drawn independently.

        Raises:
            TypeError: when `n` is no whole number, `generator` no torch.Generator, `sampling` no Sampling.
            ValueError: when n < 1.
        """
        check_sample("Rays.sample", n, generator, sampling)
        origins, directions, columns = self.pixels(n, generator)
        # Drawn in float32, whatever the type: the rays of a seed are the same ones.
        offset = torch.rand(n, generator=generator, device=generator.device).to(origins)
        points, _ = ray_points(origins, directions, self.marcher, offset)
        return points._replace(columns={**points.columns, **columns})

    def pixels(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """N pixels, drawn with replacement: origins and unit directions `(n, 3)` of their rays, and their columns.

        The columns are `rgb` over `background`, `alpha` and `background`, see the class.
        """
        kind, source = self.marcher.grid.lower, generator.device
        pick = torch.randint(self.drawn.shape[0], (n,), generator=generator, device=source).to(kind.device)
        pixel = self.drawn.index_select(0, pick)
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
