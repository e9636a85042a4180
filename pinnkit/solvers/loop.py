"""The one loop: sample, evaluate, step, record, stop.  Progress, checkpoints, callbacks live here and nowhere else."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pinnkit.history import Record
from pinnkit.status import Status

from . import checkpoint
from .checkpoint import Checkpoint
from .objective import Solver, State

__all__ = ["Callback", "Outcome", "run"]

Callback = Callable[[Record], object]
"""Called after every recorded step; returning True ends the run."""
CHECKPOINT_SECONDS = 5.0


@dataclass(frozen=True)
class Outcome:
    """Where the loop ended."""

    theta: Tensor
    state: State
    status: Status
    records: Sequence[Record]
    seconds: float


def run(
    objective: Callable[[Solver, int], Any],
    theta: Tensor,
    solvers: Sequence[Solver],
    *,
    tolerance: float | None = None,
    seconds: float | None = None,
    callbacks: Sequence[Callback] = (),
    records: Sequence[Record] = (),
    checkpoint_path: Path | None = None,
    fingerprint: str = "",
    resume: bool = False,
    every: int = 1,
    began: float | None = None,
) -> Outcome:
    """Run `solvers` one after the other.

    Args:
        objective: what a solver sees at a step: ``(solver, step) -> Objective``.
        theta: where to start.
        solvers: in sequence; each has `steps`, `start` and `step`.
        tolerance: stop as soon as the rms residual of every term is at most this.
        seconds: stop after so long.
        callbacks: each called with every `Record`.
        records: history of what came before (a search).
        checkpoint_path: where to write checkpoints, every few seconds and on Ctrl-C.
        fingerprint: what run this is.
        resume: continue from the checkpoint, if there is one.
        every: record, and look for non-finite losses, every so many steps.
        began: `time.perf_counter()` at which the run began, if before now.
    """
    begin = time.perf_counter() if began is None else began
    history = list(records)
    index, step, state = 0, 0, None
    if resume and checkpoint_path is not None and checkpoint_path.exists():
        saved = checkpoint.read(checkpoint_path)
        _same_run(saved, fingerprint, checkpoint_path)
        index, step, history = saved.solver, saved.step, list(saved.records)
        state = _to(saved.state, theta)
        begin = time.perf_counter() - saved.seconds
    before = sum(s.steps for s in solvers[:index]) + step
    most = sum(s.steps for s in solvers)
    state = solvers[index].start(theta) if state is None else state
    good, status, saved_at = state, Status.BUDGET, time.perf_counter()

    def save(now: State) -> None:
        if checkpoint_path is not None:
            used = time.perf_counter() - begin
            checkpoint.write(checkpoint_path, Checkpoint(fingerprint, index, step, now, history, used))

    try:
        while True:
            solver = solvers[index]
            if step >= solver.steps or state["done"]:
                if index + 1 == len(solvers):
                    status = Status.STALLED if state["done"] else Status.BUDGET
                    break
                index, step = index + 1, 0
                state = good = solvers[index].start(state["theta"])
                continue
            state = solver.step(objective(solver, step), state)
            step, before = step + 1, before + 1
            if before % every and not state["done"] and step < solver.steps:
                continue
            loss = float(state["loss"])
            if not math.isfinite(loss) or not bool(torch.isfinite(state["theta"]).all()):
                state, status = good, Status.DIVERGED
                break
            good = state
            terms = {name: float(cost) for name, cost in state.get("terms", {}).items()}
            name = type(solver).__name__
            record = Record(before, most, name, time.perf_counter() - begin, loss, terms)
            history.append(record)
            if any([callback(record) is True for callback in callbacks]):
                status = Status.INTERRUPTED
                break
            if tolerance is not None and terms and max(terms.values()) <= tolerance**2:
                status = Status.CONVERGED
                break
            if seconds is not None and record.seconds >= seconds:
                status = Status.BUDGET
                break
            if time.perf_counter() - saved_at > CHECKPOINT_SECONDS:
                save(state)
                saved_at = time.perf_counter()
    except KeyboardInterrupt:
        state, status = good, Status.INTERRUPTED
    save(state)
    return Outcome(state["theta"], state, status, history, time.perf_counter() - begin)


def _same_run(saved: Checkpoint, fingerprint: str, path: Path) -> None:
    if saved.fingerprint != fingerprint:
        raise ValueError(
            f"resume: the checkpoint {path} belongs to another run:\n  it has   {saved.fingerprint}\n  this is  {fingerprint}\n"
            f"use the same problem, field, solvers, seed and dtype, or start afresh without --resume"
        )


def _to(state: Any, like: Tensor) -> Any:
    """The tensors of a stored state on the device of `like`."""
    if isinstance(state, Tensor):
        return state.to(like.device)
    if isinstance(state, Mapping):
        return {key: _to(value, like) for key, value in state.items()}
    return [_to(value, like) for value in state] if isinstance(state, list) else state
