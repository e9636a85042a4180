"""Cases of hostile files: a name, how the file is made, and whether its reader must refuse it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Crafted:
    """One hostile file.

    Args:
        name: of the case.
        make: writes it into a folder, and returns the path that is read.
        refused: whether it must be refused; else it may be read, in time and memory.
        heavy: whether the file takes long to make or to read.
    """

    name: str
    make: Callable[[Path], Path]
    refused: bool = True
    heavy: bool = False


def of_bytes(name: str, file: str, data: Callable[[], bytes] | bytes, *, refused: bool = True) -> Crafted:
    """A file of the given content."""

    def make(folder: Path) -> Path:
        path = folder / file
        path.write_bytes(data() if callable(data) else data)
        return path

    return Crafted(name, make, refused, heavy=callable(data))


def odd_files(file: str) -> Iterator[Crafted]:
    """Files of no format at all, and paths that are no files."""
    for name, data in {
        "empty": b"",
        "one byte": b"\0",
        "zeros": bytes(5000),
        "ones": b"\xff" * 5000,
        "text": b"to whom it may concern\n" * 20,
        "escape sequences": b"\x1b]0;owned\x07\x1b[2J\x9b31m\n" * 20,
        "HDF5 magic": b"\x89HDF\r\n\x1a\n" + bytes(2000),
        "ZIP magic": b"PK\x03\x04" + bytes(2000),
        "PNG magic": b"\x89PNG\r\n\x1a\n" + bytes(2000),
        "NumPy magic": b"\x93NUMPY\x01\0" + bytes(2000),
        "a pickle": b"\x80\x04cposix\nsystem\n(S'true'\ntR.",
    }.items():
        yield of_bytes(f"odd: {name}", file, data)

    def sparse(folder: Path) -> Path:
        with (folder / file).open("wb") as handle:
            handle.truncate(700 * 2**20)
        return folder / file

    yield Crafted("odd: a sparse file of 700 MiB", sparse, heavy=True)
