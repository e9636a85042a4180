"""The command line: every command is a thin layer over the functions that scripts call."""

from __future__ import annotations

import json
import math
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import torch
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from .fields import MLP, FieldSpec, FourierMLP, RandomFourier, Siren
from .hard_conditions import hardened
from .history import Record
from .problem import Problem
from .problem_file import PROBLEM_ERRORS, ProblemFileError, load_problem
from .report import SUMMARY_NAME, Report, number, summary_table
from .solution import Solution
from .starter import STARTER
from .status import Status
from .storage import FILE_NAME, load
from .validate import reference_error, validate

if TYPE_CHECKING:
    from .compare import Way
    from .reference import Reference
    from .solvers import Solver

__all__ = ["app", "main"]

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
_PACKAGE = Path(__file__).parent
_QUICK_SECONDS, _QUICK_BUDGET = 2.0, 0.5  # of the 3 s that --quick may take

# The words of the command line, translated to objects here and nowhere else.
FIELDS: Mapping[str, type] = {
    "siren": Siren,
    "fourier": FourierMLP,
    "mlp": MLP,
    "random-fourier": RandomFourier,
}


def _solvers() -> Mapping[str, type]:
    from .solvers import LBFGS, SOAP, SSBFGS, Adam, GaussNewton, LeastSquares, March, Muon, SSBroyden

    return {
        "least-squares": LeastSquares,
        "gauss-newton": GaussNewton,
        "march": March,
        "adam": Adam,
        "lbfgs": LBFGS,
        "ss-bfgs": SSBFGS,
        "ss-broyden": SSBroyden,
        "soap": SOAP,
        "muon": Muon,
    }


def _adaptive() -> Mapping[str, type]:
    from .solvers import R3, RAD

    return {"rad": RAD, "r3": R3}


def _weights() -> Mapping[str, type]:
    from .solvers import NTK, Causal, GradientNorm, ReLoBRaLo, SelfAdaptive

    return {
        "gradient-norm": GradientNorm,
        "ntk": NTK,
        "relobralo": ReLoBRaLo,
        "self-adaptive": SelfAdaptive,
        "causal": Causal,
    }


DTYPES: Mapping[str, torch.dtype] = {"float32": torch.float32, "float64": torch.float64}

