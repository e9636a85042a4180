"""Hostile content of HDF5 files, as edits of a file that is sound; the checksum is then made to match again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import h5py
import numpy as np

from pinnkit.solutions.sealed import HEADER, seal

from .crafted import Crafted, odd_files

Edit = Callable[[h5py.File], object]


def edited(name: str, whole: Path, kind: str, edit: Edit, *, refused: bool = True) -> Crafted:
    """A copy of a sound file after an edit, sealed again."""

    def make(folder: Path) -> Path:
        path = folder / "crafted.h5"
        shutil.copy(whole, path)
        with h5py.File(path, "r+") as file:
            edit(file)
        seal(path, kind)
        return path

    return Crafted(name, make, refused, heavy="compressed" in name or "many" in name or "very deep" in name)


def replaced(at: str, make: Callable[[h5py.Group, str], object]) -> Edit:
    """An edit that makes something else at the place of a dataset or a group."""

    def edit(file: h5py.File) -> None:
        del file[at]
        parent, _, name = at.rpartition("/")
        make(file[parent or "/"], name)

    return edit


def _link(link: object) -> Callable[[h5py.Group, str], object]:
    return lambda group, name: group.__setitem__(name, link)


def _virtual(group: h5py.Group, name: str) -> None:
    layout = h5py.VirtualLayout(shape=(8,), dtype="f8")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", shape=(8,))
    group.create_virtual_dataset(name, layout)


def _cycle(group: h5py.Group, name: str) -> None:
    made = group.create_group(name)
    made["again"] = made


def _compressed(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, (60_000_000,), "u1", chunks=(30_000_000,), compression="gzip", fillvalue=0)
    group[name][:] = 0


def _nested(depth: int) -> Callable[[h5py.Group, str], object]:
    def make(group: h5py.Group, name: str) -> None:
        for _ in range(depth):
            group = group.create_group(name)

    return make


def _typed(data: object, dtype: object) -> Callable[[h5py.Group, str], object]:
    return lambda group, name: group.create_dataset(name, data=data, dtype=dtype)


def _reserved(shape: tuple[int, ...], dtype: str = "f8", **options: object) -> Callable[[h5py.Group, str], object]:
    """A dataset of a shape that was never written."""
    return lambda group, name: group.create_dataset(name, shape, dtype, **options)


def _opaque(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, data=np.zeros(3, "V16"))


STORAGE: dict[str, Callable[[h5py.Group, str], object]] = {
    "link to a file of the system": _link(h5py.ExternalLink("/etc/passwd", "/")),
    "link to a solution": _link(h5py.ExternalLink("whole.h5", "/grid/u")),
    "soft link that dangles": _link(h5py.SoftLink("/no/where")),
    "soft link to a dataset": _link(h5py.SoftLink("/metadata")),
    "soft link to the root": _link(h5py.SoftLink("/")),
    "virtual dataset": _virtual,
    "storage in a file of the system": lambda g, n: g.create_dataset(
        n, (512,), "u1", external=[("/etc/passwd", 0, 512)]
    ),
    "storage in a device": lambda g, n: g.create_dataset(n, (512,), "u1", external=[("/dev/zero", 0, 512)]),
    "a group that holds itself": _cycle,
    "compressed zeros": _compressed,
    "shuffled": _reserved((100,), chunks=(100,), shuffle=True),
    "scaled": _reserved((100,), "i8", chunks=(100,), scaleoffset=4),
    "8 TB that were never written": _reserved((10**6, 10**6), chunks=(1000, 1000)),
    "2^62 numbers": _reserved((2**62,), "u1", chunks=(2**20,)),
    "a product that overflows": _reserved((2**32, 2**32, 2**32), chunks=(64, 64, 64)),
    "numbers that were never written": _reserved((100,)),
    "a chunk beyond the file": _reserved((1,), maxshape=(None,), chunks=(2**28,)),
    "very deep groups": _nested(3000),
    "deep groups": _nested(100),
    "many groups": lambda g, n: [g.create_group(f"{n}{i}") for i in range(3000)],
    "text": _typed("text", h5py.string_dtype()),
    "texts": _typed(["a", "b"], h5py.string_dtype()),
    "lists of different lengths": lambda g, n: g.create_dataset(n, (3,), h5py.vlen_dtype(np.float64)),
    "references": lambda g, n: g.create_dataset(n, (2,), h5py.ref_dtype),
    "records": _typed(np.zeros(3, [("a", "f8"), ("b", "i4")]), None),
    "complex numbers": _typed(np.zeros(3, complex), None),
    "opaque bytes": _opaque,
    "nothing at all": lambda g, n: g.create_dataset(n, data=h5py.Empty("f8")),
    "a type with a name": lambda g, n: g.__setitem__(n, np.dtype("f8")),
    "bytes in the other order": _typed(np.arange(3.0), ">f8"),
    "half precision": _typed(np.arange(3.0), "f2"),
    "a single number": _typed(1.0, None),
    "no numbers": _typed(np.zeros(0), None),
    "five axes": _typed(np.zeros((1, 1, 1, 1, 1)), None),
    "values that are not finite": _typed(np.array([np.nan, np.inf, -np.inf]), None),
    "an attribute on a dataset": lambda g, n: g.create_dataset(n, data=np.zeros(3)).attrs.__setitem__("a", "b"),
}
"""What may stand in the place of a dataset."""


def storage_cases(whole: Path, kind: str, places: Sequence[str]) -> Iterator[Crafted]:
    """Every kind of hostile storage at every place."""
    for place in places:
        for name, make in STORAGE.items():
            yield edited(f"{place}: {name}", whole, kind, replaced(place, make))


def attribute_cases(whole: Path, kind: str, group: str, names: Sequence[str]) -> Iterator[Crafted]:
    """Attributes that are missing, of other types, and very many."""
    values = {
        "a word": "first",
        "minus one": -1,
        "a large number": 2**62,
        "half": 0.5,
        "no number": np.nan,
        "a list": np.arange(5),
        "an array of 40 kB": np.zeros(5000),
        "a reference": None,
        "escape sequences": "\x1b[2J\x9b31m",
    }
    for name in names:
        yield edited(
            f"without {name}", whole, kind, lambda file, name=name: file[group].attrs.pop(name, None), refused=False
        )
        for what, value in values.items():
            yield edited(
                f"{name} is {what}",
                whole,
                kind,
                lambda file, name=name, value=value: file[group].attrs.__setitem__(
                    name, file[group].ref if value is None else value
                ),
                refused=False,
            )

    def many(file: h5py.File) -> None:
        for i in range(2000):
            file[group].attrs[f"a{i}"] = i

    yield edited(f"many attributes of {group}", whole, kind, many, refused=False)


def header_cases(whole: Path, kind: str) -> Iterator[Crafted]:
    """Changes of the header that holds the checksum."""
    data = whole.read_bytes()
    head, body = data[:HEADER], data[HEADER:]
    other = "pinnkit checkpoint" if kind == "pinnkit solution" else "pinnkit solution"
    for name, made in {
        "no header": body,
        "another kind": head.replace(kind.encode(), other.encode()) + body,
        "capital letters in the checksum": head[:100].upper() + head[100:] + body,
        "more bytes behind the checksum": head[:-1] + b"x" + body,
        "a longer file": data + bytes(100),
        "a shorter file": data[:-1],
        "another start": head.replace(b"byte 512", b"byte 1024") + body,
        "header twice": head + data,
        "header alone": head,
        "checksum of nothing": head + b"",
    }.items():
        yield Crafted(f"header: {name}", lambda folder, made=made: _written(folder, made))
    yield from odd_files("crafted.h5")


def _written(folder: Path, data: bytes) -> Path:
    path = folder / "crafted.h5"
    path.write_bytes(data)
    return path
