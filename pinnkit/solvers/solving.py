"""solve: from a problem to a Solution, by making a plan and executing it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import torch

from pinnkit.jets.gradient_mode import with_gradients
from pinnkit.problem.problem import Problem
from pinnkit.solutions.folder_lock import one_writer
from pinnkit.solutions.known_values import KnownValues
from pinnkit.solutions.solution import Solution
from pinnkit.solvers.collocation.field_groups import FieldChoice
from pinnkit.solvers.plans import planning
from pinnkit.solvers.plans.candidates import Plan
from pinnkit.solvers.plans.execution import execute
from pinnkit.solvers.plans.malloc_tuning import freed_memory_kept
from pinnkit.solvers.plans.run_options import RunOptions
from pinnkit.solvers.protocols import Method
from pinnkit.solvers.training.adaptive_points import Adaptive
from pinnkit.solvers.training.loop import CHECKPOINT_SECONDS, Callback
from pinnkit.solvers.training.monitor import Monitor
from pinnkit.solvers.training.weights import Weights
from pinnkit.well_posedness import warn_of_concerns

__all__ = ["solve"]


@with_gradients
def solve(
    problem: Problem,
    field: FieldChoice | None = None,
    solvers: Method | Sequence[Method] | None = None,
    *,
    plan: Plan | None = None,
    seed: int = 0,
    device: str = "auto",
    dtype: torch.dtype | None = None,
    tolerance: float | None = None,
    seconds: float | None = None,
    adaptive: Adaptive | None = None,
    weights: Weights | Sequence[Weights] = (),
    slabs: int | Sequence[float] | None = None,
    compiles: bool | None = None,
    balance: bool = True,
    monitor: Monitor | None = None,
    start: Solution | KnownValues | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    callbacks: Sequence[Callback] = (),
) -> Solution:
    """Fit a field to a problem.

    Args:
        problem: terms that should vanish, and where.
        field: a spec (one shared trunk for all unknowns), a ready module, or ``{unknown or (unknowns, ...): spec}``;
            None chooses.
        solvers: one or several, run in sequence; None chooses: Adam then L-BFGS for a given field.
        plan: candidates of field and solvers, as `plan(problem)` makes them, in place of `field` and `solvers`.
        seed: of the features or weights, and of the points.
        device: "auto" takes CUDA where there is one; else a torch device.
        dtype: of the solve; None takes the problem's.  Least squares always works in float64.
        tolerance: stop once the rms residual of every term is at most this (for a search of random sines: the relative
            residual at held-out points).
        seconds: time limit in seconds, after which the current state is returned.
        adaptive: collocation points that follow the residual, such as RAD() or R3(); None draws them once.
        weights: schemes such as GradientNorm() or Causal() whose factors multiply the row-norm weights; those are the
            default, and need no tuning.
        slabs: number of equal slabs of time, or the times between them; each is solved from the end of the previous
            one, and a hard initial condition becomes a term.
        compiles: whether training uses compiled derivatives; None counts steps, points and parameters, and compiles
            where that saves time.  Gauss-Newton and least squares do not use them.
        balance: whether terms are weighted by their row norms, so that every unit counts alike; False takes the weights
            of the terms, and the outputs of the fields, as they are.  A problem without derivatives is not weighted:
            the `sigma` of its data gives their weights.
        monitor: measurements while a field is trained; not with `slabs`.
        start: a solution of the same fields, whose state is the start of this solve; a field that can resample another,
            such as a grid, starts from a coarser one.  Or a `Reference`: the fields are fitted to its values first, and
            trained from there; `report.best` gives whichever is nearer.
        out: folder for checkpoints; None writes nothing.
        resume: continue from the checkpoint in `out`, bit for bit; without one, begin.  A search of random sines takes
            seconds and writes none.
        checkpoint_seconds: time between two checkpoints in seconds.
        callbacks: functions called with a `Record` after every recorded step; returning True stops the run.

    Raises:
        ValueError, TypeError: for arguments that do not fit the problem, with what was expected.
    """
    began = time.perf_counter()
    options = RunOptions(
        seed=seed,
        device=device,
        dtype=dtype,
        tolerance=tolerance,
        seconds=seconds,
        adaptive=adaptive,
        weights=weights,
        slabs=slabs,
        compiles=compiles,
        balance=balance,
        monitor=monitor,
        start=start,
        out=out,
        resume=resume,
        checkpoint_seconds=checkpoint_seconds,
        callbacks=callbacks,
    )
    with freed_memory_kept():
        if plan is None:
            plan = planning.plan(problem, field, solvers, options)
        elif field is not None or solvers is not None:
            raise ValueError("solve: give `plan`, or `field` and `solvers`, not both")
        warn_of_concerns(problem)
        with nullcontext() if options.folder is None else one_writer(options.folder, "solve: `out`"):
            return execute(plan, problem, options, began=began)
