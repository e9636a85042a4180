"""Console output and errors that all commands share: exit codes, one-line messages, folders, progress."""

from __future__ import annotations

import shutil
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.text import Text

from pinnkit.files.printable import printable
from pinnkit.reports.summary import SUMMARY_NAME
from pinnkit.solutions.files import FILE_NAME
from pinnkit.verification.measures import number

if TYPE_CHECKING:
    from rich.progress import Progress

    from pinnkit.solutions.history import Record

__all__ = [
    "BAD_INPUT",
    "DONE",
    "FAILED",
    "INTERRUPTED",
    "print_error",
    "progress",
    "require_extra",
    "result_folder",
    "user_errors",
]

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
_PACKAGE = Path(__file__).parents[1]
_USER_ERRORS = (ValueError, TypeError, OSError)
_LINE_SECONDS = 5.0  # between two lines of progress where the output is not a terminal


# errors -------------------------------------------------------------------------------------------------------------
@contextmanager
def user_errors(file: Path | None) -> Iterator[None]:
    """Turn errors that the user can repair into one line on stderr and exit code 2; others keep their traceback.

    Args:
        file: the problem file, whose own errors count as the user's.

    Raises:
        typer.Exit: with code 2 for an error of the user, with code 130 after Ctrl-C.
    """
    try:
        yield
    except (typer.Exit, typer.Abort):
        raise
    except KeyboardInterrupt:
        print_error("interrupted; go on with --resume where a checkpoint was written")
        raise typer.Exit(INTERRUPTED) from None
    except _USER_ERRORS as error:
        if not _is_user_error(error, file):
            raise
        print_error(str(error))
        raise typer.Exit(BAD_INPUT) from None


def _is_user_error(error: Exception, file: Path | None) -> bool:
    """True for an error of the file system, and for one that pinnkit or the problem file raised itself."""
    if isinstance(error, OSError):
        return True
    frames = traceback.extract_tb(error.__traceback__)
    raised_in = Path(frames[-1].filename) if frames else _PACKAGE
    return _PACKAGE in raised_in.parents or (file is not None and raised_in.resolve() == file.resolve())


def print_error(message: str) -> None:
    """Print a message on stderr as one line, without control characters of files that it may quote."""
    words = printable(" ".join(message.split()))
    Console(stderr=True, soft_wrap=True).print(Text(f"pinnkit: {words}", style="red"))


def require_extra(extra: str, *modules: str) -> None:
    """Check that the modules of an extra are installed.

    Raises:
        ValueError: with the command that installs them, where one is missing.
    """
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise ValueError(
            f"this command needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed; "
            f"python -m pip install 'pinnkit[{extra}]', or in a clone "
            f"python -m pip install -c constraints.txt '.[{extra}]'"
        )


@contextmanager
def result_folder(folder: Path, console: Console, *, keep: bool) -> Iterator[Path]:
    """Context in which a command writes its result: an earlier result there is renamed to NAME.1, NAME.2, ...

    A run that fails before it has written a file, because an option or the problem is refused, leaves the earlier
    result where it was.

    Args:
        folder: the folder to write.
        console: receives a line where a result was renamed or a checkpoint is missing.
        keep: leave the folder in place where it holds a checkpoint, to continue from it.

    Raises:
        ValueError: for a file in place of a folder, and for a folder with files that no result has.
    """
    aside = _set_aside(folder, console, keep=keep)
    try:
        yield folder
    except BaseException:
        if aside is not None and not _holds_files(folder):
            if folder.exists():
                shutil.rmtree(folder)  # empty folders
            aside.rename(folder)
            aside = None
        raise
    finally:
        if aside is not None:
            console.print(Text(f"The earlier result is now in {aside}", style="dim"))


def _set_aside(folder: Path, console: Console, *, keep: bool) -> Path | None:
    """Rename an earlier result in `folder`; the new name, or None where there is none or the run continues from it."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"--out must be a folder, '{folder}' is a file")
    resumes = keep and any(next(folder.rglob(name), None) for name in ("checkpoint*.h5", "stage*.h5"))
    if keep and not resumes:
        console.print(Text(f"--resume: there is no checkpoint in {folder}, so this run begins anew", style="yellow"))
    if resumes or not folder.exists() or not any(folder.iterdir()):
        return None
    known = (SUMMARY_NAME, FILE_NAME, "checkpoint.h5", "history.csv")
    if not any((folder / name).exists() for name in known):
        raise ValueError(f"--out: '{folder}' holds files that are no result of pinnkit; choose another folder")
    aside = next(p for i in range(1, 10**6) if not (p := folder.with_name(f"{folder.name}.{i}")).exists())
    folder.rename(aside)
    return aside


def _holds_files(folder: Path) -> bool:
    return any(not path.is_dir() for path in folder.rglob("*"))


# progress -----------------------------------------------------------------------------------------------------------
@contextmanager
def progress(name: str, console: Console) -> Iterator[Callable[[Record], object]]:
    """A callback for a solve: it moves a progress bar in a terminal, and prints a line every 5 s elsewhere."""
    if not console.is_terminal:
        yield _Lines(console)
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        yield _Bar(bar, name)


class _Bar:
    """A callback that moves a progress bar."""

    def __init__(self, bar: Progress, name: str) -> None:
        self.bar = bar
        self.task = bar.add_task(name, total=None, state="")
        self.measures: dict[str, float] = {}

    def __call__(self, record: Record) -> None:
        self.measures.update(record.measures)
        total = record.steps or None  # the number of attempts of a search is not known
        self.bar.update(self.task, completed=record.step, total=total, state=_state(record, self.measures))


class _Lines:
    """A callback that prints a line at intervals."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.last = time.monotonic()
        self.measures: dict[str, float] = {}

    def __call__(self, record: Record) -> None:
        self.measures.update(record.measures)
        if time.monotonic() - self.last < _LINE_SECONDS:
            return
        self.last = time.monotonic()
        self.console.print(Text(f"{_state(record, self.measures)}  {record.seconds:.1f} s"))


def _state(record: Record, measures: Mapping[str, float]) -> str:
    """Solver, step, loss and measures as one line."""
    of = f"/{record.steps}" if record.steps else ""
    taken = "".join(f"  {name} {number(value)}" for name, value in measures.items())
    return f"{record.solver}  step {record.step}{of}  loss {record.loss:.2e}{taken}"
