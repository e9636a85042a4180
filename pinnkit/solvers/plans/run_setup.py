"""What every road of `solve` is given, and the Solution that each ends with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from pinnkit.fields import FieldSpec
from pinnkit.machine import versions
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Term
from pinnkit.solutions.evaluation import FieldSet
from pinnkit.solutions.history import History, Record
from pinnkit.solutions.solution import Solution
from pinnkit.solutions.status import Status
from pinnkit.solvers.collocation.collocation_points import Cloud, counts_of
from pinnkit.solvers.collocation.field_groups import Group
from pinnkit.solvers.collocation.parameters import Parameters
from pinnkit.solvers.collocation.residual_loss import Collocation
from pinnkit.solvers.collocation.residual_summary import trained_on
from pinnkit.solvers.least_squares.least_squares import LeastSquares
from pinnkit.solvers.protocols import Solver
from pinnkit.solvers.training.adaptive_points import Adaptive
from pinnkit.solvers.training.monitor import Monitor
from pinnkit.solvers.training.weights import Weights

__all__ = ["Saving", "Setup", "differentiates", "readout_cloud", "solution_of"]

_MOST = 2**16
"""Of the data that a problem brings, for the residual that a solution states."""


@dataclass(frozen=True)
class Setup:
    """What is solved, with what, where, and why so."""

    problem: Problem
    specs: Mapping[Group, FieldSpec | nn.Module]
    solvers: tuple[Solver, ...]
    seed: int
    device: torch.device
    dtype: torch.dtype
    reason: str
    began: float
    adaptive: Adaptive | None = None
    weights: tuple[Weights, ...] = ()
    compiles: bool | None = None
    balance: bool = True
    monitor: Monitor | None = None

    @property
    def balanced(self) -> bool:
        """Whether terms are weighted by their row norms: not where that was declined, nor where nothing is derived."""
        return self.balance and any(differentiates(self.problem, t) for t in self.problem.soft_terms)

    @property
    def row_scales(self) -> dict[str, float] | None:
        """The scale of each term's rows in a solve for the read-out: None leaves it to their norms."""
        return None if self.balanced else {str(t.name): 1.0 for t in self.problem.soft_terms}


def differentiates(problem: Problem, term: Term) -> bool:
    """Whether a term uses more of the fields than their values."""
    return any(c.order != () for c in problem.trace(term, raw=True).channels)


@dataclass(frozen=True)
class Saving:
    """Where checkpoints go, how often, and whether a run goes on from them."""

    folder: Path | None
    resume: bool
    seconds: float

    def path(self, stage: int) -> Path | None:
        """The checkpoint of a stage; one of an earlier run is none of ours."""
        if self.folder is None:
            return None
        path = self.folder / f"checkpoint{stage or ''}.h5"
        if not self.resume:
            path.unlink(missing_ok=True)
        return path


def solution_of(
    setup: Setup,
    specs: Mapping[Group, FieldSpec | None],
    modules: Mapping[Group, nn.Module],
    parameters: Parameters,
    status: Status,
    records: Sequence[Record],
    used: float,
    seen: Cloud | None = None,
) -> Solution:
    """The Solution of a road that has ended.

    Args:
        setup: of the road.
        specs: of the fields, None for a module that was given.
        modules: the fields.
        parameters: which hold the coefficients that were found.
        status: how it ended.
        records: its history.
        used: seconds.
        seen: the points that it was fitted to, if they were points.
    """
    fields = FieldSet(setup.problem, modules)
    rows, training = trained_on(fields, parameters, seen)
    fresh = Cloud(
        setup.problem,
        counts_of(setup.problem, 4096, 1024),
        setup.seed,
        draw=2**31,
        device=setup.device,
        dtype=setup.dtype,
        batch=_MOST,
    )
    check = Collocation(fields, parameters, fresh)
    with torch.no_grad():
        squares = [float(check.residual(t, p).square().mean()) for t in setup.problem.terms for p in fresh.chunks(t)]
    return Solution(
        problem=setup.problem,
        fields=dict(specs),
        modules=dict(modules),
        coefficients=dict(parameters.found()),
        status=status,
        history=History.of(records),
        seconds=used,
        seed=setup.seed,
        device=str(setup.device),
        dtype=setup.dtype,
        solvers=tuple(repr(s) for s in setup.solvers),
        choice=setup.reason,
        residual_rms=float(np.sqrt(np.mean(squares))),
        steps=records[-1].step if records else 0,
        parameters=sum(p.numel() for m in modules.values() for p in m.parameters()) + len(setup.problem.coefficients),
        versions=versions(),
        rows=rows,
        training_rms=training,
    )


def readout_cloud(setup: Setup, solver: LeastSquares, features: int) -> Cloud:
    """The points of a least-squares solve with so many features."""
    counts = counts_of(setup.problem, int(solver.ratio * features), max(int(solver.condition_ratio * features), 2))
    return Cloud(setup.problem, counts, setup.seed, sampling=solver.sampling)
