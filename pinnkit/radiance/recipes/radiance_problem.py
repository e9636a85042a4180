"""Radiance fields as a problem: the residual is the rendered colour of a ray minus the colour of its pixel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from pinnkit.domains.protocols import Part
from pinnkit.fields import RadiancePlanes
from pinnkit.jets import Jet
from pinnkit.problem.problem import Problem, Unknown
from pinnkit.problem.terms import Condition, Term
from pinnkit.radiance.data.scene import Scene
from pinnkit.radiance.rendering.outputs import colour_activation, density_activation
from pinnkit.radiance.rendering.ray_marching import RaySampler
from pinnkit.radiance.rendering.rays import Rays, field_domain
from pinnkit.radiance.rendering.volume_rendering import composite, over, ray_weights
from pinnkit.solvers import Adam, Cosine, Plan

from .evaluation import Evaluation
from .initialization import grid_nodes, initial_rays, longest_side, pixel_footprint

__all__ = ["coarse_pixel_residual", "pixel_residual", "radiance_problem"]


def pixel_residual(density: Jet, colour: Jet, delta: Jet, counts: Jet, rgb: Jet, background: Jet) -> Tensor:
    """Rendered colour minus pixel colour, `(rows, 3)`: the residual on `Rays`."""
    return _difference(density.value, colour.value, delta.value, counts.value, rgb.value, background.value)


def coarse_pixel_residual(
    coarse_density: Jet, coarse_colour: Jet, delta: Jet, counts: Jet, rgb: Jet, background: Jet
) -> Tensor:
    """The residual of the coarse field of hierarchical sampling."""
    return _difference(
        coarse_density.value, coarse_colour.value, delta.value, counts.value, rgb.value, background.value
    )


def _difference(
    density: Tensor, colour: Tensor, delta: Tensor, counts: Tensor, rgb: Tensor, background: Tensor
) -> Tensor:
    weights = ray_weights(density, delta, counts)
    four = composite(weights, torch.cat([colour, torch.ones_like(colour[:, :1])], dim=1), counts)
    return over(four[:, :3], four[:, 3], background) - rgb


def radiance_problem(
    scene: Scene,
    rays: Part | None = None,
    sampler: RaySampler | None = None,
    *,
    name: str | None = None,
    coarse_rays: Part | None = None,
    plan: Plan | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Problem:
    """Find density and colour in a box such that every rendered ray has the colour of its pixel.

    sum_i T_i (1 - exp(-sigma_i delta_i)) c_i + (1 - A) background = rgb, with one row per ray and three components.

    The unknowns are `density` (n,), per unit of length, and `colour` (n, 3) in (0, 1), both functions of x, y, z and
    the viewing direction `view`.  Any field with six input columns is suitable: a raw output r becomes q exp(r) /
    diagonal and a sigmoid, with q = 3, or 0.3 for contracted space.

    Args:
        scene: scene with the box, and the held-out views for the metrics.
        rays: training pixels, `Rays` or a part with the same columns; by default with the initial occupancy.
        sampler: sampler of metrics and figures; by default that of `rays`.
        name: problem name; by default that of the scene.
        coarse_rays: adds `coarse_density` and `coarse_colour`, fitted to the same pixels on separate samples, for
            hierarchical sampling.
        plan: field and solvers; by default planes and lines by Adam.
        facts: further facts to keep with the solution.

    Raises:
        ValueError: without `sampler` where `rays` are not Rays.

    Source: Mildenhall et al., NeRF, ECCV 2020, eqs. 3 and 6.
    """
    if rays is None:
        resolution = min(128, max(24, int(1.5 * longest_side(scene) / pixel_footprint(scene))))
        step = longest_side(scene) / (1.2 * resolution)
        rays = initial_rays(scene, 64, step, generator=torch.Generator().manual_seed(0))
        plan = plan or _one_stage(grid_nodes(scene, resolution))
    if sampler is None:
        if not isinstance(rays, Rays):
            raise ValueError("radiance_problem: give a `sampler` where `rays` are not Rays")
        sampler = rays.sampler
    evaluation = Evaluation(scene, sampler)
    density = density_activation(scene.box, scene.contraction)
    unknowns = [Unknown("density"), Unknown("colour", components=3)]
    terms: list[Term] = [Condition(rays, pixel_residual, name="pixels")]
    ansatz: dict[str, Callable[..., Any]] = {
        "density": lambda density, _of=density: _of(density),
        "colour": lambda colour: colour_activation(colour),
    }
    if coarse_rays is not None:
        unknowns += [Unknown("coarse_density"), Unknown("coarse_colour", components=3)]
        terms.append(Condition(coarse_rays, coarse_pixel_residual, name="coarse pixels"))
        ansatz["coarse_density"] = lambda coarse_density, _of=density: _of(coarse_density)
        ansatz["coarse_colour"] = lambda coarse_colour: colour_activation(coarse_colour)
    return Problem(
        _word(name or scene.name),
        field_domain(scene.box),
        unknowns,
        terms,
        ansatz=ansatz,
        metrics=evaluation.metrics(),
        figures=evaluation.figures(),
        facts={**_facts(scene), **(facts or {})},
        dtype=torch.float32,
        plan=plan or _one_stage(grid_nodes(scene, 64)),
    )


def _one_stage(nodes: tuple[int, int, int]) -> Plan:
    """Planes and lines in one stage, without initial voxels and without removal of empty space."""
    field = RadiancePlanes(nodes)
    solver = Adam(steps=400, batch=1024, betas=(0.9, 0.99), eps=1e-12, schedule=Cosine(warmup=10, final=0.02))
    return Plan.single(
        field, (solver,), "Planes and lines by Adam, in one stage; `pinnkit radiance` empties space on the way."
    )


def _facts(scene: Scene) -> dict[str, Any]:
    camera, space = scene.train[0].camera, scene.contraction
    axes = scene.box.axes[:3]
    return {
        "scene": scene.name,
        "train_views": len(scene.train),
        "held_out_views": len(scene.test),
        "pixels": [camera.width, camera.height],
        "alpha": scene.has_alpha,
        "pose_convention": camera.convention.name,
        "box": [[axis.lower for axis in axes], [axis.upper for axis in axes]],
        "contracted": None if space is None else {"centre": space.centre, "radius": space.radius},
        "notes": list(scene.notes),
    }


def _word(name: str) -> str:
    kept = "".join(c if c.isalnum() or c in "-_." else "_" for c in name).strip("._")
    return kept or "scene"
