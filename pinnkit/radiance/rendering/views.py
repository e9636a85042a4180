"""Rendering of a fitted field from a camera."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from pinnkit.radiance.data.cameras import Camera
from pinnkit.solutions.evaluation import FieldSet

from .ray_marching import RaySampler
from .rays import ray_points
from .volume_rendering import over, render

__all__ = ["RenderedView", "render_rays", "render_view"]


class RenderedView(NamedTuple):
    """Rendered picture of a field.

    rgb: `(H, W, 3)`, colours in [0, 1].
    alpha: `(H, W)`, opacity.
    depth: `(H, W)`, depth along the optical axis at which half of the opacity is reached; nan for empty rays.
    """

    rgb: Tensor
    alpha: Tensor
    depth: Tensor


def render_rays(
    fields: FieldSet,
    origins: Tensor,
    directions: Tensor,
    sampler: RaySampler,
    *,
    coefficients: Mapping[str, Tensor] | None = None,
    chunk: int = 8192,
) -> tuple[Tensor, Tensor, Tensor]:
    """Premultiplied colour `(n, 3)`, opacity `(n,)` and median distance `(n,)` of rays, in chunks.

    Args:
        fields: fields with the unknowns `density` and `colour`.
        origins: `(n, 3)`.
        directions: `(n, 3)`, of any length.
        sampler: sampler of the rays.
        coefficients: of the problem, if any.
        chunk: rays per evaluation.
    """
    parts = []
    with torch.no_grad():
        for o, d in zip(origins.split(chunk), directions.split(chunk), strict=True):
            points, samples = ray_points(o, d, sampler)
            found = fields.unknowns(points.coords, coefficients or {})
            seen = render(
                found["density"], found["colour"], points.columns["delta"], samples.distance, counts=samples.counts
            )
            parts.append((seen.colour, seen.accumulation, seen.median))
    colour, opacity, distance = (torch.cat(part) for part in zip(*parts, strict=True))
    return colour, opacity, distance


def render_view(
    fields: FieldSet,
    camera: Camera,
    sampler: RaySampler,
    background: Sequence[float],
    *,
    samples: int = 1,
) -> RenderedView:
    """Render a picture of the field over a background.

    Args:
        fields: fields with the unknowns `density` and `colour`.
        camera: camera of the picture.
        sampler: sampler of the rays.
        background: colour behind the scene.
        samples: every pixel is the mean of samples x samples rays.
    """
    rays = camera.rays(camera.pixels(samples))
    colour, opacity, distance = render_rays(fields, rays.origins, rays.directions, sampler)
    behind = torch.tensor(background, dtype=colour.dtype, device=colour.device)
    shown = over(colour, opacity, behind).clamp(0, 1)
    depth = distance / rays.directions.norm(dim=1).to(distance)
    shape, each = (camera.height, camera.width), samples * samples
    # Depth of the ray nearest to the pixel centre; a mean of two surfaces would lie on neither.
    return RenderedView(
        shown.view(*shape, each, 3).mean(dim=2),
        opacity.view(*shape, each).mean(dim=2),
        depth.view(*shape, each)[..., each // 2],
    )
