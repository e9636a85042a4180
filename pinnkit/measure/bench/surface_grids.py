"""Accuracy of `grid_distance`, from points to a signed distance on a grid, for solids with exact distance."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from pinnkit.surfaces.solids.solids import Shape

__all__ = ["bunny", "exact_shapes", "grid_row"]

POINTS = 10_000
_BOX_FACTOR = 1.15
_SAMPLES = 50_000


def exact_shapes() -> dict[str, Shape]:
    """Shapes of the acceptance table that need no file."""
    from pinnkit.surfaces.solids.gyroid import GyroidShell
    from pinnkit.surfaces.solids.solids import BoxMinusCylinder, Sphere, Torus

    return {
        "sphere": Sphere(),
        "torus": Torus(),
        "box minus cylinder": BoxMinusCylinder(),
        "gyroid shell": GyroidShell(),
    }


def bunny(path: str | Path) -> Shape:
    """Read the Stanford bunny (Turk & Levoy, SIGGRAPH 1994), or another closed scan.

    The npm package `bunny` (version 1.0.1, `npm pack bunny`) contains it with filled holes, reduced to 1,839 vertices,
    as index.js: lists `positions` and `cells`.  It is not part of this repository.

    Args:
        path: this index.js, or any mesh file with a closed mesh.

    Raises:
        ValueError: for an index.js without these lists.
    """
    import trimesh

    from pinnkit.surfaces.solids.mesh_solid import MeshSolid

    path = Path(path)
    if path.suffix != ".js":
        return MeshSolid.read(path)
    text = path.read_text(encoding="utf-8")

    def rows(name: str) -> list[list[float]] | None:
        found = re.search(rf"exports\.{name}\s*=\s*(\[.*?\]\s*\])", text, re.DOTALL)
        return json.loads(found.group(1)) if found else None

    positions, cells = rows("positions"), rows("cells")
    if positions is None or cells is None:
        raise ValueError(f"bunny: {path} must have `exports.positions` and `exports.cells`, as the npm package has")
    return MeshSolid.of(trimesh.Trimesh(positions, cells), source=path.name)


def grid_row(shape: Shape, noise: float, seed: int, points: int = POINTS) -> dict[str, float | bool]:
    """Accuracy of `grid_distance` from points without normals; lengths in % of the diagonal of the exact shape.

    Args:
        shape: solid with exact distance.
        noise: standard deviation of the points over the diagonal.
        seed: of the points and of the reconstruction.
        points: number of points.
    """
    from pinnkit.meshes.mesh_checks import check_mesh
    from pinnkit.surfaces.distance.grid_distance import grid_distance
    from pinnkit.surfaces.mesh.extraction import extract
    from pinnkit.surfaces.mesh.metrics import compare_surfaces, distance_error
    from pinnkit.surfaces.solids.solids import diagonal

    generator = torch.Generator().manual_seed(1_000 + seed)
    on = shape.sample(points, generator)
    cloud = on + noise * diagonal(shape) * torch.randn(on.shape, generator=generator, dtype=torch.float64)
    field = grid_distance(cloud, generator=generator)
    mesh = extract(field, (field.lower, field.upper), field.resolution)
    percent = 100 / diagonal(shape)
    found = compare_surfaces(mesh, shape.mesh(), generator=np.random.default_rng(0), samples=_SAMPLES)
    lower, upper = (b.numpy() for b in shape.bounds)
    middle, half = (lower + upper) / 2, _BOX_FACTOR * (upper - lower) / 2
    error = distance_error(
        field, shape.distance, (middle - half, middle + half), generator=torch.Generator().manual_seed(0)
    )
    sound = check_mesh(mesh)
    return {
        "chamfer": percent * found.chamfer,
        "hausdorff": percent * found.hausdorff,
        "distance_mean": percent * error.mean,
        "distance_p99": percent * error.p99,
        "euler_ok": sound.euler == shape.euler,
        "closed": sound.closed and sound.oriented,
        "components": float(sound.components),
        "noise": percent * field.noise,
        "seconds": field.seconds,
    }
