"""The end of every command that solves: validation, files, the report on the console, the exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from pinnkit.files.printable import escaped_controls
from pinnkit.interrupts import interrupt_answered, interrupt_asked, interrupts_wait
from pinnkit.reports.summary import SUMMARY_NAME, finite, summary_table, write_summary
from pinnkit.solutions.files import FILE_NAME

from .console import DONE, FAILED, INTERRUPTED, print_error, reader_gone
from .result_folder import has_checkpoint, remove_checkpoints

if TYPE_CHECKING:
    from pinnkit.reports.report import Report
    from pinnkit.solutions.solution import Solution
    from pinnkit.verification import Level

__all__ = ["Result", "exit_code", "finish", "is_accepted", "least_level", "was_interrupted"]

_ORDER = ("confirmed", "plausible", "not good")


def least_level(*, strict: bool, plausible: bool) -> Level | None:
    """Lowest level of a verdict that --strict and --strict=plausible accept; None without them."""
    from pinnkit.verification import Level

    return Level.PLAUSIBLE if plausible else Level.CONFIRMED if strict else None


def was_interrupted(solution: Solution) -> bool:
    """True where a signal or the user ended the solve, who then waits for no reference and no figures."""
    from pinnkit.solutions.status import Status

    return solution.status is Status.INTERRUPTED


class Result:
    """The files of a solve, written one by one; the solution is written first, before anything is measured.

    A step that fails is one line on stderr and an entry of `failures` in summary.json; the others follow.  Checkpoints
    are removed where the run has come to its end and nothing failed.

    Args:
        solution: the solution.
        folder: the folder of the result.
        problem_file: a script whose text is kept with the solution.
    """

    def __init__(self, solution: Solution, folder: Path, *, problem_file: Path | None = None) -> None:
        from pinnkit.reports.history_file import write_history
        from pinnkit.reports.unchecked import unchecked_summary

        self.solution = solution
        self.folder = folder
        self.report: Report | None = None
        self.written: list[Path] = []
        self.failures: list[str] = []
        self.summary = unchecked_summary(solution, "the run was stopped before its check had ended")
        if was_interrupted(solution):
            interrupt_answered()
        self._save(problem_file)
        with suppress(OSError):  # a first one, in case the check does not end
            self.written.append(write_summary(self.summary, folder))
        with self.step("history.csv"):
            self.written.append(write_history(solution.history, folder))

    @contextmanager
    def step(self, product: str) -> Iterator[None]:
        """Context of a step whose failure does not end the command.

        Args:
            product: the file or the work that is missing where it fails.

        Raises:
            KeyboardInterrupt: after a signal, once the solution is written.
        """
        from pinnkit.reports.failure_text import reason_of

        if product != FILE_NAME and interrupt_asked():
            raise KeyboardInterrupt
        try:
            yield
        except Exception as error:  # whatever fails, the other files count
            self._fail(f"{product}: {reason_of(error)}")

    def check(self, *, budget: float = 0.0, figures: bool = True) -> None:
        """Validate the solution, write the summary, draw figures, and remove checkpoints that are of no more use.

        Args:
            budget: nominal seconds of work for the reference; 0 for none.
            figures: whether to draw figures, of a solve that was not interrupted.
        """
        from pinnkit.reports.unchecked import unchecked_summary
        from pinnkit.reports.validation import validate

        stopped = was_interrupted(self.solution)
        self.summary = unchecked_summary(self.solution, "its check failed, see below")
        with self.step("the check of the solution"):
            report = validate(self.solution, budget=0.0 if stopped else budget)
            self.report, self.summary = report, report.summary()
            for line in report.failures:
                self._fail(line)
        self._write_summary()
        if figures and not stopped:
            before = len(self.failures)
            with self.step("figures"):
                from pinnkit.reports.figures import save as draw

                reference = None if self.report is None else self.report.reference
                self.written += draw(self.solution, self.folder, reference=reference)
            if len(self.failures) > before:
                self._write_summary()
        if self.solution.status.good and not self.solution.status.resumable and not self.failures:
            with suppress(OSError):
                remove_checkpoints(self.folder)

    def _save(self, problem_file: Path | None) -> None:
        """Write the solution; to a folder for temporary files where its own cannot hold it."""
        from pinnkit.solutions.storage import save

        with self.step(FILE_NAME), interrupts_wait():
            try:
                self.written.append(save(self.solution, self.folder / FILE_NAME, problem_file=problem_file))
            except OSError:
                spare = Path(mkdtemp(prefix="pinnkit-"))
                try:
                    self.written.append(save(self.solution, spare / FILE_NAME, problem_file=problem_file))
                    print_error(f"the solution is in {spare / FILE_NAME}; move it to a safe place")
                except OSError:
                    with suppress(OSError):
                        spare.rmdir()
                raise

    def _write_summary(self) -> None:
        """Write the summary, with what failed before it."""
        self.summary["failures"] = list(self.failures)
        with self.step(SUMMARY_NAME):
            path = write_summary(self.summary, self.folder)
            if path not in self.written:
                self.written.append(path)
        self.summary["failures"] = list(self.failures)

    def _fail(self, line: str) -> None:
        if line not in self.failures:
            self.failures.append(line)
            print_error(f"failed: {line}")


def finish(
    result: Result,
    console: Console,
    *,
    json_: bool,
    remarks: Sequence[Text] = (),
    least: Level | None = None,
    failed: bool = False,
) -> NoReturn:
    """Print the report, the files and the remarks, write the summary to stdout on request, and end the command.

    Args:
        result: the files of the solve, and the report.
        console: receives the text.
        json_: whether to write the summary to stdout.
        remarks: further lines of the command.
        least: lowest level of the verdict that is no failure; None accepts all.
        failed: whether the command failed for a reason of its own.

    Raises:
        typer.Exit: always, with the exit code.
    """
    names = ", ".join(p.name if p.parent == result.folder else str(p) for p in result.written)
    with reader_gone():
        console.print(summary_table(result.summary))
        console.print(Text(f"In {result.folder}: {names or 'nothing'}"))
        for remark in remarks:
            console.print(remark)
    if was_interrupted(result.solution):
        kept = f"--resume continues from the checkpoint in {result.folder}"
        print_error(f"interrupted; {kept if has_checkpoint(result.folder) else 'the state so far is kept'}")
    if json_:
        text = json.dumps(finite(result.summary), indent=2, ensure_ascii=False)
        sys.stdout.write(escaped_controls(text) + "\n")
    raise typer.Exit(exit_code(result, least=least) or (FAILED if failed else DONE))


def exit_code(result: Result, *, least: Level | None = None) -> int:
    """The exit code of a solve: 0 where it ended well, 130 where it was interrupted, else 1.

    Args:
        result: the files of the solve, and the report.
        least: lowest level of the verdict that is no failure; None accepts all.
    """
    if was_interrupted(result.solution):
        return INTERRUPTED
    if not result.solution.status.good or result.report is None or result.failures:
        return FAILED
    return DONE if is_accepted(result.report, least) else FAILED


def is_accepted(report: Report, least: Level | None) -> bool:
    """Return whether the verdict of a report is at least of a level; True without one."""
    return least is None or _ORDER.index(report.level.value) <= _ORDER.index(least.value)
