"""Checkpoints: everything that a run needs to continue bit for bit, without pickle, replaced atomically.

A SHA-256 of all that follows is at the beginning of the file, as in solution.h5.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from pinnkit.files.content import Json, parse_json
from pinnkit.files.hdf5 import read_hdf5
from pinnkit.files.unreadable import UnreadableFile
from pinnkit.solutions.files import replacing
from pinnkit.solutions.hdf5_image import hdf5_image
from pinnkit.solutions.history import Record
from pinnkit.solutions.sealed import HEADER, check_seal, seal
from pinnkit.solvers.protocols import State, StateValue

__all__ = ["Checkpoint", "CheckpointWarning", "failure", "read", "write"]


class CheckpointWarning(RuntimeWarning):
    """A checkpoint could not be written; the run goes on."""


def failure(path: Path, error: OSError) -> str:
    """The text of a `CheckpointWarning`."""
    kept = "the one before is kept" if path.exists() else "there is none to resume from yet"
    return f"the checkpoint '{path}' could not be written ({error.strerror or error}); the run goes on, and {kept}"


_FORMAT = "pinnkit checkpoint"


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
    tensors: list[torch.Tensor] = []
    content = {
        "fingerprint": checkpoint.fingerprint,
        "solver": checkpoint.solver,
        "step": checkpoint.step,
        "seconds": checkpoint.seconds,
        "records": [asdict(r) for r in checkpoint.records],
        "state": _plain(checkpoint.state, tensors),
    }

    def fill(file: h5py.File) -> None:
        file.create_dataset("content", data=np.frombuffer(json.dumps(content).encode(), dtype=np.uint8))
        for i, tensor in enumerate(tensors):
            file.create_dataset(f"tensors/{i}", data=tensor.detach().cpu().numpy())

    image = hdf5_image(fill, header=HEADER)
    # One name, so that the next run overwrites the remains of a killed one.
    with replacing(path, temporary=path.with_name(f".{path.name}.part")) as temporary:
        temporary.write_bytes(image)
        seal(temporary, _FORMAT)


def read(path: Path) -> Checkpoint:
    """Read a file of `write`.

    Raises:
        UnreadableFile: for a file that is not a checkpoint, or was changed after it was written.
    """
    try:
        if not path.is_file():
            raise ValueError("there is no such file")
        if not check_seal(path, _FORMAT):
            raise ValueError("it has no checksum, as in earlier versions of pinnkit")
        return _read(read_hdf5(path).flat())
    except Exception as error:  # what h5py raises for hostile files, nobody lists
        reason = " ".join(str(error).split()) or type(error).__name__
        words = f"is no readable checkpoint ({reason[:160]}); start afresh without --resume"
        raise UnreadableFile(path, words, "resume") from None


def _read(arrays: Mapping[str, NDArray[Any]]) -> Checkpoint:
    content = parse_json(arrays["content"].tobytes().decode())
    match content:
        case {
            "fingerprint": str(fingerprint),
            "solver": int(solver),
            "step": int(step),
            "seconds": float() | int() as seconds,
            "records": list(records),
            "state": {"table": dict(entries)},
        } if solver >= 0 and step >= 0:
            state = {name: _value(entry, arrays) for name, entry in entries.items()}
            return Checkpoint(fingerprint, solver, step, state, [_record(r) for r in records], float(seconds))
    raise ValueError("its content is not what pinnkit writes")


def _record(data: Json) -> Record:
    match data:
        case {
            "step": int(step),
            "steps": int(steps),
            "solver": str(solver),
            "seconds": float() | int() as seconds,
            "loss": float() | int() as loss,
            "terms": dict(terms),
            "measures": dict(measures),
        } if all(isinstance(v, float | int) for v in (*terms.values(), *measures.values())):
            return Record(step, steps, solver, seconds, loss, _numbers(terms), _numbers(measures))
    raise ValueError("a row of its history is not one that pinnkit writes")


def _numbers(table: Mapping[str, Json]) -> dict[str, float]:
    return {name: value for name, value in table.items() if isinstance(value, float | int)}


# State as JSON: tensors are numbered, and tables marked, since a tensor is a table with its number.
def _plain(value: StateValue, tensors: list[torch.Tensor]) -> Json:
    """A state for JSON; its tensors are appended to `tensors`."""
    if isinstance(value, torch.Tensor):
        tensors.append(value)
        return {"tensor": len(tensors) - 1}
    if isinstance(value, Mapping):
        return {"table": {key: _plain(item, tensors) for key, item in value.items()}}
    if isinstance(value, (list, tuple)):
        return [_plain(item, tensors) for item in value]
    if isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"checkpoint: a state holds tensors, numbers, lists and dicts, got {type(value).__name__}")


def _value(data: Json, arrays: Mapping[str, NDArray[Any]]) -> StateValue:
    match data:
        case {"tensor": int(i)}:
            return torch.from_numpy(arrays[f"tensors/{i}"])
        case {"table": dict(entries)}:
            return {name: _value(entry, arrays) for name, entry in entries.items()}
        case list():
            return [_value(entry, arrays) for entry in data]
        case bool() | int() | float() | str():
            return data
    raise ValueError("a part of its state is not what pinnkit writes")
