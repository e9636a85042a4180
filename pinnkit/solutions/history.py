"""The record of a solve: loss of every term against steps and seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["History", "Record"]


@dataclass(frozen=True)
class Record:
    """One line of the history: what the loop knows after a step, and what callbacks see.

    Args:
        step: steps taken so far, over all solvers.
        steps: steps that all solvers may take at most.
        solver: name of the solver at work.
        seconds: since the solve began.
        loss: the weighted sum of the terms' mean costs.
        terms: the mean cost of each term, unweighted.
        measures: what a `Monitor` measured after this step; empty after most.
    """

    step: int
    steps: int
    solver: str
    seconds: float
    loss: float
    terms: Mapping[str, float]
    measures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class History:
    """Arrays of one length, one entry a recorded step; a measure is NaN where it was not taken."""

    step: NDArray[np.int64]
    seconds: NDArray[np.float64]
    solver: tuple[str, ...]
    loss: NDArray[np.float64]
    terms: Mapping[str, NDArray[np.float64]]
    measures: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    @classmethod
    def of(cls, records: Sequence[Record]) -> History:
        """The history made of `records`."""
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
