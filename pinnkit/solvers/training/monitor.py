"""Measurements during training, such as the error at held-out data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pinnkit.solutions.evaluation import FieldSet

__all__ = ["Monitor"]


@dataclass(frozen=True)
class Monitor:
    """Measurements after every `every` steps: shown in the progress bar, kept in the history, never used for training.

    ``Monitor({"psnr": held_out_psnr}, every=100)``.  Their time is not counted as the solve's.

    Args:
        measures: ``name -> function(fields) -> float``, of the fields at that step.
        every: steps between two measurements; the last step is measured too.

    Raises:
        ValueError: for `every` below 1, or no measure.
    """

    measures: Mapping[str, Callable[[FieldSet], float]]
    every: int = 100

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"Monitor: `every` must be at least 1, got {self.every}")
        if not isinstance(self.measures, Mapping) or not all(callable(f) for f in self.measures.values()):
            raise ValueError(f"Monitor: `measures` must be a mapping of names to functions, got {self.measures!r}")

    def take(self, fields: FieldSet) -> dict[str, float]:
        """Measure the fields."""
        return {name: float(measure(fields)) for name, measure in self.measures.items()}
