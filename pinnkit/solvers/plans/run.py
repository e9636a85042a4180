"""Run of one candidate, and the Solution with which it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

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
from pinnkit.solvers.collocation.collocation_points import CollocationPoints, counts_of
from pinnkit.solvers.collocation.field_groups import Group, group_fields
from pinnkit.solvers.collocation.parameters import Parameters
from pinnkit.solvers.collocation.residual_summary import residual_summary
from pinnkit.solvers.collocation.weighted_residuals import WeightedResiduals
from pinnkit.solvers.protocols import Solver
from pinnkit.solvers.training.adaptive_points import Adaptive

from .candidates import Candidate
from .run_options import RunOptions

__all__ = ["Run", "differentiates", "solution_of"]

_DATA = 2**16
"""Largest number of given data at which the residual of a solution is measured."""


@dataclass(frozen=True)
class Run:
    """Candidate that is run on a problem.

    Args:
        problem: to solve.
        candidate: field and solvers.
        options: of the run.
        began: `time.perf_counter()` at its beginning.
        is_dispensable: whether there is a solution already, so that a first step that does not end in time is broken
            off, by `OutOfTime`.
    """

    problem: Problem
    candidate: Candidate
    options: RunOptions
    began: float
    is_dispensable: bool = False

    @cached_property
    def specs(self) -> dict[Group, FieldSpec | nn.Module]:
        """Field of each group of unknowns."""
        assert self.candidate.field is not None
        return group_fields(self.problem, self.candidate.field)

    @property
    def solvers(self) -> tuple[Solver, ...]:
        """Solvers of a candidate with a field."""
        return cast("tuple[Solver, ...]", tuple(self.candidate.solvers))

    @property
    def device(self) -> torch.device:
        """Device of the run."""
        return self.options.torch_device

    @property
    def dtype(self) -> torch.dtype:
        """Floating-point type of the run."""
        return self.options.dtype_for(self.problem)

    @property
    def adaptive(self) -> Adaptive | None:
        """Scheme of adaptive points: that of the options, else that of the candidate."""
        return self.options.adaptive or self.candidate.adaptive

    @property
    def balance(self) -> bool:
        """Return whether the scales of unknowns and terms are balanced: unless options or candidate decline it."""
        return self.options.balance and self.candidate.balance

    @property
    def weighs_rows(self) -> bool:
        """Return whether terms are weighted by their row norms: not where no term differentiates its unknowns."""
        return self.balance and any(differentiates(self.problem, t) for t in self.problem.soft_terms)

    @property
    def row_scales(self) -> dict[str, float] | None:
        """Scale of each term's rows in a solve for the read-out: None takes their norms."""
        return None if self.weighs_rows else {str(t.name): 1.0 for t in self.problem.soft_terms}

    def checkpoint(self, stage: int) -> Path | None:
        """Checkpoint of a stage; a file of an earlier run is deleted unless the run resumes."""
        if self.options.folder is None:
            return None
        path = self.options.folder / f"checkpoint{stage or ''}.h5"
        if not self.options.resume:
            path.unlink(missing_ok=True)
        return path

    def readout_points(self, solver: Solver, features: int) -> CollocationPoints:
        """Points of a solve for the read-out of a number of features, in float64 on the CPU."""
        plan = solver.sampling_plan(features)
        cpu = torch.device("cpu")
        return CollocationPoints.planned(self.problem, plan, self.options.seed, device=cpu, dtype=torch.float64)


def differentiates(problem: Problem, term: Term) -> bool:
    """Return whether a term depends on derivatives of the fields."""
    return any(c.order != () for c in problem.trace(term, raw=True).channels)


def solution_of(
    problem: Problem,
    options: RunOptions,
    *,
    reason: str,
    solvers: Sequence[str],
    specs: Mapping[Group, FieldSpec | None],
    modules: Mapping[Group, nn.Module],
    parameters: Parameters,
    status: Status,
    records: Sequence[Record],
    used: float,
    points: CollocationPoints | None = None,
    readout_alone: bool = False,
) -> Solution:
    """Solution of a run that has ended.

    Args:
        problem: that was solved.
        options: of the run.
        reason: of the field and solvers, in words.
        solvers: their representations.
        specs: of the fields, None for a module that was given.
        modules: the fields.
        parameters: hold the coefficients.
        status: of the run.
        records: its history.
        used: seconds.
        points: to which the fields were fitted; None for a march.
        readout_alone: whether the solvers determined the read-outs of the fields and nothing else of them.
    """
    device, dtype = options.torch_device, options.dtype_for(problem)
    fields = FieldSet(problem, modules)
    determined = Parameters(problem, list(modules.values()), device=device, dtype=dtype)
    rows, training = residual_summary(fields, parameters, points)
    counts = counts_of(problem, 1024, 256)
    fresh = CollocationPoints(problem, counts, options.seed, draw=2**31, device=device, dtype=dtype, batch=_DATA)
    check = WeightedResiduals(fields, parameters, fresh)
    with torch.no_grad():
        squares = [float(check.residual(t, p).square().mean()) for t in problem.terms for p in fresh.chunks(t)]
    return Solution(
        problem=problem,
        fields=dict(specs),
        modules=dict(modules),
        coefficients=dict(parameters.found()),
        status=status,
        history=History.of(records),
        seconds=used,
        seed=options.seed,
        device=str(device),
        dtype=dtype,
        solvers=tuple(solvers),
        choice=reason,
        residual_rms=float(np.sqrt(np.mean(squares))),
        steps=records[-1].step if records else 0,
        parameters=len(determined.readout) + len(problem.coefficients) if readout_alone else determined.count,
        versions=versions(),
        rows=rows,
        training_rms=training,
    )
