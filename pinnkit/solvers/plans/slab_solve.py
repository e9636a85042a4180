"""The road of slabs: one after the other, joined in the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
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

from .run_setup import Setup, solution_of
from .time_slabs import slab

__all__ = ["in_slabs"]


def in_slabs(
    problem: Problem,
    solve: Callable[..., Solution],
    edges: Sequence[float],
    seconds: float | None,
    folder: Path | None,
    callbacks: Sequence[Callback],
    began: float,
    how: dict[str, Any],
) -> Solution:
    """Slab after slab, each from the end of the one before, joined in the end.

    Args:
        problem: whose time is divided.
        solve: solves a problem with the field and the solvers that were asked for.
        edges: of the slabs.
        seconds: for all of them.
        folder: for checkpoints, one folder a slab.
        callbacks: see the steps of all slabs, counted on.
        began: `time.perf_counter()` at which the solve began.
        how: further options of `solve`.
    """
    parts: list[Solution] = []
    records: list[Record] = []
    count = len(edges) - 1
    for k, (lower, upper) in enumerate(pairwise(edges)):
        done = records[-1].step if records else 0

        def report(record: Record, callback: Callback, done: int = done) -> object:
            return callback(replace(record, step=record.step + done, steps=record.steps * count))

        used = time.perf_counter() - began
        part = solve(
            slab(problem, lower, upper, parts[-1] if parts else None),
            start=parts[-1] if parts and _trains(parts[-1]) else None,
            seconds=None if seconds is None else max((seconds - used) / (count - k), 1e-3),
            out=None if folder is None else folder / f"slab{k + 1}",
            callbacks=[partial(report, callback=c) for c in callbacks],
            **how,
        )
        parts.append(part)
        h = part.history
        nothing = dict.fromkeys((str(t.name) for t in problem.terms), float("nan"))  # data of other times
        records += [
            Record(
                int(s) + done,
                0,
                name,
                float(t) + used,
                float(loss),
                nothing | {n: float(v[i]) for n, v in h.terms.items()},
            )
            for i, (s, name, t, loss) in enumerate(zip(h.step, h.solver, h.seconds, h.loss, strict=True))
        ]
        if not part.status.good:
            break
    first = parts[0]
    # A run that was stopped has no field for later times: the last one goes on.
    ends = (*edges[: len(parts)], edges[-1])
    modules: dict[Group, nn.Module] = {}
    specs: dict[Group, FieldSpec | None] = {}
    for group in first.modules:
        own = [part.fields[group] for part in parts]
        if any(spec is None for spec in own):
            raise ValueError("solve: `slabs` need a field spec such as Siren(width=64), which each slab builds anew")
        spec = PiecewiseInTime(tuple(own), ends, str(problem.time))  # type: ignore[arg-type]
        column = list(FieldSet(problem, first.modules).columns(group)).index(
            problem.frame.columns.index(str(problem.time))
        )
        modules[group] = PiecewiseInTimeField(spec, column, [part.modules[group] for part in parts])
        specs[group] = spec
    setup = Setup(
        problem,
        dict(modules),
        (),
        first.seed,
        torch.device(first.device),
        first.dtype,
        f"{count} slabs of time, each from the end of the one before. {first.choice}",
        began,
    )
    parameters = Parameters(problem, (), device=setup.device, dtype=setup.dtype)
    parameters.start_from(parts[-1].coefficients)
    status = next((p.status for p in reversed(parts) if not p.status.good), parts[-1].status)
    found = solution_of(setup, specs, modules, parameters, status, records, time.perf_counter() - began)
    return replace(found, solvers=first.solvers)


def _trains(part: Solution) -> bool:
    """Whether the fields of the next slab have the shapes of this one's: not where a search chose their number."""
    return not any(isinstance(spec, RandomFourier) for spec in part.fields.values())
