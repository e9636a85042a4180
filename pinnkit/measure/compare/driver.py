"""Driver of a comparison: runs every method with every seed, one file a run, and resumes where it was stopped."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from pinnkit.problem.problem import Problem
from pinnkit.reports.failure_text import reason_of
from pinnkit.reports.report import number
from pinnkit.reports.validation import reference_error
from pinnkit.solutions.storage import replacing
from pinnkit.solvers.plans.run_options import device_of
from pinnkit.solvers.training.fingerprint import fingerprint

from .comparison import Comparison
from .run import Method, Run, measure

if TYPE_CHECKING:
    from pinnkit.references import Reference

__all__ = ["compare"]


def compare(
    problem: Problem,
    methods: Sequence[Method],
    *,
    seeds: int = 3,
    seconds: float = 60.0,
    budget: float = 5.0,
    device: str = "auto",
    dtype: torch.dtype | None = None,
    out: str | Path = "results/compare",
    log: Callable[[str], object] = lambda _: None,
) -> Comparison:
    """Solve a problem by several methods with several seeds, and measure the error of each run against time.

    Each run is measured after 1, 2, 4, ... seconds of its solve and at its end.  Errors are those of `validate`:
    against the closed form, else against the reference, and never below the error bar of the solution they refer to.
    Times are those of the solves alone: a run is stopped, measured and resumed.  Each run has one file in
    ``out/PROBLEM``: a finished run is not repeated, an interrupted one is resumed, a failed one is repeated.  A run
    that raises is recorded with its reason, and the remaining runs continue.

    Args:
        problem: to be solved.
        methods: at least one; their names must differ.
        seeds: number of runs of each method, with seeds 0, 1, ...
        seconds: longest time of a run.
        budget: nominal seconds of work for the reference.
        device: of the solves, as in `solve`.
        dtype: of the solves; None takes the problem's.
        out: folder of the files; compare.json and compare.png are written at the end.
        log: called with one line after each run.

    Raises:
        ValueError, TypeError: for invalid arguments.
    """
    if not isinstance(problem, Problem):
        raise TypeError(f"compare: `problem` must be a Problem, got {type(problem).__name__}")
    names = [m.name for m in methods]
    if not names or len({_slug(n) for n in names}) < len(names):
        raise ValueError(f"compare: `methods` must be one or several with names that differ, got {names}")
    if isinstance(seeds, bool) or not isinstance(seeds, int) or seeds < 1:
        raise ValueError(f"compare: `seeds` must be a whole number of at least 1, got {seeds!r}")
    for name, value in (("seconds", seconds), ("budget", budget)):
        if not value > 0:
            raise ValueError(f"compare: `{name}` must be a positive number, got {value!r}")
    device_of(device, "compare: `device`")
    folder = Path(out) / _slug(problem.name)
    reference = _LazyReference(problem, budget, folder)
    runs = [  # seed by seed, so that a slower machine slows all methods alike
        _run(
            problem, method, seed, seconds=seconds, device=device, dtype=dtype, reference=reference, folder=folder,
            log=log,
        )
        for seed in range(seeds)
        for method in methods
    ]  # fmt: skip
    result = Comparison(problem.name, tuple(names), tuple(runs), reference.facts)
    _write(folder / "compare.json", result.summary())
    try:
        from .figure import draw  # loads matplotlib

        draw(result, folder / "compare.png")
    except Exception as error:  # the runs count, whatever fails
        log(f"{problem.name}: compare.png could not be drawn: {reason_of(error)}")
    return result


class _LazyReference:
    """Reference solution, computed once and only where a run or the table needs it."""

    def __init__(self, problem: Problem, budget: float, folder: Path) -> None:
        self.problem, self.budget = problem, budget
        self.file = folder / "reference.json"
        self.text = f"{_identity(problem)}, budget={budget:g}"
        self._computed: tuple[Reference | None, dict[str, Any]] | None = None

    @property
    def values(self) -> Reference | None:
        """Reference itself; None where no reference covers the problem."""
        return self._compute()[0]

    @property
    def facts(self) -> dict[str, Any]:
        """Entries for tables and figures, read from the file of an earlier comparison where it fits."""
        stored = _read(self.file) if self._computed is None else None
        if stored is not None and stored.pop("text", None) == self.text:
            return stored
        return self._compute()[1]

    def _compute(self) -> tuple[Reference | None, dict[str, Any]]:
        if self._computed is None:
            self._computed = self._make()
            _write(self.file, {**self._computed[1], "text": self.text})
        return self._computed

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


def _run(
    problem: Problem,
    method: Method,
    seed: int,
    *,
    seconds: float,
    device: str,
    dtype: torch.dtype | None,
    reference: _LazyReference,
    folder: Path,
    log: Callable[[str], object],
) -> Run:
    """Run one method with one seed to its end, or read its stored result."""
    text = f"{_identity(problem)}, {method.text}, seed={seed}, {seconds:g} s"
    text += "" if device == "auto" else f", {device}"
    text += "" if dtype is None else f", {dtype}"
    target = folder / f"{_slug(method.name)}-{seed}.json"
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
                method,
                seed,
                text=text,
                seconds=seconds,
                reference=None if problem.exact else reference.values,
                folder=scratch,
                before=run,
                device=device,
                dtype=dtype,
            )
            _write(target, run.to_dict())
    except Exception as error:  # one failed run must not stop the remaining ones
        measurements = () if run is None else run.measurements
        run = Run(method.name, seed, text, measurements, failed=" ".join(f"{type(error).__name__}: {error}".split()))
        _write(target, run.to_dict())
    assert run is not None
    shutil.rmtree(scratch, ignore_errors=True)
    outcome = run.failed or f"{run.error_text} in {number(run.seconds)} s"
    whole = number(time.perf_counter() - begun)
    log(f"{problem.name}, {method.name}, seed {seed}: {outcome} ({whole} s with validation)")
    return run


def _identity(problem: Problem) -> str:
    return fingerprint(problem, {}, (), seed=0, dtype=problem.dtype, device=torch.device("cpu"), row_weights={})


def _stored(target: Path, text: str) -> Run | None:
    """Stored run of the same problem, method and settings; None where there is none."""
    found = _read(target)
    try:
        run = None if found is None else Run.from_dict(found)
    except (KeyError, TypeError):  # written by an earlier version
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
    """File name of a method or problem."""
    return re.sub(r"[^A-Za-z0-9.+_-]+", "_", name)
