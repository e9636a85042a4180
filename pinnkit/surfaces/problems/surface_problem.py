"""Surface reconstruction from points as an eikonal problem: |grad f| = 1 in a box, f = 0 at the points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinnkit.domains import Box
from pinnkit.problem.problem import Problem
from pinnkit.solutions.solution import Solution
from pinnkit.surfaces.distance.field_distance import distance_function, field_values, gradient_norms
from pinnkit.surfaces.drawing.figures import draw_curve, draw_mesh, draw_slices
from pinnkit.surfaces.mesh.extraction import extract
from pinnkit.surfaces.points.neighbours import Neighbours

from .losses import IGR, Supervised, SurfaceLosses, SurfaceSamples
from .supervision import Guide

__all__ = ["surface_problem"]

_AXES = ("x", "y", "z")
_REACH = 0.06  # wide standard deviation of near samples, normalised units
_NEIGHBOURS = 8
_NOISY = 0.25  # noise in spacings above which the smooth guide is more accurate than the points
_PROBES = 4096
_SEED = 20_777  # of the points at which metrics are evaluated


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
    """Signed distance f, negative inside, of the surface through points, in [-1, 1]^d.

    ``solve(surface_problem(points))`` uses the field and solver of the losses; ``solution(x=, y=, z=)`` is then the
    distance.  Metrics: mean distance of the points from the surface over the diagonal of their bounding box, to first
    order |f| / |grad f|, and the mean of | |grad f| - 1 | in the box.

    Args:
        points: ``(n, d)``, d = 2 or 3, in normalised coordinates: bounding box inside [-1, 1]^d (`Normalisation`).
        normals: ``(n, d)`` outward unit normals, or None.
        guide: approximately known signed distance that supervises the fit, such as that of `grid_distance`.
        losses: preset of terms; None takes `Supervised` with a guide (without its term on noisy points), else `IGR`.
        name: problem name.
        noise: standard deviation of the distance of the points from the surface.
        exact: exact distance as a function of the coordinates by name; used for validation only.
        metrics: further metrics.
        figures: figures of the report; None draws the surface with slices of f, or the curve.
        facts: plain values kept in solution.h5; add ``{"normalisation": normalisation.facts}``.

    Raises:
        TypeError: for points or normals that are no arrays.
        ValueError: for points of a wrong shape, not finite or outside the box; normals that do not match.

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
    samples = SurfaceSamples(box, where, directions, max(spacing, noise), _REACH, guide)
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
        plan=chosen.plan(),
        dtype=torch.float32,
    )


def _preset(guide: Guide | None, noise: float) -> SurfaceLosses:
    """Default preset for a noise in units of the spacing: noisy points are not interpolated."""
    if guide is None:
        return IGR()
    return Supervised() if noise < _NOISY else Supervised(surface=0.0)


def _surface(solution: Solution) -> Any:
    """Figure of the zero set, or slices that show why there is none."""
    try:
        mesh = extract(distance_function(solution, dtype=torch.float32), resolution=64)
    except ValueError as error:
        return draw_slices(
            distance_function(solution), title=f"{solution.problem.name}: {str(error).split(';')[0][:90]}"
        )
    return draw_mesh(mesh, title=solution.problem.name)


def _slices(solution: Solution) -> Any:
    f = distance_function(solution, dtype=torch.float32)
    return draw_slices(f, title=solution.problem.name, quantity="signed distance")


def _curve(solution: Solution, points: Tensor) -> Any:
    f = distance_function(solution, dtype=torch.float32)
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
    """Mean |f| / |grad f| at the points over the diagonal of their bounding box."""
    diagonal = float(torch.linalg.vector_norm(points.amax(0) - points.amin(0)))
    few = points[: 4 * _PROBES]
    return float((field_values(solution, few).abs() / gradient_norms(solution, few).clamp_min(1e-3)).mean()) / diagonal


def _eikonal_deviation(solution: Solution) -> float:
    """Mean of | |grad f| - 1 | at fixed points of the box."""
    d = len(solution.problem.frame.columns)
    generator = torch.Generator().manual_seed(_SEED)
    inside = 2 * torch.rand(_PROBES, d, generator=generator, dtype=torch.float64) - 1
    return float((gradient_norms(solution, inside) - 1).abs().mean())
