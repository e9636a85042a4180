"""history.csv: the loss of every term, and the measures of a monitor, against steps and seconds."""

from __future__ import annotations

import csv
from pathlib import Path

from pinnkit.solutions.files import replacing
from pinnkit.solutions.history import History

__all__ = ["write_history"]


def write_history(history: History, folder: Path) -> Path:
    """Write history.csv into `folder`; returns the file."""
    target = folder / "history.csv"
    with replacing(target) as temporary, temporary.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["step", "seconds", "solver", "loss", *history.terms, *history.measures])
        columns = (history.step, history.seconds, history.solver, history.loss)
        columns += (*history.terms.values(), *history.measures.values())  # type: ignore[assignment]
        writer.writerows(zip(*columns, strict=True))
    return target
