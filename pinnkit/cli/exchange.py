"""Commands for other programs: check a solution from one of them, export a result to one of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from pinnkit.files.printable import escaped_controls
from pinnkit.reports.summary import finite

from .application import app
from .console import DONE, FAILED, user_errors
from .options import File, Json, NoFigures, NoReference, Strict, StrictPlausible
from .outcome import is_accepted, least_level
from .result_folder import result_folder
from .words import WordsCommand

_BUDGET = 5.0


@app.command(cls=WordsCommand)
def check(
    file: File,
    solution: Annotated[
        str,
        typer.Option(
            help="A table (.csv, .npz, .h5, .vtu, .vtk), a model (.pt2, .onnx, TorchScript, .pt), or FILE.py:NAME.",
            metavar="X",
            show_default=False,
        ),
    ],
    coefficient: Annotated[
        list[str] | None, typer.Option(help="Value of a coefficient; may be repeated.", metavar="NAME=VALUE")
    ] = None,
    rename: Annotated[
        list[str] | None, typer.Option(help="Name of the problem for a column; may be repeated.", metavar="COLUMN=NAME")
    ] = None,
    at: Annotated[
        list[str] | None, typer.Option(help="Coordinate that all rows share; may be repeated.", metavar="NAME=VALUE")
    ] = None,
    inputs: Annotated[
        str | None, typer.Option(help="Coordinates in the order of the model: t,x.", metavar="NAMES")
    ] = None,
    outputs: Annotated[
        str | None, typer.Option(help="Unknowns in the order of the model: u,v,p.", metavar="NAMES")
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(help="The module of a file of weights, or a function that builds it.", metavar="FILE.py:NAME"),
    ] = None,
    activation: Annotated[
        str | None, typer.Option(help="Activation between linear layers, for a file of their weights alone: tanh.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for summary.json and figures; none by default.")] = None,
    strict: Strict = False,
    strict_plausible: StrictPlausible = False,
    json_: Json = False,
    no_figures: NoFigures = False,
    budget: Annotated[float, typer.Option(help="Nominal seconds of work for the reference; 0 for none.")] = _BUDGET,
    no_reference: NoReference = False,
) -> None:
    """Check a solution from any program against the problem in FILE: residual, conditions, reference, verdict."""
    console = Console(stderr=json_)
    with user_errors(file):
        from pinnkit.checking import check as run
        from pinnkit.problem.script import load_problem

        if not 0 <= budget < float("inf"):
            raise ValueError(f"--budget must be a number from 0, got {budget:g}")
        numbers = {
            option: {name: _number(option, name, text) for name, text in _pairs(option, given).items()}
            for option, given in (("--coefficient", coefficient), ("--at", at))
        }
        report = run(
            load_problem(file),
            _candidate(solution),
            budget=0.0 if no_reference else budget,
            coefficients=numbers["--coefficient"],
            names=_pairs("--rename", rename),
            at=numbers["--at"],
            inputs=_names(inputs),
            outputs=_names(outputs),
            network=None if network is None else _function("--network", network),
            activation=activation,
        )
        least = least_level(strict=strict, plausible=strict_plausible)
        written: list[Path] = []
        if out is not None:
            with result_folder(out, console, keep=False) as folder:
                written = report.save(folder, figures=not no_figures)
    console.print(report)
    if out is not None:
        console.print(Text(f"In {out}: {', '.join(path.name for path in written)}"))
    if json_:
        text = json.dumps(finite(report.summary()), indent=2, ensure_ascii=False)
        sys.stdout.write(escaped_controls(text) + "\n")
    raise typer.Exit(DONE if is_accepted(report, least) else FAILED)


@app.command()
def export(
    result: Annotated[Path, typer.Argument(help="A result's folder, or its solution.h5.", show_default=False)],
    to: Annotated[
        Path, typer.Option("--to", help="The file to write: .onnx, .pt2, .vtu, .vtk, .csv, .npz.", show_default=False)
    ],
    points: Annotated[int | None, typer.Option(help="Points along each axis of a grid.", metavar="N")] = None,
    at: Annotated[
        list[str] | None, typer.Option(help="Value of an axis that is fixed; may be repeated.", metavar="NAME=VALUE")
    ] = None,
    problem: Annotated[
        Path | None, typer.Option(help="The problem file, where the solution needs its code.", metavar="FILE")
    ] = None,
) -> None:
    """Write a saved result as an ONNX model, a torch.export archive, a mesh, or a table of values."""
    with user_errors(problem):
        from pinnkit.exporting import export as run
        from pinnkit.problem.script import load_problem
        from pinnkit.solutions.storage import load

        saved = load(result, problem=None if problem is None else load_problem(problem))
        fixed = {name: _number("--at", name, text) for name, text in _pairs("--at", at).items()}
        written = run(saved, to, points=points, at=fixed)
    Console().print(Text(f"Wrote {written}"))


def _candidate(word: str) -> Any:
    """A file, or the function of FILE.py:NAME."""
    if ".py:" in word:
        return _function("--solution", word)
    if word.endswith(".py"):
        raise ValueError(f"--solution: name the function in '{word}', {word}:NAME")
    return Path(word)


def _function(option: str, word: str) -> Callable[..., Any]:
    from pinnkit.problem.script import load_function

    file, _, name = word.rpartition(":")
    if not file.endswith(".py") or not name.isidentifier():
        raise ValueError(f"{option} must be FILE.py:NAME, got '{word}'")
    return load_function(Path(file), name)


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",")]


def _pairs(option: str, given: Sequence[str] | None) -> dict[str, str]:
    found = {}
    for word in given or ():
        name, mark, value = word.partition("=")
        if not mark or not name or not value:
            raise ValueError(f"{option} must be NAME=VALUE, got '{word}'")
        found[name] = value
    return found


def _number(option: str, name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{option} {name}= must be a number, got '{text}'") from None
