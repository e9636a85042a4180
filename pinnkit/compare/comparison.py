"""compare: every way with every seed, one file a run, so that a stopped comparison goes on where it was."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from rich.console import Group
from rich.table import Table
from rich.text import Text

from pinnkit.problem.problem import Problem
from pinnkit.reports.report import number
from pinnkit.reports.validation import reference_error
from pinnkit.solutions.storage import replacing
from pinnkit.solvers.training.fingerprint import fingerprint

from .run import Run, Way, measure

if TYPE_CHECKING:
    from pinnkit.references import Reference

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True)
class Comparison:
    """What `compare` returns.

    Args:
        problem: its name.
        ways: names, in the order given.
        runs: of every way with every seed.
        reference: the other road: kind, seconds, rel_l2_error_bar, rel_l2_true_error (None without a closed form); or
            "refused", why there is none.
    """

    problem: str
    ways: tuple[str, ...]
    runs: tuple[Run, ...]
    reference: Mapping[str, Any]

    def of(self, way: str) -> list[Run]:
        """The runs of one way."""
        return [r for r in self.runs if r.way == way]

    def errors(self, way: str) -> tuple[float, float]:
        """Median and worst relative error at the end over the seeds; a run that failed counts as infinite."""
        found = [r.error for r in self.of(way)]
        return statistics.median_high(found), max(found)

    def seconds(self, way: str) -> tuple[float, float]:
        """Median and greatest number of seconds."""
        found = [r.seconds for r in self.of(way)]
        return statistics.median(found), max(found)

    def summary(self) -> dict[str, Any]:
        """The content of compare.json: plain values only."""
        rows = []
        for way in self.ways:
            (median, worst), (seconds, longest) = self.errors(way), self.seconds(way)
            rows.append(
                {
                    "way": way,
                    "rel_l2_median": median if math.isfinite(median) else None,
                    "rel_l2_worst": worst if math.isfinite(worst) else None,
                    "seconds_median": seconds,
                    "seconds_worst": longest,
                    "runs": [r.plain() for r in self.of(way)],
                }
            )
        facts = {"cores": os.cpu_count(), "threads": torch.get_num_threads()}
        return {"problem": self.problem, "ways": rows, "reference": dict(self.reference), **facts}

    def table(self) -> Group:
        """A row for each way, one for the reference; below them why runs failed, and what validation warns of."""
        shown = Table(box=None, padding=(0, 2), header_style="dim")
        for column in ("way", "relative L2\n(median)", "\n(worst)", "seconds\n(median)", "\n(worst)", "seeds", "ended"):
            shown.add_column(column, no_wrap=column == "way")
        for way in self.ways:
            runs = sorted(self.of(way), key=lambda r: r.error)
            median = next(r for r in runs if r.error == self.errors(way)[0])
            seconds = (number(s) for s in self.seconds(way))
            shown.add_row(way, median.error_text, runs[-1].error_text, *seconds, str(len(runs)), _ended(runs))
        shown.add_row("reference", *self._reference_row())
        notes = [Text(f"{way}: {note}", style=style) for way in self.ways for note, style in _notes(self.of(way))]
        return Group(Text(self.problem, style="bold"), shown, *notes)

    def _reference_row(self) -> tuple[str | Text, ...]:
        refused = self.reference.get("refused")
        if refused:
            return "-", "-", "-", "-", "-", Text(f"none: {refused}", style="dim")
        true, bar = self.reference["rel_l2_true_error"], self.reference["rel_l2_error_bar"]
        error = f"<= {number(bar)}" if true is None else number(true)
        seconds = number(self.reference["seconds"])
        return error, error, seconds, seconds, "-", f"{self.reference['kind']}, bar {number(bar)}"


def compare(
    problem: Problem,
    ways: Sequence[Way],
    *,
    seeds: int = 3,
    seconds: float = 60.0,
    budget: float = 5.0,
    out: str | Path = "results/compare",
    say: Callable[[str], object] = lambda _: None,
) -> Comparison:
    """Solve a problem in several ways with several seeds, and measure each run at 1, 2, 4, ... seconds and its end.

    Errors are those of `validate`: against the closed form, else against the reference, and never below the bar of what
    they were measured against.  The seconds are those of the solves alone: a run is stopped, measured and goes on.  One
    file a run in ``out/PROBLEM``: what is there is not run again, and a run that was interrupted goes on; what failed
    is tried again.  A run that raises is recorded with its reason, and the others go on.

    Args:
        problem: what to solve.
        ways: how; names must differ.
        seeds: runs of each way, with seeds 0, 1, ...
        seconds: that a run may take at most.
        budget: seconds for the reference.
        out: where files go; compare.json and compare.png are written at the end.
        say: told each run as it ends, in a line.

    Raises:
        ValueError, TypeError: for arguments of the wrong kind.
    """
    if not isinstance(problem, Problem):
        raise TypeError(f"compare: `problem` must be a Problem, got {type(problem).__name__}")
    names = [w.name for w in ways]
    if not names or len({_slug(n) for n in names}) < len(names):
        raise ValueError(f"compare: `ways` must be one or several with names that differ, got {names}")
    if isinstance(seeds, bool) or not isinstance(seeds, int) or seeds < 1:
        raise ValueError(f"compare: `seeds` must be a whole number of at least 1, got {seeds!r}")
    for name, value in (("seconds", seconds), ("budget", budget)):
        if not value > 0:
            raise ValueError(f"compare: `{name}` must be a positive number, got {value!r}")
    folder = Path(out) / _slug(problem.name)
    other = _Other(problem, budget, folder)
    runs = [  # seed by seed, so that a machine that slows down slows down all ways alike
        _one(problem, way, seed, seconds=seconds, other=other, folder=folder, say=say)
        for seed in range(seeds)
        for way in ways
    ]
    result = Comparison(problem.name, tuple(names), tuple(runs), other.facts)
    _write(folder / "compare.json", result.summary())
    from .figure import draw  # loads matplotlib

    draw(result, folder / "compare.png")
    return result


class _Other:
    """The reference, made once, and only where a run or the table needs it."""

    def __init__(self, problem: Problem, budget: float, folder: Path) -> None:
        self.problem, self.budget = problem, budget
        self.file = folder / "reference.json"
        self.text = f"{_identity(problem)}, budget={budget:g}"
        self._values: tuple[Reference | None, dict[str, Any]] | None = None

    @property
    def values(self) -> Reference | None:
        """The reference itself, None where the problem cannot be discretised."""
        return self._both()[0]

    @property
    def facts(self) -> dict[str, Any]:
        """What tables and figures show of it."""
        stored = _read(self.file) if self._values is None else None
        if stored is not None and stored.pop("text", None) == self.text:
            return stored
        return self._both()[1]

    def _both(self) -> tuple[Reference | None, dict[str, Any]]:
        if self._values is None:
            self._values = self._make()
            _write(self.file, {**self._values[1], "text": self.text})
        return self._values

    def _make(self) -> tuple[Reference | None, dict[str, Any]]:
        from pinnkit.references import reference

        try:
            found = reference(self.problem, budget=self.budget)
        except (ValueError, NotImplementedError) as error:
            return None, {"refused": " ".join(str(error).split())}
        true = reference_error(self.problem, found, {c.name: c.initial for c in self.problem.coefficients})
        return found, {
            "kind": found.kind,
            "seconds": found.seconds,
            "rel_l2_error_bar": max(found.bars(name)[0] for name in found.values),
            "rel_l2_true_error": max((c.rel_l2 for c in true), default=None),
        }


def _one(
    problem: Problem,
    way: Way,
    seed: int,
    *,
    seconds: float,
    other: _Other,
    folder: Path,
    say: Callable[[str], object],
) -> Run:
    """One run to its end, or as it is stored."""
    text = f"{_identity(problem)}, {way.text}, seed={seed}, {seconds:g} s"
    target = folder / f"{_slug(way.name)}-{seed}.json"
    scratch = target.with_suffix(".checkpoint")
    run = _stored(target, text)
    if run is not None and run.status and not run.failed:
        return run
    if run is None or run.failed or not any(scratch.glob("checkpoint*.h5")):
        run = None
        shutil.rmtree(scratch, ignore_errors=True)
    begun = time.perf_counter()
    try:
        ended = False
        while not ended:
            run, ended = measure(
                problem,
                way,
                seed,
                text=text,
                seconds=seconds,
                reference=None if problem.exact else other.values,
                folder=scratch,
                before=run,
            )
            _write(target, run.plain())
    except Exception as error:  # one run that fails must not take the others with it
        moments = () if run is None else run.moments
        run = Run(way.name, seed, text, moments, failed=" ".join(f"{type(error).__name__}: {error}".split()))
        _write(target, run.plain())
    assert run is not None
    shutil.rmtree(scratch, ignore_errors=True)
    said = run.failed or f"{run.error_text} in {number(run.seconds)} s"
    say(f"{problem.name}, {way.name}, seed {seed}: {said} ({number(time.perf_counter() - begun)} s with measuring)")
    return run


def _identity(problem: Problem) -> str:
    return fingerprint(problem, {}, (), seed=0, dtype=problem.dtype, device=torch.device("cpu"), row_weights={})


def _ended(runs: Sequence[Run]) -> Text:
    """How the runs ended, with how many did."""
    words = ["failed" if r.failed else r.status for r in runs]
    counted = [f"{word} {words.count(word)}" for word in dict.fromkeys(words)]
    return Text(", ".join(counted), style="red" if "failed" in words else "")


def _notes(runs: Sequence[Run]) -> Iterator[tuple[str, str]]:
    """Why runs failed, and the first warning of each, with the seeds it holds for."""
    said = {
        r.seed: (r.failed, "red") if r.failed else (r.warnings[0], "yellow") for r in runs if r.failed or r.warnings
    }
    for seed, (words, style) in said.items():
        seeds = [s for s, (other, _) in said.items() if other == words]
        if seed == seeds[0]:
            yield f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}: {words}", style


def _stored(target: Path, text: str) -> Run | None:
    found = _read(target)
    try:
        run = None if found is None else Run.of(found)
    except (KeyError, TypeError):  # of another version
        return None
    return run if run is not None and run.text == text else None


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _write(path: Path, plain: Mapping[str, Any]) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(plain, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.+_-]+", "_", name)
