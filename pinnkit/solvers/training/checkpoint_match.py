"""Comparison of a checkpoint with the run that continues from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from pinnkit.files.unreadable import UnreadableFile
from pinnkit.solvers.protocols import Solver

from .checkpoint import Checkpoint

__all__ = ["check_match"]


def check_match(saved: Checkpoint, fingerprint: str, solvers: Sequence[Solver], theta: Tensor, path: Path) -> None:
    """Check that a checkpoint belongs to this run, and that its state is one of its solvers.

    Args:
        saved: the checkpoint.
        fingerprint: identity of this run.
        solvers: of this run.
        theta: initial values of this run ``(P,)``.
        path: file of the checkpoint.

    Raises:
        UnreadableFile: for another run, and for a state that this run cannot have reached.
    """
    if saved.fingerprint != fingerprint:
        raise UnreadableFile(
            path,
            f"belongs to another run, {saved.fingerprint!r}; this is {fingerprint!r}. Use the same problem, "
            f"field, solvers, seed and dtype, or start afresh without --resume",
            "resume",
        )
    state = saved.state
    found = state.get("theta")
    fits = (
        saved.solver < len(solvers)
        and saved.step <= solvers[saved.solver].steps
        and isinstance(found, Tensor)
        and (found.shape, found.dtype) == (theta.shape, theta.dtype)
        and isinstance(state.get("loss"), Tensor)
        and isinstance(state.get("terms", {}), Mapping)
        and isinstance(state.get("done"), bool)
    )
    if not fits:
        words = "is no readable checkpoint (its state is not one of this run); start afresh without --resume"
        raise UnreadableFile(path, words, "resume")
