"""Export of a solution to a file of another program, by the ending of its name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pinnkit.solutions.solution import Solution
from pinnkit.solutions.storage import Saved

from .programs import write_exported, write_onnx
from .values import write_csv, write_mesh, write_npz

__all__ = ["export"]

_PROGRAMS = {".onnx": write_onnx, ".pt2": write_exported}
_VALUES = {".csv": write_csv, ".npz": write_npz, ".vtu": write_mesh, ".vtk": write_mesh}


def export(
    solution: Solution | Saved, path: str | Path, *, points: int | None = None, at: Mapping[str, float] | None = None
) -> Path:
    """Write a solution to a file of another program.

    ``.onnx`` and ``.pt2`` (torch.export) are programs: one input a coordinate, vectors of one length, one output an
    unknown, through the ansatz.  ``.csv`` and ``.npz`` are values on a grid, ``.vtu`` and ``.vtk`` on a grid of space
    at one time.

    Args:
        solution: a solution, or what `load` gives.
        path: the file; its ending chooses the format.
        points: number of points along each axis of a grid; about 40,000 in all by default.
        at: values of axes that are fixed, ``{"t": 1.0}``; for meshes the end of time by default.

    Returns:
        The file.

    Raises:
        TypeError: for anything but a solution.
        ValueError: for another ending, a field that cannot be traced (the message names those that can), and a saved
            solution that needs its problem.
    """
    if isinstance(solution, Saved):
        if solution.evaluator is None:
            raise ValueError(
                f"export: '{solution.path}' needs its problem: {solution.needs_problem}; "
                "use load(path, problem=...), or --problem FILE"
            )
        solution = solution.evaluator
    if not isinstance(solution, Solution):
        raise TypeError(f"export: `solution` must be a Solution or what load() gives, got {type(solution).__name__}")
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix in _PROGRAMS:
        if points is not None or at:
            raise ValueError(f"export: `points` and `at` are for grids, and {suffix} is a program of all coordinates")
        return _PROGRAMS[suffix](solution, target)
    if suffix not in _VALUES:
        raise ValueError(f"export: the file must end in {', '.join([*_PROGRAMS, *_VALUES])}, got '{target.name}'")
    if points is not None and (isinstance(points, bool) or points < 2):
        raise ValueError(f"export: `points` must be a whole number of at least 2, got {points!r}")
    return _VALUES[suffix](solution, target, points, at or {})
