"""Rows about equations: errors of solves, bars of references, speed of steps and Jacobians."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any

import torch

from pinnkit.fields import MLP, FieldSpec, FourierMLP, Siren
from pinnkit.problem.hardening import hardened
from pinnkit.problem.problem import Problem
from pinnkit.references import Reference
from pinnkit.reports.validation import reference_error, validate
from pinnkit.solutions.solution import Solution

from .row import Measure, Measured, Row

__all__ = ["rows", "solve_error"]

_BUDGET = 5.0  # seconds for each reference
_LONG_BUDGET = 30.0  # where the reference is all that an error of 1e-7 can be measured against
_LONGEST_BUDGET = {"schroedinger": 200.0}  # its kink never dies out: 1e-6 needs thousands of modes


def solve_error(field: FieldSpec | None, solvers: Callable[[], Sequence[Any]] | None) -> Measure:
    """The relative L2 error against the closed form, of a solve with this field and these solvers; None chooses."""

    def measure(row: Row, problem: Problem, seed: int) -> Measured:
        from pinnkit.solvers import solve

        seconds = None if solvers is None or row.limit is None else 0.97 * row.limit  # the step at hand is finished
        solution = solve(problem, field, None if solvers is None else solvers(), seed=seed, seconds=seconds)
        return judged(solution)

    return measure


def gauss_newton_error(prepare: Callable[[Problem], Problem], most: float) -> Measure:
    """The error of a small network trained by Gauss-Newton with points that follow the residual, in so many seconds."""

    def measure(row: Row, problem: Problem, seed: int) -> Measured:  # noqa: ARG001  (the signature of a measure)
        from pinnkit.solvers import RAD, GaussNewton, solve

        field, solver = MLP(width=20, depth=3), GaussNewton(steps=4000, points=5000)
        return judged(solve(prepare(problem), field, solver, adaptive=RAD(every=20), seed=seed, seconds=most))

    return measure


def _heavy_start(problem: Problem) -> Problem:
    """Exact periodicity, and an initial state, which then cannot be exact, that counts a hundredfold."""
    found = hardened(problem)
    terms = tuple(t if t.initial_state is None else replace(t, weight=100.0) for t in found.terms)
    return replace(found, terms=terms)


def step_ratio(case: int, dtype: torch.dtype) -> Measure:
    """The time of one Adam step over that of DeepXDE, the same network of 4 x 50, points and dtype, in one run."""

    def measure(row: Row, problem: Problem, seed: int) -> Measured:  # noqa: ARG001  (the signature of a measure)
        from pinnkit.bench.peer import CASES, require_deepxde
        from pinnkit.bench.steps import run as steps

        require_deepxde()
        (found,) = steps(networks=((50, 4),), dtypes=(dtype,), cases=(CASES[case],))
        own = min(found.seconds[road] for road in ("eager", "compiled") if road in found.seconds)
        return Measured(own / found.seconds["deepxde"], own, {"seconds": dict(found.seconds)})

    return measure


def product_rate(row: Row, problem: Problem, seed: int) -> Measured:  # noqa: ARG001  (the signature of a measure)
    """The measured rate of matrix products over that of a Taylor step of 4 x 256, the worst of the cases."""
    from pinnkit.bench.steps import run as steps

    found = steps(networks=((256, 4),), dtypes=(torch.float32,), peer=False, compile=False)
    worst = min(found, key=lambda r: r.fraction("eager") or 0.0)
    return Measured(1 / (worst.fraction("eager") or 1e-9), worst.seconds["eager"], {"case": worst.case})


def jacobian_ratio(road: str) -> Measure:
    """The time of the Jacobian's rows over that of a road by `torch.func`, the worst of the cases; or their gap."""

    def measure(row: Row, problem: Problem, seed: int) -> Measured:  # noqa: ARG001  (the signature of a measure)
        from pinnkit.bench.jacobians import run as jacobians

        found = jacobians()
        values = [r.difference if road == "difference" else 1 / getattr(r, f"{road}_ratio") for r in found]
        return Measured(max(values), max(r.recorded for r in found), {"rows": [asdict(r) for r in found]})

    return measure


_known: dict[str, Reference] = {}  # one for all seeds: it depends on none


def _reference(problem: Problem) -> Reference:
    from pinnkit.references import reference

    name = problem.name
    if name not in _known:
        _known[name] = reference(problem, budget=_LONGEST_BUDGET.get(name, _LONG_BUDGET))
    return _known[name]


def judged(solution: Solution) -> Measured:
    """The error that may be claimed: against the closed form, else against a reference with its bar."""
    known = bool(solution.problem.exact)
    report = validate(solution, budget=0.0) if known else validate(solution, reference=_reference(solution.problem))
    compared = report.exact if known else report.discretised
    if not compared:
        raise ValueError(f"'{solution.problem.name}' has no reference: {report.no_reference}")
    return Measured(max(c.rel_l2 for c in compared), solution.seconds, report.summary())


