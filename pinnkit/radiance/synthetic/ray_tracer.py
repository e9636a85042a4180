"""Exact ray tracer: views of solids under one round light and a uniform sky, without noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnkit.radiance.data.cameras import Camera
from pinnkit.radiance.data.scene import View

from .solids import Solid, Vector

__all__ = ["Light", "TracedRays", "trace", "trace_view"]


@dataclass(frozen=True)
class Light:
    """Distant round light and uniform sky.

    Args:
        direction: towards the light; of any length.
        strength: of the light at normal incidence.
        sky: sky light from above; half of it comes from below.
        spread: sine of the angular radius of the light, which softens shadows.
        sharpness: exponent of highlights (Blinn and Phong).
    """

    direction: Vector = (0.5, -0.35, 0.8)
    strength: float = 0.7
    sky: float = 0.4
    spread: float = 0.15
    sharpness: float = 24.0


@dataclass(frozen=True, eq=False)
class TracedRays:
    """Traced rays: t `(n,)` in units of the direction (inf: miss), unit normals `(n, 3)`, colours `(n, 3)`.

    Normals and colours are zero for a miss.
    """

    t: Tensor
    normals: Tensor
    colour: Tensor


def trace(solids: Sequence[Solid], light: Light, origins: Tensor, directions: Tensor) -> TracedRays:
    """Find the nearest solid along each ray and shade it.

    c = albedo (sky (3 + n_z) / 4 + strength max(n.l, 0) v) + gloss v max(n.h, 0)^sharpness, clipped to [0, 1], where v
    is the visible share of the light and h the unit vector halfway between light and eye.

    Args:
        solids: at least one.
        light: illumination.
        origins: `(n, 3)`; float64 keeps edges exact.
        directions: `(n, 3)`, of any length.

    Source: Blinn, Models of light reflection for computer synthesized pictures, SIGGRAPH 1977.
    """
    n = origins.shape[0]
    t = torch.full((n,), torch.inf, dtype=origins.dtype)
    normals, colour = torch.zeros_like(directions), torch.zeros_like(directions)
    which = torch.full((n,), -1)
    for number, solid in enumerate(solids):
        at, normal = solid.hit(origins, directions)
        nearer = at < t
        t = torch.where(nearer, at, t)
        normals = torch.where(nearer[:, None], normal, normals)
        which = torch.where(nearer, number, which)
    towards = torch.tensor(light.direction, dtype=origins.dtype)
    towards = towards / towards.norm()
    for number, solid in enumerate(solids):
        rows = (which == number).nonzero()[:, 0]
        if rows.numel() == 0:
            continue
        along, normal = directions[rows], normals[rows]
        points = origins[rows] + t[rows, None] * along
        facing = normal @ towards
        visible = (facing > 0).to(points)
        for other in solids:
            if other is not solid:  # convex solids shade themselves by their normals alone
                visible = visible * other.light_visibility(points, towards, light.spread)
        halfway = towards - along / along.norm(dim=1, keepdim=True)
        halfway = halfway / halfway.norm(dim=1, keepdim=True)
        shine = solid.gloss * visible * (normal * halfway).sum(dim=1).clamp(min=0) ** light.sharpness
        diffuse = light.sky * (3 + normal[:, 2]) / 4 + light.strength * facing.clamp(min=0) * visible
        colour[rows] = (solid.colour(points) * diffuse[:, None] + shine[:, None]).clamp(0, 1)
    return TracedRays(t, normals, colour)


def trace_view(
    name: str, camera: Camera, solids: Sequence[Solid], light: Light, *, samples: int = 3, chunk: int = 131072
) -> View:
    """Trace the picture of a camera: RGBA, each pixel the mean of samples x samples rays.

    Depth and normals are those of the ray through the pixel centre, since a mean of depths lies on no surface.
    """
    seen = []
    for pixels in camera.pixels(samples).split(chunk):
        met = trace(solids, light, *camera.rays(pixels))
        solid = met.t.isfinite()[:, None]
        seen.append(torch.cat([met.colour, solid.to(met.colour)], dim=1))
    mean = torch.cat(seen).reshape(camera.height, camera.width, samples * samples, 4).mean(dim=2)
    straight = mean[..., :3] / mean[..., 3:].clamp(min=1e-9)
    image = torch.cat([straight, mean[..., 3:]], dim=2).mul(255).round().clamp(0, 255).to(torch.uint8)
    centres = trace(solids, light, *camera.rays())
    depth = centres.t.reshape(camera.height, camera.width).float()
    normals = torch.where(centres.t.isfinite()[:, None], centres.normals, 0.0)
    return View(name, camera, image, depth, normals.reshape(camera.height, camera.width, 3).float())
