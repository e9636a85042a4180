"""Checkpoints: everything that a run needs to continue bit for bit, without pickle, replaced atomically."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import h5py
import numpy as np
import torch

from pinnkit.solutions.files import replacing
from pinnkit.solutions.hdf5_image import hdf5_image
from pinnkit.solutions.history import Record
from pinnkit.solvers.protocols import State, StateValue

__all__ = ["Checkpoint", "CheckpointWarning", "failure", "read", "write"]


class CheckpointWarning(RuntimeWarning):
    """A checkpoint could not be written; the run goes on."""


def failure(path: Path, error: OSError) -> str:
    """The text of a `CheckpointWarning`."""
    kept = "the one before is kept" if path.exists() else "there is none to resume from yet"
    return f"the checkpoint '{path}' could not be written ({error.strerror or error}); the run goes on, and {kept}"


@dataclass(frozen=True)
class Checkpoint:
    """Position of a run.

    Args:
        fingerprint: identity of the run (problem, fields, solvers, seed, dtype); a resumed run must have the same.
        solver: index of the current solver.
        step: number of steps that it has taken.
        state: of that solver.
        records: history so far.
        seconds: time used so far.
    """

    fingerprint: str
    solver: int
    step: int
    state: State
    records: Sequence[Record]
    seconds: float


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Write to a temporary name beside `path`, then rename: a killed run leaves the old file or the new one.

    Raises:
        OSError: where the file cannot be written; the old one is still there.
    """

    def fill(file: h5py.File) -> None:
        file.attrs["fingerprint"] = checkpoint.fingerprint
        file.attrs["solver"] = checkpoint.solver
        file.attrs["step"] = checkpoint.step
        file.attrs["seconds"] = checkpoint.seconds
        file.create_dataset("records", data=json.dumps([asdict(r) for r in checkpoint.records]))
        _put(file.create_group("state"), checkpoint.state)

    image = hdf5_image(fill)
    # One name, so that the next run overwrites the remains of a killed one.
    with replacing(path, temporary=path.with_name(f".{path.name}.part")) as temporary:
        temporary.write_bytes(image)


def read(path: Path) -> Checkpoint:
    """Read a file of `write`.

    Raises:
        ValueError: for a file that is not a checkpoint.
    """
    try:
        with h5py.File(path, "r") as file:
            records = json.loads(file["records"][()])
            return Checkpoint(
                str(file.attrs["fingerprint"]),
                int(file.attrs["solver"]),
                int(file.attrs["step"]),
                cast(State, _get(file["state"])),
                [Record(**r) for r in records],
                float(file.attrs["seconds"]),
            )
    except (OSError, KeyError, TypeError, ValueError, RuntimeError) as error:  # errors of h5py for broken files
        reason = " ".join(str(error).split())
        raise ValueError(
            f"resume: {path} is no readable checkpoint ({reason}); start afresh without --resume"
        ) from error


# Keys are numbered and stored beside their values: names of terms may contain characters that HDF5 does not allow.
def _put(group: h5py.Group, value: Mapping[str, StateValue] | Sequence[StateValue]) -> None:
    keys = list(value) if isinstance(value, Mapping) else None
    items = list(value.values()) if isinstance(value, Mapping) else list(value)
    group.attrs["keys"] = json.dumps(keys)
    group.attrs["count"] = len(items)
    for i, item in enumerate(items):
        if isinstance(item, torch.Tensor):
            group.create_dataset(str(i), data=item.detach().cpu().numpy())
        elif isinstance(item, (Mapping, list, tuple)):
            _put(group.create_group(str(i)), item)
        elif isinstance(item, (bool, int, float, str)):
            group.attrs[str(i)] = item
        else:
            raise TypeError(f"checkpoint: a state holds tensors, numbers, lists and dicts, got {type(item).__name__}")


def _get(group: h5py.Group) -> StateValue:
    items = [_item(group, str(i)) for i in range(int(group.attrs["count"]))]
    keys = json.loads(group.attrs["keys"])
    return items if keys is None else dict(zip(keys, items, strict=True))


def _item(group: h5py.Group, name: str) -> StateValue:
    if name in group.attrs:
        value = group.attrs[name]
        return value if isinstance(value, str) else cast(StateValue, value.item())
    item = group[name]
    return torch.from_numpy(np.array(item[()])) if isinstance(item, h5py.Dataset) else _get(item)
