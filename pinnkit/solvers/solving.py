"""solve: from a problem to a Solution."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from pinnkit.fields import Additive, Expansion, FieldSpec, RandomFourier, Siren, TotalDegree
from pinnkit.problem.problem import Problem
from pinnkit.solutions.solution import Solution
from pinnkit.solvers.collocation.field_groups import FieldChoice, group_fields, unsettled
from pinnkit.solvers.least_squares.least_squares import LeastSquares
from pinnkit.solvers.least_squares.polynomial_search import MANY_COORDINATES
from pinnkit.solvers.method_of_lines.march import March
from pinnkit.solvers.optimizers.adam import Adam
from pinnkit.solvers.optimizers.lbfgs import LBFGS
from pinnkit.solvers.plans.arguments import check, check_schemes, device_of
from pinnkit.solvers.plans.automatic import Choice, automatic
from pinnkit.solvers.plans.fallback import several
from pinnkit.solvers.plans.feature_search import searched
from pinnkit.solvers.plans.malloc_tuning import keep_memory
from pinnkit.solvers.plans.marching import marched
from pinnkit.solvers.plans.run_setup import Saving, Setup
from pinnkit.solvers.plans.slab_solve import in_slabs
from pinnkit.solvers.plans.time_slabs import edges_of, soft_start
from pinnkit.solvers.plans.training import trained
from pinnkit.solvers.training.adaptive_points import Adaptive
from pinnkit.solvers.training.loop import CHECKPOINT_SECONDS, Callback
from pinnkit.solvers.training.monitor import Monitor
from pinnkit.solvers.training.weights import Weights

from .protocols import Solver

__all__ = ["solve"]

_GIVEN = "Field and solver as given."


def solve(
    problem: Problem,
    field: FieldChoice | None = None,
    solvers: Solver | Sequence[Solver] | None = None,
    *,
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
    start: Solution | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    callbacks: Sequence[Callback] = (),
) -> Solution:
    """Fit a field to a problem.

    Args:
        problem: what should vanish, and where.
        field: a spec (one shared trunk for all unknowns), a ready module, or ``{unknown or (unknowns, ...): spec}``;
            None chooses.
        solvers: one or several, run in sequence; None chooses: Adam then L-BFGS for a given field.
        seed: of the features or weights, and of the points.
        device: "auto" takes CUDA where there is one; else a torch device.
        dtype: of the solve; None takes the problem's.  Least squares always works in float64.
        tolerance: stop once the rms residual of every term is at most this (for a search of random sines: the relative
            residual at held-out points).
        seconds: stop after so long, with what there is.
        adaptive: collocation points that follow the residual, such as RAD() or R3(); None draws them once.
        weights: schemes such as GradientNorm() or Causal() whose factors multiply the row-norm weights; those are the
            default, and need no tuning.
        slabs: solve in so many equal slabs of time, or between these times, each from the end of the one before; a
            hard initial condition becomes a term.
        compiles: whether training goes by compiled derivatives; None counts steps, points and parameters, and compiles
            where that pays.  Gauss-Newton and least squares do not use them.
        balance: whether terms are weighted by their row norms, so that every unit counts alike; False takes the weights
            of the terms, and the outputs of the fields, as they are.  A problem without derivatives is not weighted:
            the `sigma` of its data says how much they count.
        monitor: what to measure while a field is trained; not with `slabs`.
        start: a solution of the same fields, whose state is where this solve starts; a field that can resample another,
            such as a grid, starts from a coarser one.
        out: folder for checkpoints; None writes nothing.
        resume: continue from the checkpoint in `out`, bit for bit; without one, begin.  A search of random sines takes
            seconds and writes none.
        checkpoint_seconds: how often a checkpoint is written.
        callbacks: each called with a `Record` after every recorded step; returning True stops the run.

    Raises:
        ValueError, TypeError: for arguments that do not fit the problem, with what was expected.
    """
    began = time.perf_counter()
    if not isinstance(problem, Problem):
        raise TypeError(f"solve: `problem` must be a Problem, got {type(problem).__name__}")
    check(seed, tolerance, seconds, start, out, resume, checkpoint_seconds, callbacks)
    where = device_of(device)
    keep_memory()
    kind = problem.dtype if dtype is None else dtype
    if kind not in (torch.float32, torch.float64):
        raise ValueError(f"solve: `dtype` must be torch.float32 or torch.float64, got {dtype}")
    if slabs is not None and len(edges := edges_of(problem, slabs)) > 2:
        if start is not None:
            raise ValueError("solve: `slabs` start each from the one before; leave `start` out")
        how = dict(device=device, dtype=dtype, tolerance=tolerance, adaptive=adaptive, weights=weights, resume=resume)
        how |= dict(seed=seed, checkpoint_seconds=checkpoint_seconds, compiles=compiles, balance=balance)
        folder = None if out is None else Path(out)
        if monitor is not None:
            raise ValueError(
                "solve: `monitor` measures a field of all times, and each of `slabs` has one of its own; leave one out"
            )

        def one(part: Problem, **rest: Any) -> Solution:
            return solve(part, field, solvers, **rest)

        return in_slabs(soft_start(problem), one, edges, seconds, folder, callbacks, began, how)
    if field is None and solvers is None:

        def take(choice: Choice, left: float | None) -> Solution:
            how = dict(seed=seed, device=device, dtype=dtype, tolerance=tolerance, seconds=left, callbacks=callbacks)
            rest: dict[str, Any] = dict(out=out, resume=resume, checkpoint_seconds=checkpoint_seconds, start=start)
            if choice.trains:
                rest |= dict(adaptive=adaptive or choice.adaptive, weights=weights, compiles=compiles)
                rest |= dict(balance=balance and choice.balance, monitor=monitor)
            found = solve(problem, choice.field, choice.solvers, **how, **rest)  # type: ignore[arg-type]
            searched = found.choice.removeprefix(_GIVEN).strip()
            return replace(found, choice=" ".join((choice.reason, searched)).strip())

        choices = automatic(problem)
        if not any(choice.trains for choice in choices):
            _train_alone(choices[0], adaptive=adaptive, weights=weights, monitor=monitor)
        return several(choices, take, seconds=seconds, began=began, seed=seed)
    marching = _march(field, solvers)
    if marching is not None:
        _no_monitor(monitor)
        return marched(
            problem, marching, seed=seed, device=where, dtype=kind, reason="", began=began, seconds=seconds,
            callbacks=callbacks,
        )  # fmt: skip
    field, solvers, reason = _choose(field, solvers)
    specs = group_fields(problem, field)
    schemes = tuple(weights) if isinstance(weights, (list, tuple)) else (weights,)
    check_schemes(adaptive, schemes, solvers)
    setup = Setup(
        problem, specs, tuple(solvers), seed, where, kind, reason, began, adaptive, schemes, compiles, balance, monitor
    )
    if isinstance(setup.solvers[0], LeastSquares) and any(unsettled(s) for s in specs.values()):
        if start is not None:
            raise ValueError("solve: `start` needs the same field; a search of random sines has none before it ends")
        _no_monitor(monitor)
        return searched(setup, tolerance, seconds, callbacks)
    saving = Saving(None if out is None else Path(out), resume, checkpoint_seconds)
    return trained(setup, tolerance, seconds, start, saving, callbacks)


def _train_alone(choice: Choice, **given: object) -> None:
    """Refuse what only a trained field can use, where the road that is taken trains none."""
    for name, value in given.items():
        if value not in (None, (), []):
            solver = type(choice.solvers[0]).__name__
            raise ValueError(
                f"solve: `{name}` is for fields that are trained step by step, and this problem goes by {solver}; "
                f"leave it out, or choose a field, such as Siren()"
            )


def _no_monitor(monitor: Monitor | None) -> None:
    if monitor is not None:
        raise ValueError("solve: `monitor` measures a field while it is trained step by step; leave it out here")


def _choose(
    field: FieldChoice | None, solvers: Solver | Sequence[Solver] | None
) -> tuple[FieldChoice, Sequence[Solver], str]:
    given = None if solvers is None else tuple(solvers) if isinstance(solvers, (list, tuple)) else (solvers,)
    if given is not None and (not given or not all(hasattr(s, "step") and not isinstance(s, type) for s in given)):
        raise TypeError(f"solve: `solvers` must be solvers such as [Adam(steps=2000), LBFGS()], got {solvers!r}")
    if given is None:
        if isinstance(field, RandomFourier):
            return field, (LeastSquares(),), "Least squares for the read-out of the given random sines."
        if isinstance(field, Expansion | Additive | TotalDegree):
            return field, (MANY_COORDINATES,), "Least squares for the read-out of the given polynomials."
        return field, (Adam(), LBFGS()), "The given field by Adam, then L-BFGS."  # type: ignore[return-value]
    if field is None:
        default: FieldSpec = RandomFourier() if isinstance(given[0], LeastSquares) else Siren()
        return default, given, f"{type(default).__name__}, the default field of {type(given[0]).__name__}."
    return field, given, _GIVEN


def _march(field: FieldChoice | None, solvers: Any) -> March | None:
    """The march that was asked for, if one was."""
    given = solvers if isinstance(solvers, (list, tuple)) else (solvers,)
    found = next((s for s in given if isinstance(s, March)), None)
    if found is None:
        return None
    if len(given) > 1 or field is not None:
        raise ValueError("solve: March brings its own field and stands alone: solve(problem, None, March())")
    return found
