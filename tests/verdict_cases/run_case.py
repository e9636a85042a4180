"""One case in this process: build, solve, validate, compare with the truth, and print the row as JSON."""

from __future__ import annotations

import json
import math
import time
import traceback
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

import pinnkit
from pinnkit import Problem, Solution, solve, validate
from pinnkit.domains import Sobol
from pinnkit.verification import Verdict, verdict

from .case import Array, Case, all_cases

__all__ = ["ROW", "errors", "is_refusal", "run", "word_of"]

ROW = "verdict-row: "
"""Mark of the line on standard output that holds the row."""
POINTS = 2**12


def word_of(verdict: Verdict) -> str:
    """Word of a verdict: "confirmed", "plausible" or "not good"; "good" for a verdict of two values."""
    if hasattr(verdict, "level"):
        return str(verdict.level.name).lower().replace("_", " ")
    return "good" if verdict.ok else "not good"


def is_refusal(error: Exception) -> bool:
    """True for an error that the package raises on purpose; others, such as "math domain error", are defects of it."""
    if not isinstance(error, ValueError | TypeError | NotImplementedError):
        return False
    last = traceback.extract_tb(error.__traceback__)[-1]
    return Path(pinnkit.__file__).parent in Path(last.filename).parents and (last.line or "").startswith("raise ")


def coordinates(problem: Problem) -> dict[str, Array]:
    """Fixed points of the domain, by axis."""
    coords = problem.domain.sample(POINTS, torch.Generator().manual_seed(20), sampling=Sobol()).coords.double().numpy()
    found, column = {}, 0
    for axis in problem.axes:
        found[axis.name] = coords[:, column] if axis.dim == 1 else coords[:, column : column + axis.dim]
        column += axis.dim
    return found


def errors(case: Case, solution: Solution) -> dict[str, dict[str, float]]:
    """Relative L2 and largest errors of every unknown, and relative errors of the coefficients.

    An unknown that is zero is measured by the largest of the others.
    """
    found: dict[str, dict[str, float]] = {}
    if case.has_truth:
        at = dict(case.places) if case.places is not None else coordinates(solution.problem)
        true, values = case.values(at), solution(**at)
        scale = max(float(np.abs(v).max()) for v in true.values())
        for name, expected in true.items():
            difference = np.asarray(values[name]).reshape(expected.shape) - expected
            largest = float(np.abs(expected).max())
            zero = largest <= 1e-12 * scale
            rms = scale if zero else float(np.sqrt(np.mean(expected**2)))
            found[name] = {
                "l2": float(np.sqrt(np.mean(difference**2))) / rms,
                "max": float(np.abs(difference).max()) / (scale if zero else largest),
            }
    for name, expected_number in case.coefficients.items():
        error = abs(solution.coefficients[name] - expected_number) / abs(expected_number)
        found[name] = {"l2": error, "max": error}
    return found


def run(case: Case) -> dict[str, Any]:
    """Run one case; an exception is part of the row."""
    torch.set_num_threads(1)
    row: dict[str, Any] = {"name": case.name, "kind": case.kind.value, "wrong": case.wrong, "source": case.source}
    row |= {"word": "crashed", "error": None, "max_error": None, "errors": {}, "findings": [], "said": ""}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        row |= _judged(case)
    row["warnings"] = sorted({str(w.message) for w in caught})
    return row


def _judged(case: Case) -> dict[str, Any]:
    stage = "construction"
    row: dict[str, Any] = {}
    try:
        problem = case.build()
        stage = "solve"
        solution = solve(problem, **case.keywords)
        row["solve_seconds"] = round(solution.seconds, 3)
        row["status"], row["choice"] = solution.status.name, solution.choice
        found = errors(case, solution)
        row["errors"] = {name: {k: _number(v) for k, v in e.items()} for name, e in found.items()}
        if found:
            row["error"] = _number(max((e["l2"] for e in found.values()), key=_nan_last))
            row["max_error"] = _number(max((e["max"] for e in found.values()), key=_nan_last))
        stage = "validation"
        start = time.perf_counter()
        report = validate(solution)
    except Exception as error:  # recorded, whatever it is, so that the campaign goes on
        refused = stage != "validation" and is_refusal(error)
        said = f"{stage}: {error}" if refused else f"{stage}: {type(error).__name__}: {error}"
        return {**row, "word": "refused" if refused else "crashed", "said": said}
    row["validation_seconds"] = round(time.perf_counter() - start, 3)
    row["reference_seconds"] = None if report.reference is None else round(report.reference.seconds, 3)
    start = time.perf_counter()
    verdict(solution, reference=report.reference)  # once more, without the search for a reference
    row["verdict_seconds"] = round(time.perf_counter() - start, 3)
    row["no_reference"] = report.no_reference
    row["findings"] = [{"kind": f.kind.name, "sentence": f.sentence} for f in report.verdict.findings]
    row["word"], row["said"] = word_of(report.verdict), str(report.verdict)
    return row


def _nan_last(value: float) -> float:
    return math.inf if math.isnan(value) else value


def _number(value: float) -> float:
    """A number that JSON can hold: what is not finite is as wrong as can be."""
    return float(f"{value:.4g}") if math.isfinite(value) else 1e300


def main(name: str) -> None:
    """Run the case of that name and print its row."""
    cases: Mapping[str, Case] = all_cases()
    print(ROW + json.dumps(run(cases[name]), allow_nan=False), flush=True)  # noqa: T201
