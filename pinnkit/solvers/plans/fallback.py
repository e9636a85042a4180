"""Several roads to one problem: tried in order until one meets the equation at points that none has seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from pinnkit.solutions.solution import Solution
from pinnkit.solutions.status import Status
from pinnkit.solvers.collocation.relative_residual import held_out

from .automatic import Choice

__all__ = ["several"]


def several(
    choices: Sequence[Choice],
    take: Callable[[Choice, float | None], Solution],
    *,
    seconds: float | None,
    began: float,
    seed: int,
) -> Solution:
    """The first solution whose held-out residual is good enough for its road, else the best of all.

    Args:
        choices: the roads in the order in which they are tried.
        take: solves by one of them, in at most so many seconds.
        seconds: for all of them.
        began: `time.perf_counter()` at which the solve began.
        seed: of the points at which the residual is measured.

    Returns:
        One of the solutions, with the seconds of all, and all that was tried in its `choice`.
    """
    best: Solution | None = None
    lowest, said = float("inf"), []
    for choice in choices:
        left = None if seconds is None else seconds - (time.perf_counter() - began)
        if best is not None and left is not None and left <= 0:
            break
        found = take(choice, None if left is None else max(left, 1e-3))
        if len(choices) == 1:  # nothing to compare it with
            return replace(found, seconds=time.perf_counter() - began)
        score = held_out(found.fieldset, found.coefficient_tensors, seed=seed)
        said.append(f"{found.choice} Held-out residual {score:.1e}.")
        if best is None or score < lowest:
            best, lowest = found, score
        if score <= choice.good or found.status is Status.INTERRUPTED:
            break
    assert best is not None
    if len(said) > 1:
        said.append(f"Taken: {best.solvers[0].split('(')[0]}.")
    return replace(best, choice=" ".join(said), seconds=time.perf_counter() - began)
