"""What `solve` accepts: checked once, at the boundary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from pinnkit.solutions.solution import Solution
from pinnkit.solvers.least_squares.least_squares import LeastSquares
from pinnkit.solvers.protocols import Solver
from pinnkit.solvers.training.loop import Callback

__all__ = ["check", "check_schemes", "device_of"]


def device_of(device: str) -> torch.device:
    """The device that `device` names; "auto" takes CUDA where there is one.

    Raises:
        ValueError: for a name that is none, or a device that is not there.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"solve: `device` must be 'auto', 'cpu' or 'cuda', got {device!r}") from error
    if found.type not in ("cpu", "cuda"):
        raise ValueError(f"solve: `device` must be 'auto', 'cpu' or 'cuda', got {device!r}")
    if found.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"solve: device {device!r} was asked for, but torch sees no CUDA device; use device='cpu'")
    return found


def check_schemes(adaptive: object, weights: Sequence[object], solvers: Sequence[Solver]) -> None:
    """Whether they are what they are called, and can work with these solvers."""
    if adaptive is not None and (isinstance(adaptive, type) or not hasattr(adaptive, "choose")):
        raise TypeError(f"solve: `adaptive` must be an object such as RAD() or R3(), got {adaptive!r}")
    for scheme in weights:
        if isinstance(scheme, type) or not hasattr(scheme, "update"):
            raise TypeError(f"solve: `weights` must be objects such as GradientNorm() or Causal(), got {scheme!r}")
    named = [n for n, given in (("adaptive", adaptive is not None), ("weights", bool(weights))) if given]
    for solver in solvers if named else ():
        if getattr(solver, "batch", None) is not None:
            raise ValueError(
                f"solve: `{named[0]}` keeps track of points, and {solver!r} draws fresh ones at every step; "
                f"leave `batch` out"
            )
    if named and all(isinstance(s, LeastSquares) for s in solvers):
        raise ValueError(f"solve: `{named[0]}` is for trained fields; LeastSquares solves for the read-out at once")


def check(
    seed: int,
    tolerance: float | None,
    seconds: float | None,
    start: Solution | None,
    out: str | Path | None,
    resume: bool,
    checkpoint_seconds: float,
    callbacks: Sequence[Callback],
) -> None:
    """Refuse what no road could use, with what was expected.

    Raises:
        ValueError, TypeError: for the first argument that is wrong.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(f"solve: `seed` must be a whole number from 0, got {seed!r}")
    for name, value in (("tolerance", tolerance), ("seconds", seconds)):
        if value is not None and (not isinstance(value, (int, float)) or not value > 0):
            raise ValueError(f"solve: `{name}` must be a positive number, got {value!r}")
    if not isinstance(checkpoint_seconds, (int, float)) or not checkpoint_seconds >= 0:
        raise ValueError(f"solve: `checkpoint_seconds` must be a number of at least 0, got {checkpoint_seconds!r}")
    if start is not None and not isinstance(start, Solution):
        raise TypeError(f"solve: `start` must be a Solution, what `solve` or `load` gives, got {type(start).__name__}")
    if resume and out is None:
        raise ValueError("solve: `resume` needs the folder of the run, out='results/name'")
    if out is not None and Path(out).exists() and not Path(out).is_dir():
        raise ValueError(f"solve: `out` must be a folder, and {str(out)!r} is a file")
    if not isinstance(callbacks, (list, tuple)) or not all(map(callable, callbacks)):
        raise TypeError(f"solve: `callbacks` must be a list of functions of a Record, got {callbacks!r}")
