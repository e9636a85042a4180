"""The one loop: sample, evaluate, step, record, stop.  Progress, checkpoints, callbacks live here and nowhere else."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from pinnkit.solutions.history import Record
from pinnkit.solutions.status import Status
from pinnkit.solvers.protocols import Solver, State

from . import checkpoint
from .checkpoint import Checkpoint

__all__ = ["Callback", "Outcome", "run"]

Callback = Callable[[Record], object]
"""Called after every recorded step; returning True ends the run."""
CHECKPOINT_SECONDS = 5.0
"""How often a checkpoint is written, unless said otherwise."""


@dataclass(frozen=True)
class Outcome:
    """Where the loop ended."""

    theta: Tensor
    state: State
    status: Status
    records: Sequence[Record]
    seconds: float


@dataclass(frozen=True)
class _Mark:
    """A place that the run can be taken back to, all of it at once."""

    solver: int
    step: int
    state: State
    records: int


def run(
    objective: Callable[[Solver, int, State], Any],
    theta: Tensor,
    solvers: Sequence[Solver],
    *,
    tolerance: float | None = None,
    seconds: float | None = None,
    callbacks: Sequence[Callback] = (),
    records: Sequence[Record] = (),
    total: int | None = None,
    checkpoint_path: Path | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    fingerprint: str = "",
    resume: bool = False,
    every: int = 1,
    began: float | None = None,
    memory: Callable[[], State] = dict,
    measure: Callable[[int, Tensor], Mapping[str, float]] | None = None,
) -> Outcome:
    """Run `solvers` one after the other.

    Args:
        objective: what a solver sees at a step: ``(solver, step, state) -> Objective``.
        theta: where to start.
        solvers: in sequence; each has `steps`, `start` and `step`.
        tolerance: stop as soon as the rms residual of every term is at most this.
        seconds: stop after so long.
        callbacks: each called with every `Record`.
        records: history of what came before.
        total: steps of the whole solve, for the records; None takes those of `solvers`.
        checkpoint_path: where to write checkpoints: every few seconds, on Ctrl-C and at the end.
        checkpoint_seconds: how many seconds.
        fingerprint: what run this is.
        resume: continue from the checkpoint, if there is one.
        every: record, and look for non-finite losses, every so many steps.
        began: `time.perf_counter()` at which the run began, if before now.
        memory: what else the state has to hold under "seen", asked for after every step; it is handed on from solver
            to solver.
        measure: what to measure after a step, ``(steps taken, theta) -> values``, empty where nothing is due; the time
            it takes is not counted.
    """
    begin = time.perf_counter() if began is None else began
    history = list(records)
    taken = history[-1].step if history else 0  # by the solvers before these
    most = taken + sum(s.steps for s in solvers) if total is None else total
    mark, status = _Mark(0, 0, solvers[0].start(theta), len(history)), None
    if resume and checkpoint_path is not None and checkpoint_path.exists():
        saved = checkpoint.read(checkpoint_path)
        _same_run(saved, fingerprint, checkpoint_path)
        history = list(saved.records)
        mark = _Mark(saved.solver, saved.step, _to(saved.state, theta), len(history))
        begin = time.perf_counter() - saved.seconds
        status = Status.CONVERGED if history and _met(history[-1].terms, tolerance) else None
    index, step, state = mark.solver, mark.step, mark.state
    taken += sum(s.steps for s in solvers[:index]) + step
    good, saved_at = mark, time.perf_counter()

    def save(at: _Mark) -> None:
        if checkpoint_path is not None:
            kept, used = history[: at.records], time.perf_counter() - begin
            checkpoint.write(checkpoint_path, Checkpoint(fingerprint, at.solver, at.step, at.state, kept, used))

    try:
        while status is None:
            solver = solvers[index]
            if step >= solver.steps or state["done"]:
                if index + 1 == len(solvers):
                    status = Status.STALLED if state["done"] else Status.BUDGET
                    break
                index, step, state = index + 1, 0, _handed_on(state, solvers[index + 1])
                good = mark = _Mark(index, step, state, len(history))
                continue
            target = objective(solver, step, state)
            state = {**solver.step(target, state), **memory()}
            step, taken = step + 1, taken + 1
            if taken % every and not state["done"] and step < solver.steps:
                continue
            loss = float(state["loss"])
            if not math.isfinite(loss) or not math.isfinite(float(state["theta"].sum())):
                mark, status = good, Status.DIVERGED
                break
            terms = {name: float(cost) for name, cost in state.get("terms", {}).items()}
            record = Record(taken, most, type(solver).__name__, time.perf_counter() - begin, loss, terms)
            history.append(record)
            # A solver may report the loss of where its step began: only that is known to be good.
            good, mark = mark, _Mark(index, step, state, len(history))
            if measure is not None:
                paused = time.perf_counter()
                found = measure(taken, state["theta"])
                if found:
                    record = replace(record, measures=found)
                    history[-1] = record
                begin += time.perf_counter() - paused  # measuring is no part of the solve
            if any([callback(record) is True for callback in callbacks]):
                status = Status.INTERRUPTED
            elif _met(terms, tolerance):
                status = Status.CONVERGED
            elif seconds is not None and record.seconds >= seconds:
                status = Status.TIME
            elif time.perf_counter() - saved_at >= checkpoint_seconds:
                save(mark)
                saved_at = time.perf_counter()
    except KeyboardInterrupt:
        status = Status.INTERRUPTED
    save(mark)
    shown = history if status is Status.DIVERGED else history[: mark.records]
    return Outcome(mark.state["theta"], mark.state, status, shown, time.perf_counter() - begin)


def _handed_on(state: State, solver: Solver) -> State:
    """The state in which the next solver begins."""
    seen = {"seen": state["seen"]} if "seen" in state else {}
    return {**solver.start(state["theta"]), **seen}


def _met(terms: Mapping[str, float], tolerance: float | None) -> bool:
    """Whether the rms residual of every term is at most the tolerance."""
    return tolerance is not None and bool(terms) and max(terms.values()) <= tolerance**2


def _same_run(saved: Checkpoint, fingerprint: str, path: Path) -> None:
    if saved.fingerprint != fingerprint:
        raise ValueError(
            f"resume: the checkpoint {path} belongs to another run, {saved.fingerprint!r}; this is {fingerprint!r}. "
            f"Use the same problem, field, solvers, seed and dtype, or start afresh without --resume"
        )


def _to(state: Any, like: Tensor) -> Any:
    """The tensors of a stored state on the device of `like`."""
    if isinstance(state, Tensor):
        return state.to(like.device)
    if isinstance(state, Mapping):
        return {key: _to(value, like) for key, value in state.items()}
    return [_to(value, like) for value in state] if isinstance(state, list) else state
