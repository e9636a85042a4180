"""Acceptance rows on equations: errors of solves, error bars of references, speed of steps and Jacobians."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import torch

from pinnkit.fields import MLP, FieldSpec, FourierMLP, Siren
from pinnkit.problem.hardening import hardened
from pinnkit.problem.problem import Problem
from pinnkit.references import Reference
from pinnkit.reports.validation import reference_error, validate
from pinnkit.solutions.solution import Solution

from .row import Measure, Measurement, Row

if TYPE_CHECKING:
    from pinnkit.measure.bench.jacobians import Row as JacobianRow

__all__ = ["rows", "solve_error"]

_BUDGET = 5.0  # seconds for the reference of a problem with a closed form
_LONG_BUDGET = 30.0  # seconds where an error of 1e-7 is measured against the reference alone
_LONGEST_BUDGET = {"schroedinger": 200.0}  # a kink in the initial values: an error of 1e-6 needs thousands of modes


def solve_error(field: FieldSpec | None, solvers: Callable[[], Sequence[Any]] | None) -> Measure:
    """Measure of the relative L2 error of a solve with the given field and solvers; None chooses automatically."""

    def measure(row: Row, problem: Problem, seed: int) -> Measurement:
        from pinnkit.solvers import solve

        seconds = None if solvers is None or row.limit is None else 0.97 * row.limit  # a started step is completed
        solution = solve(problem, field, None if solvers is None else solvers(), seed=seed, seconds=seconds)
        return error_of(solution)

    return measure


def gauss_newton_error(prepare: Callable[[Problem], Problem], seconds: float) -> Measure:
    """Measure of the relative L2 error of a small network after `seconds` of Gauss-Newton with RAD points."""

    def measure(row: Row, problem: Problem, seed: int) -> Measurement:  # noqa: ARG001  (signature of a measure)
        from pinnkit.solvers import RAD, GaussNewton, solve

        field, solver = MLP(width=20, depth=3), GaussNewton(steps=4000, points=5000)
        return error_of(solve(prepare(problem), field, solver, adaptive=RAD(every=20), seed=seed, seconds=seconds))

    return measure


def _weighted_start(problem: Problem) -> Problem:
    """Problem with exact periodicity, and with weight 100 on the initial condition, which cannot be exact as well."""
    found = hardened(problem)
    terms = tuple(t if t.initial_state is None else replace(t, weight=100.0) for t in found.terms)
    return replace(found, terms=terms)


def step_ratio(case: int, dtype: torch.dtype) -> Measure:
    """Measure of the time of an Adam step over that of DeepXDE, with equal network (4 x 50), points and dtype."""

    def measure(row: Row, problem: Problem, seed: int) -> Measurement:  # noqa: ARG001  (signature of a measure)
        from pinnkit.measure.bench.peer import CASES, require_deepxde
        from pinnkit.measure.bench.steps import run as steps

        require_deepxde()
        (found,) = steps(networks=((50, 4),), dtypes=(dtype,), cases=(CASES[case],))
        own = min(found.seconds[name] for name in ("eager", "compiled") if name in found.seconds)
        return Measurement(own / found.seconds["deepxde"], own, {"seconds": dict(found.seconds)})

    return measure


def time_over_limit(solve_it: Callable[[Problem, int, float], Solution], seconds: float) -> Measure:
    """Measure of the time of a solve that cannot end sooner, over its `seconds=`."""

    def measure(row: Row, problem: Problem, seed: int) -> Measurement:  # noqa: ARG001  (signature of a measure)
        begin = time.perf_counter()
        solution = solve_it(problem, seed, seconds)
        used = time.perf_counter() - begin
        return Measurement(used / seconds, used, {"status": solution.status.name})

    return measure


def _limited(name: str) -> Callable[[Problem, int, float], Solution]:
    """Solve of one of the kinds in `_LIMITED`."""

    def run(problem: Problem, seed: int, seconds: float) -> Solution:
        from pinnkit.solvers import LBFGS, Adam, GaussNewton, solve

        field, solvers, options = {
            "automatic": (None, None, {}),
            "adam": (Siren(), [Adam(steps=10**7)], {}),
            "l-bfgs": (Siren(), [LBFGS(steps=10**7)], {}),
            "gauss-newton": (MLP(width=20, depth=3), [GaussNewton(steps=10**6)], {}),
            "slabs": (MLP(width=20, depth=3), [GaussNewton(steps=10**6)], {"slabs": 4}),
        }[name]
        return solve(problem, field, solvers, seed=seed, seconds=seconds, tolerance=1e-300, **options)  # type: ignore[arg-type]

    return run


def product_rate(row: Row, problem: Problem, seed: int) -> Measurement:  # noqa: ARG001  (signature of a measure)
    """Rate of a matrix product over the rate of a Taylor step with a 4 x 256 network: the worst case."""
    from pinnkit.measure.bench.steps import run as steps

    found = steps(networks=((256, 4),), dtypes=(torch.float32,), peer=False, compile=False)
    worst = min(found, key=lambda r: r.fraction("eager") or 0.0)
    return Measurement(1 / (worst.fraction("eager") or 1e-9), worst.seconds["eager"], {"case": worst.case})


def jacobian_ratio(quantity: str) -> Measure:
    """Measure of a quantity of the Jacobian benchmark: the worst case.

    Args:
        quantity: "mapped" or "hessian", the time of the recorded Jacobian over that of this `torch.func` variant; or
            "difference", their relative difference in the Frobenius norm.
    """

    def measure(row: Row, problem: Problem, seed: int) -> Measurement:  # noqa: ARG001  (signature of a measure)
        from pinnkit.measure.bench.jacobians import run as jacobians

        found = jacobians()
        values = [_quantity(r, quantity) for r in found]
        return Measurement(max(values), max(r.recorded for r in found), {"rows": [asdict(r) for r in found]})

    return measure


def _quantity(row: JacobianRow, name: str) -> float:
    """Value of one quantity of a benchmark row."""
    return {"difference": row.difference, "mapped": 1 / row.mapped_ratio, "hessian": 1 / row.hessian_ratio}[name]


_references: dict[str, Reference] = {}  # computed once for all seeds, since it depends on none


def _reference(problem: Problem) -> Reference:
    from pinnkit.references import reference

    name = problem.name
    if name not in _references:
        _references[name] = reference(problem, budget=_LONGEST_BUDGET.get(name, _LONG_BUDGET))
    return _references[name]


def error_of(solution: Solution) -> Measurement:
    """Relative L2 error of the worst unknown against the closed form, else against a reference with its error bar."""
    known = bool(solution.problem.exact)
    report = validate(solution, budget=0.0) if known else validate(solution, reference=_reference(solution.problem))
    compared = report.exact if known else report.discretised
    if not compared:
        raise ValueError(f"'{solution.problem.name}' has no reference: {report.no_reference}")
    return Measurement(max(c.rel_l2 for c in compared), solution.seconds, report.summary())


def bar_ratio(row: Row, problem: Problem, seed: int) -> Measurement:  # noqa: ARG001  (signature of a measure)
    """True error of the reference over its error bar, dimensionless: the worst unknown."""
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
    return Measurement(max(ratios.values()), found.seconds, detail)


def agreement(row: Row, problem: Problem, seed: int) -> Measurement:  # noqa: ARG001  (signature of a measure)
    """Difference between neural solution and finite differences over the sum of their error bars, dimensionless.

    The error bar of the neural solution is the difference of two solves with different seeds.
    """
    from pinnkit.solvers import solve

    solution, second = solve(problem, seed=seed), solve(problem, seed=seed + 1000)
    report = validate(solution, budget=_BUDGET)
    if report.reference is None:
        raise ValueError(f"'{problem.name}' has no reference: {report.no_reference}")
    again = validate(second, reference=report.reference)
    ratios, neural = [], []
    for one, two in zip(report.discretised, again.discretised, strict=True):
        points = {a.name: 65 for a in problem.axes}
        a, b = (s.on_grid(**points)[one.unknown] for s in (solution, second))
        spread = float(((a - b) ** 2).mean() ** 0.5 / (b**2).mean() ** 0.5)
        neural.append(spread)
        ratios.append(max(one.measured_l2, two.measured_l2) / (spread + one.l2_bar))
    return Measurement(max(ratios), solution.seconds, {**report.summary(), "neural_bar": max(neural)})


def _trained() -> Sequence[Any]:
    from pinnkit.solvers import LBFGS, Adam

    return Adam(), LBFGS()


def _missing_deepxde() -> str:
    from pinnkit.measure.bench.peer import has_deepxde

    return "" if has_deepxde() else 'DeepXDE is not installed; pip install "pinnkit[peers]" installs it'


_JACOBIANS = {  # quantity: (method, target)
    "difference": ("Jacobian against jacrev, relative difference", 1e-10),
    "mapped": ("time of the Jacobian over vmap of jets", 1 / 1.2),
    "hessian": ("time of the Jacobian over vmap of nested jacrev", 1 / 5),
}
_LIMITED = (  # problem, kind of solve, seconds
    ("allen_cahn", "adam", 5.0),
    ("heat_2d", "l-bfgs", 5.0),
    ("klein_gordon", "gauss-newton", 5.0),
    ("advection", "slabs", 8.0),
    ("schroedinger", "automatic", 5.0),
    ("heat_5d", "automatic", 5.0),
    ("poisson_100d_mixed", "automatic", 10.0),
    ("heat_2d", "automatic", 5.0),
)
_ORDINARY = {  # problem: relative L2 error; within 10 s
    "lotka_volterra": 1e-8,
    "van_der_pol": 1e-8,
    "robertson": 1e-8,
    "lorenz": 1e-5,
    "double_pendulum": 1e-8,
}
_HARDER = {  # problem: (relative L2 error, seconds)
    "nonlinear_poisson": (1e-9, 10.0),
    "burgers": (1e-7, 60.0),
    "allen_cahn": (1e-7, 60.0),
    "kdv": (1e-6, 60.0),
    "advection": (1e-9, 30.0),
    "klein_gordon": (1e-8, 30.0),
    "schroedinger": (1e-6, 120.0),
    "volterra": (1e-8, 10.0),
    "fractional_laplacian": (1e-6, 30.0),
    "poisson_5d": (1e-11, 30.0),
    "poisson_100d": (1e-8, 30.0),
    "poisson_5d_mixed": (1e-5, 120.0),
    "poisson_100d_mixed": (1e-4, 120.0),
    "heat_5d": (1e-4, 120.0),
}


def rows() -> Iterable[Row]:
    """Acceptance rows on equations."""
    automatic = {
        "heat": 1e-9, "heat_2d": 1e-8, "poisson": 1e-12, "poisson_bump": 1e-8, "wave": 1e-10, "helmholtz": 1e-11,
        "eikonal": 1e-9, "pendulum": 1e-9,
    }  # fmt: skip
    for name, target in automatic.items():
        limit = 30.0 if name == "heat_2d" else 10.0
        yield Row("1", "automatic", name, "automatic", "relative L2", target, solve_error(None, None), limit)
    for method, field in (("siren adam,lbfgs", Siren()), ("fourier adam,lbfgs", FourierMLP())):
        for name in ("heat", "poisson", "eikonal", "wave"):
            target = 5e-3 if name == "wave" else 5e-4
            yield Row("1", "networks", name, method, "relative L2", target, solve_error(field, _trained), 120.0)
    for name in automatic:
        yield Row("1", "references", name, "finite differences", "true error / error bar", 2.0, bar_ratio, seeded=False)
    for name, (target, limit) in _HARDER.items():
        yield Row("2", "automatic", name, "automatic", "relative L2", target, solve_error(None, None), limit)
    for name, target, prepare, seconds in (
        ("burgers", 1e-6, hardened, 580.0), ("allen_cahn", 1e-5, _weighted_start, 580.0), ("kdv", 1e-4, hardened, 200.0)
    ):  # fmt: skip
        measure = gauss_newton_error(prepare, seconds)
        yield Row("2", "trained", name, "mlp gauss-newton", "relative L2", target, measure, 600.0)
    for case, (name, target) in enumerate((("poisson", 1 / 2), ("heat", 1 / 1.5))):
        for dtype in (torch.float32, torch.float64):
            method = f"time of an Adam step, pinnkit over DeepXDE, {str(dtype).removeprefix('torch.')}"
            measure = step_ratio(case, dtype)
            yield Row("2", "steps", name, method, "ratio", target, measure, seeded=False, missing=_missing_deepxde)
    method = "rate of a matrix product over rate of a Taylor step"
    yield Row("2", "steps", "poisson", method, "ratio", 2.0, product_rate, seeded=False)
    for quantity, (method, target) in _JACOBIANS.items():
        yield Row("2", "jacobians", "heat", method, "ratio", target, jacobian_ratio(quantity), seeded=False)
    for name, kind, seconds in _LIMITED:
        measure = time_over_limit(_limited(kind), seconds)
        yield Row("2", "limits", name, f"{kind}, {seconds:g} s", "seconds used / limit", 1.1, measure)
    for name, target in _ORDINARY.items():
        yield Row("11", "automatic", name, "automatic", "relative L2", target, solve_error(None, None), 10.0)
    method, unit = "automatic against finite differences", "difference / sum of error bars"
    yield Row("1", "agreement", "poisson_variable", method, unit, 1.0, agreement)