app = typer.Typer(
    name="pinnkit",
    help="Write an equation once: solve it by a neural field, and check it against finite differences.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
bench = typer.Typer(help="Measure how fast pinnkit is on this machine.", no_args_is_help=True)
app.add_typer(bench, name="bench")

Json = Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout, all else on stderr.")]
File = Annotated[Path, typer.Argument(help="A Python file that defines `problem`.", show_default=False)]


def main(problem: Problem | None = None) -> None:
    """The console script; with a problem, `pinnkit solve` of the script that defines it.  Ends the process."""
    arguments, name = sys.argv[1:], "pinnkit"
    if problem is not None:
        if not isinstance(problem, Problem):
            raise TypeError(f"main: `problem` must be a Problem, got {type(problem).__name__}")
        script = Path(sys.argv[0])
        arguments, name = ["solve", str(script), *arguments], script.name
    sys.exit(run(arguments, name=name, problem=problem))


def run(arguments: list[str], *, name: str = "pinnkit", problem: Problem | None = None) -> int:
    """Run the command line with `arguments` and return its exit code; nothing is raised for bad input."""
    try:
        code = app(arguments, prog_name=name, standalone_mode=False, obj=problem)
    except typer.Abort:
        return INTERRUPTED
    except Exception as error:
        # What the parser raises for a wrong option: it has a message and an exit code of its own.
        if not hasattr(error, "format_message") or not hasattr(error, "exit_code"):
            raise
        message = error.format_message().strip()
        if message and "\n" not in message:  # else it is the help, where nothing was asked
            _complain(f"{message} (see {name} --help)")
        return int(error.exit_code)
    return code if isinstance(code, int) else DONE


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
    seconds: Annotated[float | None, typer.Option(help="Stop after so long, with what there is.")] = None,
    adaptive: Annotated[str | None, typer.Option(help="Points that follow the residual: rad or r3.")] = None,
    weights: Annotated[
        str | None, typer.Option(help="gradient-norm, ntk, relobralo, self-adaptive, causal; by commas.")
    ] = None,
    slabs: Annotated[int | None, typer.Option(help="Solve in so many slabs of time.")] = None,
    hard: Annotated[bool, typer.Option("--hard", help="Make every condition exact that can be.")] = False,
    seed: Annotated[int, typer.Option(help="Same seed, same result.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    dtype: Annotated[str | None, typer.Option(help="float32 or float64; the problem's own by default.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write; results/NAME by default.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="At most 3 s of work: does it run?")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 when anything looks wrong.")] = False,
    json_: Json = False,
    no_figures: Annotated[bool, typer.Option("--no-figures", help="Draw nothing.")] = False,
    no_reference: Annotated[bool, typer.Option("--no-reference", help="No finite differences.")] = False,
) -> None:
    """Solve the problem in FILE, check the solution, and write results/NAME."""
    say = Console(stderr=json_)
    with _user_errors(file):
        problem = load_problem(file) if context.obj is None else context.obj
        problem = hardened(problem) if hard else problem
        spec = _field(field)
        chosen = _solver_objects(solver, steps, field)
        precision = _word("--dtype", dtype, DTYPES) if dtype is not None else None
        place = _device(device)
        _at_least("--seed", seed, 0)
        for name, value in (("--tolerance", tolerance), ("--seconds", seconds)):
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be positive, got {value:g}")
        follow = None if adaptive is None else _word("--adaptive", adaptive, _adaptive())()
        schemes = [_word("--weights", w.strip(), _weights())() for w in weights.split(",")] if weights else []
        if slabs is not None:
            _at_least("--slabs", slabs, 1)
        folder = _folder(out or Path("results") / problem.name, say, keep=resume)
        solution = _run_solve(
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
    raise typer.Exit(_exit_code(solution, report, strict))


@app.command()
def reference(
    file: File,
    budget: Annotated[float, typer.Option(help="Seconds to spend.")] = 5.0,
    json_: Json = False,
) -> None:
    """Discretise the problem in FILE by finite differences, with an error bar."""
    with _user_errors(file):
        if not budget > 0:
            raise ValueError(f"--budget must be positive, got {budget:g}")
        problem = load_problem(file)
        from .reference import reference as discretise

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
    with _user_errors(result):
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
    with _user_errors(file):
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
    from .machine import describe

    facts = describe()
    if json_:
        sys.stdout.write(json.dumps(facts, indent=2) + "\n")
        return
    table = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        table.add_row(Text(name, style="dim"), Text(str(value)))
    Console().print(table)


Quick = Annotated[bool, typer.Option("--quick", help="A small case, to see that it runs.")]


def _print_rows(measured: Any, rows: Any, console: Console, json_: bool, *, width: int) -> None:
    """The rows of a benchmark as JSON on stdout, or as its table."""
    if json_:
        sys.stdout.write(measured.as_json(rows) + "\n")
        return
    if not console.is_terminal:  # a file has no edge to wrap at
        console = Console(width=width)
    console.print(measured.table(rows))


@bench.command()
def derivatives(quick: Quick = False, json_: Json = False) -> None:
    """Step time of the Taylor pass, eager and compiled, beside nested automatic differentiation."""
    from .bench import derivatives as measured

    console = Console(stderr=json_)
    with console.status("measuring ...") as status:
        rows = measured.run(quick=quick, progress=lambda r: status.update(f"{r.case}, {r.depth} x {r.width}: done"))
    _print_rows(measured, rows, console, json_, width=128)


@bench.command()
def steps(quick: Quick = False, json_: Json = False) -> None:
    """Time of one Adam step: pinnkit eager and compiled, nested differentiation, and DeepXDE where it is installed."""
    from .bench import steps as measured

    console = Console(stderr=json_)
    with console.status("measuring ...") as status:
        rows = measured.run(quick=quick, progress=lambda r: status.update(f"{r.case}, {r.depth} x {r.width}: done"))
    _print_rows(measured, rows, console, json_, width=150)


@bench.command()
def jacobians(quick: Quick = False, json_: Json = False) -> None:
    """The parameter Jacobian of every point by a recorded pass, beside vmap over jets and over nested derivatives."""
    from .bench import jacobians as measured

    console = Console(stderr=json_)
    with console.status("measuring ...") as status:
        rows = measured.run(quick=quick, progress=lambda r: status.update(f"{r.case}, {r.network}: done"))
    if json_:
        sys.stdout.write(measured.as_json(rows) + "\n")
    else:
        if not console.is_terminal:
            console = Console(width=144)
        console.print(measured.table(rows))


@bench.command()
def scaling(quick: Quick = False, json_: Json = False) -> None:
    """Time and memory of a training step and of a Gram matrix as points, width and dimension grow."""
    from .bench import scaling as measured

    console = Console(stderr=json_)
    with console.status("measuring ...") as status:
        rows = measured.run(quick=quick, progress=lambda r: status.update(f"{r.grows}, {r.work}: done"))
    if json_:
        sys.stdout.write(measured.as_json(rows) + "\n")
    else:
        if not console.is_terminal:
            console = Console(width=128)
        console.print(measured.table(rows))


@bench.command()
def memory(json_: Json = False) -> None:
    """Peak memory of evaluation and of a training step on one and on ten million points."""
    from .bench import memory as measured

    console = Console(stderr=json_)
    with console.status("measuring ..."):
        rows = measured.run()
    if json_:
        sys.stdout.write(measured.as_json(rows) + "\n")
    else:
        console.print(measured.table(rows))


@app.command()
def compare(
    files: Annotated[list[Path], typer.Argument(help="Python files that define `problem`.", show_default=False)],
    solvers: Annotated[
        str, typer.Option(help="Words of `solve --solver`, by commas; a sequence is joined by +: auto,adam+lbfgs.")
    ] = "auto,adam+lbfgs",
    fields: Annotated[
        str, typer.Option(help=f"Fields for all of them but auto, by commas: {', '.join(FIELDS)}; auto: none.")
    ] = "auto",
    seeds: Annotated[int, typer.Option(help="Runs of each combination.")] = 3,
    seconds: Annotated[float, typer.Option(help="That a run may take at most.")] = 60.0,
    budget: Annotated[float, typer.Option(help="Seconds for the reference.")] = 5.0,
    out: Annotated[Path, typer.Option(help="One file a run; runs that have theirs are skipped.")] = Path(
        "results/compare"
    ),
    json_: Json = False,
) -> None:
    """Solve the problems in several ways with several seeds: a table, and a figure of error against seconds."""
    from .compare import compare as side_by_side

    say = Console(stderr=json_)
    found = []
    with _user_errors(None):
        _at_least("--seeds", seeds, 1)
        ways = _ways(solvers, fields)
        for file, problem in [(f, load_problem(f)) for f in files]:
            say.print(Text(f"{file}: {len(ways)} ways, {seeds} seeds", style="dim"))
            found.append(
                side_by_side(
                    problem, ways, seeds=seeds, seconds=seconds, budget=budget, out=out,
                    say=lambda line: say.print(Text(line)),
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
    issue: Annotated[str | None, typer.Argument(help="Which issue's figures; all by default.")] = None,
    table: Annotated[str | None, typer.Argument(help="Which of its tables; all by default.")] = None,
    seeds: Annotated[int, typer.Option(help="Runs of each row.")] = 5,
    folder: Annotated[Path, typer.Option(help="Where the problem files are.")] = Path("problems"),
    out: Annotated[Path, typer.Option(help="One file a run; runs that have theirs are skipped.")] = Path(
        "results/accept"
    ),
) -> None:
    """Run the acceptance figures and print each with its target; goes on where it was stopped."""
    from . import acceptance

    console = Console()
    with _user_errors(None):
        _at_least("--seeds", seeds, 1)
        rows = acceptance.select(issue, table)
        results = acceptance.run(
            rows, seeds=seeds, problems=folder, out=out, say=lambda line: console.print(Text(line))
        )
    console.print(acceptance.table(results))
    raise typer.Exit(DONE if all(r.met for r in results) else FAILED)


@app.command()
def publish(
    accepted: Annotated[Path, typer.Option(help="Where `pinnkit accept` wrote.")] = Path("results/accept"),
    out: Annotated[Path, typer.Option(help="Where the published numbers go.")] = Path("results/published"),
    readme: Annotated[Path, typer.Option(help="Whose table is written anew.")] = Path("README.md"),
    folder: Annotated[Path, typer.Option(help="Where the problem files are.")] = Path("problems"),
) -> None:
    """Turn accepted runs into results/published and the table of the README."""
    from . import publication

    with _user_errors(None):
        written = publication.publish(accepted, out, readme=readme, problems=folder)
    Console().print(Text("written  " + ", ".join(str(p) for p in written)))


# what goes wrong ----------------------------------------------------------------------------------------------------
@contextmanager
def _user_errors(file: Path | None) -> Iterator[None]:
    """One line and exit code 2 for what the user can repair; a traceback for what only we can."""
    try:
        yield
    except (typer.Exit, typer.Abort):
        raise
    except KeyboardInterrupt:
        _complain("interrupted; go on with --resume where a checkpoint was written")
        raise typer.Exit(INTERRUPTED) from None
    except ProblemFileError as error:
        _complain(str(error))
        raise typer.Exit(BAD_INPUT) from None
    except PROBLEM_ERRORS as error:
        if not _is_users(error, file):
            raise
        _complain(str(error))
        raise typer.Exit(BAD_INPUT) from None


def _is_users(error: Exception, file: Path | None) -> bool:
    """Whether pinnkit or the problem file raised it themselves, rather than a library deep inside."""
    if isinstance(error, OSError):
        return True
    frames = traceback.extract_tb(error.__traceback__)
    raised_in = Path(frames[-1].filename) if frames else _PACKAGE
    return _PACKAGE in raised_in.parents or (file is not None and raised_in.resolve() == file.resolve())


def _complain(message: str) -> None:
    Console(stderr=True, soft_wrap=True).print(Text(f"pinnkit: {' '.join(message.split())}", style="red"))


def _exit_code(solution: Solution, report: Report, strict: bool) -> int:
    if solution.status is Status.INTERRUPTED:
        return INTERRUPTED
    failed = not solution.status.good or (strict and not report.good)
    return FAILED if failed else DONE


# words to objects ---------------------------------------------------------------------------------------------------
def _word(option: str, word: str, known: Mapping[str, Any]) -> Any:
    if word not in known:
        raise ValueError(f"{option} must be one of {', '.join(known)}, got '{word}'")
    return known[word]


def _field(word: str | None) -> FieldSpec | None:
    if word is None:
        return None
    spec: FieldSpec = _word("--field", word, FIELDS)()
    return spec


def _solver_objects(words: str, steps: str | None, field: str | None) -> list[Solver] | None:
    counts = [] if steps is None else [_count("--steps", part) for part in steps.split(",")]
    if words == "auto" and counts and field is not None:  # what `solve` takes for a given field
        words = "least-squares" if field == "random-fourier" else "adam,lbfgs"
    if words == "auto":
        if counts:
            raise ValueError("--steps counts steps of the last solver; name it, such as --solver adam,lbfgs")
        return None
    known = {"auto": None, **_solvers()}
    if "auto" in words.split(","):
        raise ValueError(f"--solver auto stands alone, got '{words}'")
    chosen = [_word("--solver", word.strip(), known)() for word in words.split(",")]
    if len(counts) > 1 and len(counts) != len(chosen):
        raise ValueError(f"--steps: give one number, or one for each of the {len(chosen)} solvers, got '{steps}'")
    for i, count in enumerate(counts, start=len(chosen) - len(counts)):
        if "steps" not in {f.name for f in fields(chosen[i])}:
            raise ValueError(f"--steps: {type(chosen[i]).__name__} takes no steps; leave it out")
        chosen[i] = replace(chosen[i], steps=count)
    return chosen


def _count(option: str, word: str) -> int:
    try:
        count = int(word)
    except ValueError:
        raise ValueError(f"{option} must be whole numbers, such as 200 or 200,50, got '{word}'") from None
    _at_least(option, count, 1)
    return count


def _ways(solvers: str, fields: str) -> list[Way]:
    """Every solver with every field; `auto` as a solver takes the field that suits it, and so stands once."""
    from .compare import Way

    known = {"auto": None, **_solvers()}
    ways = []
    for words in (w.strip() for w in solvers.split(",")):
        parts = [part.strip() for part in words.split("+")]
        if "auto" in parts and len(parts) > 1:
            raise ValueError(f"--solvers: auto stands alone, got '{words}'")
        chosen = [_word("--solvers", part, known) for part in parts]
        for field in ["auto"] if words == "auto" else [f.strip() for f in fields.split(",")]:
            spec = None if field == "auto" else _word("--fields", field, FIELDS)()
            name = words if field == "auto" else f"{field} {words}"
            ways.append(Way(name, spec, None if words == "auto" else [make() for make in chosen]))
    return ways


def _device(word: str) -> str:
    if word == "auto":
        return word
    try:
        device = torch.device(word)
    except RuntimeError:
        raise ValueError(f"--device must be auto, cpu, cuda, cuda:1 or mps, got '{word}'") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError("--device cuda: no CUDA device is available here; use --device cpu")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"--device {word}: there are {torch.cuda.device_count()} CUDA devices, counted from 0")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ValueError("--device mps: no Metal device is available here; use --device cpu")
    if device.type not in ("cpu", "cuda", "mps"):
        raise ValueError(f"--device must be auto, cpu, cuda, cuda:1 or mps, got '{word}'")
    return word


def _at_least(option: str, value: int, least: int) -> None:
    if value < least:
        raise ValueError(f"{option} must be at least {least}, got {value}")


def _folder(folder: Path, say: Console, *, keep: bool) -> Path:
    """The folder to write; an earlier result there is moved aside, to NAME.1, NAME.2, ..."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"--out must be a folder, '{folder}' is a file")
    if keep or not folder.exists() or not any(folder.iterdir()):
        return folder
    ours = (SUMMARY_NAME, FILE_NAME, "checkpoint.h5", "history.csv")
    if not any((folder / name).exists() for name in ours):
        raise ValueError(f"--out: '{folder}' holds files that are no result of pinnkit; choose another folder")
    aside = next(p for i in range(1, 10**6) if not (p := folder.with_name(f"{folder.name}.{i}")).exists())
    folder.rename(aside)
    say.print(Text(f"The earlier result is now in {aside}", style="dim"))
    return folder


def _read_json(path: Path) -> dict[str, Any]:
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


# progress -----------------------------------------------------------------------------------------------------------
def _run_solve(
    problem: Problem, spec: FieldSpec | None, solvers: list[Solver] | None, say: Console, **options: Any
) -> Solution:
    from .solvers import solve as run

    if not say.is_terminal:
        return run(problem, spec, solvers, callbacks=(_Lines(say),), **options)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"), TimeElapsedColumn())
    with Progress(*columns, console=say, transient=True) as progress:
        return run(problem, spec, solvers, callbacks=(_Bar(progress, problem.name),), **options)


class _Bar:
    """A callback that moves a progress bar."""

    def __init__(self, progress: Progress, name: str) -> None:
        self.progress = progress
        self.task = progress.add_task(name, total=None, state="")

    def __call__(self, record: Record) -> None:
        total = record.steps or None  # a search does not know how long it will be
        self.progress.update(self.task, completed=record.step, total=total, state=_progress_text(record))


class _Lines:
    """A callback that prints a line now and then: where the output is no terminal."""

    def __init__(self, console: Console, every: float = 5.0) -> None:
        self.console = console
        self.every = every
        self.last = time.monotonic()

    def __call__(self, record: Record) -> None:
        if time.monotonic() - self.last < self.every:
            return
        self.last = time.monotonic()
        self.console.print(Text(f"{_progress_text(record)}  {record.seconds:.1f} s"))


def _progress_text(record: Record) -> str:
    of = f"/{record.steps}" if record.steps else ""
    return f"{record.solver}  step {record.step}{of}  loss {record.loss:.2e}"
