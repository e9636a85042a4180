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

from pinnkit.problem.hardening import hardened
from pinnkit.problem.problem import Problem
from pinnkit.problem.script import load_problem
from pinnkit.reports.report import SUMMARY_NAME, number, summary_table
from pinnkit.reports.validation import reference_error, validate
from pinnkit.solutions.status import Status
from pinnkit.solutions.storage import FILE_NAME, load

from .app import app
from .console import exit_code, result_folder, run_solve, user_errors
from .options import Device, File, Json, NoFigures, Out, Quick, Resume, Seconds, Seed
from .starter import STARTER
from .words import DTYPES, FIELDS, adaptive_words, at_least, device_word, field_of, solvers_of, weight_words, word_in

if TYPE_CHECKING:
    from pinnkit.references import Reference

_QUICK_SECONDS, _QUICK_BUDGET = 2.0, 0.5  # of the 3 s that --quick may take


@app.command()
def solve(
    context: typer.Context,
    file: File,
    field: Annotated[str | None, typer.Option(help=f"One of {', '.join(FIELDS)}.")] = None,
    solver: Annotated[str, typer.Option(help="auto, least-squares, adam, lbfgs, or several: adam,lbfgs.")] = "auto",
    steps: Annotated[
        str | None, typer.Option(help="Steps of the last solver, or of each of them: 200,50.", metavar="N[,N]")
    ] = None,
    tolerance: Annotated[float | None, typer.Option(help="Residual at which to stop.")] = None,
    seconds: Seconds = None,
    adaptive: Annotated[str | None, typer.Option(help="Points that follow the residual: rad or r3.")] = None,
    weights: Annotated[
        str | None, typer.Option(help="gradient-norm, ntk, relobralo, self-adaptive, causal; by commas.")
    ] = None,
    slabs: Annotated[int | None, typer.Option(help="Solve in so many slabs of time.")] = None,
    hard: Annotated[bool, typer.Option("--hard", help="Make every condition exact that can be.")] = False,
    seed: Seed = 0,
    device: Device = "auto",
    dtype: Annotated[str | None, typer.Option(help="float32 or float64; the problem's own by default.")] = None,
    out: Out = None,
    quick: Quick = False,
    resume: Resume = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 when anything looks wrong.")] = False,
    json_: Json = False,
    no_figures: NoFigures = False,
    no_reference: Annotated[bool, typer.Option("--no-reference", help="No finite differences.")] = False,
) -> None:
    """Solve the problem in FILE, check the solution, and write results/NAME."""
    say = Console(stderr=json_)
    with user_errors(file):
        problem = load_problem(file) if context.obj is None else context.obj
        problem = hardened(problem) if hard else problem
        spec = field_of(field)
        chosen = solvers_of(solver, steps, field)
        precision = word_in("--dtype", dtype, DTYPES) if dtype is not None else None
        place = device_word(device)
        at_least("--seed", seed, 0)
        for name, value in (("--tolerance", tolerance), ("--seconds", seconds)):
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be positive, got {value:g}")
        follow = None if adaptive is None else word_in("--adaptive", adaptive, adaptive_words())()
        schemes = [word_in("--weights", w.strip(), weight_words())() for w in weights.split(",")] if weights else []
        if slabs is not None:
            at_least("--slabs", slabs, 1)
        folder = result_folder(out or Path("results") / problem.name, say, keep=resume)
        solution = run_solve(
            problem, spec, chosen, say,
            seed=seed, device=place, dtype=precision, tolerance=tolerance,
            seconds=min(seconds or math.inf, _QUICK_SECONDS) if quick else seconds, out=folder, resume=resume,
            adaptive=follow, weights=schemes, slabs=slabs,
        )  # fmt: skip
        stopped = solution.status is Status.INTERRUPTED  # who stops a run wants it to end
        budget = 0.0 if no_reference or stopped else _QUICK_BUDGET if quick else 5.0
        report = validate(solution, budget=budget)
        source = file if file.is_file() else None
        written = report.save(folder, figures=not (no_figures or stopped), problem_file=source)
    say.print(report)
    say.print(Text(f"In {folder}: {', '.join(p.name for p in written)}"))
    if json_:
        sys.stdout.write((folder / SUMMARY_NAME).read_text(encoding="utf-8"))
    raise typer.Exit(exit_code(solution, report, strict))


@app.command()
def reference(
    file: File,
    budget: Annotated[float, typer.Option(help="Seconds to spend.")] = 5.0,
    json_: Json = False,
) -> None:
    """Discretise the problem in FILE by finite differences, with an error bar."""
    with user_errors(file):
        if not budget > 0:
            raise ValueError(f"--budget must be positive, got {budget:g}")
        problem = load_problem(file)
        from pinnkit.references import reference as discretise

        found = discretise(problem, budget=budget)
        error = reference_error(problem, found, {c.name: c.initial for c in problem.coefficients})
    summary = _reference_summary(problem, found, {c.unknown: c.measured_l2 for c in error})
    if json_:
        sys.stdout.write(json.dumps(summary, indent=2) + "\n")
        return
    table = Table(box=None, padding=(0, 2), header_style="dim")
    for column in ("unknown", "grid", "error bar (L2)", "true error (L2)"):
        table.add_column(column)
    for name, row in summary["unknowns"].items():
        true = "no closed form" if row["rel_l2_true_error"] is None else number(row["rel_l2_true_error"])
        table.add_row(name, " x ".join(map(str, row["shape"])), number(row["rel_l2_error_bar"]), true)
    console = Console()
    console.print(Text(f"{problem.name}: {found.kind}, order {found.order:g}, {number(found.seconds)} s", style="bold"))
    console.print(table)


@app.command()
def show(
    result: Annotated[Path, typer.Argument(help="A result's folder, or its solution.h5.", show_default=False)],
    json_: Json = False,
) -> None:
    """Print the summary of a saved result."""
    with user_errors(result):
        folder = result if result.is_dir() else result.parent
        summary_file = folder / SUMMARY_NAME
        if result.is_dir() or result.name in (FILE_NAME, SUMMARY_NAME):
            if not summary_file.is_file():
                raise FileNotFoundError(f"show: there is no '{summary_file}'; a solve writes it")
            summary = _read_json(summary_file)
        else:
            saved = load(result)
            summary = {
                **saved.metadata, "solver": ", ".join(saved.metadata["solvers"]), "status_text": saved.status.value,
                "good": saved.status.good, "unknowns": {}, "rel_l2": None,
            }  # fmt: skip
        if json_:
            sys.stdout.write(json.dumps(summary, indent=2, ensure_ascii=False) + "\n")
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
def info(json_: Json = False) -> None:
    """Versions, devices, threads, and whether a C++ compiler is there."""
    from pinnkit.machine import describe

    facts = describe()
    if json_:
        sys.stdout.write(json.dumps(facts, indent=2) + "\n")
        return
    table = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        table.add_row(Text(name, style="dim"), Text(str(value)))
    Console().print(table)


def _read_json(path: Path) -> dict[str, Any]:
    """The summary in `path`."""
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(summary, dict) or "problem" not in summary:
            raise ValueError("no summary")
    except ValueError:
        raise ValueError(f"show: '{path}' is damaged, or no summary that pinnkit wrote") from None
    return summary


def _reference_summary(problem: Problem, found: Reference, true: Mapping[str, float]) -> dict[str, Any]:
    return {
        "problem": problem.name,
        "kind": found.kind,
        "order": found.order,
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
