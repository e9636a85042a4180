"""Tables of the truths of the verdict's smooth cases: none is refused, and each is named when it is 1.3 times."""

from __future__ import annotations

import functools
import importlib

import numpy as np
import pytest
import torch

from pinnkit.checking import check
from pinnkit.domains import Sobol
from pinnkit.reports.report import Report
from tests.verdict_cases.case import CASES, Case

MODULES = ("smooth_elliptic", "smooth_evolution", "smooth_ordinary")
FAST = ("harmonic_oscillator", "clamped_beam")
POINTS = {1: 201, 2: 2500, 3: 6000}


@functools.cache
def cases() -> dict[str, Case]:
    """Cases of up to three coordinates with a truth that does not vanish."""
    own = {importlib.import_module(f"tests.verdict_cases.{name}").__name__ for name in MODULES}
    return {n: c for n, c in CASES.items() if c.build.__module__ in own and c.has_truth}


def report_of(case: Case, factor: float) -> Report | None:
    problem = case.build()
    columns = len(problem.frame.columns)
    if columns not in POINTS or any(t.is_grouped for t in problem.terms) or any(a.dim > 1 for a in problem.axes):
        return None
    generator = torch.Generator().manual_seed(5)
    coords = problem.domain.sample(POINTS[columns], generator, sampling=Sobol()).coords.double().numpy()
    at = {a.name: coords[:, i] for i, a in enumerate(problem.axes)}
    values = {name: factor * np.asarray(v) for name, v in case.values(at).items()}
    return check(problem, {**at, **values}, budget=0.0, coefficients=case.coefficients)


@pytest.mark.parametrize("name", FAST)
def test_a_right_table_is_not_refused_and_a_scaled_one_is(name: str) -> None:
    for factor, good in ((1.0, True), (1.3, False)):
        report = report_of(cases()[name], factor)
        assert report is not None
        assert report.verdict.ok is good, str(report)


@pytest.mark.slow
def test_no_right_table_is_refused() -> None:
    reports = {name: report_of(case, 1.0) for name, case in cases().items()}
    assert sum(r is not None for r in reports.values()) >= 25
    assert {n: r.warnings for n, r in reports.items() if r is not None and not r.verdict.ok} == {}


@pytest.mark.slow
def test_every_scaled_table_of_a_problem_that_prescribes_a_size_is_named() -> None:
    reports = {name: report_of(case, 1.3) for name, case in cases().items()}
    assert [n for n, r in reports.items() if r is not None and r.verdict.ok] == []
