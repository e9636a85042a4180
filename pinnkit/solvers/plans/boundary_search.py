"""Run of `Trefftz`: functions that satisfy the equation, chosen by the residual on the boundary."""

from __future__ import annotations

import math
import time

from pinnkit.fields import Trefftz
from pinnkit.problem.hardening import softened
from pinnkit.solutions.history import Record
from pinnkit.solutions.solution import Solution
from pinnkit.solutions.status import Status
from pinnkit.solvers.collocation.parameters import Parameters
from pinnkit.solvers.trefftz.basis import Levels
from pinnkit.solvers.trefftz.boundary_fit import BoundaryFit
from pinnkit.solvers.trefftz.search import Found, search_functions, setup_of

from .piece_search import run_piece_search
from .run import Run, solution_of

__all__ = ["run_boundary_search"]

_GOOD = 1e-8
"""Relative boundary residual at which a search that ends by its time limit is not too short."""
_LARGE = 0.1
"""Relative boundary residual from which the search has failed."""


def run_boundary_search(run: Run) -> Solution:
    """Functions that satisfy the equation, as many as lower the residual at fresh points of the boundary.

    Raises:
        Unsupported: for what the method does not cover, with the reason.
        ValueError: for further solvers.
    """
    if len(run.problem.pieces) > 1:
        return run_piece_search(run)
    (solver, *others), (group,) = run.solvers, tuple(run.specs)
    spec = run.specs[group]
    assert isinstance(spec, Trefftz)
    if others:
        raise ValueError("solve: Trefftz() is solved by LeastSquares alone; leave the other solvers out")
    problem, options = softened(run.problem), run.options  # the functions meet no wall by an ansatz
    records: list[Record] = []
    stopped = late = False

    def report(fit: BoundaryFit, levels: Levels) -> bool:
        nonlocal stopped, late
        del levels
        used = time.perf_counter() - run.began
        unmeasured = dict.fromkeys((str(t.name) for t in problem.terms), math.nan)
        words = f"{fit.count} functions that satisfy the equation"
        records.append(Record(len(records) + 1, 0, words, used, fit.error**2, unmeasured))
        stopped = any([callback(records[-1]) is True for callback in options.callbacks])
        late = options.seconds is not None and used >= options.seconds
        return stopped or late

    found = search_functions(setup_of(problem), limit=spec.limit, tolerance=options.tolerance, report=report)
    module = found.fit.module.to(device=run.device, dtype=run.dtype)
    status = Status.SOLVED
    if options.tolerance is not None and found.fit.error <= options.tolerance:
        status = Status.CONVERGED
    if not found.fit.error <= _LARGE:
        status = Status.STALLED
    if late and not found.fit.error <= (_GOOD if options.tolerance is None else options.tolerance):
        status = Status.TIME
    if stopped:
        status = Status.INTERRUPTED
    return solution_of(
        problem,
        options,
        reason=f"{run.candidate.reason} {_words(found)}",
        solvers=(repr(solver),),
        specs={group: module.spec},
        modules={group: module},
        parameters=Parameters(problem, (), device=run.device, dtype=run.dtype),
        status=status,
        records=records,
        used=time.perf_counter() - run.began,
        readout_alone=True,
    )


def _words(found: Found) -> str:
    fit = found.fit
    return (
        f"{fit.count} functions in {found.fits} fits; largest boundary residual {fit.error:.1e} of the largest value, "
        f"at points that the fits have not seen."
    )
