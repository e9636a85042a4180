"""The road of a search: random sines, or polynomials in many coordinates, as the held-out residual chooses."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pinnkit.fields import Expansion, RandomFourier
from pinnkit.fields.protocols import spec_of
from pinnkit.solutions.history import Record
from pinnkit.solutions.solution import Solution
from pinnkit.solutions.status import Status
from pinnkit.solvers.collocation.field_groups import unsettled
from pinnkit.solvers.collocation.parameters import Parameters
from pinnkit.solvers.least_squares.least_squares import LeastSquares
from pinnkit.solvers.least_squares.polynomial_search import expand
from pinnkit.solvers.least_squares.random_feature_search import Attempt, search
from pinnkit.solvers.training.loop import Callback

from .run_setup import Setup, readout_cloud, solution_of

__all__ = ["searched"]

_ROUNDING = 3e-13
"""A relative residual near which rounding takes over: the search for random sines ends there."""


def searched(setup: Setup, tolerance: float | None, seconds: float | None, callbacks: Sequence[Callback]) -> Solution:
    """Random sines whose bandwidth, and number, the held-out residual chooses; or polynomials in many coordinates."""
    problem, solver = setup.problem, setup.solvers[0]
    assert isinstance(solver, LeastSquares)
    spec = next(s for s in setup.specs.values() if unsettled(s))
    assert isinstance(spec, RandomFourier | Expansion)
    if any(s != spec for s in setup.specs.values()):
        raise ValueError(
            "solve: RandomFourier(bandwidth=None) is chosen for all unknowns together, and so is Expansion(); "
            "give every unknown the same spec, or each one that is settled, such as RandomFourier(400, bandwidth=8.0)"
        )
    if len(setup.solvers) > 1:
        raise ValueError(
            "solve: random sines with bandwidth=None, and Expansion(), are solved by LeastSquares alone; give a "
            "bandwidth, or TotalDegree(6)"
        )
    records: list[Record] = []
    stopped = False

    def report(attempt: Attempt) -> bool:
        used = time.perf_counter() - setup.began
        terms = {str(t.name): float(c) for t, c in zip(problem.terms, attempt.costs, strict=True)}
        record = Record(len(records) + 1, 0, attempt.words, used, attempt.score**2, terms)
        records.append(record)
        nonlocal stopped
        stopped = any([callback(record) is True for callback in callbacks])
        return stopped or (seconds is not None and used >= seconds)

    how: dict[str, Any] = dict(seed=setup.seed, tolerance=_ROUNDING if tolerance is None else tolerance, report=report)
    how["scales"] = setup.row_scales
    if isinstance(spec, Expansion):

        def left() -> float:
            return math.inf if seconds is None else seconds - (time.perf_counter() - setup.began)

        best = expand(problem, tuple(setup.specs), solver, limit=spec.limit, left=left, **how)
        chosen = best.words
    else:
        best = search(problem, tuple(setup.specs), solver, features=spec.features, **how)
        pairs = zip(problem.frame.columns, best.bandwidth, strict=True)
        chosen = f"{best.features} sines with bandwidth {', '.join(f'{column}: {b:.3g}' for column, b in pairs)}"
    used = time.perf_counter() - setup.began
    modules = {g: m.to(device=setup.device, dtype=setup.dtype) for g, m in best.fields.modules.items()}
    reason = (
        f"{setup.reason} Held-out residual chose {chosen} "
        f"in {len(records)} attempt{'s' * (len(records) > 1)} (relative residual {best.score:.1e})."
    )
    met = best.score <= (_ROUNDING if tolerance is None else tolerance)
    status = Status.CONVERGED if met and tolerance is not None else Status.SOLVED
    if not np.isfinite(best.score) or best.score > 0.5:
        status = Status.STALLED
    if stopped or best.interrupted:
        status = Status.INTERRUPTED
    parameters = Parameters(problem, (), device=setup.device, dtype=setup.dtype)
    parameters.start_from(best.parameters.found())
    found = replace(setup, reason=reason)
    specs = {g: spec_of(m) for g, m in modules.items()}
    seen = readout_cloud(setup, solver, best.features)
    return solution_of(found, specs, modules, parameters, status, records, used, seen)
