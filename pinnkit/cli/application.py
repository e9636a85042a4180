"""The application that every command is added to, and its entry points."""

from __future__ import annotations

import atexit
import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol, runtime_checkable

import typer
from typer.core import TyperGroup

from .console import DONE, INTERRUPTED, print_error

if TYPE_CHECKING:
    from pinnkit.problem.problem import Problem

__all__ = ["app", "main", "run"]

_ORDER = (
    "solve",
    "new",
    "check",
    "reference",
    "compare",
    "show",
    "export",
    "info",
    "fit",
    "reconstruct",
    "mesh",
    "radiance",
    "scene",
)


class _Commands(TyperGroup):
    """A group that lists its commands in the order in which users need them."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of the commands: those of `_ORDER` first."""
        return sorted(super().list_commands(ctx), key=lambda n: _ORDER.index(n) if n in _ORDER else len(_ORDER))


app = typer.Typer(
    name="pinnkit",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from pinnkit.machine import __version__

        sys.stdout.write(f"pinnkit {__version__}\n")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Write an equation once: solve it by a neural field, and check it against a numerical reference."""


class _Context(Protocol):
    """The command that the argument parser was reading."""

    command_path: str


@runtime_checkable
class _UsageError(Protocol):
    """An error of the argument parser: a wrong option, a missing argument."""

    exit_code: int
    ctx: _Context | None

    def format_message(self) -> str:
        """The message, without a usage line."""


def main(problem: Problem | None = None) -> None:
    """Run the command line with the arguments of the process and end the process.

    Args:
        problem: solve this problem, defined by the script that runs; None reads the command from the arguments.

    Raises:
        TypeError: where `problem` is not a `Problem`.
    """
    arguments, name = sys.argv[1:], "pinnkit"
    if problem is not None:
        from pinnkit.problem.problem import Problem

        if not isinstance(problem, Problem):
            raise TypeError(f"main: `problem` must be a Problem, got {type(problem).__name__}")
        script = Path(sys.argv[0])
        arguments, name = ["solve", str(script), *arguments], script.name
    atexit.register(gc.freeze)  # else Python's last collection visits all objects of the modules loaded: a second
    sys.exit(run(arguments, name=name, problem=problem))


def run(arguments: list[str], *, name: str = "pinnkit", problem: Problem | None = None) -> int:
    """Run the command line with `arguments` and return its exit code; bad input raises nothing.

    Args:
        arguments: the words after the name of the program.
        name: the name of the program in messages.
        problem: the problem that `solve` takes instead of loading its file.
    """
    try:
        code = app(arguments, prog_name=name, standalone_mode=False, obj=problem)
    except typer.Abort:
        print_error("interrupted")
        return INTERRUPTED
    except Exception as error:
        if not isinstance(error, _UsageError):
            raise
        message = error.format_message().strip()
        command = error.ctx.command_path if error.ctx is not None and problem is None else name
        if message and "\n" not in message:  # several lines are the help, printed where no command was given
            print_error(f"{message} (see {command} --help)")
        return error.exit_code
    return code if isinstance(code, int) else DONE
