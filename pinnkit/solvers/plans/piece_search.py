"""Run of `Trefftz` in pieces: functions that satisfy the equation of each piece, joined at the interfaces."""

from __future__ import annotations

import math
import time

from pinnkit.fields import Trefftz
from pinnkit.solutions.history import Record
from pinnkit.solutions.solution import Solution
from pinnkit.solutions.status import Status
from pinnkit.solvers.collocation.parameters import Parameters
from pinnkit.solvers.trefftz.piece_functions import ROUNDING, PieceFit, search_piece_functions

from .run import Run, solution_of

__all__ = ["run_piece_search"]

_LARGE = 0.1
"""Relative residual of a condition from which the search has failed."""


def run_piece_search(run: Run) -> Solution:
    """Functions that satisfy the equation of each piece, fitted to walls and interfaces by one least-squares problem.

    Raises:
        Unsupported: for what the method does not cover, with the reason.
        ValueError: for further solvers, or a field of another kind for one of the pieces.
    """
    solver, *others = run.solvers
    specs = tuple(run.specs.values())
    if others or not all(isinstance(spec, Trefftz) for spec in specs):
        raise ValueError("solve: Trefftz() is solved by LeastSquares alone, in all pieces; leave the other solvers out")
    problem, options = run.problem, run.options
    limit = sum(spec.limit for spec in specs if isinstance(spec, Trefftz))
    records: list[Record] = []
    stopped = late = False

    def report(fit: PieceFit) -> bool:
        nonlocal stopped, late
        used = time.perf_counter() - run.began
        unmeasured = dict.fromkeys((str(t.name) for t in problem.terms), math.nan)
        words = f"{fit.count} functions that satisfy the equations"
        records.append(Record(len(records) + 1, 0, words, used, fit.error**2, unmeasured))
        stopped = any([callback(records[-1]) is True for callback in options.callbacks])
        late = options.seconds is not None and used >= options.seconds
        return stopped or late

    fit = search_piece_functions(problem, limit=limit, tolerance=options.tolerance, report=report)
    met = options.tolerance is not None and fit.error <= options.tolerance
    status = Status.CONVERGED if met else Status.SOLVED if fit.error <= _LARGE else Status.STALLED
    if late and not met and fit.error > ROUNDING:
        status = Status.TIME
    if stopped:
        status = Status.INTERRUPTED
    modules = {group: module.to(device=run.device, dtype=run.dtype) for group, module in fit.modules.items()}
    return solution_of(
        problem,
        options,
        reason=(
            f"{run.candidate.reason} {fit.count} functions in {len(modules)} pieces, {len(records)} fits; largest "
            f"residual of a condition {fit.error:.1e} of its parts, at points that the fits have not seen."
        ),
        solvers=(repr(solver),),
        specs={group: module.spec for group, module in modules.items()},
        modules=modules,
        parameters=Parameters(problem, (), device=run.device, dtype=run.dtype),
        status=status,
        records=records,
        used=time.perf_counter() - run.began,
        readout_alone=True,
    )
