"""Reconstructing a surface from points is a problem like any other: |grad f| = 1 in a box, f = 0 on the points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinnkit.domains import Box
from pinnkit.fields import GeometricMLP, Siren
from pinnkit.problem.problem import Problem
from pinnkit.solutions.solution import Solution
from pinnkit.solvers import Adam, Cosine, Plan
from pinnkit.surfaces.distance.field_distance import distance_of, slopes_of, values_of
from pinnkit.surfaces.drawing.pictures import draw_curve, draw_mesh, draw_slices
from pinnkit.surfaces.mesh.extraction import extract
from pinnkit.surfaces.points.neighbours import Neighbours

from .losses import IGR, Samples, Supervised, SurfaceLosses
from .supervision import Guide

__all__ = ["plan_of", "surface_problem"]

_AXES = ("x", "y", "z")
_REACH = 0.06  # of half the longest side of the box: how far "near" reaches
_NEIGHBOURS = 8
_NOISY = 0.25  # of the spacing: from here on the guide, which is smooth, knows better than the points
_PROBES = 4096
_SEED = 20_777  # of the points at which metrics are taken


def surface_problem(
    points: Tensor | NDArray[Any],
    normals: Tensor | NDArray[Any] | None = None,
    *,
    guide: Guide | None = None,
    losses: SurfaceLosses | None = None,
    name: str = "surface",
    noise: float = 0.0,
    exact: Callable[..., Any] | None = None,
    metrics: Mapping[str, Callable[[Solution], float]] | None = None,
    figures: Mapping[str, Callable[[Solution], Any]] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Problem:
    """The problem of the signed distance f of the surface that points lie on, negative inside, in [-1, 1]^d.

    ``solve(surface_problem(points))`` takes the network and the solver that suit the losses; ``solution(x=, y=, z=)``
    is then the distance.  Metrics are the mean distance of the points from the surface over the diagonal of their box,
    to first order |f| / |grad f|, and the mean of | |grad f| - 1 | in the box.

    Args:
        points: ``(n, d)``, d = 2 or 3, in normalised coordinates: their box well inside [-1, 1]^d (`Normalisation`).
        normals: ``(n, d)`` outward unit normals, or None.
        guide: a signed distance that is known roughly, such as what `grid_distance` gives: it supervises.
        losses: a preset; None takes `Supervised` where there is a guide, without its term on the points where those are
            noisy, else `IGR`.
        name: of the problem.
        noise: standard deviation of the points' distance from the surface.
        exact: the true distance of the coordinates by name, where it is known; for validation alone.
        metrics: more of them.
        figures: what a report draws; None takes the surface from three sides and slices of f, or the curve in f.
        facts: plain values kept in solution.h5; add ``{"normalisation": normalisation.facts}``.

    Raises:
        ValueError: for points of a wrong shape, that are not finite or leave the box; normals that do not fit.

    Source: Gropp et al., Implicit Geometric Regularization for Learning Shapes, ICML 2020.
    """
    where = _checked(points, "points")
    directions = None if normals is None else _checked(normals, "normals")
    if where.shape[1] not in (2, 3) or not len(where) or float(where.abs().max()) > 1:
        raise ValueError(
            f"surface_problem: `points` must be (n, 2) or (n, 3) within [-1, 1], got shape {tuple(where.shape)} and "
            f"a largest coordinate of {float(where.abs().max()) if where.numel() else 0.0:.4g}; normalise them first "
            f"by Normalisation.of(points).apply(points)"
        )
    if directions is not None and directions.shape != where.shape:
        raise ValueError(
            f"surface_problem: `normals` must have the shape of `points` {tuple(where.shape)}, got "
            f"{tuple(directions.shape)}"
        )
    axes = _AXES[: where.shape[1]]
    box = Box(**dict.fromkeys(axes, (-1.0, 1.0)))
    spacing = float(Neighbours.of(where, _NEIGHBOURS).spacing(where.shape[1]).median())
    chosen = losses if losses is not None else _preset(guide, noise / spacing)
    samples = Samples(box, where, directions, max(spacing, noise), _REACH, guide)
    measured: dict[str, Callable[..., float]] = {
        "points_to_surface": lambda solution: _off_surface(solution, where),
        "eikonal_deviation": _eikonal_deviation,
        **(metrics or {}),
    }
    drawn: Mapping[str, Callable[[Solution], Any]] = {"surface": _surface, "slices": _slices}
    if len(axes) == 2:
        drawn = {"curve": lambda solution: _curve(solution, where)}
    return Problem(
        name=name,
        domain=box,
        unknowns="f",
        terms=list(chosen.terms(samples)),
        exact={} if exact is None else {"f": exact},
        metrics=measured,
        figures=drawn if figures is None else figures,
        facts=dict(facts or {}),
        plan=plan_of(chosen),
        dtype=torch.float32,
    )


def _preset(guide: Guide | None, noise: float) -> SurfaceLosses:
    """The default for a noise in units of the spacing: points that lie off the surface are not to be met."""
    if guide is None:
        return IGR()
    return Supervised() if noise < _NOISY else Supervised(surface=0.0)


def plan_of(losses: SurfaceLosses) -> Plan:
    """The network and the solver for a preset of losses."""
    if isinstance(losses, IGR):
        reason = "A softplus network that begins as a sphere, by Adam."
        return Plan.single(GeometricMLP(), (_adam(losses, 2500, 5e-3),), reason, balance=False)
    reason = "A Siren by Adam on samples near and far."
    return Plan.single(Siren(width=96, depth=3, omega=30.0), (_adam(losses, 2400, 2e-3),), reason, balance=False)


def _adam(losses: SurfaceLosses, steps: int, lr: float) -> Adam:
    # A batch asks for fresh samples at every step; how many, each term says itself.
    most = max(getattr(losses, "points", 1024), getattr(losses, "samples", 1024))
    return Adam(steps=steps, lr=lr, schedule=Cosine(final=0.01, warmup=20), batch=most, betas=(0.9, 0.99))


def _surface(solution: Solution) -> Any:
    """The zero set, or slices that show why there is none."""
    try:
        mesh = extract(distance_of(solution, dtype=torch.float32), resolution=64)
    except ValueError as error:
        return draw_slices(distance_of(solution), title=f"{solution.problem.name}: {str(error).split(';')[0][:90]}")
    return draw_mesh(mesh, title=solution.problem.name)


def _slices(solution: Solution) -> Any:
    f = distance_of(solution, dtype=torch.float32)
    return draw_slices(f, title=solution.problem.name, quantity="signed distance")


def _curve(solution: Solution, points: Tensor) -> Any:
    f = distance_of(solution, dtype=torch.float32)
    return draw_curve(f, points, title=solution.problem.name)


def _checked(array: Tensor | NDArray[Any], name: str) -> Tensor:
    if not isinstance(array, (Tensor, np.ndarray)):
        raise TypeError(
            f"surface_problem: `{name}` must be an array (n, d) in normalised coordinates, got {type(array).__name__}; "
            f"of a PointCloud take cloud.normalisation.apply(cloud.points)"
        )
    found = torch.as_tensor(np.asarray(array), dtype=torch.float64)
    if found.ndim != 2 or not bool(torch.isfinite(found).all()):
        raise ValueError(f"surface_problem: `{name}` must be finite, of shape (n, d), got shape {tuple(found.shape)}")
    return found


def _off_surface(solution: Solution, points: Tensor) -> float:
    """Mean |f| / |grad f| at the points over the diagonal of their box."""
    diagonal = float(torch.linalg.vector_norm(points.amax(0) - points.amin(0)))
    few = points[: 4 * _PROBES]
    return float((values_of(solution, few).abs() / slopes_of(solution, few).clamp_min(1e-3)).mean()) / diagonal


def _eikonal_deviation(solution: Solution) -> float:
    """Mean of | |grad f| - 1 | at fixed points of the box."""
    d = len(solution.problem.frame.columns)
    generator = torch.Generator().manual_seed(_SEED)
    inside = 2 * torch.rand(_PROBES, d, generator=generator, dtype=torch.float64) - 1
    return float((slopes_of(solution, inside) - 1).abs().mean())
