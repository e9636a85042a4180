"""Checkpoints: everything that a run needs to continue bit for bit, without pickle, replaced atomically.

A SHA-256 of all that follows is at the beginning of the file, as in solution.h5.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import h5py
import numpy as np
import torch

from pinnkit.files.content import Json, parse_json
from pinnkit.files.hdf5 import Group, Value, read_hdf5
from pinnkit.files.unreadable import UnreadableFile
from pinnkit.solutions.history import Record
from pinnkit.solutions.sealed import HEADER, check_seal, seal
from pinnkit.solvers.protocols import State, StateValue

__all__ = ["Checkpoint", "read", "write"]

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
    """Write to a temporary name beside `path`, then rename: a killed run leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(
        f".{path.name}.part"
    )  # one name, so that the next run overwrites the remains of a killed one
    with h5py.File(temporary, "w", userblock_size=HEADER) as file:
        file.attrs["fingerprint"] = checkpoint.fingerprint
        file.attrs["solver"] = checkpoint.solver
        file.attrs["step"] = checkpoint.step
        file.attrs["seconds"] = checkpoint.seconds
        records = json.dumps([asdict(r) for r in checkpoint.records])
        file.create_dataset("records", data=np.frombuffer(records.encode(), dtype=np.uint8))
        _put(file.create_group("state"), checkpoint.state)
    seal(temporary, _FORMAT)
    temporary.replace(path)


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
        return _read(read_hdf5(path))
    except Exception as error:  # what h5py raises for hostile files, nobody lists
        reason = " ".join(str(error).split()) or type(error).__name__
        words = f"is no readable checkpoint ({reason[:160]}); start afresh without --resume"
        raise UnreadableFile(path, words, "resume") from None


def _read(tree: Group) -> Checkpoint:
    given = tree.attributes
    state = _get(tree.groups["state"])
    if not isinstance(state, dict):
        raise ValueError("its state is no table")
    records = parse_json(tree.arrays["records"].tobytes().decode())
    if not isinstance(records, list):
        raise ValueError("its history is no list")
    return Checkpoint(
        str(given["fingerprint"]),
        _count(given, "solver"),
        _count(given, "step"),
        state,
        [_record(r) for r in records],
        float(given["seconds"]),
    )


def _count(attributes: Mapping[str, Value], name: str) -> int:
    value = attributes[name]
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"its `{name}` is {value!r}")
    return value


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


def _get(group: Group) -> StateValue:
    count, keys = _count(group.attributes, "count"), parse_json(str(group.attributes["keys"]))
    if count != len(group.groups) + len(group.arrays) + len(group.attributes) - 2:  # without `keys` and `count`
        raise ValueError("a part of its state does not have the stated number of values")
    items = [_item(group, str(i)) for i in range(count)]
    if keys is None:
        return items
    names = [key for key in keys if isinstance(key, str)] if isinstance(keys, list) else []
    if len(set(names)) != count:
        raise ValueError("the names in its state are not one for each value")
    return dict(zip(names, items, strict=True))


def _item(group: Group, name: str) -> StateValue:
    if name in group.attributes:
        return group.attributes[name]
    return torch.from_numpy(group.arrays[name]) if name in group.arrays else _get(group.groups[name])
