"""Commands that measure pinnkit itself: bench, compare, accept, publish."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar

import typer
from rich.console import Console
from rich.text import Text

from .application import app
from .console import DONE, FAILED, user_errors
from .options import Device, Dtype, Json
from .words import WordsCommand, at_least, device_word, dtype_words, methods_of, word_in

if TYPE_CHECKING:
    from rich.table import Table

Row = TypeVar("Row")
Printed = TypeVar("Printed", contravariant=True)

bench = typer.Typer(help="Measure how fast pinnkit is on this machine.", no_args_is_help=True)
app.add_typer(bench, name="bench")

Quick = Annotated[bool, typer.Option("--quick", help="A small case, as a check that it runs.")]


class _Benchmark(Protocol[Printed]):
    """A module of `pinnkit.measure.bench`."""

    def table(self, rows: Sequence[Printed]) -> Table:
        """Table of the rows."""
        ...

    def as_json(self, rows: Sequence[Printed]) -> str:
        """JSON of the rows."""
        ...


def _measure(
    benchmark: _Benchmark[Row],
    rows: Callable[[Callable[[Row], object]], list[Row]],
    name: Callable[[Row], str],
    *,
    json_: bool,
    width: int,
) -> None:
    """Run a benchmark and print its rows.

    Args:
        benchmark: prints the rows.
        rows: measures them; its argument is called with each row as it is ready.
        name: text of a row while it is measured.
        json_: whether to write JSON to stdout instead of a table.
        width: columns of the table where the output is not a terminal, which has no edge to wrap at.
    """
    console = Console(stderr=json_)
    with console.status("measuring ...") as status:
        measured = rows(lambda row: status.update(f"{name(row)}: done"))
    if json_:
        sys.stdout.write(benchmark.as_json(measured) + "\n")
        return
    (console if console.is_terminal else Console(width=width)).print(benchmark.table(measured))


@bench.command()
def derivatives(quick: Quick = False, json_: Json = False) -> None:
    """Step time of the Taylor pass, eager and compiled, beside nested automatic differentiation."""
    from pinnkit.measure.bench import derivatives as benchmark

    _measure(
        benchmark,
        lambda progress: benchmark.run(quick=quick, progress=progress),
        lambda r: f"{r.case}, {r.depth} x {r.width}",
        json_=json_,
        width=128,
    )


@bench.command()
def steps(quick: Quick = False, json_: Json = False) -> None:
    """Time of one Adam step: pinnkit eager and compiled, nested differentiation, and DeepXDE where it is installed."""
    from pinnkit.measure.bench import steps as benchmark

    _measure(
        benchmark,
        lambda progress: benchmark.run(quick=quick, progress=progress),
        lambda r: f"{r.case}, {r.depth} x {r.width}",
        json_=json_,
        width=150,
    )


@bench.command()
def jacobians(quick: Quick = False, json_: Json = False) -> None:
    """The parameter Jacobian of every point by a recorded pass, beside vmap over jets and over nested derivatives."""
    from pinnkit.measure.bench import jacobians as benchmark

    _measure(
        benchmark,
        lambda progress: benchmark.run(quick=quick, progress=progress),
        lambda r: f"{r.case}, {r.network}",
        json_=json_,
        width=144,
    )


@bench.command()
def scaling(quick: Quick = False, json_: Json = False) -> None:
    """Time and memory of a training step and of a Gram matrix as points, width and dimension grow."""
    from pinnkit.measure.bench import scaling as benchmark

    _measure(
        benchmark,
        lambda progress: benchmark.run(quick=quick, progress=progress),
        lambda r: f"{r.grows}, {r.work}",
        json_=json_,
        width=128,
    )


@bench.command()
def memory(json_: Json = False) -> None:
    """Peak memory of evaluation and of a training step on one and on ten million points."""
    from pinnkit.measure.bench import memory as benchmark

    _measure(
        benchmark,
        lambda progress: benchmark.run(progress=progress),
        lambda r: f"{r.work}, {r.points:,} points",
        json_=json_,
        width=128,
    )


@bench.command()
def startup(
    quick: Quick = False,
    runs: Annotated[int, typer.Option(help="Starts of each program.")] = 5,
    json_: Json = False,
) -> None:
    """Time of `import pinnkit`, of short commands, and of a solve with its report, beside that of `import torch`."""
    from pinnkit.measure.bench import startup as benchmark

    with user_errors(None):
        at_least("--runs", runs, 1)
    _measure(
        benchmark,
        lambda progress: benchmark.run(quick=quick, runs=runs, progress=progress),
        lambda r: r.case,
        json_=json_,
        width=150,
    )


@app.command(cls=WordsCommand)
def compare(
    files: Annotated[list[Path], typer.Argument(help="Python files that define `problem`.", show_default=False)],
    solvers: Annotated[
        str,
        typer.Option(help="auto or solvers, joined by commas; a sequence by plus signs, auto,adam+lbfgs: {solvers}."),
    ] = "auto,adam+lbfgs",
    fields: Annotated[
        str, typer.Option(help="Fields for all of them but auto, joined by commas: {fields}; auto: none.")
    ] = "auto",
    seeds: Annotated[int, typer.Option(help="Runs of each combination.")] = 3,
    seconds: Annotated[float, typer.Option(help="Time limit of a run.")] = 60.0,
    budget: Annotated[float, typer.Option(help="Nominal seconds of work for the reference.")] = 5.0,
    device: Device = "auto",
    dtype: Dtype = None,
    out: Annotated[Path, typer.Option(help="One file a run; runs that have theirs are skipped.")] = Path(
        "results/compare"
    ),
    json_: Json = False,
) -> None:
    """Solve problems by several methods with several seeds: a table, and a figure of error against seconds."""
    say = Console(stderr=json_)
    found = []
    with user_errors(None):
        from pinnkit.measure.compare import compare as side_by_side
        from pinnkit.problem.script import load_problem

        at_least("--seeds", seeds, 1)
        place = device_word(device)
        precision = None if dtype is None else word_in("--dtype", dtype, dtype_words())
        methods = methods_of(solvers, fields)
        for file, problem in [(f, load_problem(f)) for f in files]:
            say.print(Text(f"{file}: {len(methods)} methods, {seeds} seeds", style="dim"))
            found.append(
                side_by_side(
                    problem, methods, seeds=seeds, seconds=seconds, budget=budget, device=place, dtype=precision,
                    out=out,
                    log=lambda line: say.print(Text(line)),
                )
            )  # fmt: skip
    if not say.is_terminal:  # a file has no edge to wrap at
        say = Console(stderr=json_, width=128)
    for result in found:
        say.print(result.table())
    say.print(Text(f"In {out}: " + ", ".join(f"{r.problem}/compare.json and compare.png" for r in found)))
    if json_:
        sys.stdout.write(json.dumps([r.summary() for r in found], indent=2) + "\n")
    raise typer.Exit(FAILED if any(run.failed for result in found for run in result.runs) else DONE)


@app.command()
def accept(
    issue: Annotated[str | None, typer.Argument(help="Number of an issue; all by default.")] = None,
    table: Annotated[str | None, typer.Argument(help="One of its tables; all by default.")] = None,
    seeds: Annotated[int, typer.Option(help="Runs of each row.")] = 5,
    folder: Annotated[Path, typer.Option(help="Folder of the problem files.")] = Path("problems"),
    out: Annotated[Path, typer.Option(help="One file a run; runs that have theirs are skipped.")] = Path(
        "results/accept"
    ),
) -> None:
    """Measure the acceptance rows and print each with its target; a stopped run continues."""
    from pinnkit.measure import acceptance

    console = Console()
    with user_errors(None):
        at_least("--seeds", seeds, 1)
        rows = acceptance.select(issue, table)
        results = acceptance.run(
            rows, seeds=seeds, problems=folder, out=out, log=lambda line: console.print(Text(line))
        )
    if not console.is_terminal:  # a file has no edge to wrap at
        console = Console(width=160)
    console.print(acceptance.table(results))
    raise typer.Exit(DONE if all(r.met for r in results) else FAILED)


@app.command()
def publish(
    accepted: Annotated[Path, typer.Option(help="Folder of the runs of `pinnkit accept`.")] = Path("results/accept"),
    out: Annotated[Path, typer.Option(help="Folder of the published tables.")] = Path("results/published"),
    readme: Annotated[Path, typer.Option(help="File with the short table.")] = Path("README.md"),
    docs: Annotated[Path, typer.Option(help="File with all tables.")] = Path("docs/measured.md"),
    folder: Annotated[Path, typer.Option(help="Folder of the problem files.")] = Path("problems"),
) -> None:
    """Merge accepted runs into results/published; write the tables of README.md and docs/measured.md from there."""
    from pinnkit.measure import publication

    with user_errors(None):
        written = publication.publish(accepted, out, readme=readme, docs=docs, problems=folder)
    Console().print(Text("written  " + ", ".join(str(p) for p in written)))
