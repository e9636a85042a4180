"""Hostile solutions and checkpoints, whose checksum matches."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from pinnkit.solutions.history import Record
from pinnkit.solutions.storage import save
from pinnkit.solvers.training.checkpoint import Checkpoint, write
from tests.samples import heat_problem, solution_of

from .crafted import Crafted
from .crafted_hdf5 import attribute_cases, edited, header_cases, storage_cases

SOLUTION, CHECKPOINT = "pinnkit solution", "pinnkit checkpoint"
ODD: dict[str, Any] = {
    "null": None,
    "true": True,
    "a number": 3,
    "minus one": -1,
    "a large number": 10**30,
    "NaN": float("nan"),
    "a word": "x",
    "escape sequences": "\x1b[2J\x9b31m\u202e",
    "a list": [],
    "a nested list": [[[]]],
    "a list of numbers": [1, 2],
    "a table": {"a": {"b": 1}},
}
BOMBS: dict[str, dict[str, Any]] = {
    "Siren: width": {"type": "Siren", "width": 10**9, "depth": 2},
    "Siren: width of a million": {"type": "Siren", "width": 10**6, "depth": 3},
    "Siren: depth": {"type": "Siren", "width": 1, "depth": 10**9},
    "Siren: depth of a million": {"type": "Siren", "width": 1, "depth": 10**6},
    "MLP": {"type": "MLP", "width": 50_000, "depth": 8},
    "FourierMLP": {"type": "FourierMLP", "width": 8, "depth": 2, "features": 10**6},
    "PositionalMLP": {"type": "PositionalMLP", "frequencies": 10**6},
    "RandomFourier": {"type": "RandomFourier", "features": 10**6},
    "HashGrid: tables": {"type": "HashGrid", "table": 2**62},
    "HashGrid: levels": {"type": "HashGrid", "levels": 10**6},
    "MultilevelGrid": {"type": "MultilevelGrid", "finest": 10**6},
    "PlanesAndLines": {"type": "PlanesAndLines", "resolution": 10**6},
    "Voxels": {"type": "Voxels", "resolution": 10**6},
    "TotalDegree": {"type": "TotalDegree", "degree": 10**6},
    "TotalDegree with a cross": {"type": "TotalDegree", "degree": 10**6, "cross": True},
    "Additive": {"type": "Additive", "degree": 10**6},
    "ViewMLP": {"type": "ViewMLP", "frequencies": 10**6},
    "RadiancePlanes": {"type": "RadiancePlanes", "resolution": 50_000},
    "no such field": {"type": "Exec", "code": "import os"},
    "no type": {"width": 8},
    "a field in a field": {"type": "PiecewiseInTime", "fields": [{"type": "Siren", "width": 10**9}], "edges": [0, 1]},
    "edges of NaN": {"type": "PiecewiseInTime", "fields": [{"type": "Siren"}], "edges": [float("nan")]},
    "a word for a width": {"type": "Siren", "width": "8; import os"},
    "a width of zero": {"type": "Siren", "width": 0},
    "an omega of infinity": {"type": "Siren", "width": 8, "depth": 2, "omega": float("inf")},
}
"""Specs of fields that are far larger than the stored state, or are none."""


def whole_solution(folder: Path) -> Path:
    return save(solution_of(heat_problem()), folder / "whole.h5")


def whole_checkpoint(folder: Path) -> Path:
    generator = torch.Generator().manual_seed(0)
    state = {
        "theta": torch.randn(300, generator=generator, dtype=torch.float64),
        "loss": torch.tensor(0.5),
        "terms": {"wall/left": torch.ones(3)},
        "pairs": [torch.randn(40, generator=generator), torch.zeros(0)],
        "step": 7,
        "rate": 0.1,
        "done": False,
        "word": "Adam",
    }
    records = [Record(i, 9, "Adam", 0.1 * i, 1 / (1 + i), {"wall/left": 0.5}) for i in range(5)]
    write(folder / "whole.h5", Checkpoint("fingerprint", 0, 7, state, records, 1.5))
    return folder / "whole.h5"


def solution_cases(whole: Path) -> Iterator[Crafted]:
    yield from header_cases(whole, SOLUTION)
    places = ["metadata", "grid/u", "grid", "history/loss", "state/0/readout.weight", "state/0"]
    yield from storage_cases(whole, SOLUTION, places)
    yield from attribute_cases(whole, SOLUTION, "/", ["format", "format_version"])
    with h5py.File(whole) as file:
        metadata = json.loads(file["metadata"][()].tobytes())
        datasets: list[str] = []
        file.visititems(lambda name, item: datasets.append(name) if isinstance(item, h5py.Dataset) else None)
    for name in datasets:
        yield edited(f"without {name}", whole, SOLUTION, lambda file, name=name: file.__delitem__(name))
    for key in metadata:
        needed = key not in ("periodic", "rows", "training_rms", "term_probes", "facts", "scattered")
        needed &= key not in ("history_terms", "history_measures")  # of files without them
        changed = {k: v for k, v in metadata.items() if k != key}
        yield edited(f"metadata without {key}", whole, SOLUTION, _metadata(changed), refused=needed)
        for what, value in ODD.items():
            yield edited(f"{key} is {what}", whole, SOLUTION, _metadata({**metadata, key: value}), refused=False)
    for name, spec in BOMBS.items():
        yield edited(f"spec: {name}", whole, SOLUTION, _metadata({**metadata, "specs": [spec]}))
    for what, axis in {
        "a billion columns": {"dim": 10**9},
        "a thousand columns": {"dim": 1000},
        "bounds inside out": {"lower": 2},
        "bounds that are not finite": {"upper": float("inf")},
        "a role that is none": {"role": "god"},
        "a name that is none": {"name": "__import__('os')"},
    }.items():
        axes = [{**metadata["axes"][0], **axis}, *metadata["axes"][1:]]
        domain = {"type": "Box", "axes": axes}
        yield edited(what, whole, SOLUTION, _metadata({**metadata, "axes": axes, "domain_data": domain}))
        yield edited(f"{what}, in the domain", whole, SOLUTION, _metadata({**metadata, "domain_data": domain}))
    for what, domain in {
        "a shape that is none": {"type": "Exec", "arguments": {}, "factors": []},
        "a ball of many axes": {"type": "Ball", "arguments": {"x": [0.0] * 200_000}, "factors": []},
        "a region": {"type": "Region", "arguments": {"function": "import os"}, "factors": []},
    }.items():
        refused = what != "a shape that is none"
        yield edited(what, whole, SOLUTION, _metadata({**metadata, "domain_data": domain}), refused=refused)
    unknowns = {"u": {"components": 10**9, "axes": None}}
    yield edited("a billion components", whole, SOLUTION, _metadata({**metadata, "unknowns": unknowns}))
    many = {f"u{i}": {"components": None, "axes": None} for i in range(5000)}
    yield edited("many unknowns", whole, SOLUTION, _metadata({**metadata, "unknowns": many, "groups": [list(many)]}))
    for what, text in {
        "very deep": "[" * 200_000,
        "a number of a million digits": '{"a": ' + "1" * 10**6 + "}",
        "a list": "[]",
        "nothing": "",
        "cut short": json.dumps(metadata)[:-20],
        "no UTF-8": "\udcff",
    }.items():
        data = text.encode("utf-8", errors="surrogateescape")
        yield edited(f"metadata: {what}", whole, SOLUTION, _bytes("metadata", data))
    yield edited("a history that counts otherwise", whole, SOLUTION, _array("history/solver", np.full(20, 7, "i4")))
    yield edited("a history of negative words", whole, SOLUTION, _array("history/solver", np.full(20, -1, "i4")))
    yield edited("a longer history", whole, SOLUTION, _array("history/loss", np.zeros(21)))
    yield edited("a problem of another hash", whole, SOLUTION, _bytes("problem_file", b"import os"))


def checkpoint_cases(whole: Path) -> Iterator[Crafted]:
    yield from header_cases(whole, CHECKPOINT)
    yield from storage_cases(whole, CHECKPOINT, ["content", "tensors"])
    places = storage_cases(whole, CHECKPOINT, ["tensors/0", "tensors/2"])
    yield from (case for case in places if not _numbers(case.name))  # a state may hold any numbers
    yield from attribute_cases(whole, CHECKPOINT, "/", ["a"])
    with h5py.File(whole) as file:
        content = json.loads(file["content"][()].tobytes())
    for key in content:
        without = {k: v for k, v in content.items() if k != key}
        yield edited(f"without {key}", whole, CHECKPOINT, _content(without))
        for what, value in ODD.items():
            yield edited(f"{key} is {what}", whole, CHECKPOINT, _content({**content, key: value}), refused=False)
    for what, value in ODD.items():
        for key in ("step", "solver", "loss", "terms"):
            records = [{**content["records"][0], key: value}]
            made = _content({**content, "records": records})
            yield edited(f"a record whose {key} is {what}", whole, CHECKPOINT, made, refused=False)
        table = content["state"]["table"]
        state = {"table": {**table, "theta": value}}
        yield edited(f"theta is {what}", whole, CHECKPOINT, _content({**content, "state": state}), refused=False)
        state = {"table": {**table, "theta": {"tensor": value}}}
        yield edited(f"tensor number {what}", whole, CHECKPOINT, _content({**content, "state": state}), refused=False)
    for what, text in {"very deep": "[" * 200_000, "nothing": "", "long digits": "1" * 10**6, "a list": "[]"}.items():
        yield edited(f"content: {what}", whole, CHECKPOINT, _bytes("content", text.encode()))


def _numbers(name: str) -> bool:
    return any(
        name.endswith(words)
        for words in ("half precision", "a single number", "no numbers", "five axes", "are not finite", "many groups")
    )


def _content(content: dict[str, Any]) -> Callable[[h5py.File], None]:
    return _bytes("content", json.dumps(content).encode())


def _metadata(metadata: dict[str, Any]) -> Callable[[h5py.File], None]:
    return _bytes("metadata", json.dumps(metadata).encode())


def _bytes(name: str, data: bytes) -> Callable[[h5py.File], None]:
    return _array(name, np.frombuffer(data, dtype=np.uint8))


def _array(name: str, array: np.ndarray) -> Callable[[h5py.File], None]:
    def edit(file: h5py.File) -> None:
        if name in file:
            del file[name]
        file.create_dataset(name, data=array)

    return edit
