"""What a fitted field looks like from a camera."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from pinnkit.radiance.data.cameras import Camera
from pinnkit.solutions.evaluation import FieldSet

from .ray_marching import Walk
from .rays import ray_points
from .volume_rendering import over, render

__all__ = ["Photograph", "photograph_field", "render_rays"]


class Photograph(NamedTuple):
    """A picture of a field: colours in [0, 1], opacity, depth along the optical axis (nan where there is nothing).

    rgb: `(H, W, 3)`.
    alpha: `(H, W)`.
    depth: `(H, W)`, where half of the opacity is reached.
    """

    rgb: Tensor
    alpha: Tensor
    depth: Tensor


def render_rays(
    fields: FieldSet,
    origins: Tensor,
    directions: Tensor,
    marcher: Walk,
    *,
    coefficients: Mapping[str, Tensor] | None = None,
    chunk: int = 8192,
) -> tuple[Tensor, Tensor, Tensor]:
    """Premultiplied colour `(n, 3)`, opacity `(n,)` and median distance `(n,)` of rays, in chunks.

    Args:
        fields: with the unknowns `density` and `colour`.
        origins: `(n, 3)`.
        directions: `(n, 3)`, of any length.
        marcher: where samples are taken.
        coefficients: of the problem, if it has any.
        chunk: rays at once.
    """
    parts = []
    with torch.no_grad():
        for o, d in zip(origins.split(chunk), directions.split(chunk), strict=True):
            points, samples = ray_points(o, d, marcher)
            found = fields.unknowns(points.coords, coefficients or {})
            seen = render(
                found["density"], found["colour"], points.columns["delta"], samples.distance, counts=samples.counts
            )
            parts.append((seen.colour, seen.accumulation, seen.median))
    colour, opacity, distance = (torch.cat(part) for part in zip(*parts, strict=True))
    return colour, opacity, distance


def photograph_field(
    fields: FieldSet,
    camera: Camera,
    marcher: Walk,
    background: Sequence[float],
    *,
    samples: int = 1,
) -> Photograph:
    """A picture of the field over a background; every pixel is the mean of samples x samples rays."""
    rays = camera.rays(camera.pixels(samples))
    colour, opacity, distance = render_rays(fields, rays.origins, rays.directions, marcher)
    behind = torch.tensor(background, dtype=colour.dtype, device=colour.device)
    shown = over(colour, opacity, behind).clamp(0, 1)
    depth = distance / rays.directions.norm(dim=1).to(distance)
    shape, each = (camera.height, camera.width), samples * samples
    # Depth is that of the ray nearest to the middle of the pixel: between two surfaces no mean of them is one.
    return Photograph(
        shown.view(*shape, each, 3).mean(dim=2),
        opacity.view(*shape, each).mean(dim=2),
        depth.view(*shape, each)[..., each // 2],
    )
