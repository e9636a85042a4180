"""The history of a solve: the loss of every term against steps and seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["History", "Record"]


@dataclass(frozen=True)
class Record:
    """One line of the history, passed to callbacks after a step.

    Args:
        step: steps taken so far by all solvers.
        steps: limit of the steps of all solvers.
        solver: name of the solver that took the step.
        seconds: time since the start of the solve.
        loss: weighted sum of the terms' mean costs.
        terms: mean cost of each term, unweighted.
        measures: values that a `Monitor` took after this step; empty after most steps.
    """

    step: int
    steps: int
    solver: str
    seconds: float
    loss: float
    terms: Mapping[str, float]
    measures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class History:
    """The recorded steps of a solve, as arrays of one length.

    Args:
        step: numbers of the steps.
        seconds: times since the start of the solve.
        solver: names of the solvers.
        loss: weighted sums of the terms' mean costs.
        terms: for each term its mean cost, unweighted; NaN where it was not computed.
        measures: for each measure of a `Monitor` its values; NaN at steps where it was not taken.
    """

    step: NDArray[np.int64]
    seconds: NDArray[np.float64]
    solver: tuple[str, ...]
    loss: NDArray[np.float64]
    terms: Mapping[str, NDArray[np.float64]]
    measures: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    @classmethod
    def of(cls, records: Sequence[Record]) -> History:
        """Collect records into arrays."""
        names = tuple(dict.fromkeys(name for r in records for name in r.terms))
        measured = tuple(dict.fromkeys(name for r in records for name in r.measures))
        return cls(
            np.array([r.step for r in records], dtype=np.int64),
            np.array([r.seconds for r in records], dtype=np.float64),
            tuple(r.solver for r in records),
            np.array([r.loss for r in records], dtype=np.float64),
            {name: np.array([r.terms.get(name, np.nan) for r in records], dtype=np.float64) for name in names},
            {name: np.array([r.measures.get(name, np.nan) for r in records], dtype=np.float64) for name in measured},
        )
