"""Solve in slabs of time, one after another, joined into one field."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from torch import nn

from pinnkit.fields import FieldSpec, RandomFourier
from pinnkit.fields.piecewise_in_time import PiecewiseInTime, PiecewiseInTimeField
from pinnkit.problem.problem import Problem
from pinnkit.solutions.evaluation import FieldSet
from pinnkit.solutions.history import Record
from pinnkit.solutions.solution import Solution
from pinnkit.solvers.collocation.field_groups import Group
from pinnkit.solvers.collocation.parameters import Parameters
from pinnkit.solvers.training.loop import Callback

from .candidates import Kind, Plan
from .fallback import best_of
from .run import solution_of
from .run_options import RunOptions
from .time_slabs import slab_problem, with_soft_initial

__all__ = ["solve_in_slabs"]


def solve_in_slabs(plan: Plan, problem: Problem, options: RunOptions, edges: Sequence[float], began: float) -> Solution:
    """Slab after slab, each from the final state of the previous one, joined into one field.

    Args:
        plan: candidates, tried in every slab.
        problem: whose time is divided; hard initial conditions become terms.
        options: of the run; their seconds are those of all slabs together, and every slab has a folder of its own.
        edges: of the slabs, the ends of time included.
        began: `time.perf_counter()` at the beginning.

    Raises:
        ValueError: for `start` or `monitor`, which belong to a field of all times, or a field without a spec.
    """
    _check(options)
    problem = with_soft_initial(problem)
    parts: list[Solution] = []
    records: list[Record] = []
    count = len(edges) - 1
    for k, (lower, upper) in enumerate(pairwise(edges)):
        used = time.perf_counter() - began
        previous = parts[-1] if parts else None
        own = replace(
            options,
            slabs=None,
            start=_start(plan, previous),
            seconds=None if options.seconds is None else max((options.seconds - used) / (count - k), 1e-3),
            out=None if options.folder is None else options.folder / f"slab{k + 1}",
            callbacks=[_shifted(c, records[-1].step if records else 0, count) for c in options.callbacks],
        )
        part = best_of(plan.candidates, slab_problem(problem, lower, upper, previous), own, time.perf_counter())
        records += _records(problem, part, records[-1].step if records else 0, used)
        parts.append(part)
        if not part.status.good:
            break
    return _joined(problem, options, parts, edges, records, began)


def _check(options: RunOptions) -> None:
    if options.start is not None:
        raise ValueError("solve: `slabs` start each from the one before; leave `start` out")
    if options.monitor is not None:
        raise ValueError(
            "solve: `monitor` measures a field of all times, and each of `slabs` has one of its own; leave one out"
        )


def _start(plan: Plan, previous: Solution | None) -> Solution | None:
    """Solution from which training starts: the previous slab's, where it has the fields of a single candidate."""
    if previous is None or len(plan.candidates) > 1 or plan.first.kind is not Kind.TRAINING:
        return None
    return None if any(isinstance(spec, RandomFourier) for spec in previous.fields.values()) else previous


def _shifted(callback: Callback, done: int, count: int) -> Callback:
    """Callback whose records count the steps of all slabs."""

    def report(record: Record) -> object:
        return callback(replace(record, step=record.step + done, steps=record.steps * count))

    return report


def _records(problem: Problem, part: Solution, done: int, used: float) -> list[Record]:
    """History of a slab as records of the whole run; terms without points in the slab are NaN."""
    h = part.history
    absent = dict.fromkeys((str(t.name) for t in problem.terms), float("nan"))
    return [
        Record(
            step=int(h.step[i]) + done,
            steps=0,
            solver=h.solver[i],
            seconds=float(h.seconds[i]) + used,
            loss=float(h.loss[i]),
            terms=absent | {name: float(values[i]) for name, values in h.terms.items()},
        )
        for i in range(len(h.step))
    ]


def _joined(
    problem: Problem,
    options: RunOptions,
    parts: Sequence[Solution],
    edges: Sequence[float],
    records: Sequence[Record],
    began: float,
) -> Solution:
    """Solution whose fields are those of the slabs; after an interrupted run the last field covers the later times."""
    first, last = parts[0], parts[-1]
    ends = (*edges[: len(parts)], edges[-1])
    modules: dict[Group, nn.Module] = {}
    specs: dict[Group, FieldSpec | None] = {}
    for group in first.modules:
        own = [part.fields[group] for part in parts]
        if any(spec is None for spec in own):
            raise ValueError("solve: `slabs` need a field spec such as Siren(width=64), which each slab builds anew")
        spec = PiecewiseInTime(tuple(own), ends, str(problem.time))  # type: ignore[arg-type]
        columns = list(FieldSet(problem, first.modules).columns(group))
        column = columns.index(problem.frame.columns.index(str(problem.time)))
        modules[group] = PiecewiseInTimeField(spec, column, [part.modules[group] for part in parts])
        specs[group] = spec
    parameters = Parameters(problem, (), device=options.torch_device, dtype=options.dtype_for(problem))
    parameters.start_from(last.coefficients)
    return solution_of(
        problem,
        options,
        reason=f"{len(edges) - 1} slabs of time, each from the end of the one before. {first.choice}",
        solvers=first.solvers,
        specs=specs,
        modules=modules,
        parameters=parameters,
        status=next((p.status for p in reversed(parts) if not p.status.good), last.status),
        records=records,
        used=time.perf_counter() - began,
    )
