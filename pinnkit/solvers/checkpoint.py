"""Checkpoints: all that a run needs to go on bit for bit, without pickle, replaced atomically."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from pinnkit.history import Record

from .objective import State

__all__ = ["Checkpoint", "read", "write"]


@dataclass(frozen=True)
class Checkpoint:
    """Where a run stands.

    Args:
        fingerprint: what run it is (problem, fields, solvers, seed, dtype); a resumed run must have the same.
        solver: index of the solver at work.
        step: steps that it has taken.
        state: of that solver.
        records: the history so far.
        seconds: used so far.
    """

    fingerprint: str
    solver: int
    step: int
    state: State
    records: Sequence[Record]
    seconds: float


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Write to a temporary name beside `path`, then rename: a killed run leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with h5py.File(temporary, "w") as file:
        file.attrs["fingerprint"] = checkpoint.fingerprint
        file.attrs["solver"] = checkpoint.solver
        file.attrs["step"] = checkpoint.step
        file.attrs["seconds"] = checkpoint.seconds
        file.create_dataset("records", data=json.dumps([asdict(r) for r in checkpoint.records]))
        _put(file.create_group("state"), checkpoint.state)
    os.replace(temporary, path)


def read(path: Path) -> Checkpoint:
    """Read what `write` wrote.

    Raises:
        ValueError: for a file that is no checkpoint.
    """
    try:
        with h5py.File(path, "r") as file:
            records = json.loads(file["records"][()])
            return Checkpoint(
                str(file.attrs["fingerprint"]),
                int(file.attrs["solver"]),
                int(file.attrs["step"]),
                _get(file["state"]),
                [Record(**r) for r in records],
                float(file.attrs["seconds"]),
            )
    except (OSError, KeyError, json.JSONDecodeError) as error:
        raise ValueError(
            f"resume: {path} is no readable checkpoint ({error}); start afresh without --resume"
        ) from error


def _put(group: h5py.Group, value: Mapping[str, Any] | Sequence[Any]) -> None:
    items = list(value.items()) if isinstance(value, Mapping) else [(f"{i:06d}", v) for i, v in enumerate(value)]
    for key, item in items:
        if isinstance(item, torch.Tensor):
            group.create_dataset(key, data=item.detach().cpu().numpy())
        elif isinstance(item, (Mapping, list, tuple)):
            inner = group.create_group(key)
            inner.attrs["list"] = not isinstance(item, Mapping)
            _put(inner, item)
        else:
            group.attrs[key] = item


def _get(group: h5py.Group) -> dict[str, Any]:
    out: dict[str, Any] = {k: v.item() for k, v in group.attrs.items() if k != "list"}
    for key, item in group.items():
        if isinstance(item, h5py.Dataset):
            out[key] = torch.from_numpy(np.array(item[()]))
        else:
            inner = _get(item)
            out[key] = [inner[k] for k in sorted(inner)] if item.attrs["list"] else inner
    return out
