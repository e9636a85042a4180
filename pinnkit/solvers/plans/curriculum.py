"""Curriculum: consecutive solves, each of its own problem and from the previous one, such as a grid that grows."""

from __future__ import annotations

import dataclasses
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pinnkit.problem.problem import Problem
from pinnkit.solutions.folder_lock import one_writer
from pinnkit.solutions.history import History, Record
from pinnkit.solutions.solution import Solution
from pinnkit.solutions.status import Status
from pinnkit.solutions.storage import load, save
from pinnkit.solvers.collocation.field_groups import FieldChoice
from pinnkit.solvers.protocols import Method
from pinnkit.solvers.training.checkpoint import CheckpointWarning, failure

from .execution import execute
from .planning import plan
from .run_options import RunOptions, device_of

__all__ = ["MakeStage", "Stage", "in_stages"]


@dataclass(frozen=True)
class Stage:
    """One solve of a curriculum.

    Args:
        problem: to solve.
        field: as in `solve`.
        solvers: as in `solve`.
        starts: whether it starts from the previous solution, whose field it takes over; else from its own weights.
        options: of the solve: adaptive, weights, balance, monitor, compiles; the rest is set by `in_stages`.
    """

    problem: Problem
    field: FieldChoice
    solvers: Method | Sequence[Method]
    starts: bool = True
    options: RunOptions = dataclasses.field(default_factory=RunOptions)


MakeStage = Callable[[Solution | None], Stage]
"""Makes a stage from the previous solution; None before the first."""


def in_stages(
    stages: Sequence[MakeStage],
    *,
    seed: int = 0,
    device: str = "auto",
    seconds: float | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    callbacks: Sequence[Callable[[Record], object]] = (),
    reason: str = "",
) -> Solution:
    """Solve stage after stage.

    Args:
        stages: made one by one, each from the previous solution.
        seed: of all stages.
        device: as in `solve`.
        seconds: time limit of all stages together; a stage that is cut off is the last.
        out: folder for checkpoints; a stage that has ended leaves ``stage1.h5``.
        resume: continue from the files in `out`.
        callbacks: called with every `Record`, whose steps and seconds count from the first stage on.
        reason: of the stages, for the solution's `choice`.

    Returns:
        The last solution, with the history and the seconds of all.
    """
    if not stages:
        raise ValueError("in_stages: `stages` is empty; give at least one")
    folder = None if out is None else Path(out)
    with nullcontext() if folder is None else one_writer(folder, "in_stages: `out`"):
        return _run_stages(
            stages,
            seed=seed,
            device=device,
            seconds=seconds,
            folder=folder,
            resume=resume,
            callbacks=callbacks,
            reason=reason,
        )


def _run_stages(
    stages: Sequence[MakeStage],
    *,
    seed: int,
    device: str,
    seconds: float | None,
    folder: Path | None,
    resume: bool,
    callbacks: Sequence[Callable[[Record], object]],
    reason: str,
) -> Solution:
    """Solve stage after stage in a folder that no other process writes."""
    began, before = time.perf_counter(), 0.0  # seconds of stages that an earlier run completed
    done: list[Solution] = []
    for i, make in enumerate(stages):
        previous = done[-1] if done else None
        stage = make(previous)
        kept = None if folder is None else folder / f"stage{i + 1}.h5"
        if kept is not None and not resume:
            kept.unlink(missing_ok=True)
        if kept is not None and kept.exists():
            found = load(kept, problem=stage.problem, device=str(device_of(device))).solution
            before += found.seconds
        else:
            left = None if seconds is None else seconds - before - (time.perf_counter() - began)
            if left is not None and left <= 0 and done:
                done[-1] = replace(done[-1], status=Status.TIME)
                break
            options = replace(
                stage.options,
                seed=seed,
                device=device,
                seconds=None if left is None else max(left, 1e-3),
                start=previous if stage.starts else None,
                out=None if folder is None else folder / f"stage{i + 1}",
                resume=resume,
                callbacks=[_shifted(c, done) for c in callbacks],
            )
            found = execute(plan(stage.problem, stage.field, stage.solvers, options), stage.problem, options)
            if kept is not None and found.status in (Status.TRAINED, Status.BUDGET, Status.CONVERGED, Status.STALLED):
                _keep(found, kept)
        done.append(found)
        if not found.status.good or found.status is Status.TIME:
            break
    return _joined(done, before + time.perf_counter() - began, reason)


def _keep(found: Solution, path: Path) -> None:
    """Save a stage that has ended; where that fails, a resumed run repeats the stage."""
    try:
        save(found, path)
    except OSError as error:
        warnings.warn(failure(path, error), CheckpointWarning, stacklevel=1)


def _shifted(callback: Callable[[Record], object], done: Sequence[Solution]) -> Callable[[Record], object]:
    """Callback whose records count steps and seconds from the first stage on."""
    steps, seconds = sum(s.steps for s in done), sum(s.seconds for s in done)

    def call(record: Record) -> object:
        shown = replace(record, step=steps + record.step, steps=steps + record.steps, seconds=seconds + record.seconds)
        return callback(shown)

    return call


def _joined(done: Sequence[Solution], seconds: float, reason: str) -> Solution:
    """Last solution with the history of all stages."""
    records, steps, used = [], 0, 0.0
    for number, solution in enumerate(done):
        h = solution.history
        for i in range(len(h.step)):
            terms = {name: float(values[i]) for name, values in h.terms.items()}
            taken = {name: float(v[i]) for name, v in h.measures.items() if np.isfinite(v[i])}
            at = steps + int(h.step[i]), used + float(h.seconds[i])
            solver = (
                h.solver[i] if number == 0 else f"{h.solver[i]} ({number + 1})"
            )  # the beginning of a stage is visible
            records.append(Record(at[0], 0, solver, at[1], float(h.loss[i]), terms, taken))
        steps, used = steps + solution.steps, used + solution.seconds
    solvers = tuple(s for solution in done for s in solution.solvers)
    return replace(
        done[-1], history=History.of(records), seconds=seconds, steps=steps, solvers=solvers,
        choice=" ".join(part for part in (reason, done[-1].choice) if part),
    )  # fmt: skip
