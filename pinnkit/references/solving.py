"""Reference solution of a problem by a numerical method, with a measured error bar."""

from __future__ import annotations

from typing import Protocol

from pinnkit.jets.gradient_mode import with_gradients
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.problem import Problem
from pinnkit.references.spectral.spectral import Spectral

from .grid_methods import FiniteDifferences, discretise
from .result import Reference

__all__ = ["Method", "discretise", "reference"]


class Method(Protocol):
    """A numerical method: `Spectral()` or `FiniteDifferences()`."""

    def refer(self, problem: Problem, budget: float) -> Reference:
        """The problem's reference for a budget in nominal seconds of work (see cost_model.py)."""
        ...


@with_gradients
def reference(problem: Problem, *, budget: float = 5.0, method: Method | None = None) -> Reference:
    """Solve a problem by a numerical method derived from its own terms, within a budget of work.

    The residuals are those of the problem, through `linearise`; only the derivatives come from the method.

    Args:
        problem: what to solve; its `reference_solver(problem, budget)` is called instead where there is one and no
            `method` is given.
        budget: nominal seconds of work, each about one second on one core of a server of 2023 (see cost_model.py).  No
            clock is read: the same problem and budget give the same grids on every machine.
        method: `Spectral()` or `FiniteDifferences()`; None takes the former for periodic evolution problems that it
            covers, the latter for all others.

    Raises:
        ValueError: for a budget that is not positive.
        Unsupported: by name, for what the method does not cover.
    """
    if not isinstance(problem, Problem):
        raise TypeError(f"reference: `problem` must be a Problem, got {type(problem).__name__}")
    if not budget > 0:
        raise ValueError(f"reference: `budget` must be a positive number of nominal seconds, got {budget!r}")
    if method is not None:
        if not hasattr(method, "refer"):
            raise TypeError(f"reference: `method` must be Spectral() or FiniteDifferences(), got {method!r}")
        return method.refer(problem, budget)
    if problem.reference_solver is not None:
        given: Reference = problem.reference_solver(problem, budget)
        return given
    try:
        return Spectral().refer(problem, budget)
    except Unsupported:
        return FiniteDifferences().refer(problem, budget)
