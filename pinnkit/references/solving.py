"""Reference solution of a problem by a numerical method, with a measured error bar."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Protocol

from pinnkit.jets.gradient_mode import with_gradients
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.problem import Problem
from pinnkit.references.spectral.spectral import Spectral

from .errors import NotWellPosed, Unresolved
from .grid_methods import FiniteDifferences, discretise
from .initial_value import InitialValue
from .result import Reference

__all__ = ["Method", "discretise", "reference"]

_FIRST = 0.05
"""First budget by the clock, as a fraction of the time limit."""
_NEXT = 2.5
"""Time of a doubled budget over that of the one before, foreseen."""


class Method(Protocol):
    """A numerical method: `Spectral()`, `InitialValue()` or `FiniteDifferences()`."""

    def refer(self, problem: Problem, budget: float) -> Reference:
        """The problem's reference for a budget in nominal seconds of work (see cost_model.py)."""
        ...


@with_gradients
def reference(
    problem: Problem, *, budget: float = 5.0, seconds: float | None = None, method: Method | None = None
) -> Reference:
    """Solve a problem by a numerical method derived from its own terms, within a budget of work.

    The residuals are those of the problem, through `linearise`; only the derivatives come from the method.

    Args:
        problem: what to solve; its `reference_solver(problem, budget)` is called instead where there is one and no
            `method` is given.
        budget: nominal seconds of work, each about one second on one core of a server of 2023 (see cost_model.py).  No
            clock is read: the same problem and budget give the same grids on every machine.
        seconds: time limit by the clock, instead of `budget`; grids are refined while the next ones should still fit,
            and the remark of the reference says where they stopped.  The result depends on the machine and its load.
        method: `Spectral()`, `InitialValue()` or `FiniteDifferences()`; None takes the first for periodic evolution
            problems that it covers, the second for ordinary differential equations with an initial state, the third
            for all others.

    Raises:
        ValueError: for a budget or a time limit that is not positive.
        Unsupported: by name, for what the method does not cover.
    """
    if not isinstance(problem, Problem):
        raise TypeError(f"reference: `problem` must be a Problem, got {type(problem).__name__}")
    if not budget > 0:
        raise ValueError(f"reference: `budget` must be a positive number of nominal seconds, got {budget!r}")
    if seconds is not None:
        if not 0 < seconds < math.inf:
            raise ValueError(f"reference: `seconds` must be a positive number of seconds, got {seconds!r}")
        return _by_the_clock(problem, seconds, method)
    if method is not None:
        if not hasattr(method, "refer"):
            raise TypeError(
                f"reference: `method` must be Spectral(), InitialValue() or FiniteDifferences(), got {method!r}"
            )
        return method.refer(problem, budget)
    if problem.reference_solver is not None:
        given: Reference = problem.reference_solver(problem, budget)
        return given
    if not problem.frame.space:
        try:
            return InitialValue().refer(problem, budget)
        except (NotWellPosed, Unresolved):
            raise
        except Unsupported:
            return FiniteDifferences().refer(problem, budget)
    try:
        return Spectral().refer(problem, budget)
    except Unsupported:
        return FiniteDifferences().refer(problem, budget)


def _by_the_clock(problem: Problem, seconds: float, method: Method | None) -> Reference:
    """The reference of the largest budget, doubled from a small one, that fits into a time limit.

    Raises:
        Unsupported: where no budget that fits gives one.
    """
    began = time.perf_counter()
    budget, best = _FIRST * seconds, None
    refused: Unresolved | None = None
    while True:
        start = time.perf_counter()
        try:
            best = reference(problem, budget=budget, method=method)
        except Unresolved as error:
            refused = error
        now = time.perf_counter()
        if now - began + _NEXT * (now - start) > seconds:
            break
        budget *= 2
    used = time.perf_counter() - began
    if best is None:
        assert refused is not None
        raise refused
    stopped = f"stopped by the clock after {used:.3g} s of {seconds:g} s, at a budget of {budget:.3g} nominal seconds"
    return replace(best, seconds=used, remark="; ".join(filter(None, (best.remark, stopped))))
