"""What every command shares: exit codes, errors in one line, the output folder, progress."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from pinnkit.fields import FieldSpec
from pinnkit.problem.problem import Problem
from pinnkit.problem.script import PROBLEM_ERRORS, ProblemFileError
from pinnkit.reports.report import SUMMARY_NAME, Report, number
from pinnkit.solutions.history import Record
from pinnkit.solutions.solution import Solution
from pinnkit.solutions.status import Status
from pinnkit.solutions.storage import FILE_NAME

if TYPE_CHECKING:
    from pinnkit.solvers import Solver


DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
_PACKAGE = Path(__file__).parents[1]


# what goes wrong ----------------------------------------------------------------------------------------------------
@contextmanager
def user_errors(file: Path | None) -> Iterator[None]:
    """One line and exit code 2 for what the user can repair; a traceback for what only we can."""
    try:
        yield
    except (typer.Exit, typer.Abort):
        raise
    except KeyboardInterrupt:
        complain("interrupted; go on with --resume where a checkpoint was written")
        raise typer.Exit(INTERRUPTED) from None
    except ProblemFileError as error:
        complain(str(error))
        raise typer.Exit(BAD_INPUT) from None
    except PROBLEM_ERRORS as error:
        if not is_users(error, file):
            raise
        complain(str(error))
        raise typer.Exit(BAD_INPUT) from None


def is_users(error: Exception, file: Path | None) -> bool:
    """Whether pinnkit or the problem file raised it themselves, rather than a library deep inside."""
    if isinstance(error, OSError):
        return True
    frames = traceback.extract_tb(error.__traceback__)
    raised_in = Path(frames[-1].filename) if frames else _PACKAGE
    return _PACKAGE in raised_in.parents or (file is not None and raised_in.resolve() == file.resolve())


def complain(message: str) -> None:
    """Print what went wrong on stderr, in one line."""
    Console(stderr=True, soft_wrap=True).print(Text(f"pinnkit: {' '.join(message.split())}", style="red"))


def needs(extra: str, *modules: str) -> None:
    """Refuse, before any work, where a module of an extra is missing."""
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise ValueError(
            f"this command needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed; "
            f"python -m pip install 'pinnkit[{extra}]', or '.[{extra}]' in a clone"
        )


def exit_code(solution: Solution, report: Report, strict: bool) -> int:
    """0 when the run ended well, 130 when it was stopped, else 1; `strict` asks for a good verdict as well."""
    if solution.status is Status.INTERRUPTED:
        return INTERRUPTED
    failed = not solution.status.good or (strict and not report.good)
    return FAILED if failed else DONE


def result_folder(folder: Path, say: Console, *, keep: bool) -> Path:
    """The folder to write; an earlier result there is moved aside, to NAME.1, NAME.2, ..., or kept to go on from."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"--out must be a folder, '{folder}' is a file")
    goes_on = keep and any(next(folder.rglob(name), None) for name in ("checkpoint*.h5", "stage*.h5"))
    if keep and not goes_on:
        say.print(Text(f"--resume: there is no checkpoint in {folder}, so this run begins anew", style="yellow"))
    if goes_on or not folder.exists() or not any(folder.iterdir()):
        return folder
    ours = (SUMMARY_NAME, FILE_NAME, "checkpoint.h5", "history.csv")
    if not any((folder / name).exists() for name in ours):
        raise ValueError(f"--out: '{folder}' holds files that are no result of pinnkit; choose another folder")
    aside = next(p for i in range(1, 10**6) if not (p := folder.with_name(f"{folder.name}.{i}")).exists())
    folder.rename(aside)
    say.print(Text(f"The earlier result is now in {aside}", style="dim"))
    return folder


# progress -----------------------------------------------------------------------------------------------------------
@contextmanager
def progress(name: str, say: Console) -> Iterator[Callable[[Record], object]]:
    """A callback for `solve` that moves a progress bar, or prints a line now and then where there is no terminal."""
    if not say.is_terminal:
        yield _Lines(say)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"), TimeElapsedColumn())
    with Progress(*columns, console=say, transient=True) as shown:
        yield _Bar(shown, name)


def run_solve(
    problem: Problem, spec: FieldSpec | None, solvers: list[Solver] | None, say: Console, **options: Any
) -> Solution:
    """Solve, and show how far it is."""
    from pinnkit.solvers import solve as run

    with progress(problem.name, say) as callback:
        return run(problem, spec, solvers, callbacks=(callback,), **options)


class _Bar:
    """A callback that moves a progress bar."""

    def __init__(self, shown: Progress, name: str) -> None:
        self.shown = shown
        self.task = shown.add_task(name, total=None, state="")
        self.measures: dict[str, float] = {}

    def __call__(self, record: Record) -> None:
        self.measures.update(record.measures)
        total = record.steps or None  # a search does not know how long it will be
        self.shown.update(self.task, completed=record.step, total=total, state=_text(record, self.measures))


class _Lines:
    """A callback that prints a line now and then: where the output is no terminal."""

    def __init__(self, console: Console, every: float = 5.0) -> None:
        self.console = console
        self.every = every
        self.last = time.monotonic()
        self.measures: dict[str, float] = {}

    def __call__(self, record: Record) -> None:
        self.measures.update(record.measures)
        if time.monotonic() - self.last < self.every:
            return
        self.last = time.monotonic()
        self.console.print(Text(f"{_text(record, self.measures)}  {record.seconds:.1f} s"))


def _text(record: Record, measures: Mapping[str, float]) -> str:
    of = f"/{record.steps}" if record.steps else ""
    taken = "".join(f"  {name} {number(value)}" for name, value in measures.items())
    return f"{record.solver}  step {record.step}{of}  loss {record.loss:.2e}{taken}"
