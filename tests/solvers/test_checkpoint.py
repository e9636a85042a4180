"""Checkpoints come back bit for bit, and a file that is none is refused in one line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from pinnkit.files.unreadable import UnreadableFile
from pinnkit.solutions.history import Record
from pinnkit.solutions.sealed import seal
from pinnkit.solvers.training.checkpoint import Checkpoint, read, write

F32, F64 = torch.float32, torch.float64


def awkward(dtype: torch.dtype) -> torch.Tensor:
    return torch.tensor([0.1, -0.0, 1e-310, 1e38, torch.inf, -torch.inf, torch.nan], dtype=dtype)


def bits(x: torch.Tensor) -> list:
    return x.reshape(-1).view(torch.int32 if x.dtype == F32 else torch.int64).tolist()


def same(a, b) -> bool:
    if isinstance(a, torch.Tensor):
        return (
            a.dtype == b.dtype
            and a.shape == b.shape
            and (bits(a) == bits(b) if a.is_floating_point() else torch.equal(a, b))
        )
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (a == b or a != a)


def state(dtype: torch.dtype) -> dict:
    return {
        "theta": awkward(dtype),
        "loss": torch.tensor(0.1, dtype=dtype),
        "s": [torch.randn(5, dtype=dtype) for _ in range(12)],
        "y": [],
        "nothing": {},
        "terms": {
            "wall/left": awkward(dtype),
            "z": torch.tensor(1),
            "a.b": torch.zeros(0, dtype=dtype),
            "list": awkward(dtype),
        },
        "nested": [{"m": [awkward(dtype)]}, [1, 2.5]],
        "step": 2**40 + 1,
        "rate": 0.1 + 0.2,
        "done": False,
        "word": "Näherung",
    }


def records() -> list[Record]:
    return [
        Record(1, 9, "Adam", 0.1 + 0.2, 1 / 3, {"wall/left": 1e-300, "b": 2.0}),
        Record(2, 9, "LBFGS", 1e-9, float("inf"), {"wall/left": 5e-324, "b": 0.1}),
    ]


@pytest.mark.parametrize("dtype", [F32, F64])
def test_a_checkpoint_comes_back_bit_for_bit(dtype: torch.dtype, tmp_path: Path) -> None:
    given = Checkpoint("fingerprint of a run", 1, 17, state(dtype), records(), 12.345678901234567)
    path = tmp_path / "new" / "folder" / "checkpoint.h5"
    write(path, given)
    found = read(path)
    assert same(found.state, given.state)
    assert found.records == given.records
    assert (found.fingerprint, found.solver, found.step, found.seconds) == (given.fingerprint, 1, 17, given.seconds)
    assert [p.name for p in path.parent.iterdir()] == ["checkpoint.h5"]


def test_a_second_checkpoint_replaces_the_first(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.h5"
    for step in (1, 2):
        write(path, Checkpoint("", 0, step, {"theta": torch.zeros(step)}, [], 0.0))
    assert read(path).step == 2
    assert len(list(tmp_path.iterdir())) == 1


def test_what_a_killed_run_left_half_written_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.h5"
    write(path, Checkpoint("", 0, 1, {"theta": torch.zeros(3)}, [], 0.0))
    (tmp_path / ".checkpoint.h5.part").write_bytes(path.read_bytes()[:100])
    assert read(path).step == 1
    write(path, Checkpoint("", 0, 2, {"theta": torch.zeros(3)}, [], 0.0))
    assert read(path).step == 2
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.h5"]


def test_a_failed_write_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.h5"
    write(path, Checkpoint("", 0, 1, {"theta": torch.zeros(3)}, [], 0.0))
    with pytest.raises(TypeError, match=r"tensors, numbers, lists and dicts, got object"):
        write(path, Checkpoint("", 0, 2, {"theta": object()}, [], 0.0))
    assert read(path).step == 1


def test_tensors_that_need_gradients_are_stored_as_numbers(tmp_path: Path) -> None:
    theta = torch.randn(4, dtype=F64, requires_grad=True)
    write(tmp_path / "c.h5", Checkpoint("", 0, 1, {"theta": theta}, [], 0.0))
    assert torch.equal(read(tmp_path / "c.h5").state["theta"], theta.detach())


def with_content(change: Callable[[dict[str, Any]], object]) -> Callable[[h5py.File], None]:
    def edit(file: h5py.File) -> None:
        content = json.loads(file["content"][()].tobytes())
        change(content)
        with_text(json.dumps(content))(file)

    return edit


def with_text(text: str) -> Callable[[h5py.File], None]:
    def edit(file: h5py.File) -> None:
        del file["content"]
        file["content"] = np.frombuffer(text.encode(), dtype=np.uint8)

    return edit


def with_link(link: object) -> Callable[[h5py.File], None]:
    def edit(file: h5py.File) -> None:
        del file["tensors/0"]
        file["tensors/0"] = link

    return edit


EDITS: dict[str, Callable[[h5py.File], None]] = {
    "a value": lambda file: file["tensors/0"].__setitem__(0, 0.25),
    "no content": lambda file: file.__delitem__("content"),
    "no state": with_content(lambda c: c.pop("state")),
    "no step": with_content(lambda c: c.pop("step")),
    "no records": with_content(lambda c: c.pop("records")),
    "a word for a number": with_content(lambda c: c.update(solver="first")),
    "a step before the first": with_content(lambda c: c.update(step=-1)),
    "records of another kind": with_content(lambda c: c.update(records=[{"stp": 1}])),
    "records that are a number": with_content(lambda c: c.update(records=3)),
    "a state that is a list": with_content(lambda c: c.update(state=[1])),
    "a state of nothing": with_content(lambda c: c["state"]["table"].update(theta=None)),
    "a tensor that is missing": with_content(lambda c: c["state"]["table"].update(theta={"tensor": 10**15})),
    "no JSON": with_text("["),
    "very deep content": with_text("[" * 100_000),
    "a link to another file": with_link(h5py.ExternalLink("/etc/passwd", "/")),
    "a link to itself": with_link(h5py.SoftLink("/tensors")),
    "a group within itself": lambda file: file["tensors"].__setitem__("loop", file["tensors"]),
}


def broken(tmp_path: Path, how: str) -> Path:
    path = tmp_path / "checkpoint.h5"
    write(path, Checkpoint("run", 0, 3, state(F64), records(), 1.0))
    content = path.read_bytes()
    if how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("a text\nof two lines")
    elif how == "cut short":
        path.write_bytes(content[: len(content) // 2])
    elif how == "zeros in the middle":
        path.write_bytes(content[:1000] + bytes(len(content) - 1500) + content[-500:])
    elif how == "missing":
        path.unlink()
    elif how == "folder":
        path.unlink()
        path.mkdir()
    else:
        with h5py.File(path, "a") as file:
            EDITS[how](file)
        if how != "a value":
            seal(path, "pinnkit checkpoint")  # the checksum matches again: damage by a program, not by a disk
    return path


WAYS = ["empty", "text", "cut short", "zeros in the middle", "missing", "folder", *EDITS]


@pytest.mark.parametrize("how", WAYS)
def test_a_broken_file_is_refused_in_one_line(how: str, tmp_path: Path) -> None:
    with pytest.raises(
        UnreadableFile, match=r"resume: .*checkpoint\.h5' is no readable checkpoint.*without --resume"
    ) as caught:
        read(broken(tmp_path, how))
    assert "\n" not in str(caught.value)
