"""Candidates tried in order until one meets the equations at held-out points."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pinnkit.problem.errors import Unsupported
from pinnkit.problem.problem import Problem
from pinnkit.solutions.solution import Solution
from pinnkit.solutions.status import Status
from pinnkit.solvers.collocation.relative_residual import held_out_residual
from pinnkit.solvers.training.deadline import OutOfTime

from .boundary_search import run_boundary_search
from .candidates import Candidate, Kind
from .feature_search import run_search
from .marching import run_march
from .run import Run
from .run_options import RunOptions
from .training import run_training

__all__ = ["best_of"]

_WORTH = 0.2
"""Part of the time limit that must be left for a further candidate: its first step may take as much."""
_RUNS: Mapping[Kind, Callable[[Run], Solution]] = {
    Kind.BOUNDARY: run_boundary_search,
    Kind.SEARCH: run_search,
    Kind.TRAINING: run_training,
    Kind.MARCH: run_march,
}


def best_of(candidates: Sequence[Candidate], problem: Problem, options: RunOptions, began: float) -> Solution:
    """First solution that its candidate accepts, else the one with the smallest held-out residual.

    Args:
        candidates: in the order in which they are tried.
        problem: to solve.
        options: of the run; their seconds are those of all candidates together.
        began: `time.perf_counter()` at the beginning.

    Returns:
        One of the solutions, with the seconds of all, and all that was tried in its `choice`.
    """
    if len(candidates) == 1:
        return _run(Run(problem, candidates[0], options, began))
    best: Solution | None = None
    lowest, tried = float("inf"), []
    met = late = False
    for number, candidate in enumerate(candidates):
        left = _left(options, began)
        if best is not None and _is_short(options, left):
            late = True
            break
        seconds = None if options.seconds is None else max(left, 1e-3)
        own = replace(options, seconds=seconds, out=_folder(candidates, number, options))
        try:
            found = _run(Run(problem, candidate, own, time.perf_counter(), is_dispensable=best is not None))
        except OutOfTime:
            late = True
            break
        except Unsupported as error:  # found out on the way, such as a source that polynomials do not resolve
            if number + 1 == len(candidates) and best is None:
                raise
            tried.append(f"{candidate.reason} Not covered: {error}.")
            continue
        late = late or found.status is Status.TIME
        if best is None and late and _is_short(options, _left(options, began)):  # the score would decide nothing
            best = found
            tried.append(found.choice)
            break
        score = held_out_residual(found.fieldset, found.coefficient_tensors, seed=options.seed)
        tried.append(
            found.choice if _says(candidate, found, score) else f"{found.choice} Held-out residual {score:.1e}."
        )
        met = met or score <= candidate.accept < math.inf
        if best is None or score < lowest:
            best, lowest = found, score
        if score <= candidate.accept or found.status is Status.INTERRUPTED:
            break
    assert best is not None
    limit = min(c.accept for c in candidates[: len(tried)])
    if len(tried) > 1:
        tried.append(f"Taken: {best.solvers[0].split('(')[0]}.")
    if late and not met:
        tried.append(
            f"The time ran out, and no candidate that was run met its limit, a held-out residual of at most "
            f"{limit:.0e}."
        )
    return replace(best, choice=" ".join(tried), seconds=time.perf_counter() - began)


def _left(options: RunOptions, began: float) -> float:
    """Remaining seconds; infinite without a limit."""
    return math.inf if options.seconds is None else options.seconds - (time.perf_counter() - began)


def _is_short(options: RunOptions, left: float) -> bool:
    """Return whether the remaining time is too short for a further candidate."""
    return options.seconds is not None and left < _WORTH * options.seconds


def _says(candidate: Candidate, found: Solution, score: float) -> bool:
    """Return whether a search has measured about the same residual itself, which its `choice` gives."""
    return candidate.kind is Kind.SEARCH and score <= 2 * math.sqrt(float(found.history.loss.min()))


def _run(run: Run) -> Solution:
    return _RUNS[run.candidate.kind](run)


def _folder(candidates: Sequence[Candidate], number: int, options: RunOptions) -> Path | None:
    """Folder for the checkpoints of a candidate: one of its own where several candidates are trained."""
    shared = sum(c.kind is Kind.TRAINING for c in candidates) < 2
    return options.folder if shared or options.folder is None else options.folder / f"candidate{number + 1}"
