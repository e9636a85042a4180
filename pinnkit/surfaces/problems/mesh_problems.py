"""Fitting of a closed mesh: signed-distance regression and occupancy classification."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from pinnkit.domains import Box
from pinnkit.fields import Siren
from pinnkit.meshes.mesh_distance import MeshDistance
from pinnkit.meshes.trimesh_backend import import_trimesh, is_mesh
from pinnkit.problem.penalties import Absolute, CrossEntropy
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Condition, Term
from pinnkit.solutions.solution import Solution
from pinnkit.solvers import Adam, Cosine, Plan
from pinnkit.surfaces.distance.field_distance import distance_function
from pinnkit.surfaces.drawing.figures import draw_mesh, draw_slices
from pinnkit.surfaces.mesh.extraction import extract
from pinnkit.surfaces.mesh.metrics import compare_surfaces, iou
from pinnkit.surfaces.mesh.sampling import sample_mesh
from pinnkit.surfaces.points.normalisation import Normalisation

from .supervision import FixedSamples

if TYPE_CHECKING:
    import trimesh

__all__ = ["occupancy_problem", "sdf_problem"]

_BOX = Box(x=(-1, 1), y=(-1, 1), z=(-1, 1))
_BATCH = 4096
_WALLS, _ON_WALLS = 0.1, 512  # weight and points of the boundary term, since few samples lie there
_WIDTHS = (0.05, 0.0158)  # standard deviations: roots of the variances .0025 and .00025 of DeepSDF
_SEED = 20_778  # of the points at which metrics are evaluated
_FRESH = 20_000


def sdf_problem(
    mesh: trimesh.Trimesh,
    *,
    generator: torch.Generator,
    name: str = "mesh_distance",
    samples: int = 100_000,
    clamp: float = 0.1,
) -> Problem:
    """Signed-distance regression: |clamp(f) - clamp(d)| at samples near a closed mesh and in the surrounding box.

    95 % of the samples are surface points plus Gaussian noise, half of them with each of two widths; the rest is
    uniform. Both values are clamped to ± `clamp`, which concentrates the capacity of the field near the surface.

    Args:
        mesh: closed, in any coordinates; `Problem.facts` keeps the normalisation to [-1, 1]^3.
        generator: source of randomness.
        name: problem name.
        samples: number of samples; each training step uses 4,096 of them.
        clamp: in normalised coordinates, where half the longest side is 0.78.

    Raises:
        ValueError: for a mesh that is open or not oriented.

    Source: Park et al., DeepSDF, CVPR 2019, eq. 4 and §5.
    """
    if not clamp > 0:
        raise ValueError(f"sdf_problem: `clamp` must be positive, got {clamp}")
    solid = _Solid.of(mesh, "sdf_problem")
    at = solid.draw(samples, 0.95, generator)
    part = FixedSamples(_BOX, at, {"d": solid.distance(at)})

    def apart(f: Any, d: Any) -> Any:
        return torch.clamp(f, -clamp, clamp) - torch.clamp(d, -clamp, clamp)

    def too_near(f: Any) -> Any:
        return torch.clamp(f, -clamp, clamp) - clamp

    terms = [
        Condition(part, apart, name="distance", penalty=Absolute(), points=_BATCH),
        Condition(_BOX.boundary, too_near, name="walls", penalty=Absolute(), weight=_WALLS, points=_ON_WALLS),
    ]
    return _problem(name, terms, solid, "signed distance", Siren(width=96, depth=3, omega=30.0))


def occupancy_problem(
    mesh: trimesh.Trimesh, *, generator: torch.Generator, name: str = "occupancy", samples: int = 100_000
) -> Problem:
    """Classification of inside and outside by cross entropy; f is the logit of being outside.

    P(outside) = 1 / (1 + e^-f), so the surface is f = 0 and f is negative inside.  Half of the samples are uniform in
    the box, half near the surface.

    Args:
        mesh: closed, in any coordinates; `Problem.facts` keeps the normalisation to [-1, 1]^3.
        generator: source of randomness.
        name: problem name.
        samples: number of samples; each training step uses 4,096 of them.

    Raises:
        ValueError: for a mesh that is open or not oriented.

    Source: Mescheder et al., Occupancy Networks, CVPR 2019, eq. 3.
    """
    solid = _Solid.of(mesh, "occupancy_problem")
    at = solid.draw(samples, 0.5, generator)
    side = torch.where(solid.distance.contains(at), -1.0, 1.0).to(torch.float64)
    part = FixedSamples(_BOX, at, {"side": side})
    terms = [
        Condition(part, _signed_logit, name="inside", penalty=CrossEntropy(), points=_BATCH),
        Condition(_BOX.boundary, _logit, name="walls", penalty=CrossEntropy(), weight=_WALLS, points=_ON_WALLS),
    ]
    return _problem(name, terms, solid, "logit of being outside", Siren(width=64, depth=3, omega=10.0))


def _signed_logit(f: Any, side: Any) -> Any:
    return side * f


def _logit(f: Any) -> Any:
    """Residual on the boundary of the box, which is outside."""
    return f


@dataclass(frozen=True, eq=False)
class _Solid:
    """Mesh in normalised coordinates with its distance."""

    mesh: trimesh.Trimesh
    distance: MeshDistance
    normalisation: Normalisation

    @classmethod
    def of(cls, mesh: trimesh.Trimesh, owner: str) -> _Solid:
        if not is_mesh(mesh):
            raise TypeError(f"{owner}: `mesh` must be a trimesh.Trimesh, got {type(mesh).__name__}")
        vertices = np.asarray(mesh.vertices, np.float64)
        if not len(mesh.faces) or not np.isfinite(vertices).all():
            raise ValueError(f"{owner}: the mesh must have triangles and finite vertices; {len(mesh.faces)} triangles")
        normalisation = Normalisation.of(vertices[np.unique(mesh.faces)])
        scaled = import_trimesh().Trimesh(normalisation.apply(vertices), mesh.faces, process=False)
        return cls(scaled, MeshDistance.of(scaled, source=f"{owner}: the mesh"), normalisation)

    def draw(self, n: int, near: float, generator: torch.Generator) -> Tensor:
        """Sample points of the box, a fraction `near` of them close to the surface."""
        if n < 1:
            raise ValueError(f"`samples` must be at least 1, got {n}")
        seed = int(torch.randint(2**31, (1,), generator=generator))
        close = round(near * n)
        uniform = 2 * torch.rand(n - close, 3, generator=generator, dtype=torch.float64) - 1
        if not close:
            return uniform
        on = torch.from_numpy(sample_mesh(self.mesh, close, np.random.default_rng(seed))[0])
        noise = torch.randn(close, 3, generator=generator, dtype=torch.float64)
        width = torch.where(torch.arange(close) % 2 == 0, *_WIDTHS)[:, None]
        return torch.cat([(on + width * noise).clamp(-1, 1), uniform])


def _problem(name: str, terms: list[Term], solid: _Solid, quantity: str, field: Siren) -> Problem:
    metrics: Mapping[str, Callable[[Solution], float]] = {
        "iou": lambda solution: _iou(solution, solid),
        "chamfer_percent_of_diagonal": lambda solution: _chamfer(solution, solid),
    }
    return Problem(
        name=name,
        domain=_BOX,
        unknowns="f",
        terms=terms,
        metrics=metrics,
        figures={"surface": _surface, "slices": lambda solution: _slices(solution, quantity)},
        facts={"normalisation": solid.normalisation.facts},
        plan=Plan.single(
            field,
            (Adam(steps=1500, lr=2e-3, schedule=Cosine(final=0.01, warmup=20), batch=_BATCH, betas=(0.9, 0.99)),),
            "A Siren by Adam on a fresh choice of the samples at every step.",
            balance=False,
        ),
        dtype=torch.float32,
    )


def _iou(solution: Solution, solid: _Solid) -> float:
    f = distance_function(solution)
    generator = torch.Generator().manual_seed(_SEED)
    return iou(lambda p: f(p) < 0, solid.distance.contains, (-1.0, 1.0), generator=generator, points=_FRESH)


def _chamfer(solution: Solution, solid: _Solid) -> float:
    """Chamfer distance in % of the diagonal; NaN if the field has no closed surface in the box yet."""
    try:
        found = extract(distance_function(solution), resolution=96)
    except ValueError:
        return float("nan")
    scores = compare_surfaces(found, solid.mesh, generator=np.random.default_rng(_SEED), samples=_FRESH)
    return 100 * scores.chamfer / scores.diagonal


def _surface(solution: Solution) -> Any:
    f = distance_function(solution)
    try:
        mesh = extract(f, resolution=128)
    except ValueError as error:
        return draw_slices(f, title=f"{solution.problem.name}: {str(error).split(';')[0][:90]}")
    return draw_mesh(mesh, title=solution.problem.name)


def _slices(solution: Solution, quantity: str) -> Any:
    return draw_slices(distance_function(solution), title=solution.problem.name, quantity=quantity)
