"""The application that every command is added to, and how it is run."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from pinnkit.problem.problem import Problem

from .console import DONE, INTERRUPTED, complain

app = typer.Typer(
    name="pinnkit",
    help="Write an equation once: solve it by a neural field, and check it against finite differences.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


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
            complain(f"{message} (see {name} --help)")
        return int(error.exit_code)
    return code if isinstance(code, int) else DONE
