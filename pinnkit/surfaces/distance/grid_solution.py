"""Signed distance on a grid as a `Solution`, for reports, storage and extraction."""

from __future__ import annotations

import numpy as np
import torch

from pinnkit.fields import Voxels
from pinnkit.machine import versions
from pinnkit.problem.problem import Problem
from pinnkit.solutions.history import History
from pinnkit.solutions.solution import Solution
from pinnkit.solutions.status import Status

from .grid_field import GridField

__all__ = ["solution_from_grid"]


def solution_from_grid(grid: GridField, problem: Problem, *, seed: int) -> Solution:
    """Resample the grid on the box of the problem, with as many nodes and trilinear interpolation; nothing is trained.

    Args:
        grid: three-dimensional distance.
        problem: problem with one scalar unknown over x, y and z, such as that of `surface_problem`.
        seed: seed with which the grid was made.
    """
    spec, device = Voxels(resolution=grid.resolution), torch.device("cpu")
    generator = torch.Generator().manual_seed(seed)
    module = spec.build(problem.axes, 1, generator=generator, dtype=problem.dtype, device=device)
    ticks = [torch.linspace(a.lower, a.upper, grid.resolution, dtype=torch.float64) for a in problem.axes]
    nodes = torch.stack(torch.meshgrid(*ticks, indexing="ij"), dim=-1).reshape(-1, 3)
    with torch.no_grad():
        module.table.copy_(grid(nodes)[:, None])
    return Solution(
        problem=problem,
        fields={problem.names: spec},
        modules={problem.names: module.requires_grad_(False)},
        coefficients={},
        status=Status.SOLVED,
        history=History.of([]),
        seconds=grid.seconds,
        seed=seed,
        device=str(device),
        dtype=problem.dtype,
        solvers=("screened Poisson", "fast marching"),
        choice="A signed distance on a grid, from the points; no network was trained.",
        residual_rms=float(np.nan),
        steps=0,
        parameters=grid.values.numel(),
        versions=versions(),
    )
