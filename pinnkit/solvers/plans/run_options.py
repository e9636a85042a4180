"""Options of a run, in one frozen object, checked once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from pinnkit.problem.problem import Problem
from pinnkit.solutions.known_values import KnownValues
from pinnkit.solutions.solution import Solution
from pinnkit.solvers.training.adaptive_points import Adaptive
from pinnkit.solvers.training.loop import CHECKPOINT_SECONDS, Callback
from pinnkit.solvers.training.monitor import Monitor
from pinnkit.solvers.training.weights import Weights

__all__ = ["RunOptions", "device_of"]


@dataclass(frozen=True)
class RunOptions:
    """Everything that a run needs beside the problem and the plan.

    Args:
        seed: of the features or weights, and of the points.
        device: "auto" takes CUDA where there is one; else a torch device.
        dtype: of the solve; None takes the problem's.  Least squares always works in float64.
        tolerance: stop once the rms residual of every term is at most this (for a search of random sines: the relative
            residual at held-out points).
        seconds: time limit of the whole run in seconds.
        adaptive: collocation points that follow the residual; None takes those of the plan.
        weights: weighting schemes whose factors multiply the row-norm weights.
        slabs: number of equal slabs of time, or the times between them; None solves for all times together.
        compiles: whether training uses compiled derivatives; None counts steps, points and parameters.
        balance: whether terms are weighted by their row norms; False takes the weights of the terms as they are.
        monitor: measurements while a field is trained.
        start: solution of the same fields, whose state is the start of training; or a reference, to whose values the
            fields are fitted first.
        out: folder for checkpoints; None writes nothing.
        resume: continue from the checkpoint in `out`.
        checkpoint_seconds: time between two checkpoints in seconds.
        callbacks: functions called with a `Record` after every recorded step; returning True ends the run.

    Raises:
        ValueError, TypeError: for the first option that is wrong, with what was expected.
    """

    seed: int = 0
    device: str = "auto"
    dtype: torch.dtype | None = None
    tolerance: float | None = None
    seconds: float | None = None
    adaptive: Adaptive | None = None
    weights: Weights | Sequence[Weights] = ()
    slabs: int | Sequence[float] | None = None
    compiles: bool | None = None
    balance: bool = True
    monitor: Monitor | None = None
    start: Solution | KnownValues | None = field(default=None, hash=False)
    out: str | Path | None = None
    resume: bool = False
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    callbacks: Sequence[Callback] = ()

    def __post_init__(self) -> None:
        """Check the options, and keep sequences as tuples."""
        self._check_numbers()
        if self.start is not None and not isinstance(self.start, Solution | KnownValues):
            raise TypeError(
                "solve: `start` must be a Solution, what `solve` or `load` gives, or a Reference, got "
                f"{type(self.start).__name__}"
            )
        if self.resume and self.out is None:
            raise ValueError("solve: `resume` needs the folder of the run, out='results/name'")
        if self.out is not None and Path(self.out).exists() and not Path(self.out).is_dir():
            raise ValueError(f"solve: `out` must be a folder, and {str(self.out)!r} is a file")
        if not isinstance(self.callbacks, (list, tuple)) or not all(map(callable, self.callbacks)):
            raise TypeError(f"solve: `callbacks` must be a list of functions of a Record, got {self.callbacks!r}")
        device_of(self.device)
        if self.dtype not in (None, torch.float32, torch.float64):
            raise ValueError(f"solve: `dtype` must be torch.float32 or torch.float64, got {self.dtype}")
        object.__setattr__(self, "callbacks", tuple(self.callbacks))
        object.__setattr__(self, "weights", self.schemes)
        object.__setattr__(self, "out", None if self.out is None else Path(self.out))
        if isinstance(self.slabs, list):
            object.__setattr__(self, "slabs", tuple(self.slabs))
        if self.adaptive is not None and (isinstance(self.adaptive, type) or not isinstance(self.adaptive, Adaptive)):
            raise TypeError(f"solve: `adaptive` must be an object such as RAD() or R3(), got {self.adaptive!r}")
        for scheme in self.schemes:
            if isinstance(scheme, type) or not isinstance(scheme, Weights):
                raise TypeError(f"solve: `weights` must be objects such as GradientNorm() or Causal(), got {scheme!r}")

    @property
    def schemes(self) -> tuple[Weights, ...]:
        """Weighting schemes as a tuple."""
        return tuple(self.weights) if isinstance(self.weights, Sequence) else (self.weights,)

    @property
    def folder(self) -> Path | None:
        """Folder for checkpoints."""
        return None if self.out is None else Path(self.out)

    @property
    def torch_device(self) -> torch.device:
        """Device of the run."""
        return device_of(self.device)

    def dtype_for(self, problem: Problem) -> torch.dtype:
        """Floating-point type of a solve of `problem`.

        Raises:
            ValueError: for a problem of another type than float32 or float64.
        """
        dtype = problem.dtype if self.dtype is None else self.dtype
        if dtype not in (torch.float32, torch.float64):
            raise ValueError(f"solve: `dtype` must be torch.float32 or torch.float64, got {self.dtype}")
        return dtype

    def _check_numbers(self) -> None:
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise ValueError(f"solve: `seed` must be a whole number from 0, got {self.seed!r}")
        for name, value in (("tolerance", self.tolerance), ("seconds", self.seconds)):
            if value is not None and (not isinstance(value, (int, float)) or not value > 0):
                raise ValueError(f"solve: `{name}` must be a positive number, got {value!r}")
        pause = self.checkpoint_seconds
        if not isinstance(pause, (int, float)) or math.isnan(pause) or pause < 0:
            raise ValueError(f"solve: `checkpoint_seconds` must be a number of at least 0, got {pause!r}")


def device_of(device: str, argument: str = "solve: `device`") -> torch.device:
    """Device that `device` names; "auto" takes CUDA where there is one.

    Args:
        device: "auto", "cpu", "cuda", or "cuda:1" for the second of several.
        argument: the argument that names it, for messages.

    Raises:
        ValueError: for a name that is none, or a device that is not available.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError):
        found = torch.device("meta")
    if found.type not in ("cpu", "cuda"):
        raise ValueError(f"{argument} must be auto, cpu, cuda, or cuda:1 for the second of several, got {device!r}")
    if found.type == "cuda" and not torch.cuda.is_available():
        why = "this PyTorch is built for CPUs only" if torch.version.cuda is None else "PyTorch finds none"
        raise ValueError(f"{argument}: no CUDA device is available here ({why}), got {device!r}; use cpu")
    if found.type == "cuda" and (found.index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"{argument}: there are {torch.cuda.device_count()} CUDA devices, counted from 0, got {device!r}"
        )
    return found
