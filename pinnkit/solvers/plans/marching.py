"""March in time: the run of a candidate that brings its own field."""

from __future__ import annotations

import math
import time
from dataclasses import replace

from pinnkit.problem.hardening import softened
from pinnkit.solutions.history import Record
from pinnkit.solutions.solution import Solution
from pinnkit.solutions.status import Status
from pinnkit.solvers.collocation.parameters import Parameters
from pinnkit.solvers.method_of_lines.implicit import MarchStep
from pinnkit.solvers.method_of_lines.march import March, march
from pinnkit.solvers.ordinary.ordinary_march import march_ordinary

from .deferred_interrupts import deferred_interrupts
from .run import Run, solution_of

__all__ = ["run_march"]


def run_march(run: Run) -> Solution:
    """March, and record the estimated error of every step; an interrupt ends it after a step, with its state so far.

    Raises:
        Unsupported: for what a march does not cover, with the reason.
    """
    (solver,) = run.candidate.solvers
    if not isinstance(solver, March):
        raise TypeError(f"solve: only March brings its own field so far, got {solver!r}")
    problem = softened(run.problem)  # a marched field is the unknown itself, and meets its walls without an ansatz
    in_space = bool(problem.structure.space)
    options = run.options
    records: list[Record] = []
    late = stopped = False

    def report(at: MarchStep) -> bool:
        nonlocal late, stopped
        used = time.perf_counter() - run.began
        words = f"March to {problem.time} = {at.time:.4g} with {at.modes} {'modes' if in_space else 'stages'}"
        unmeasured = dict.fromkeys((str(t.name) for t in problem.terms), math.nan)  # until the march has ended
        records.append(Record(at.step, 0, words, used, at.error**2, unmeasured))
        try:
            stopped = any([callback(records[-1]) is True for callback in options.callbacks]) or interrupt.is_set()
        except KeyboardInterrupt:  # from within a callback
            stopped = True
        late = options.seconds is not None and used >= options.seconds
        return stopped or late

    with deferred_interrupts() as interrupt:
        if in_space:
            found = march(problem, solver, seed=options.seed, report=report)
        else:
            found = march_ordinary(problem, solver, report=report)
    modules = {g: m.to(device=run.device, dtype=run.dtype) for g, m in found.modules.items()}
    solution = solution_of(
        problem,
        options,
        reason=f"{run.candidate.reason} {found.reason}".strip(),
        solvers=(repr(solver),),
        specs={group: module.spec for group, module in modules.items()},
        modules=dict(modules),
        parameters=Parameters(problem, (), device=run.device, dtype=run.dtype),
        status=Status.TIME if late and not stopped else found.status,
        records=records,
        used=time.perf_counter() - run.began,
    )
    return replace(solution, parameters=found.parameters)
