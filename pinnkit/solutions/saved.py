"""Solutions as they come back from their files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from pinnkit.files.printable import printable

from .history import History
from .solution import Derivative, Solution
from .status import Status

__all__ = ["Saved"]


@dataclass(frozen=True, repr=False, eq=False)
class Saved:
    """A solution read from its file; the result of `load`.

    ``saved.grid["u"]`` are the stored values, beside the coordinates ``saved.grid["x"]``.  Evaluation at points, `d`
    and `on_grid` work as for a `Solution`, but need ``load(path, problem=...)`` where the problem has code that no file
    holds: an ansatz, or a domain that is made of a function, such as a `Region`.

    Args:
        path: the file.
        name: the problem's name.
        grid: coordinates and values; one entry a scattered point where no grid can fill the domain.
        history: loss of every term against steps and seconds.
        status: the end of the solve.
        coefficients: fitted values of the coefficients.
        metadata: everything else as plain values: field, solvers, choice, seed, device, dtype, steps, versions ...
        problem_text: text of the problem file at the time of the solve, if there was one.
        problem_hash: its SHA-256, in hexadecimal.
        needs_problem: the reason why points cannot be evaluated without the problem; empty where they can.
        evaluator: a solution that can be evaluated; None where that needs the problem.
        complete: whether the evaluator holds the problem itself, with its equations.
    """

    path: Path
    name: str
    grid: Mapping[str, NDArray[Any]]
    history: History
    status: Status
    coefficients: Mapping[str, float]
    metadata: Mapping[str, Any]
    problem_text: str | None
    problem_hash: str | None
    needs_problem: str
    evaluator: Solution | None
    complete: bool

    @property
    def solution(self) -> Solution:
        """The solution itself, to validate or to draw; needs ``load(path, problem=...)``.

        Raises:
            ValueError: where it was loaded without its problem.
        """
        if self.evaluator is None or not self.complete:
            raise ValueError(
                f"'{self.path}' was loaded without its problem, whose equations no file holds; "
                f"use load({str(self.path)!r}, problem=...)"
            )
        return self.evaluator

    def __call__(self, **coords: ArrayLike | Tensor) -> dict[str, NDArray[Any]]:
        """The unknowns at points; as `Solution.__call__`."""
        return self._fields()(**coords)

    def d(self, *axes: str) -> Derivative:
        """A derivative; as `Solution.d`."""
        return self._fields().d(*axes)

    def on_grid(self, **axes: int | ArrayLike) -> dict[str, NDArray[Any]]:
        """The unknowns on a grid of your own; as `Solution.on_grid`.  The stored one is `grid`."""
        return self._fields().on_grid(**axes)

    def _fields(self) -> Solution:
        if self.evaluator is None:
            raise ValueError(
                f"'{self.path}' cannot be evaluated at points by itself: {self.needs_problem}; "
                f"use load({str(self.path)!r}, problem=...), or the stored values in `.grid`"
            )
        return self.evaluator

    def __repr__(self) -> str:
        shape = next((v.shape for k, v in self.grid.items() if k in self.metadata["unknowns"]), ())
        text = f"<saved solution of '{self.name}' from '{self.path}', values {shape}, {self.status.name.lower()}>"
        return printable(text)
