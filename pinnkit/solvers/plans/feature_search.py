"""Feature search: random sines, or polynomials in many coordinates, chosen by the held-out residual."""

from __future__ import annotations

import math
import time
from functools import partial

import numpy as np

from pinnkit.fields import Expansion, RandomFourier
from pinnkit.fields.protocols import spec_of, unsettled
from pinnkit.solutions.history import Record
from pinnkit.solutions.solution import Solution
from pinnkit.solutions.status import Status
from pinnkit.solvers.collocation.parameters import Parameters
from pinnkit.solvers.least_squares.polynomial_search import search_polynomials
from pinnkit.solvers.least_squares.random_feature_search import Attempt, search_random_features
from pinnkit.solvers.protocols import ReadoutSolver, on_readout

from .run import Run, solution_of

__all__ = ["run_search"]

_ROUNDING = 3e-13
"""Relative residual near which rounding dominates: the default tolerance of a search."""


def run_search(run: Run) -> Solution:
    """Random sines whose bandwidth and number the held-out residual chooses, or polynomials in many coordinates."""
    spec, solver = _checked(run)
    problem, options = run.problem, run.options
    tolerance = _ROUNDING if options.tolerance is None else options.tolerance
    records: list[Record] = []
    stopped = late = False

    def report(attempt: Attempt) -> bool:
        nonlocal stopped, late
        used = time.perf_counter() - run.began
        terms = {str(t.name): float(c) for t, c in zip(problem.terms, attempt.costs, strict=True)}
        record = Record(len(records) + 1, 0, attempt.words, used, attempt.score**2, terms)
        records.append(record)
        stopped = any([callback(record) is True for callback in options.callbacks])
        late = options.seconds is not None and used >= options.seconds
        return stopped or late

    if isinstance(spec, Expansion):
        search = partial(search_polynomials, limit=spec.limit)
    else:
        search = partial(search_random_features, features=spec.features)
    best = search(
        problem,
        tuple(run.specs),
        solver,
        seed=options.seed,
        tolerance=tolerance,
        report=report,
        left=lambda: _seconds_left(run),
        scales=run.row_scales,
    )
    used = time.perf_counter() - run.began
    modules = {g: m.to(device=run.device, dtype=run.dtype) for g, m in best.fields.modules.items()}
    parameters = Parameters(problem, (), device=run.device, dtype=run.dtype)
    parameters.start_from(best.parameters.found())
    status = Status.CONVERGED if best.score <= tolerance and options.tolerance is not None else Status.SOLVED
    if not np.isfinite(best.score) or best.score > 0.5:
        status = Status.STALLED
    late = (late or best.late) and not best.score <= tolerance
    if late:
        status = Status.TIME
    if stopped or best.interrupted:
        status = Status.INTERRUPTED
    return solution_of(
        problem,
        options,
        reason=_reason(run, best, len(records), f"{tolerance:.0e}" if late else None),
        solvers=tuple(map(repr, run.solvers)),
        specs={g: spec_of(m) for g, m in modules.items()},
        modules=modules,
        parameters=parameters,
        status=status,
        records=records,
        used=used,
        points=run.readout_points(solver, best.features),
        readout_alone=True,
    )


def _checked(run: Run) -> tuple[RandomFourier | Expansion, ReadoutSolver]:
    """Field to search for, and the solver of its read-out.

    Raises:
        ValueError: for different fields of the unknowns, or further solvers.
    """
    (solver, *others), spec = run.solvers, next(s for s in run.specs.values() if unsettled(s))
    assert isinstance(spec, RandomFourier | Expansion)
    assert on_readout(solver)
    if any(s != spec for s in run.specs.values()):
        raise ValueError(
            "solve: RandomFourier(bandwidth=None) is chosen for all unknowns together, and so is Expansion(); "
            "give every unknown the same spec, or each one that is settled, such as RandomFourier(400, bandwidth=8.0)"
        )
    if others:
        raise ValueError(
            "solve: random sines with bandwidth=None, and Expansion(), are solved by LeastSquares alone; give a "
            "bandwidth, or TotalDegree(6)"
        )
    return spec, solver


def _seconds_left(run: Run) -> float:
    limit = run.options.seconds
    return math.inf if limit is None else limit - (time.perf_counter() - run.began)


def _reason(run: Run, best: Attempt, attempts: int, missed: str | None) -> str:
    """Choice in words; `missed` is the tolerance that was not met when the time ran out."""
    chosen = best.words
    if best.bandwidth:
        pairs = zip(run.problem.frame.columns, best.bandwidth, strict=True)
        chosen = f"{best.features} sines with bandwidth {', '.join(f'{column}: {b:.3g}' for column, b in pairs)}"
    return (
        f"{run.candidate.reason} Held-out residual chose {chosen} "
        f"in {attempts} attempt{'s' * (attempts > 1)} (relative residual {best.score:.1e})."
        + ("" if missed is None else f" The time ran out before the residual met {missed}.")
    )
