"""Solutions as values on a grid, or at scattered points: CSV, NPZ, VTU and VTK."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from contextlib import redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pinnkit.domains import Role, Sobol
from pinnkit.solutions.files import replacing
from pinnkit.solutions.solution import Solution, grid_counts

__all__ = ["write_csv", "write_mesh", "write_npz"]

_SCATTERED = 4096
_CELLS = {1: "line", 2: "quad", 3: "hexahedron"}
_CORNERS = {
    1: ((0,), (1,)),
    2: ((0, 0), (1, 0), (1, 1), (0, 1)),
    3: ((0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1)),
}
"""Corners of a cell in the order of VTK."""

Array = NDArray[np.float64]


def write_npz(solution: Solution, path: Path, points: int | None, at: Mapping[str, float]) -> Path:
    """Write axes and values on a grid, as `Solution.on_grid` gives them, or rows of scattered points."""
    values = _grid(solution, points, at)
    held = _scattered(solution, at) if values is None else values
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **held)
    return path


def write_csv(solution: Solution, path: Path, points: int | None, at: Mapping[str, float]) -> Path:
    """Write one row a point, under the names of coordinates and components; points outside the domain are left out."""
    values = _grid(solution, points, at)
    rows = _scattered(solution, at) if values is None else _listed(solution, values)
    columns: dict[str, Array] = {}
    for name, value in rows.items():
        parts = {name: value} if value.ndim == 1 else {f"{name}[{i}]": value[:, i] for i in range(value.shape[1])}
        columns.update(parts)
    table = np.stack(list(columns.values()), axis=1)
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([[repr(float(v)) for v in row] for row in table[np.isfinite(table).all(axis=1)]])
    return path


def write_mesh(solution: Solution, path: Path, points: int | None, at: Mapping[str, float]) -> Path:
    """Write values on a grid of space as a mesh; time is its end unless `at` says otherwise.

    Raises:
        ValueError: for more than three coordinates of space, parameters without a value, and without meshio.
    """
    if find_spec("meshio") is None:
        raise ValueError(
            "export: meshes need meshio, which is not installed; python -m pip install 'pinnkit[exchange]'"
        )
    axes = solution.problem.axes
    space = [a for a in axes if a.role is Role.SPACE and a.name not in at]
    if len(space) not in _CELLS or any(a.dim > 1 for a in space):
        raise ValueError(
            f"export: a mesh takes one to three coordinates of space, '{solution.problem.name}' has "
            f"{[a.name for a in space]}; fix others by at={{...}} (--at), or write .npz"
        )
    fixed = dict(at)
    for axis in axes:
        if axis.role is Role.TIME:
            fixed.setdefault(axis.name, axis.upper)
        elif axis.role is Role.PARAMETER and axis.name not in fixed:
            raise ValueError(f"export: give the value of the parameter `{axis.name}` (at={{...}}, --at)")
    values = _grid(solution, points, fixed)
    assert values is not None
    shape = tuple(len(values[a.name]) for a in space)
    mesh = np.meshgrid(*(values[a.name] for a in space), indexing="ij")
    corners = np.zeros((mesh[0].size, 3))
    for i, part in enumerate(mesh):
        corners[:, i] = part.reshape(-1)
    data = {}
    for unknown in solution.problem.unknowns:
        flat = values[unknown.name].reshape(len(corners), -1)
        padded = np.pad(flat, ((0, 0), (0, 3 - flat.shape[1]))) if flat.shape[1] == 2 else flat
        data[unknown.name] = padded[:, 0] if unknown.components is None else padded
    inside = np.all([np.isfinite(v.reshape(len(corners), -1)).all(axis=1) for v in data.values()], axis=0)
    cells = _cells(shape)
    cells = cells[inside[cells].all(axis=1)]
    used = np.unique(cells)
    position = np.zeros(len(corners), dtype=np.int64)
    position[used] = np.arange(len(used))
    import meshio

    made = meshio.Mesh(
        corners[used], [(_CELLS[len(space)], position[cells])], point_data={n: v[used] for n, v in data.items()}
    )
    with replacing(path) as temporary, redirect_stdout(io.StringIO()):
        meshio.write(temporary, made, file_format=path.suffix.lower().lstrip("."))
    return path


def _cells(shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Corners of the cells of a grid, as indices of its points."""
    index = np.arange(int(np.prod(shape))).reshape(shape)
    parts = [
        index[tuple(slice(c, n - 1 + c) for c, n in zip(corner, shape, strict=True))].reshape(-1)
        for corner in _CORNERS[len(shape)]
    ]
    return np.stack(parts, axis=1)


def _grid(solution: Solution, points: int | None, at: Mapping[str, float]) -> dict[str, Array] | None:
    """Axes and values on a grid; None for vector axes and more than four of them."""
    axes = solution.problem.axes
    names = [a.name for a in axes]
    for name in at:
        if name not in names:
            raise ValueError(f"export: `{name}` is not an axis of '{solution.problem.name}'; they are {tuple(names)}")
    free = [a for a in axes if a.name not in at]
    counts = dict.fromkeys((a.name for a in free), points) if points is not None else grid_counts(free)
    if len(free) > 4 or any(a.dim > 1 for a in axes) or not free:
        return None
    found: dict[str, Any] = solution.on_grid(**counts, **{name: [float(v)] for name, v in at.items()})
    return {name: np.asarray(value, dtype=np.float64) for name, value in found.items()}


def _listed(solution: Solution, values: Mapping[str, Array]) -> dict[str, Array]:
    """Values on a grid as rows."""
    names = [a.name for a in solution.problem.axes]
    mesh = np.meshgrid(*(values[n] for n in names), indexing="ij")
    rows = {n: m.reshape(-1) for n, m in zip(names, mesh, strict=True)}
    for name in solution.problem.names:
        value = values[name]
        rows[name] = value.reshape(mesh[0].size, *value.shape[len(names) :])
    return rows


def _scattered(solution: Solution, at: Mapping[str, float]) -> dict[str, Array]:
    """Values at evenly scattered points of the domain."""
    if at:
        raise ValueError("export: `at` needs a grid, and this domain has vector axes or more than four axes")
    generator = torch.Generator().manual_seed(0)
    coords = solution.problem.domain.sample(_SCATTERED, generator, sampling=Sobol()).coords.double()
    parts = coords.split([a.dim for a in solution.problem.axes], dim=1)
    given = {a.name: (p if a.dim > 1 else p[:, 0]).numpy() for a, p in zip(solution.problem.axes, parts, strict=True)}
    found = solution(**given)
    return {name: np.asarray(value, dtype=np.float64) for name, value in {**given, **found}.items()}
