"""Check of a solution from any other program: the verdict and the report that a solve gets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from pinnkit.jets.gradient_mode import with_gradients
from pinnkit.machine import __version__
from pinnkit.problem.problem import Problem
from pinnkit.reports.report import Report
from pinnkit.reports.validation import assess
from pinnkit.solutions.history import History
from pinnkit.solutions.solution import Solution
from pinnkit.solutions.status import Status
from pinnkit.verification.measures import Comparison
from pinnkit.verification.reference_evidence import Absent
from pinnkit.verification.section_references import find_evidence

from .ansatz_conditions import ansatz_findings, without_ansatz
from .candidate import Candidate
from .functions import function_candidate, module_candidate
from .model_files import MODELS, model_file_candidate
from .table_files import read_table
from .tables import table_candidate
from .transformations import transformations

if TYPE_CHECKING:
    from pinnkit.references import Reference

__all__ = ["Values", "check"]

Values = str | Path | Mapping[str, Any] | Callable[..., Any] | nn.Module
"""A file, arrays by name, a function, or a torch module."""


@with_gradients
def check(
    problem: Problem,
    candidate: Values,
    *,
    reference: Reference | None = None,
    budget: float = 5.0,
    coefficients: Mapping[str, float] | None = None,
    names: Mapping[str, str] | None = None,
    at: Mapping[str, float] | None = None,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    network: Callable[[], nn.Module] | nn.Module | None = None,
    activation: str | None = None,
) -> Report:
    """Check values of the unknowns that another program found, and report as `validate` does.

    Residuals are taken on fresh points: by automatic differentiation for torch functions and models, by difference
    stencils for other functions and ONNX models, by local polynomial fits for tables.  Derivatives of the latter have
    errors of their own; a residual within them is said to be so and is no defect.

    Args:
        problem: the problem that the values should solve.
        candidate: a file (CSV, NPZ, HDF5, VTU, VTK; .pt2, TorchScript, .pt, .onnx), arrays by name, a function of
            coordinates by name or of one array ``(n, d)``, or a torch module ``(n, d) -> (n, c)``.
        reference: a numerical reference of the problem; None computes one.
        budget: nominal seconds of work for a reference; 0 for none.
        coefficients: values of the coefficients of the problem, where the candidate does not hold them.
        names: for columns of a table that have other names, those of the problem: ``{"temperature": "T"}``.
        at: coordinates that all rows of a table share, ``{"t": 1.0}``.
        inputs: coordinates in the order of a model's columns; None takes that of the problem.
        outputs: unknowns in the order of a model's outputs, components as ``"v[0]"``; likewise.
        network: a module, or a function that builds it, for a file that holds weights alone.
        activation: for a file of weights of linear layers alone, the activation between them, such as ``"tanh"``.

    Raises:
        TypeError: for a problem or a candidate of another type.
        ValueError: for names, shapes and files that do not fit the problem; the message says how to repair them.
        FileNotFoundError: for a file that does not exist.
    """
    if not isinstance(problem, Problem):
        raise TypeError(f"check: `problem` must be a Problem, got {type(problem).__name__}")
    plain = without_ansatz(problem)
    with torch.no_grad():
        found = _candidate(plain, candidate, names or {}, at or {}, inputs, outputs, network, activation)
        solution = _solution(plain, found, _coefficients(plain, found, coefficients or {}))
        absent = Absent("")
        compared: tuple[Comparison, ...] = ()
        if reference is None:
            reference, compared, absent = find_evidence(solution, problem, budget)
        findings = [*found.findings, *ansatz_findings(problem, solution), *transformations(solution, reference)]
    report = assess(solution, reference, absent, findings=findings, notes=found.notes, compared=compared)
    return replace(report, solution=replace(solution, residual_rms=report.residual_rms))


def _candidate(
    problem: Problem,
    candidate: Values,
    names: Mapping[str, str],
    at: Mapping[str, float],
    inputs: Sequence[str] | None,
    outputs: Sequence[str] | None,
    network: Callable[[], nn.Module] | nn.Module | None,
    activation: str | None,
) -> Candidate:
    """Fields of a candidate, by its type."""
    if isinstance(candidate, Solution):
        raise TypeError("check: this is a Solution of pinnkit; use validate(solution)")
    if isinstance(candidate, Mapping):
        return table_candidate(problem, candidate, "the table", names, at)
    if isinstance(candidate, (str, Path)):
        path = Path(candidate)
        if path.suffix.lower() in MODELS:
            return model_file_candidate(problem, path, inputs, outputs, network, activation)
        return table_candidate(problem, read_table(path), f"'{path}'", names, at)
    if isinstance(candidate, nn.Module):
        return module_candidate(problem, candidate, type(candidate).__name__, inputs, outputs)
    if callable(candidate):
        return function_candidate(problem, candidate, _name(candidate), inputs, outputs)
    raise TypeError(
        "check: `candidate` must be a file, arrays by name, a function or a torch module, got "
        f"{type(candidate).__name__}"
    )


def _name(function: Callable[..., Any]) -> str:
    named = isinstance(function, type(_name)) and function.__name__ != "<lambda>"
    return f"the function `{function.__name__}`" if named else "the function"


def _coefficients(problem: Problem, found: Candidate, given: Mapping[str, float]) -> dict[str, float]:
    known = tuple(c.name for c in problem.coefficients)
    for name in given:
        if name not in known:
            raise ValueError(f"check: `{name}` is no coefficient of '{problem.name}'; they are {known}")
    values = {**found.coefficients, **{k: float(v) for k, v in given.items()}}
    for name in known:
        if name not in values:
            raise ValueError(
                f"check: the coefficient `{name}` is not given; state it (coefficients={{'{name}': ...}}, "
                f"--coefficient {name}=...), or give the table a column or an attribute of that name"
            )
    return {name: values[name] for name in known}


def _solution(problem: Problem, found: Candidate, coefficients: Mapping[str, float]) -> Solution:
    return Solution(
        problem=problem,
        fields=dict.fromkeys(found.modules),
        modules=found.modules,
        coefficients=coefficients,
        status=Status.GIVEN,
        history=History.of(()),
        seconds=0.0,
        seed=0,
        device="cpu",
        dtype=torch.float64,
        solvers=(),
        choice=f"Values of {found.words}.",
        residual_rms=float("nan"),
        steps=0,
        parameters=sum(p.numel() for p in _parameters(found)),
        versions={"pinnkit": __version__},
    )


def _parameters(found: Candidate) -> Iterator[torch.Tensor]:
    for module in found.modules.values():
        yield from module.parameters()
