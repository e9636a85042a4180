"""PLY, ascii and binary: the vertices of a file as they are stored, and whole files written in float64."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import IO

import numpy as np
from numpy.typing import NDArray

__all__ = ["Element", "ply_bytes", "read_vertices"]

_TYPES = {
    **dict.fromkeys(("char", "int8"), "i1"),
    **dict.fromkeys(("uchar", "uint8"), "u1"),
    **dict.fromkeys(("short", "int16"), "i2"),
    **dict.fromkeys(("ushort", "uint16"), "u2"),
    **dict.fromkeys(("int", "int32"), "i4"),
    **dict.fromkeys(("uint", "uint32"), "u4"),
    **dict.fromkeys(("float", "float32"), "f4"),
    **dict.fromkeys(("double", "float64"), "f8"),
}
_FORMATS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}


@dataclass(frozen=True)
class Element:
    """One table of the header: its name, its number of rows, and (name, type) of its scalar properties.

    `lists` says whether it has properties of varying length, such as the corners of a face.
    """

    name: str
    rows: int
    properties: tuple[tuple[str, str], ...]
    lists: bool


def read_vertices(data: bytes, source: str) -> tuple[dict[str, NDArray[np.float64]], dict[str, str], int]:
    """The scalar properties of the element `vertex`.

    Returns:
        Each property as float64 ``(n,)``, the type that each is stored in ("f4"), and the number of faces.

    Raises:
        ValueError: for what is no PLY file, or is cut short.
    """
    order, elements, start = _header(data, source)
    index = next((i for i, e in enumerate(elements) if e.name == "vertex"), None)
    if index is None:
        raise ValueError(f"{source}: this PLY file has no element `vertex`, only {[e.name for e in elements]}")
    vertex, before = elements[index], elements[:index]
    if vertex.lists or any(e.lists for e in before):
        raise ValueError(
            f"{source}: lists before or inside the element `vertex` are not read; write the vertices first"
        )
    faces = sum(e.rows for e in elements if e.name in ("face", "tristrips"))
    names = [name for name, _ in vertex.properties]
    if order == "ascii":
        lines = data[start:].decode("ascii", errors="replace").split("\n")
        skipped = sum(e.rows for e in before)
        rows = [line.split() for line in lines if line.strip()][skipped : skipped + vertex.rows]
        if len(rows) < vertex.rows:
            raise ValueError(
                f"{source}: the header promises {vertex.rows:,} vertices, the file ends after {len(rows):,}"
            )
        table = _table(rows, len(names), source)
        columns = {name: table[:, i] for i, name in enumerate(names)}
    else:
        sign = _FORMATS[order]
        offset = start + sum(e.rows * np.dtype([(n, sign + t) for n, t in e.properties]).itemsize for e in before)
        layout = np.dtype([(name, sign + kind) for name, kind in vertex.properties])
        there = max(len(data) - offset, 0) // max(layout.itemsize, 1)
        if there < vertex.rows:
            raise ValueError(f"{source}: the header promises {vertex.rows:,} vertices, the file ends after {there:,}")
        read = np.frombuffer(data, layout, count=vertex.rows, offset=offset)
        columns = {name: read[name].astype(np.float64) for name in names}
    return columns, dict(vertex.properties), faces


def ply_bytes(
    points: NDArray[np.float64], normals: NDArray[np.float64] | None = None, faces: NDArray[np.int64] | None = None
) -> bytes:
    """A binary PLY file with coordinates in float64, so that no offset costs digits."""
    names = ["x", "y", "z"] + (["nx", "ny", "nz"] if normals is not None else [])
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(points)}"]
    header += [f"property double {name}" for name in names]
    if faces is not None:
        header += [f"element face {len(faces)}", "property list uchar int vertex_indices"]
    out = io.BytesIO()
    out.write(("\n".join([*header, "end_header"]) + "\n").encode("ascii"))
    _write_rows(out, np.column_stack([points] if normals is None else [points, normals]).astype("<f8"))
    if faces is not None:
        rows = np.empty(len(faces), dtype=[("count", "u1"), ("corners", "<i4", (3,))])
        rows["count"], rows["corners"] = 3, faces
        _write_rows(out, rows)
    return out.getvalue()


def _write_rows(out: IO[bytes], rows: NDArray[np.generic]) -> None:
    out.write(np.ascontiguousarray(rows).tobytes())


def _header(data: bytes, source: str) -> tuple[str, list[Element], int]:
    end = data.find(b"end_header")
    if not data.startswith(b"ply") or end < 0:
        raise ValueError(f"{source}: not a PLY file, it must begin with `ply` and have an `end_header`")
    start = data.find(b"\n", end) + 1
    order, elements = "", list[Element]()
    for line in data[:end].decode("ascii", errors="replace").replace("\r", "\n").splitlines():
        words = line.split()
        try:
            match words:
                case ["format", kind, *_]:
                    order = kind
                case ["element", name, rows, *_]:
                    elements.append(Element(name, int(rows), (), False))
                case ["property", "list", *_]:
                    elements[-1] = Element(elements[-1].name, elements[-1].rows, elements[-1].properties, True)
                case ["property", kind, name, *_]:
                    known = (*elements[-1].properties, (name, _TYPES[kind]))
                    elements[-1] = Element(elements[-1].name, elements[-1].rows, known, elements[-1].lists)
        except (KeyError, IndexError, ValueError):
            raise ValueError(f"{source}: the PLY header has a line that cannot be read, {line!r}") from None
    if order not in _FORMATS or not start:
        raise ValueError(f"{source}: the PLY format must be one of {', '.join(_FORMATS)}, got {order!r}")
    return order, elements, start


def _table(rows: list[list[str]], width: int, source: str) -> NDArray[np.float64]:
    try:
        table = np.array([row[:width] for row in rows], dtype=np.float64)
    except ValueError as error:
        raise ValueError(f"{source}: a vertex cannot be read as {width} numbers, {error}") from None
    return table.reshape(len(rows), width)
