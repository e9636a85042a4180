"""Surface reconstruction from points: normalisation, distance on a grid, neural distance, mesh."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import KDTree
from torch import Tensor

from pinnkit.fields import FieldSpec
from pinnkit.meshes.mesh_checks import MeshReport, check_mesh
from pinnkit.solutions.solution import Solution
from pinnkit.solvers import Solver, solve
from pinnkit.solvers.training.loop import Callback
from pinnkit.surfaces.distance.field_distance import distance_function
from pinnkit.surfaces.distance.grid_distance import grid_distance
from pinnkit.surfaces.distance.grid_field import GridField
from pinnkit.surfaces.distance.grid_solution import solution_from_grid
from pinnkit.surfaces.drawing.figures import draw_mesh, draw_slices
from pinnkit.surfaces.mesh.extraction import extract
from pinnkit.surfaces.points.cloud import PointCloud
from pinnkit.surfaces.points.normalisation import Normalisation
from pinnkit.surfaces.problems.losses import SurfaceLosses
from pinnkit.surfaces.problems.surface_problem import surface_problem

if TYPE_CHECKING:
    import trimesh

__all__ = ["Reconstruction", "reconstruct"]


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """Reconstructed surface.

    Args:
        cloud: points, in the coordinates of the input; outliers removed, with a note.
        normalisation: from the coordinates of the input to [-1, 1]^3.
        grid: signed distance on a grid, normalised; None for losses that use the points alone.
        solution: neural signed distance, normalised; None if only the grid was requested.
        mesh: zero set, closed and outward oriented, in the coordinates of the input.
        seconds: time of the stages "grid", "neural", "mesh".
        seed: random seed.
        name: problem name.
    """

    cloud: PointCloud
    normalisation: Normalisation
    grid: GridField | None
    solution: Solution | None
    mesh: trimesh.Trimesh
    seconds: Mapping[str, float]
    seed: int = 0
    name: str = "surface"
    mesh_report: MeshReport = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "mesh_report", check_mesh(self.mesh))

    @property
    def noise(self) -> float | None:
        """Estimated standard deviation of the distance of the points from the surface, in the unit of the input."""
        return None if self.grid is None else self.normalisation.length(self.grid.noise)

    @cached_property
    def share_without_points(self) -> float:
        """Share of the mesh vertices without nearby points: there the surface is extrapolated.

        Nearby is within 2.5 times the sum of the median distance to the eighth neighbour and the noise.
        """
        tree = KDTree(self.cloud.points)
        some = self.cloud.points[:: max(len(self.cloud.points) // 2000, 1)]
        spacing = float(np.median(tree.query(some, k=min(9, len(self.cloud.points)))[0][:, -1]))
        away = tree.query(np.asarray(self.mesh.vertices))[0]
        return float((away > 2.5 * (spacing + (self.noise or 0.0))).mean())

    @property
    def field(self) -> Callable[[Tensor], Tensor]:
        """Signed distance in normalised coordinates, ``(n, 3) -> (n,)``: the network if there is one, else the grid."""
        if self.solution is not None:
            return distance_function(self.solution)
        assert self.grid is not None
        return self.grid

    def distance(self, points: Tensor | NDArray[Any]) -> Tensor:
        """Signed distance ``(n,)`` of points ``(n, 3)``, both in the coordinates of the input; negative inside."""
        asked = torch.as_tensor(points, dtype=torch.float64)
        return self.field(self.normalisation.apply(asked)) * self.normalisation.scale

    def with_metrics(self, metrics: Mapping[str, float]) -> Solution:
        """The solution with given metrics of the mesh, and the mesh in its figures, for the report.

        Without a network it is the grid as a solution (`solution_from_grid`).

        Args:
            metrics: measured values by name.
        """
        solution = self._grid_solution() if self.solution is None else self.solution
        problem, mesh, field = solution.problem, self.mesh, self.field
        title = f"{self.cloud.source}: {self.mesh_report.triangles:,} triangles"
        figures = {
            "surface": lambda _: draw_mesh(mesh, title=title),
            "slices": lambda _: draw_slices(field, title="signed distance", quantity="normalised units"),
        }
        taken = {name: _FixedMetric(float(value)) for name, value in metrics.items()}
        with_metrics = replace(problem, metrics={**problem.metrics, **taken}, figures={**problem.figures, **figures})
        return replace(solution, problem=with_metrics)

    def _grid_solution(self) -> Solution:
        assert self.grid is not None
        points = torch.from_numpy(self.normalisation.apply(self.cloud.points))
        facts = _facts(self.cloud, self.normalisation, self.grid)
        problem = surface_problem(points, guide=self.grid, name=self.name, noise=self.grid.noise, facts=facts)
        problem = replace(
            problem, metrics={}
        )  # gradients of a trilinear function are discontinuous; the mesh is measured instead
        return solution_from_grid(self.grid, problem, seed=self.seed)


@dataclass(frozen=True)
class _FixedMetric:
    """Metric with a value that was measured before."""

    value: float

    def __call__(self, solution: Solution) -> float:  # noqa: ARG002  (the protocol of metrics)
        return self.value


def reconstruct(
    cloud: PointCloud,
    *,
    neural: bool = True,
    losses: SurfaceLosses | None = None,
    spec: FieldSpec | None = None,
    solvers: Solver | Sequence[Solver] | None = None,
    resolution: int = 128,
    nodes: int = 128,
    name: str = "surface",
    seed: int = 0,
    device: str = "auto",
    seconds: float | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    callbacks: Sequence[Callback] = (),
    figures: Mapping[str, Callable[[Solution], Any]] | None = None,
) -> Reconstruction:
    """Reconstruct the closed surface through the points of a cloud.

    By default: a signed distance on a grid (`grid_distance`), a network trained on it that smooths noise and grid
    artefacts (`Supervised`), and its zero set by marching cubes (`extract`).  Losses that need no distance, such as
    `IGR()` or `SirenLosses()`, use the points alone.

    Args:
        cloud: points, with normals if known; in any unit and position.
        neural: whether to train a network; otherwise the grid is the result.
        losses: preset of terms; None takes `Supervised()`.
        spec: network; None takes that of the losses.
        solvers: solvers; None takes those of the losses.
        resolution: of marching cubes, points along the longest side.
        nodes: of the grid, along each side.
        name: problem name.
        seed: random seed.
        device: device of the network; "auto" takes CUDA if available.
        seconds: training stops after this time with the current state.
        out: folder for checkpoints; None writes nothing.
        resume: continue from the checkpoint in `out`.
        callbacks: each called with a `Record` after every recorded step.
        figures: figures of the report.

    Raises:
        TypeError: for a `cloud` that is no PointCloud.
        ValueError: for incompatible arguments, and where the field has no zero set.
    """
    if not isinstance(cloud, PointCloud):
        raise TypeError(f"reconstruct: `cloud` must be a PointCloud, got {type(cloud).__name__}; use read_points(path)")
    if not neural and (losses is not None or spec is not None or solvers is not None):
        raise ValueError("reconstruct: `neural=False` trains nothing; leave `losses`, `spec` and `solvers` out")
    if (spec is None) != (solvers is None):
        raise ValueError("reconstruct: give both `spec` and `solvers`, or neither: one is chosen for the other")
    cloud = cloud.without_outliers()  # first, since one far point would shrink the rest to a dot
    normalisation = cloud.normalisation
    points = torch.from_numpy(normalisation.apply(cloud.points))
    normals = None if cloud.normals is None else torch.from_numpy(cloud.normals)
    used: dict[str, float] = {}
    grid, solution = None, None
    if losses is None or losses.needs_distance:
        began = time.perf_counter()
        grid = grid_distance(points, normals, generator=torch.Generator().manual_seed(seed), resolution=nodes)
        used["grid"] = time.perf_counter() - began
    if neural:
        began = time.perf_counter()
        problem = surface_problem(
            points,
            normals if grid is None else None,  # the grid has used them
            guide=grid,
            losses=losses,
            name=name,
            noise=0.0 if grid is None else grid.noise,
            figures=figures,
            facts=_facts(cloud, normalisation, grid),
        )
        how = dict(seed=seed, device=device, seconds=seconds, out=out, resume=resume, callbacks=callbacks)
        if spec is not None:
            how |= dict(balance=False)
        solution = solve(problem, spec, solvers, **how)  # type: ignore[arg-type]
        used["neural"] = time.perf_counter() - began
    began = time.perf_counter()
    asked = grid if solution is None else distance_function(solution)
    assert asked is not None
    mesh = extract(asked, resolution=resolution, normalisation=normalisation)
    used["mesh"] = time.perf_counter() - began
    return Reconstruction(cloud, normalisation, grid, solution, mesh, used, seed, name)


def _facts(cloud: PointCloud, normalisation: Normalisation, grid: GridField | None) -> dict[str, Any]:
    """Facts about the data kept with the solution."""
    facts: dict[str, Any] = {
        "normalisation": normalisation.facts,
        "source": cloud.source,
        "points": len(cloud),
        "notes": list(cloud.notes),
    }
    if grid is not None:
        facts |= {"noise": normalisation.length(grid.noise), "grid_notes": list(grid.notes)}
    return facts
