"""One run of one way to solve, measured at several moments of its own clock."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from pinnkit.fields import FieldSpec
from pinnkit.problem import Problem
from pinnkit.report import number
from pinnkit.solvers import Solver
from pinnkit.solvers import solve as run_solve
from pinnkit.status import Status
from pinnkit.validate import validate

if TYPE_CHECKING:
    from pinnkit.reference import Reference

__all__ = ["Moment", "Run", "Way", "measure"]

_FIRST = 1.0  # second of a run at which it is measured for the first time, then at 2, 4, 8, ...


@dataclass(frozen=True)
class Way:
    """One way to solve, under a name.

    Args:
        name: what tables and figures call it.
        field: as `solve` takes it, but no ready module, since every run must start afresh.
        solvers: as `solve` takes them; None chooses, with a field or without.

    Raises:
        ValueError: for a ready module.
    """

    name: str
    field: FieldSpec | Mapping[Any, FieldSpec] | None = None
    solvers: Solver | Sequence[Solver] | None = None

    def __post_init__(self) -> None:
        fields = self.field.values() if isinstance(self.field, Mapping) else (self.field,)
        if any(isinstance(f, nn.Module) for f in fields):
            raise ValueError(
                f"Way '{self.name}': a ready module would go on from the run before; give its spec, such as Siren()"
            )

    @property
    def text(self) -> str:
        """What decides its results, in a line."""
        return f"{self.field!r} by {self.solvers!r}"

    @property
    def goes_on(self) -> bool:
        """Whether a run that its time has stopped can go on: what is trained can, a least-squares solve is one step."""
        if self.solvers is None:
            return self.field is not None and not hasattr(self.field, "bandwidth")
        given = self.solvers if isinstance(self.solvers, Sequence) else (self.solvers,)
        return all(hasattr(s, "draw") for s in given)


@dataclass(frozen=True)
class Moment:
    """What a run has after so many seconds.

    Args:
        seconds: of the solve; measuring is not counted.
        rel_l2: the relative error that may be claimed, of the worst unknown; None where it is not finite.
        is_bound: whether it is an upper bound only, as what it was measured against is known no better.
        max_error: the greatest error that may be claimed, likewise.
        residual: root mean square of the terms' residuals on fresh points.
    """

    seconds: float
    rel_l2: float | None
    is_bound: bool
    max_error: float | None
    residual: float | None


@dataclass(frozen=True)
class Run:
    """One way with one seed.

    Args:
        way: its name.
        seed: of the solve.
        text: what decides the result: another text is another run.
        moments: what it had after 1, 2, 4, ... seconds and at its end.
        status: how it ended, the name of a `Status`; empty while it is not at its end.
        failed: why it has no result; empty where it has one.
        against: what errors were measured against.
        warnings: what validation says of it.
        choice: which field and solver were taken and why.
    """

    way: str
    seed: int
    text: str
    moments: tuple[Moment, ...] = ()
    status: str = ""
    failed: str = ""
    against: str = ""
    warnings: tuple[str, ...] = ()
    choice: str = ""

    @property
    def error(self) -> float:
        """The relative error at its end; infinite for a run that failed, or has nothing to be measured against."""
        found = self.moments[-1].rel_l2 if self.moments and not self.failed else None
        return math.inf if found is None else found

    @property
    def error_text(self) -> str:
        """The same in words: `4.8e-10`, `<= 1.5e-07`, `failed`."""
        if self.failed:
            return "failed"
        if not math.isfinite(self.error):
            return "not measured" if self.against == "" else "not finite"
        return f"{'<= ' if self.moments[-1].is_bound else ''}{number(self.error)}"

    @property
    def seconds(self) -> float:
        """Seconds of the solve."""
        return self.moments[-1].seconds if self.moments else 0.0

    def plain(self) -> dict[str, Any]:
        """What JSON can hold."""
        return asdict(self)

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Run:
        """What `plain` gave, read back."""
        moments = tuple(Moment(**m) for m in plain["moments"])
        return cls(**{**plain, "moments": moments, "warnings": tuple(plain["warnings"])})


def measure(
    problem: Problem,
    way: Way,
    seed: int,
    *,
    text: str,
    seconds: float,
    reference: Reference | None,
    folder: Path,
    before: Run | None,
) -> tuple[Run, bool]:
    """Solve until the next moment and measure; and whether the run has come to its end.

    The run stops where its clock says so, is measured, and goes on from its checkpoint, bit for bit as one that was
    never stopped: no clock runs while errors are measured.

    Args:
        problem: what to solve.
        way: how.
        seed: of the solve.
        text: what decides the result.
        seconds: that the run may take at most.
        reference: what to measure against where there is no closed form.
        folder: of its checkpoint.
        before: the same run as it was at the moment before this one.
    """
    done = () if before is None else before.moments
    limit = min(_FIRST * 2 ** len(done), seconds) if way.goes_on else seconds
    solution = run_solve(
        problem,
        way.field,
        way.solvers,
        seed=seed,
        seconds=limit,
        out=folder if way.goes_on else None,
        resume=way.goes_on,
        checkpoint_seconds=math.inf,  # at the end of each part is enough
    )
    if solution.status is Status.INTERRUPTED:
        raise KeyboardInterrupt
    report = validate(solution, reference=reference, budget=0.0)
    head = report.headline
    moment = Moment(
        solution.seconds,
        _finite(None if head is None else head.rel_l2),
        head is not None and head.is_bound,
        _finite(None if head is None else head.max_error),
        _finite(report.residual_rms),
    )
    ended = solution.status is not Status.TIME or limit >= seconds
    failed = "" if solution.status.good else f"{solution.status.name}: {solution.status.value}"
    return Run(
        way.name,
        seed,
        text,
        (*done, moment),
        solution.status.name if ended else "",
        failed,
        "" if head is None else head.against,
        report.warnings,
        solution.choice,
    ), ended


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
