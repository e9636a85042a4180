"""Execution of a plan."""

from __future__ import annotations

import time

from pinnkit.jets.gradient_mode import with_gradients
from pinnkit.problem.problem import Problem
from pinnkit.solutions.solution import Solution

from .candidates import Plan
from .fallback import best_of
from .piece_solve import solve_in_pieces
from .planning import check_options, check_orders, require_problem
from .run_options import RunOptions
from .slab_solve import solve_in_slabs
from .time_slabs import slab_edges

__all__ = ["execute"]


@with_gradients
def execute(plan: Plan, problem: Problem, options: RunOptions | None = None, *, began: float | None = None) -> Solution:
    """Run the candidates of a plan on a problem until one is accepted, in slabs of time where the options ask for them.

    Args:
        plan: candidates of field and solvers.
        problem: to solve.
        options: of the run; None takes the defaults.
        began: `time.perf_counter()` at the beginning, if before now.

    Returns:
        The accepted solution, else the one with the smallest held-out residual.

    Raises:
        ValueError, TypeError: for options that do not fit the plan or the problem.
    """
    began = time.perf_counter() if began is None else began
    options = RunOptions() if options is None else options
    require_problem(problem)
    options.dtype_for(problem)
    edges = () if options.slabs is None else slab_edges(problem, options.slabs)
    check_orders(problem, plan)
    check_options(plan, options)
    if problem.is_divided:
        if options.slabs is not None:
            raise ValueError("solve: `slabs` do not go with pieces of the domain; leave them out")
        return solve_in_pieces(plan, problem, options, began)
    if len(edges) > 2:
        return solve_in_slabs(plan, problem, options, edges, began)
    return best_of(plan.candidates, problem, options, began)
