"""Start of training from the values of a reference: the fields are fitted to them first."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pinnkit.domains import columns
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Data, Term
from pinnkit.solutions.known_values import KnownValues
from pinnkit.solutions.solution import Solution
from pinnkit.solvers.optimizers.lbfgs import LBFGS

from .candidates import Candidate
from .run import Run

__all__ = ["fit_values"]

_POINTS = 4096
_STEPS = 400
_SHARE = 0.25
"""Part of a time limit that the fit may take."""


def fit_values(run: Run, known: KnownValues, train: Callable[[Run], Solution]) -> Solution:
    """Fit the fields of a run to known values, by L-BFGS on at most 4096 points of the grid.

    Args:
        run: whose fields are fitted, through the ansatz of its problem where there is one.
        known: the values.
        train: runs the solvers of a run.

    Raises:
        ValueError: for values on other axes than those of the problem, or without one of its unknowns.
    """
    problem, options = run.problem, run.options
    fit = Problem(
        f"{problem.name} start",
        problem.domain,
        problem.unknowns,
        [_data(problem, known, options.seed)],
        ansatz=problem.ansatz,
        dtype=problem.dtype,
    )
    seconds = None if options.seconds is None else _SHARE * options.seconds
    quiet = replace(
        options, start=None, out=None, resume=False, monitor=None, adaptive=None, weights=(), tolerance=None,
        seconds=seconds, callbacks=(), compiles=False,
    )  # fmt: skip
    candidate = Candidate(run.candidate.field, (LBFGS(steps=_STEPS),), "The values of a reference.")
    return train(Run(fit, candidate, quiet, time.perf_counter()))


def _data(problem: Problem, known: KnownValues, seed: int) -> Term:
    names = columns(problem.domain.axes)
    missing = [*(n for n in names if n not in known.grid), *(n for n in problem.names if n not in known.values)]
    if missing:
        raise ValueError(
            f"solve: `start` must have values on the axes {names} of the unknowns {tuple(problem.names)}, and lacks "
            f"{missing}; give the reference of this problem"
        )
    mesh = np.meshgrid(*(known.grid[n] for n in names), indexing="ij")
    coords = torch.from_numpy(np.stack([m.ravel() for m in mesh], axis=1))
    values: dict[str, Tensor] = {}
    for unknown in problem.unknowns:
        shape = (len(coords),) if unknown.components is None else (len(coords), unknown.components)
        values[unknown.name] = torch.from_numpy(np.ascontiguousarray(known.values[unknown.name])).reshape(shape)
    finite = torch.stack([torch.isfinite(v.reshape(len(coords), -1)).all(dim=1) for v in values.values()]).all(dim=0)
    kept = finite.nonzero().squeeze(1)
    if len(kept) > _POINTS:
        order = torch.randperm(len(kept), generator=torch.Generator().manual_seed(seed))
        kept = kept[order[:_POINTS].sort().values]
    at: dict[str, Tensor] = {}
    start = 0
    for axis in problem.domain.axes:
        there = coords[kept, start : start + axis.dim]
        at[axis.name] = there[:, 0] if axis.dim == 1 else there
        start += axis.dim
    measured: dict[str, Any] = {name: value[kept] for name, value in values.items()}
    return Data(at, **measured)
