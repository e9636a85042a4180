"""Commands on a problem and its solution: solve, reference, show, new, info."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pinnkit.files.printable import escaped_controls
from pinnkit.reports.summary import SUMMARY_NAME, finite, order_text, plain_order, read_summary, summary_table
from pinnkit.solutions.files import FILE_NAME
from pinnkit.verification.measures import number

from .application import app
from .console import progress, user_errors
from .options import (
    Device,
    Dtype,
    File,
    Json,
    NoFigures,
    NoReference,
    Out,
    Quick,
    Resume,
    Seconds,
    Seed,
    Strict,
    StrictPlausible,
)
from .outcome import Result, finish, least_level
from .result_folder import result_folder
from .starter import STARTER
from .words import (
    WordsCommand,
    adaptive_words,
    at_least,
    device_word,
    dtype_words,
    field_of,
    positive,
    solvers_of,
    weight_words,
    word_in,
)

if TYPE_CHECKING:
    from pinnkit.problem.problem import Problem
    from pinnkit.references import Reference

_QUICK_SECONDS, _QUICK_BUDGET = 2.0, 0.5  # of the 3 s that --quick may take
_BUDGET = 5.0  # seconds for the reference


@app.command(cls=WordsCommand)
def solve(
    context: typer.Context,
    file: File,
    field: Annotated[str | None, typer.Option(help="A field: {fields}; chosen from the problem by default.")] = None,
    solver: Annotated[
        str, typer.Option(help="auto, or solvers joined by commas, such as adam,lbfgs: {solvers}.")
    ] = "auto",
    steps: Annotated[
        str | None, typer.Option(help="Steps of the last solver, or of each of them: 200,50.", metavar="N[,N]")
    ] = None,
    tolerance: Annotated[float | None, typer.Option(help="Stop at this residual (root mean square).")] = None,
    seconds: Seconds = None,
    adaptive: Annotated[str | None, typer.Option(help="Move points to large residuals: {adaptive}.")] = None,
    weights: Annotated[
        str | None, typer.Option(help="Schemes that weight the terms, joined by commas: {weights}.")
    ] = None,
    slabs: Annotated[int | None, typer.Option(help="Solve in this number of time slabs.")] = None,
    hard: Annotated[
        bool, typer.Option("--hard", help="Impose every condition exactly where that is possible.")
    ] = False,
    seed: Seed = 0,
    device: Device = "auto",
    dtype: Dtype = None,
    out: Out = None,
    quick: Quick = False,
    resume: Resume = False,
    strict: Strict = False,
    strict_plausible: StrictPlausible = False,
    json_: Json = False,
    no_figures: NoFigures = False,
    budget: Annotated[
        float | None, typer.Option(help="Nominal seconds of work for the reference; 5 by default, 0 for none.")
    ] = None,
    no_reference: NoReference = False,
) -> None:
    """Solve the problem in FILE, check the solution, and write results/NAME."""
    console = Console(stderr=json_)
    with user_errors(file):
        from pinnkit.problem.hardening import hardened
        from pinnkit.solvers import solve as run

        problem: Problem = _load(file) if context.obj is None else context.obj
        problem = hardened(problem) if hard else problem
        spec = field_of(field)
        chosen = solvers_of(solver, steps, field)
        precision = None if dtype is None else word_in("--dtype", dtype, dtype_words())
        place = device_word(device)
        at_least("--seed", seed, 0)
        positive("--tolerance", tolerance)
        positive("--seconds", seconds)
        work = _budget_of(budget, quick=quick, none=no_reference)
        points = None if adaptive is None else word_in("--adaptive", adaptive, adaptive_words())()
        schemes = [word_in("--weights", w.strip(), weight_words())() for w in weights.split(",")] if weights else []
        if slabs is not None:
            at_least("--slabs", slabs, 1)
        with result_folder(out or Path("results") / problem.name, console, keep=resume) as folder:
            with progress(problem.name, console) as callback:
                solution = run(
                    problem, spec, chosen,
                    seed=seed, device=place, dtype=precision, tolerance=tolerance,
                    seconds=min(seconds or math.inf, _QUICK_SECONDS) if quick else seconds, out=folder, resume=resume,
                    adaptive=points, weights=schemes, slabs=slabs, callbacks=(callback,),
                )  # fmt: skip
            result = Result(solution, folder, problem_file=file if file.is_file() else None)
            result.check(budget=work, figures=not no_figures)
    finish(result, console, json_=json_, least=least_level(strict=strict, plausible=strict_plausible))


@app.command()
def reference(
    file: File,
    budget: Annotated[float, typer.Option(help="Nominal seconds of work, see the guide.")] = _BUDGET,
    json_: Json = False,
) -> None:
    """Compute a numerical reference solution of the problem in FILE, with an error bar."""
    with user_errors(file):
        from pinnkit.references import reference as compute
        from pinnkit.reports.validation import reference_error

        positive("--budget", budget)
        problem = _load(file)
        found = compute(problem, budget=budget)
        error = reference_error(problem, found, {c.name: c.initial for c in problem.coefficients})
    summary = _reference_summary(problem, found, {c.unknown: c.measured_l2 for c in error})
    if json_:
        sys.stdout.write(json.dumps(finite(summary), indent=2) + "\n")
        return
    table = Table(box=None, padding=(0, 2), header_style="dim")
    for column in ("unknown", "grid", "error bar (L2)", "true error (L2)"):
        table.add_column(column)
    for name, row in summary["unknowns"].items():
        true = "no closed form" if row["rel_l2_true_error"] is None else number(row["rel_l2_true_error"])
        table.add_row(name, " x ".join(map(str, row["shape"])), number(row["rel_l2_error_bar"]), true)
    console = Console()
    orders = order_text(found.order, found.observed_order)
    console.print(Text(f"{problem.name}: {found.kind}, {orders}, {number(found.seconds)} s", style="bold"))
    console.print(table)


@app.command()
def show(
    result: Annotated[Path, typer.Argument(help="A result's folder, or its solution.h5.", show_default=False)],
    json_: Json = False,
) -> None:
    """Print the summary of a saved result."""
    with user_errors(result):
        if not result.exists():
            raise FileNotFoundError(f"show: there is no '{result}'; a solve writes it")
        folder = result if result.is_dir() else result.parent
        summary_file = folder / SUMMARY_NAME
        named = result.is_dir() or result.name in (FILE_NAME, SUMMARY_NAME)
        if named and summary_file.is_file():
            summary = read_summary(summary_file)
        elif named and not (folder / FILE_NAME).is_file():
            raise FileNotFoundError(f"show: there is no '{summary_file}'; a solve writes it")
        else:
            summary = _stored_summary(folder / FILE_NAME if named else result)
        if json_:
            sys.stdout.write(escaped_controls(json.dumps(summary, indent=2, ensure_ascii=False)) + "\n")
        else:
            Console().print(summary_table(summary))


@app.command()
def new(file: Annotated[Path, typer.Argument(help="The file to write.", show_default=False)]) -> None:
    """Write a commented problem that runs as it is, to start from."""
    with user_errors(file):
        if file.suffix != ".py":
            raise ValueError(f"new: FILE must end in .py, got '{file}'")
        if not file.stem.isidentifier():
            raise ValueError(f"new: the file's name must be an identifier, such as rod.py, got '{file.name}'")
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with file.open("x", encoding="utf-8") as handle:
                handle.write(STARTER.replace("NAME", file.stem))
        except FileExistsError:
            raise ValueError(f"new: '{file}' exists already and is left as it is; choose another name") from None
    Console().print(Text(f"Wrote {file}.  Run it: pinnkit solve {file}"))


@app.command()
def info(
    devices: Annotated[
        bool, typer.Option("--devices", help="Also list devices and threads; this loads PyTorch.")
    ] = False,
    json_: Json = False,
) -> None:
    """Print versions, system, compiler, and with --devices the devices and threads of PyTorch."""
    from pinnkit import machine

    facts: dict[str, str | None] = {**machine.describe()}
    facts |= machine.devices() if devices else dict.fromkeys(("devices", "threads"))
    if json_:
        sys.stdout.write(json.dumps(facts, indent=2) + "\n")
        return
    table = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        table.add_row(Text(name, style="dim"), Text(value or "see `pinnkit info --devices`"))
    Console().print(table)


def _budget_of(given: float | None, *, quick: bool, none: bool) -> float:
    """Nominal seconds of work for the reference of a solve; 0 for none.

    Raises:
        ValueError: for a number below 0, and for a budget beside --no-reference.
    """
    if given is None:
        return 0.0 if none else _QUICK_BUDGET if quick else _BUDGET
    if not 0 <= given < math.inf:
        raise ValueError(f"--budget must be a number from 0, got {given:g}")
    if none and given > 0:
        raise ValueError(f"--no-reference computes none, and --budget {given:g} asks for one; leave one of them out")
    return given


def _load(file: Path) -> Problem:
    from pinnkit.problem.script import load_problem

    return load_problem(file)


def _stored_summary(path: Path) -> dict[str, Any]:
    """The part of a summary that a solution file alone holds: no errors and no verdict."""
    from pinnkit.solutions.storage import load

    saved = load(path)
    known = (
        "problem", "field", "parameters", "steps", "seconds", "status", "seed", "dtype", "device", "choice",
        "coefficients", "versions",
    )  # fmt: skip
    return {
        **{name: saved.metadata[name] for name in known},
        "solver": ", ".join(saved.metadata["solvers"]),
        "status_text": saved.status.value,
        "good": saved.status.good,
        "unknowns": {},
        "rel_l2": None,
    }


def _reference_summary(problem: Problem, found: Reference, true: Mapping[str, float]) -> dict[str, Any]:
    return {
        "problem": problem.name,
        "kind": found.kind,
        "order": plain_order(found.order),
        "observed_order": plain_order(found.observed_order),
        "seconds": found.seconds,
        "unknowns": {
            name: {
                "shape": list(value.shape),
                "rel_l2_error_bar": found.bars(name)[0],
                "rel_l2_true_error": true.get(name),
            }
            for name, value in found.values.items()
        },
    }
