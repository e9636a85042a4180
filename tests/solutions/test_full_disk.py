"""A file that cannot be written leaves the old one, no half of a new one, and one plain error.

The limit on the size of a file, RLIMIT_FSIZE, makes the operating system refuse writes beyond it: those of Python and
those of libraries alike.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import pytest
import torch

from pinnkit import Adam, Siren, Status, load, solve
from pinnkit.solutions.files import replacing
from pinnkit.solutions.hdf5_image import hdf5_image
from pinnkit.solutions.storage import save
from pinnkit.solvers.training.checkpoint import Checkpoint, CheckpointWarning, read, write
from tests.samples import heat_problem, solution_of

resource = pytest.importorskip("resource", reason="limits of file sizes are those of Unix")


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))


def checkpoint(step: int) -> Checkpoint:
    return Checkpoint("run", 0, step, {"theta": torch.randn(500, dtype=torch.float64)}, [], 0.0)


WRITES: dict[str, Callable[[Path, int], object]] = {
    "checkpoint": lambda path, step: write(path, checkpoint(step)),
    "solution": lambda path, _: save(solution_of(heat_problem(), spec=Siren(width=4, depth=1)), path),
}


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.999])
def test_a_file_that_does_not_fit_leaves_the_old_one(name: str, share: float, tmp_path: Path) -> None:
    path = tmp_path / "file.h5"
    WRITES[name](path, 1)
    old = path.read_bytes()
    with files_of_at_most(int(share * len(old))), pytest.raises(OSError, match="File too large"):
        WRITES[name](path, 2)
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == ["file.h5"]
    WRITES[name](path, 2)
    assert (read(path).step if name == "checkpoint" else load(path).name) in (2, "heat")


@pytest.mark.parametrize("header", [0, 512])
def test_an_image_is_a_file_of_hdf5(header: int, tmp_path: Path) -> None:
    path = tmp_path / "file.h5"
    path.write_bytes(hdf5_image(lambda file: file.create_dataset("a/b", data=[1, 2]), header=header))
    with h5py.File(path) as file:
        assert file.userblock_size == header
        assert file["a/b"][()].tolist() == [1, 2]
    assert path.read_bytes()[:header] == bytes(header)


def test_a_content_that_raises_leaves_nothing_open() -> None:
    def fill(file: h5py.File) -> None:
        file["a"] = 1.0
        raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            hdf5_image(fill)


def test_training_goes_on_without_room_for_checkpoints(tmp_path: Path) -> None:
    how = dict(field=Siren(width=8, depth=2), solvers=Adam(steps=12, points=16), checkpoint_seconds=0.0)
    expected = solve(heat_problem(), **how)
    with files_of_at_most(2000), pytest.warns(CheckpointWarning, match="none to resume from yet") as warned:
        found = solve(heat_problem(), **how, out=tmp_path)
    assert len(warned) == 1
    assert found.status is expected.status is Status.BUDGET
    assert found.history.loss.tolist() == expected.history.loss.tolist()
    assert list(tmp_path.iterdir()) == []


def test_the_bytes_reach_the_disk_before_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = []
    true_replace = Path.replace
    monkeypatch.setattr("os.fsync", lambda _: events.append("flush"))
    monkeypatch.setattr(Path, "replace", lambda a, b: events.append("rename") or true_replace(a, b))
    with replacing(tmp_path / "file") as temporary:
        temporary.write_text("text")
    assert events == ["flush", "rename", "flush"]  # the file, its name, the folder


@pytest.mark.slow
def test_a_process_whose_disk_is_full_ends_without_a_crash(tmp_path: Path, root: Path) -> None:
    """The HDF5 library itself crashes at the end of a process in which a write failed."""
    code = (
        "import resource\nfrom tests.samples import fitted_heat\nfrom pinnkit.solutions.storage import save\n"
        "solution = fitted_heat()\nresource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
        f"try:\n    save(solution, {str(tmp_path / 'a.h5')!r})\nexcept OSError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "File too large" in done.stdout
