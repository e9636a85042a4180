"""Run of one method with one seed, measured at several times of its solve."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from pinnkit.fields import FieldSpec
from pinnkit.problem.problem import Problem
from pinnkit.reports.report import number
from pinnkit.reports.validation import validate
from pinnkit.solutions.status import Status
from pinnkit.solvers import solve as run_solve
from pinnkit.solvers.protocols import Method as AnySolver

if TYPE_CHECKING:
    from pinnkit.references import Reference

__all__ = ["Measurement", "Method", "Run", "measure"]

_FIRST = 1.0  # seconds of the solve before the first measurement; the next are after 2, 4, 8, ...


@dataclass(frozen=True)
class Method:
    """Named choice of field and solvers.

    Args:
        name: label in tables and figures.
        field: as `solve` takes it, except a ready module, since every run must start from new parameters.
        solvers: as `solve` takes them; None chooses automatically, with a field or without.

    Raises:
        ValueError: for a ready module.
    """

    name: str
    field: FieldSpec | Mapping[Any, FieldSpec] | None = None
    solvers: AnySolver | Sequence[AnySolver] | None = None

    def __post_init__(self) -> None:
        fields = self.field.values() if isinstance(self.field, Mapping) else (self.field,)
        if any(isinstance(f, nn.Module) for f in fields):
            raise ValueError(
                f"Method '{self.name}': a ready module would go on from the run before; give its spec, such as Siren()"
            )

    @property
    def text(self) -> str:
        """One line that identifies field and solvers; a stored run with another text is not used."""
        return f"{self.field!r} by {self.solvers!r}"

    @property
    def resumable(self) -> bool:
        """True if a run stopped by its time limit can be resumed: for training, but not for least squares."""
        if self.solvers is None:
            return self.field is not None and not hasattr(self.field, "bandwidth")
        given = self.solvers if isinstance(self.solvers, Sequence) else (self.solvers,)
        return all(hasattr(s, "draw") for s in given)


@dataclass(frozen=True)
class Measurement:
    """Errors of a run after a given time.

    Args:
        seconds: of the solve, without the time of validation.
        rel_l2: relative L2 error of the worst unknown; None where it is not finite.
        is_bound: whether `rel_l2` is an upper bound, limited by the error bar of the reference.
        max_error: largest absolute error, or its bound; None where it is not finite.
        residual: root mean square of the residuals of all terms at new points.
    """

    seconds: float
    rel_l2: float | None
    is_bound: bool
    max_error: float | None
    residual: float | None


@dataclass(frozen=True)
class Run:
    """One method with one seed.

    Args:
        method: its name.
        seed: of the solve.
        text: identity of problem, method and settings; a stored run with another text is not used.
        measurements: after 1, 2, 4, ... seconds and at the end.
        status: name of the final `Status`; empty before the end.
        failed: reason why there is no result; empty where there is one.
        against: name of the solution that the errors refer to.
        warnings: of validation.
        choice: field and solvers chosen, with the reason.
    """

    method: str
    seed: int
    text: str
    measurements: tuple[Measurement, ...] = ()
    status: str = ""
    failed: str = ""
    against: str = ""
    warnings: tuple[str, ...] = ()
    choice: str = ""

    @property
    def error(self) -> float:
        """Final relative L2 error; infinite for a failed run and for one without an exact or reference solution."""
        found = self.measurements[-1].rel_l2 if self.measurements and not self.failed else None
        return math.inf if found is None else found

    @property
    def error_text(self) -> str:
        """Final error as text: `4.8e-10`, `<= 1.5e-07`, `failed`."""
        if self.failed:
            return "failed"
        if not math.isfinite(self.error):
            return "not measured" if self.against == "" else "not finite"
        return f"{'<= ' if self.measurements[-1].is_bound else ''}{number(self.error)}"

    @property
    def seconds(self) -> float:
        """Seconds of the solve."""
        return self.measurements[-1].seconds if self.measurements else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Run:
        """Run from the values of `to_dict`.

        Raises:
            KeyError, TypeError: where fields are missing or unknown.
        """
        measurements = tuple(Measurement(**m) for m in plain["measurements"])
        return cls(**{**plain, "measurements": measurements, "warnings": tuple(plain["warnings"])})


def measure(
    problem: Problem,
    method: Method,
    seed: int,
    *,
    text: str,
    seconds: float,
    reference: Reference | None,
    folder: Path,
    before: Run | None,
    device: str = "auto",
    dtype: torch.dtype | None = None,
) -> tuple[Run, bool]:
    """Solve until the next measurement; return the run so far and whether it has ended.

    The solve stops at its time limit, is validated, and is resumed from its checkpoint with the same bits as an
    uninterrupted solve.  The time of validation is not counted.

    Args:
        problem: to be solved.
        method: field and solvers.
        seed: of the solve.
        text: identity of problem, method and settings.
        seconds: longest time of the run.
        reference: solution to compare with where there is no closed form.
        folder: of the checkpoint.
        before: the same run after the previous measurement.
        device: as in `solve`.
        dtype: as in `solve`.
    """
    done = () if before is None else before.measurements
    limit = min(_FIRST * 2 ** len(done), seconds) if method.resumable else seconds
    solution = run_solve(
        problem,
        method.field,
        method.solvers,
        seed=seed,
        device=device,
        dtype=dtype,
        seconds=limit,
        out=folder if method.resumable else None,
        resume=method.resumable,
        checkpoint_seconds=math.inf,  # one checkpoint at the end of each part is enough
    )
    if solution.status is Status.INTERRUPTED:
        raise KeyboardInterrupt
    report = validate(solution, reference=reference, budget=0.0)
    head = report.headline
    measurement = Measurement(
        solution.seconds,
        _finite(None if head is None else head.rel_l2),
        head is not None and head.is_bound,
        _finite(None if head is None else head.max_error),
        _finite(report.residual_rms),
    )
    ended = solution.status is not Status.TIME or limit >= seconds
    failed = "" if solution.status.good else f"{solution.status.name}: {solution.status.value}"
    return Run(
        method.name,
        seed,
        text,
        (*done, measurement),
        solution.status.name if ended else "",
        failed,
        "" if head is None else head.against,
        report.warnings,
        solution.choice,
    ), ended


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
