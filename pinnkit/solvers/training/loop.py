"""Training loop: evaluate, step, record, stop; the one place of progress, checkpoints and callbacks."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from pinnkit.solutions.history import Record
from pinnkit.solutions.status import Status
from pinnkit.solvers.protocols import Objective, Solver, State, StateValue, loss_of, terms_of, theta_of

from . import checkpoint
from .checkpoint import Checkpoint
from .checkpoint_match import check_match
from .deadline import OutOfTime

__all__ = ["Callback", "Outcome", "run"]

Callback = Callable[[Record], object]
"""Called after every recorded step; returning True ends the run."""
CHECKPOINT_SECONDS = 5.0
"""Default time between two checkpoints, in seconds."""
_OVERRUN = 1.05
"""A step is not begun that would end later than this multiple of the time limit, going by the steps before."""
_FADING = 0.9
"""Factor per step on the duration of earlier steps in that estimate."""


@dataclass(frozen=True)
class Outcome:
    """End of a run."""

    theta: Tensor
    state: State
    status: Status
    records: Sequence[Record]
    seconds: float


@dataclass(frozen=True)
class _Mark:
    """Position of a run to which it can return as a whole."""

    solver: int
    step: int
    state: State
    records: int


def run(
    objective: Callable[[Solver, int, State], Objective],
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
        objective: gives the objective of a step: ``(solver, step, state) -> Objective``.
        theta: initial values ``(P,)``.
        solvers: run in sequence.
        tolerance: stop as soon as the rms residual of every term is at most this.
        seconds: time limit in seconds.
        callbacks: each called with every `Record`.
        records: history of earlier solvers.
        total: steps of the whole solve, for the records; None takes those of `solvers`.
        checkpoint_path: file of the checkpoints, written every few seconds, on Ctrl-C and at the end; where that fails,
            a `CheckpointWarning` says so and the run goes on.
        checkpoint_seconds: time between two checkpoints.
        fingerprint: identity of the run.
        resume: continue from the checkpoint, if there is one.
        every: steps between two records and checks for non-finite losses.
        began: `time.perf_counter()` at which the run began, if before now.
        memory: gives the entry "objective" of the state after every step; it is passed on from solver to solver.
        measure: measures after a step, ``(steps taken, theta) -> values``, empty where nothing is due; its time is not
            counted.

    Raises:
        OutOfTime: of a deadline in the objective that was armed before there is a step to return to.
    """
    begin = time.perf_counter() if began is None else began
    history = list(records)
    taken = history[-1].step if history else 0  # by the solvers before these
    most = taken + sum(s.steps for s in solvers) if total is None else total
    mark, status = _Mark(0, 0, solvers[0].start(theta), len(history)), None
    if resume and checkpoint_path is not None and checkpoint_path.exists():
        saved = checkpoint.read(checkpoint_path)
        check_match(saved, fingerprint, solvers, theta, checkpoint_path)
        history = list(saved.records)
        mark = _Mark(saved.solver, saved.step, _to(saved.state, theta.device), len(history))
        begin = time.perf_counter() - saved.seconds
        status = Status.CONVERGED if history and _met(history[-1].terms, tolerance) else None
    index, step, state = mark.solver, mark.step, mark.state
    taken += sum(s.steps for s in solvers[:index]) + step
    good, saved_at, longest = mark, time.perf_counter(), 0.0
    failing = False

    def save(at: _Mark) -> None:
        nonlocal failing
        if checkpoint_path is None:
            return
        kept, used = history[: at.records], time.perf_counter() - begin
        try:
            checkpoint.write(checkpoint_path, Checkpoint(fingerprint, at.solver, at.step, at.state, kept, used))
            failing = False
        except OSError as error:
            if not failing:
                warnings.warn(checkpoint.failure(checkpoint_path, error), checkpoint.CheckpointWarning, stacklevel=1)
            failing = True

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
            started = time.perf_counter()
            state = {**solver.step(target, state), **memory()}
            step, taken = step + 1, taken + 1
            longest = max(_FADING * longest, time.perf_counter() - started)
            late = seconds is not None and time.perf_counter() - begin + longest > _OVERRUN * seconds
            if taken % every and not state["done"] and step < solver.steps and not late:
                continue
            loss = float(loss_of(state))
            if not math.isfinite(loss) or not math.isfinite(float(theta_of(state).sum())):
                mark, status = good, Status.DIVERGED
                break
            terms = terms_of(state)
            record = Record(taken, most, type(solver).__name__, time.perf_counter() - begin, loss, terms)
            history.append(record)
            # A solver may report the loss at the start of its step: only that state is known to be finite.
            good, mark = mark, _Mark(index, step, state, len(history))
            if measure is not None:
                paused = time.perf_counter()
                found = measure(taken, theta_of(state))
                if found:
                    record = replace(record, measures=found)
                    history[-1] = record
                begin += time.perf_counter() - paused  # the time of measuring is not counted
            if any([callback(record) is True for callback in callbacks]):
                status = Status.INTERRUPTED
            elif _met(terms, tolerance):
                status = Status.CONVERGED
            elif late or (seconds is not None and record.seconds >= seconds):
                status = Status.TIME
            elif time.perf_counter() - saved_at >= checkpoint_seconds:
                save(mark)
                saved_at = time.perf_counter()
    except KeyboardInterrupt:
        status = Status.INTERRUPTED
    except OutOfTime:
        if not history:
            raise
        status = Status.TIME
    save(mark)
    shown = history if status is Status.DIVERGED else history[: mark.records]
    return Outcome(theta_of(mark.state), mark.state, status, shown, time.perf_counter() - begin)


def _handed_on(state: State, solver: Solver) -> State:
    """Initial state of the next solver."""
    kept = {"objective": state["objective"]} if "objective" in state else {}
    return {**solver.start(theta_of(state)), **kept}


def _met(terms: Mapping[str, float], tolerance: float | None) -> bool:
    """Return whether the rms residual of every term is at most the tolerance."""
    return tolerance is not None and bool(terms) and max(terms.values()) <= tolerance**2


def _to(state: State, device: torch.device) -> State:
    """Stored state with its tensors on `device`."""

    def moved(value: StateValue) -> StateValue:
        if isinstance(value, Tensor):
            return value.to(device)
        if isinstance(value, Mapping):
            return {key: moved(item) for key, item in value.items()}
        return [moved(item) for item in value] if isinstance(value, list) else value

    return {key: moved(value) for key, value in state.items()}
