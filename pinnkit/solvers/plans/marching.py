"""The road of a march in time."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace

import torch

from pinnkit.problem.hardening import softened
from pinnkit.problem.problem import Problem
from pinnkit.solutions.history import Record
from pinnkit.solutions.solution import Solution
from pinnkit.solutions.status import Status
from pinnkit.solvers.collocation.parameters import Parameters
from pinnkit.solvers.method_of_lines.implicit import MarchStep
from pinnkit.solvers.method_of_lines.march import March, march
from pinnkit.solvers.training.loop import Callback

from .run_setup import Setup, solution_of

__all__ = ["marched"]


def marched(
    problem: Problem,
    solver: March,
    *,
    seed: int,
    device: torch.device,
    dtype: torch.dtype,
    reason: str,
    began: float,
    seconds: float | None,
    callbacks: Sequence[Callback],
) -> Solution:
    """March, and record the estimated error of every step.

    Raises:
        Unsupported: for what a march does not cover, with the reason.
    """
    problem = softened(problem)  # a marched field is the unknown itself, and meets its walls without an ansatz
    records: list[Record] = []
    late = stopped = False

    def report(at: MarchStep) -> bool:
        nonlocal late, stopped
        used = time.perf_counter() - began
        words = f"March to {problem.time} = {at.time:.4g} with {at.modes} modes"
        nothing = dict.fromkeys((str(t.name) for t in problem.terms), math.nan)  # measured once it has arrived
        records.append(Record(at.step, 0, words, used, at.error**2, nothing))
        stopped = any([callback(records[-1]) is True for callback in callbacks])
        late = seconds is not None and used >= seconds
        return stopped or late

    found = march(problem, solver, seed=seed, report=report)
    status = Status.TIME if late and not stopped else found.status
    modules = {g: m.to(device=device, dtype=dtype) for g, m in found.modules.items()}
    parameters = Parameters(problem, (), device=device, dtype=dtype)
    setup = Setup(problem, dict(modules), (solver,), seed, device, dtype, f"{reason} {found.reason}".strip(), began)  # type: ignore[arg-type]
    specs = {group: module.spec for group, module in modules.items()}
    solution = solution_of(setup, specs, modules, parameters, status, records, time.perf_counter() - began)
    return replace(solution, parameters=found.parameters)
