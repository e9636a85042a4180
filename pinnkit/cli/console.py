"""Console output and errors that all commands share: exit codes, one-line messages, progress."""

from __future__ import annotations

import os
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import typer
from rich.console import Console
from rich.text import Text

from pinnkit.files.printable import printable
from pinnkit.interrupts import interrupt_asked
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
    "reader_gone",
    "require_extra",
    "require_writable",
    "user_errors",
    "warnings_in_one_line",
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
        print_error("interrupted")
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


def print_error(message: str, *, style: str = "red") -> None:
    """Print a message on stderr as one line, without control characters of files that it may quote."""
    words = printable(" ".join(message.split()))
    with reader_gone():
        Console(stderr=True, soft_wrap=True).print(Text(f"pinnkit: {words}", style=style))


def reader_gone() -> AbstractContextManager[None]:
    """Context in which text is dropped where its reader has ended, such as `head`: a run does not end with it.

    rich answers a broken pipe by an exit.
    """
    return suppress(OSError, SystemExit)


def require_writable(option: str, path: Path) -> None:
    """Check that a file can be written, before the work and not after it; its folder is made.

    Raises:
        ValueError: where it cannot, with the reason.
    """
    trial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        trial.write_bytes(b"trial")
        trial.unlink()
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ValueError(f"{option}: '{path}' cannot be written ({why}); choose another place") from None
    if path.is_dir():
        raise ValueError(f"{option}: '{path}' is a folder; give the name of a file")


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
def warnings_in_one_line() -> Iterator[None]:
    """Context in which a warning of pinnkit is one line on stderr, without the place in the code."""

    def show(
        message: Warning | str, category: type[Warning], filename: str, lineno: int, file: TextIO | None = None,
        line: str | None = None,
    ) -> None:  # fmt: skip
        if _PACKAGE in Path(filename).parents:
            print_error(f"warning: {message}", style="yellow")
        else:
            usual(message, category, filename, lineno, file, line)

    with warnings.catch_warnings():
        warnings.simplefilter("always", category=RuntimeWarning)
        usual, warnings.showwarning = warnings.showwarning, show
        yield


# progress -----------------------------------------------------------------------------------------------------------
@contextmanager
def progress(name: str, console: Console) -> Iterator[Callable[[Record], object]]:
    """A callback for a solve: it moves a progress bar in a terminal, and prints a line every 5 s elsewhere.

    It ends the solve after a signal.
    """
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

    def __call__(self, record: Record) -> bool:
        self.measures.update(record.measures)
        total = record.steps or None  # the number of attempts of a search is not known
        self.bar.update(self.task, completed=record.step, total=total, state=_state(record, self.measures))
        return interrupt_asked()


class _Lines:
    """A callback that prints a line at intervals."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.last = time.monotonic()
        self.measures: dict[str, float] = {}

    def __call__(self, record: Record) -> bool:
        self.measures.update(record.measures)
        if time.monotonic() - self.last >= _LINE_SECONDS:
            self.last = time.monotonic()
            with reader_gone():
                self.console.print(Text(f"{_state(record, self.measures)}  {record.seconds:.1f} s"))
        return interrupt_asked()


def _state(record: Record, measures: Mapping[str, float]) -> str:
    """Solver, step, loss and measures as one line."""
    of = f"/{record.steps}" if record.steps else ""
    taken = "".join(f"  {name} {number(value)}" for name, value in measures.items())
    return f"{record.solver}  step {record.step}{of}  loss {record.loss:.2e}{taken}"