def bar_ratio(row: Row, problem: Problem, seed: int) -> Measured:  # noqa: ARG001  (the signature of a measure)
    """The true error of the reference over its error bar, the worst unknown."""
    from pinnkit.references import reference

    found = reference(problem, budget=_BUDGET)
    errors = reference_error(problem, found, {})
    ratios = {c.unknown: c.measured_l2 / found.bars(c.unknown)[0] for c in errors}
    detail = {
        "kind": found.kind,
        "order": found.order,
        "rel_l2_error_bar": max(found.bars(c.unknown)[0] for c in errors),
        "rel_l2_true_error": max(c.measured_l2 for c in errors),
    }
    return Measured(max(ratios.values()), found.seconds, detail)


def agreement(row: Row, problem: Problem, seed: int) -> Measured:  # noqa: ARG001  (the signature of a measure)
    """Neural against finite differences, over the sum of their bars; the neural bar is the spread of two solves."""
    from pinnkit.solvers import solve

    solution, other = solve(problem, seed=seed), solve(problem, seed=seed + 1000)
    report = validate(solution, budget=_BUDGET)
    if report.reference is None:
        raise ValueError(f"'{problem.name}' has no reference: {report.no_reference}")
    again = validate(other, reference=report.reference)
    ratios, neural = [], []
    for one, two in zip(report.discretised, again.discretised, strict=True):
        points = {a.name: 65 for a in problem.axes}
        a, b = (s.on_grid(**points)[one.unknown] for s in (solution, other))
        spread = float(((a - b) ** 2).mean() ** 0.5 / (b**2).mean() ** 0.5)
        neural.append(spread)
        ratios.append(max(one.measured_l2, two.measured_l2) / (spread + one.l2_bar))
    return Measured(max(ratios), solution.seconds, {**report.summary(), "neural_bar": max(neural)})


def _trained() -> Sequence[Any]:
    from pinnkit.solvers import LBFGS, Adam

    return Adam(), LBFGS()


_ROADS = {
    "difference": "rows against jacrev, gap",
    "mapped": "rows over vmap of jets",
    "hessian": "rows over vmap of nested jacrev",
}
_HARDER = {
    "nonlinear_poisson": (1e-9, 10.0),
    "burgers": (1e-7, 60.0),
    "allen_cahn": (1e-7, 60.0),
    "kdv": (1e-6, 60.0),
    "advection": (1e-9, 30.0),
    "klein_gordon": (1e-8, 30.0),
    "schroedinger": (1e-6, 120.0),
    "poisson_5d": (1e-11, 30.0),
    "poisson_100d": (1e-8, 30.0),
    "poisson_5d_mixed": (1e-5, 120.0),
    "poisson_100d_mixed": (1e-4, 120.0),
    "heat_5d": (1e-4, 120.0),
}


def rows() -> Iterable[Row]:
    """The rows."""
    automatic = {
        "heat": 1e-9, "heat_2d": 1e-8, "poisson": 1e-12, "poisson_bump": 1e-8, "wave": 1e-10, "helmholtz": 1e-11,
        "eikonal": 1e-9, "pendulum": 1e-9,
    }  # fmt: skip
    for name, target in automatic.items():
        limit = 30.0 if name == "heat_2d" else 10.0
        yield Row("1", "automatic", name, "automatic", "relative L2", target, solve_error(None, None), limit)
    for what, field in (("siren adam,lbfgs", Siren()), ("fourier adam,lbfgs", FourierMLP())):
        for name in ("heat", "poisson", "eikonal", "wave"):
            target = 5e-3 if name == "wave" else 5e-4
            yield Row("1", "networks", name, what, "relative L2", target, solve_error(field, _trained), 120.0)
    for name in automatic:
        yield Row("1", "references", name, "finite differences", "error / bar", 2.0, bar_ratio, seeded=False)
    for name, (target, limit) in _HARDER.items():
        yield Row("2", "automatic", name, "automatic", "relative L2", target, solve_error(None, None), limit)
    for name, target, prepare, most in (
        ("burgers", 1e-6, hardened, 580.0), ("allen_cahn", 1e-5, _heavy_start, 580.0), ("kdv", 1e-4, hardened, 200.0)
    ):  # fmt: skip
        measure = gauss_newton_error(prepare, most)
        yield Row("2", "trained", name, "mlp gauss-newton", "relative L2", target, measure, 600.0)
    for case, (name, target) in enumerate((("poisson", 1 / 2), ("heat", 1 / 1.5))):
        for dtype in (torch.float32, torch.float64):
            what = f"Adam step over DeepXDE's, {str(dtype).removeprefix('torch.')}"
            yield Row("2", "steps", name, what, "ratio", target, step_ratio(case, dtype), seeded=False)
    yield Row("2", "steps", "poisson", "product rate over Taylor step's", "ratio", 2.0, product_rate, seeded=False)
    for road, target in (("difference", 1e-10), ("mapped", 1 / 1.2), ("hessian", 1 / 5)):
        yield Row("2", "jacobians", "heat", _ROADS[road], "ratio", target, jacobian_ratio(road), seeded=False)
    yield Row("1", "agreement", "poisson_variable", "automatic and differences", "gap / bars", 1.0, agreement)
