"""Files from strangers: every reader refuses by one error, or reads in bounded time and memory, what anyone may write.

Each file is read in a child process of its own.  The slow tests run a thousand mutations and all crafted files of every
reader, and record the counts; the fast ones run a few.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.damage import mutation

from .children import Outcome, count, digest, printed
from .crafted import Crafted
from .readers import READERS, Reader, Sample

MUTATED, EACH = 1000, 200
"""Least number of mutations of a reader, and of each of its sound files."""
File = tuple[str, Path, Callable[[Outcome], bool]]


def mutations(reader: Reader, folder: Path, numbers: Callable[[int], range]) -> Iterator[File]:
    """Mutations of every sound file; a change of the content is silent where the format can find it."""
    for i, (name, sample) in enumerate(reader.samples.items()):
        place = folder / f"sound{i}"
        place.mkdir()
        path = sample.whole(place)
        target = path / sample.damaged if sample.damaged else path
        data, wanted = target.read_bytes(), digest(reader.read(path))
        for number in numbers(i):
            target.write_bytes(mutation(number, data))
            yield f"{name}, mutation {number}", path, _changes(sample, wanted)


def _changes(sample: Sample, wanted: str) -> Callable[[Outcome], bool]:
    return lambda found: sample.checked and found.text != wanted


def _read_at_all(case: Crafted) -> Callable[[Outcome], bool]:
    return lambda found: case.refused and found.kind == "read"


def crafted(cases: Iterator[Crafted], folder: Path) -> Iterator[File]:
    """Crafted files, one at a time."""
    for case in cases:
        place = folder / "case"
        place.mkdir()
        yield case.name, case.make(place), _read_at_all(case)
        shutil.rmtree(place)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", READERS)
def test_a_thousand_mutated_files_of_every_reader(
    name: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    reader = READERS[name]
    each = max(EACH, -(-MUTATED // len(reader.samples)))
    found = count(reader.read, mutations(reader, tmp_path, lambda i: range(i * each, (i + 1) * each)))
    record_property("counts", found.figures())
    assert found.files >= MUTATED
    assert not found.faulty, printed(found)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", READERS)
def test_a_hundred_crafted_files_of_every_reader(
    name: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    reader = READERS[name]
    found = count(reader.read, crafted(reader.crafted(tmp_path), tmp_path))
    record_property("counts", found.figures())
    assert found.files >= 100
    assert not found.faulty, printed(found)


FAST = 6


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in READERS if name != "view"])  # opened as `picture`
def test_some_mutated_and_crafted_files_of_every_reader(name: str, tmp_path: Path) -> None:
    reader = READERS[name]
    each = -(-FAST // len(reader.samples))
    found = count(reader.read, mutations(reader, tmp_path, lambda i: range(10**6 + i * each, 10**6 + (i + 1) * each)))
    assert not found.faulty, printed(found)
    light = [case for case in reader.crafted(tmp_path) if not case.heavy]
    found = count(reader.read, crafted(iter(light[:: len(light) // FAST]), tmp_path))
    assert not found.faulty, printed(found)
