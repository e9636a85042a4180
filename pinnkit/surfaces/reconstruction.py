"""From points to a surface: normalise, a distance on a grid, a neural distance that learns from it, a mesh."""

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
from pinnkit.solutions.solution import Solution
from pinnkit.solvers import Solver, solve
from pinnkit.solvers.training.loop import Callback
from pinnkit.surfaces.distance.field_distance import distance_of
from pinnkit.surfaces.distance.grid_distance import grid_distance
from pinnkit.surfaces.distance.grid_field import GridField
from pinnkit.surfaces.distance.grid_solution import stored
from pinnkit.surfaces.drawing.pictures import draw_mesh, draw_slices
from pinnkit.surfaces.mesh.extraction import extract
from pinnkit.surfaces.mesh.mesh_checks import Soundness, examine
from pinnkit.surfaces.points.cloud import PointCloud
from pinnkit.surfaces.points.normalisation import Normalisation
from pinnkit.surfaces.problems.losses import SurfaceLosses
from pinnkit.surfaces.problems.surface_problem import surface_problem

if TYPE_CHECKING:
    import trimesh

__all__ = ["Reconstruction", "reconstruct"]


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """A surface made from points.

    Args:
        cloud: the points it was made from, in the coordinates of the input; strays left out, with a note.
        normalisation: from the coordinates of the input to [-1, 1]^3.
        grid: the signed distance on a grid, in normalised coordinates; None for a field that learns from points alone.
        solution: the neural signed distance, likewise; None where the grid is all that was asked for.
        mesh: the zero set, closed and oriented outward, in the coordinates of the input.
        seconds: of the stages: "grid", "neural", "mesh".
        seed: of everything that was random.
        name: of the problem.
    """

    cloud: PointCloud
    normalisation: Normalisation
    grid: GridField | None
    solution: Solution | None
    mesh: trimesh.Trimesh
    seconds: Mapping[str, float]
    seed: int = 0
    name: str = "surface"
    soundness: Soundness = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "soundness", examine(self.mesh))

    @property
    def noise(self) -> float | None:
        """Estimated standard deviation of the points' distance from the surface, in the unit of the input."""
        return None if self.grid is None else self.normalisation.length(self.grid.noise)

    @cached_property
    def bare(self) -> float:
        """The share of the mesh's vertices that no point of the cloud is near: where a scan is open, it is made up.

        Near is within two and a half times the median distance of a point to its eighth neighbour, and the noise.
        """
        tree = KDTree(self.cloud.points)
        some = self.cloud.points[:: max(len(self.cloud.points) // 2000, 1)]
        spacing = float(np.median(tree.query(some, k=min(9, len(self.cloud.points)))[0][:, -1]))
        away = tree.query(np.asarray(self.mesh.vertices))[0]
        return float((away > 2.5 * (spacing + (self.noise or 0.0))).mean())

    @property
    def field(self) -> Callable[[Tensor], Tensor]:
        """The signed distance in normalised coordinates, ``(n, 3) -> (n,)``: of the network where there is one."""
        if self.solution is not None:
            return distance_of(self.solution)
        assert self.grid is not None
        return self.grid

    def distance(self, points: Tensor | NDArray[Any]) -> Tensor:
        """The signed distance ``(n,)`` of points ``(n, 3)``, both in the coordinates of the input; negative inside."""
        asked = torch.as_tensor(points, dtype=torch.float64)
        return self.field(self.normalisation.apply(asked)) * self.normalisation.scale

    def scored(self, metrics: Mapping[str, float]) -> Solution:
        """The solution with numbers that were measured on the mesh among its metrics, and the mesh in its figures.

        So a report shows and keeps them, and nothing is made twice.  Where no network was trained it is that of the
        grid, see `stored`.
        """
        solution = self._stored() if self.solution is None else self.solution
        problem, mesh, field = solution.problem, self.mesh, self.field
        title = f"{self.cloud.source}: {self.soundness.triangles:,} triangles"
        figures = {
            "surface": lambda _: draw_mesh(mesh, title=title),
            "slices": lambda _: draw_slices(field, title="signed distance", quantity="normalised units"),
        }
        taken = {name: _Taken(float(value)) for name, value in metrics.items()}
        scored = replace(problem, metrics={**problem.metrics, **taken}, figures={**problem.figures, **figures})
        return replace(solution, problem=scored)

    def _stored(self) -> Solution:
        assert self.grid is not None
        points = torch.from_numpy(self.normalisation.apply(self.cloud.points))
        facts = _facts(self.cloud, self.normalisation, self.grid)
        problem = surface_problem(points, guide=self.grid, name=self.name, noise=self.grid.noise, facts=facts)
        problem = replace(problem, metrics={})  # slopes of a trilinear function jump; those of the mesh are taken
        return stored(self.grid, problem, seed=self.seed)


@dataclass(frozen=True)
class _Taken:
    """A metric that was measured already."""

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
    """The surface that a cloud of points lies on, with nothing to set by hand.

    By default a signed distance on a grid (`grid_distance`), a network that learns it and smooths what the grid has of
    noise and steps (`Supervised`), and its zero set by marching cubes (`extract`).  Losses that need no distance, such
    as `IGR()` or `SirenLosses()`, learn from the points alone.

    Args:
        cloud: points, with normals where there are any; in any unit, anywhere.
        neural: whether to train a network; else the grid is all there is.
        losses: a preset; None takes `Supervised()`.
        spec: the network; None takes the one that suits the losses.
        solvers: how it is trained; likewise.
        resolution: of marching cubes, points along the longest side.
        nodes: of the grid, along each side.
        name: of the problem.
        seed: of everything that is random.
        device: "auto" takes CUDA where there is one, for the network.
        seconds: after which its training stops, with what there is.
        out: folder for checkpoints; None writes nothing.
        resume: continue from the checkpoint in `out`.
        callbacks: each called with a `Record` after every recorded step.
        figures: what a report draws of the solution.

    Raises:
        ValueError: for arguments that do not fit together, and where the field has no zero set.
    """
    if not isinstance(cloud, PointCloud):
        raise TypeError(f"reconstruct: `cloud` must be a PointCloud, got {type(cloud).__name__}; use read_points(path)")
    if not neural and (losses is not None or spec is not None or solvers is not None):
        raise ValueError("reconstruct: `neural=False` trains nothing; leave `losses`, `spec` and `solvers` out")
    if (spec is None) != (solvers is None):
        raise ValueError("reconstruct: give both `spec` and `solvers`, or neither: one is chosen for the other")
    cloud = cloud.without_strays()  # before the box is taken: one point far away would shrink all else to a dot
    normalisation = cloud.normalisation
    points = torch.from_numpy(normalisation.apply(cloud.points))
    normals = None if cloud.normals is None else torch.from_numpy(cloud.normals)
    used: dict[str, float] = {}
    grid, solution = None, None
    if losses is None or getattr(losses, "guided", False):
        began = time.perf_counter()
        grid = grid_distance(points, normals, generator=torch.Generator().manual_seed(seed), resolution=nodes)
        used["grid"] = time.perf_counter() - began
    if neural:
        began = time.perf_counter()
        problem = surface_problem(
            points,
            normals if grid is None else None,  # the grid has seen them
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
    asked = grid if solution is None else distance_of(solution)
    assert asked is not None
    mesh = extract(asked, resolution=resolution, normalisation=normalisation)
    used["mesh"] = time.perf_counter() - began
    return Reconstruction(cloud, normalisation, grid, solution, mesh, used, seed, name)


def _facts(cloud: PointCloud, normalisation: Normalisation, grid: GridField | None) -> dict[str, Any]:
    """What is kept of the data beside the solution."""
    facts: dict[str, Any] = {
        "normalisation": normalisation.facts,
        "source": cloud.source,
        "points": len(cloud),
        "notes": list(cloud.notes),
    }
    if grid is not None:
        facts |= {"noise": normalisation.length(grid.noise), "grid_notes": list(grid.notes)}
    return facts
