"""Hostile NPY and NPZ files: headers that promise too much, archives that unpack to too much."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Iterator

import numpy as np

from .crafted import Crafted, odd_files, of_bytes

HEADERS = {
    "6 TB": "{'descr': '<f8', 'fortran_order': False, 'shape': (40, 20000000000)}",
    "more than an index": "{'descr': '<f8', 'fortran_order': False, 'shape': (9223372036854775807, 3)}",
    "a product that overflows": "{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296, 3)}",
    "a negative side": "{'descr': '<f8', 'fortran_order': False, 'shape': (-40, 6)}",
    "two negative sides": "{'descr': '<f8', 'fortran_order': False, 'shape': (-40, -6)}",
    "no side": "{'descr': '<f8', 'fortran_order': False, 'shape': ()}",
    "a side that is no number": "{'descr': '<f8', 'fortran_order': False, 'shape': ('a', 3)}",
    "a side that is true": "{'descr': '<f8', 'fortran_order': False, 'shape': (True, 3)}",
    "a thousand sides": f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({'1, ' * 1000})}}",
    "nothing, very often": "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 9223372036854775807)}",
    "objects": "{'descr': '|O', 'fortran_order': False, 'shape': (240,)}",
    "words": "{'descr': '<U480', 'fortran_order': False, 'shape': (1,)}",
    "long words": "{'descr': '<U2000000000', 'fortran_order': False, 'shape': (1,)}",
    "words of no letters": "{'descr': '<U0', 'fortran_order': False, 'shape': (9223372036854775807,)}",
    "bytes of no length": "{'descr': '|V0', 'fortran_order': False, 'shape': (9223372036854775807,)}",
    "opaque bytes": "{'descr': '|V8', 'fortran_order': False, 'shape': (40, 6)}",
    "records": "{'descr': [('a', '<f8'), ('b', '<f8')], 'fortran_order': False, 'shape': (120,)}",
    "records of objects": "{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (240,)}",
    "dates": "{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (40, 6)}",
    "complex numbers": "{'descr': '<c16', 'fortran_order': False, 'shape': (40, 3)}",
    "half precision": "{'descr': '<f2', 'fortran_order': False, 'shape': (160, 6)}",
    "whole numbers": "{'descr': '<i8', 'fortran_order': False, 'shape': (40, 6)}",
    "a type that is none": "{'descr': 'os.system', 'fortran_order': False, 'shape': (40, 6)}",
    "code": "__import__('os').system('true')",
    "an order that is none": "{'descr': '<f8', 'fortran_order': 7, 'shape': (40, 6)}",
    "no shape": "{'descr': '<f8', 'fortran_order': False}",
    "another key": "{'descr': '<f8', 'fortran_order': False, 'shape': (40, 6), 'x': 1}",
    "very deep": "(" * 9000 + ")" * 9000,
    "very deep lists": "[" * 9000,
    "a long header": " " * 60_000,
    "an empty header": "",
    "escape sequences": "\x1b]0;owned\x07\x1b[2J",
    "longs of Python 2": "{'descr': '<f8', 'fortran_order': False, 'shape': (40L, 6L)}",
}
MAY_BE_READ = ("half precision", "whole numbers")


def npy(header: str, body: bytes, version: tuple[int, int] = (1, 0)) -> bytes:
    text = header.encode("latin1") + b"\n"
    length = struct.pack("<H", len(text)) if version == (1, 0) else struct.pack("<I", len(text))
    return b"\x93NUMPY" + bytes(version) + length + text + body


def body() -> bytes:
    """1,920 bytes of finite numbers: 40 rows of six."""
    return np.random.default_rng(0).normal(size=(40, 6)).tobytes()


def npy_cases() -> Iterator[Crafted]:
    yield from odd_files("crafted.npy")
    for name, header in HEADERS.items():
        for version in ((1, 0), (2, 0), (3, 0), (9, 9)):
            yield of_bytes(
                f"{name}, version {version[0]}",
                "crafted.npy",
                npy(header, body(), version),
                refused=name not in MAY_BE_READ or version[0] > 2,
            )
    sound = npy("{'descr': '<f8', 'fortran_order': False, 'shape': (40, 6)}", body())
    yield of_bytes("more bytes than stated", "crafted.npy", sound + b"x")
    yield of_bytes("fewer bytes than stated", "crafted.npy", sound[:-1])
    yield of_bytes("a header beyond the file", "crafted.npy", patched_length(sound, 0xFFFF))


def patched_length(data: bytes, length: int) -> bytes:
    return data[:8] + struct.pack("<H", length) + data[10:]


def archive(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return out.getvalue()


def zeros_archive(name: str, dtype: str, shape: tuple[int, ...]) -> Callable[[], bytes]:
    """An archive of zeros, a thousand times smaller than they are."""

    def make() -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file, file.open(name, "w", force_zip64=True) as member:
            member.write(npy(f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}", b""))
            left = int(np.prod(shape)) * np.dtype(dtype).itemsize
            while left > 0:
                member.write(bytes(min(left, 2**22)))
                left -= 2**22
        return out.getvalue()

    return make


def npz_cases(names: tuple[str, ...] = ("points",)) -> Iterator[Crafted]:
    """Archives whose arrays have the names that the reader looks for."""
    yield from odd_files("crafted.npz")

    def case(name: str, data: Callable[[], bytes] | bytes, *, refused: bool = True) -> Crafted:
        return of_bytes(name, "crafted.npz", data, refused=refused)

    for name, header in HEADERS.items():
        made = {f"{key}.npy": npy(header, body()) for key in names}
        yield case(name, archive(made), refused=name not in (*MAY_BE_READ, "words"))
        yield case(f"{name}, stored", archive(made, zipfile.ZIP_STORED), refused=name not in (*MAY_BE_READ, "words"))
    sound = archive({f"{key}.npy": npy(HEADERS["whole numbers"].replace("i8", "f8"), body()) for key in names})
    first = f"{names[0]}.npy"
    for shape, dtype in (((8_000_000, 3), "<f8"), ((70_000_000, 3), "|u1"), ((40_000_000, 3), "<f4")):
        yield case(f"zeros of {shape} {dtype}", zeros_archive(first, dtype, shape))
    yield case("zeros that may be read", zeros_archive(first, "|u1", (5_000_000, 3)), refused=False)
    yield case("zeros of another name", zeros_archive("other.npy", "|u1", (70_000_000, 3)))
    at = sound.index(b"PK\x01\x02")
    for name, offset, value in (
        ("a large content", 24, b"\xff\xff\xff\x7f"),
        ("a small content", 24, b"\1\0\0\0"),
        ("a large member", 20, b"\xff\xff\xff\x7f"),
        ("encryption", 8, b"\1\0"),
        ("an unknown method", 10, b"\x63\0"),
        ("no compression", 10, b"\0\0"),
        ("another checksum", 16, b"\1\2\3\4"),
        ("an offset beyond the file", 42, b"\xff\xff\xff\x7f"),
        ("a long name", 28, b"\xff\xff"),
        ("a needed version of 99", 6, b"\x63\0"),
    ):
        yield case(f"the directory states {name}", sound[: at + offset] + value + sound[at + offset + len(value) :])
    for method, words in ((zipfile.ZIP_BZIP2, "bzip2"), (zipfile.ZIP_LZMA, "LZMA")):
        yield case(f"packed by {words}", archive({first: bytes(10**6)}, method))
    many = {f"a{i}.npy": b"" for i in range(3000)}
    yield case("three thousand arrays", archive(many))
    yield case("no arrays", archive({}))
    yield case("a name of two thousand letters", archive({"x" * 2000 + ".npy": npy(HEADERS["no side"], bytes(8))}))
    yield case("a name of escape sequences", archive({"\x1b[2J\x9b31m\n.npy": npy(HEADERS["no side"], bytes(8))}))
    yield case("a name that leads out", archive({"../../etc/passwd.npy": npy(HEADERS["no side"], bytes(8))}))
    yield case("an archive in an archive", archive({first: sound}))
    yield case("text in the place of an array", archive({first: b"0 0 0"}))
    twice = archive({first: npy(HEADERS["no side"], bytes(8)), "x" * len(first): sound[:100]})
    yield case("two arrays of one name", twice.replace(b"x" * len(first), first.encode()))
    yield case("a comment of 65,535 bytes", sound[:-2] + b"\xff\xff" + bytes(65535), refused=False)
    yield case("bytes in front", b"x" * 1000 + sound, refused=False)
    yield case("bytes behind", sound + b"x" * 1000, refused=False)
    yield case("directory alone", sound[at:])
