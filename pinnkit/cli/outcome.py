"""The end of every command that solves: validation, files, the report on the console, the exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from pinnkit.files.printable import escaped_controls
from pinnkit.reports.summary import SUMMARY_NAME

from .console import DONE, FAILED, INTERRUPTED

if TYPE_CHECKING:
    from pinnkit.reports.report import Report
    from pinnkit.solutions.solution import Solution

__all__ = ["exit_code", "finish", "validate_and_save", "was_interrupted"]


def was_interrupted(solution: Solution) -> bool:
    """True where a signal or the user ended the solve, who then waits for no reference and no figures."""
    from pinnkit.solutions.status import Status

    return solution.status is Status.INTERRUPTED


def validate_and_save(
    solution: Solution, folder: Path, *, budget: float = 0.0, figures: bool = True, problem_file: Path | None = None
) -> tuple[Report, list[Path]]:
    """Validate a solution and write its result into `folder`; return the report and the files.

    Args:
        solution: the solution.
        folder: the folder of the result.
        budget: nominal seconds of work for the reference; 0 for none.
        figures: whether to draw figures, of a solve that was not interrupted.
        problem_file: a script whose text is kept with the solution.
    """
    from pinnkit.reports.validation import validate

    stopped = was_interrupted(solution)
    report = validate(solution, budget=0.0 if stopped else budget)
    return report, report.save(folder, figures=figures and not stopped, problem_file=problem_file)


def finish(
    report: Report,
    folder: Path,
    written: Sequence[Path],
    console: Console,
    *,
    json_: bool,
    remarks: Sequence[Text] = (),
    strict: bool = False,
    failed: bool = False,
) -> NoReturn:
    """Print the report, the files and the remarks, write the summary to stdout on request, and end the command.

    Args:
        report: the report on the solution.
        folder: the folder of the result, with summary.json.
        written: the files written, there or elsewhere.
        console: receives the text.
        json_: whether to write summary.json to stdout.
        remarks: further lines of the command.
        strict: whether a solution with findings is a failure.
        failed: whether the command failed for a reason of its own.

    Raises:
        typer.Exit: always, with the exit code.
    """
    console.print(report)
    names = ", ".join(p.name if p.parent == folder else str(p) for p in written)
    console.print(Text(f"In {folder}: {names}"))
    for remark in remarks:
        console.print(remark)
    if json_:
        sys.stdout.write(escaped_controls((folder / SUMMARY_NAME).read_text(encoding="utf-8")))
    raise typer.Exit(exit_code(report, strict=strict) or (FAILED if failed else DONE))


def exit_code(report: Report, *, strict: bool) -> int:
    """The exit code of a solve: 0 where it ended well, 130 where it was interrupted, else 1.

    Args:
        report: the report on the solution.
        strict: whether a verdict with findings is a failure, too.
    """
    if was_interrupted(report.solution):
        return INTERRUPTED
    return FAILED if not report.solution.status.good or (strict and not report.good) else DONE
