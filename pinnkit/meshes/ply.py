"""PLY files, ascii and binary: reading of vertices and faces, writing in float64."""

from __future__ import annotations

import io
import re
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Element", "ply_bytes", "read_faces", "read_vertices"]

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
_FLOATS = ("float", "float32", "double", "float64")
_FORMATS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}


Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
_CORNERS = ("vertex_indices", "vertex_index")
_MOST_PROPERTIES = 1000
_LARGEST = 2**53
"""Bound of the numbers of vertices, above which float64 has gaps."""
_LINES = 2**16  # of text that are split into words at once
_GATHERED = 2**20  # entries of lists of different lengths that are gathered at once


@dataclass(frozen=True)
class Element:
    """Table of the header: name, number of rows, and properties in order.

    A property is (name, type), or (name, type, type of the length) for a list, such as the corners of a face.
    """

    name: str
    rows: int
    properties: tuple[tuple[str, ...], ...]

    @property
    def lists(self) -> bool:
        """True if the element has list properties."""
        return any(len(p) == 3 for p in self.properties)


@dataclass(frozen=True, eq=False)
class _Table:
    """Data of one element.

    Attributes:
        columns: scalars ``(n,)`` by name.
        lists: by name, the lengths ``(n,)`` and all entries concatenated.
    """

    columns: Mapping[str, Floats]
    lists: Mapping[str, tuple[Indices, Floats]]


def read_vertices(data: bytes) -> tuple[dict[str, Floats], dict[str, str], int]:
    """Read the scalar properties of the element `vertex`.

    Args:
        data: content of the file.

    Returns:
        The properties as float64 ``(n,)``, their stored types (such as "f4"), and the number of faces.

    Raises:
        ValueError: for data that are no PLY file, or truncated.
    """
    tables = {element.name: (element, table) for element, table in _tables(data)}
    if "vertex" not in tables:
        raise ValueError(f"this PLY file has no element `vertex`, only {list(tables)}")
    vertex, table = tables["vertex"]
    faces = sum(tables[name][0].rows for name in ("face", "tristrips") if name in tables)
    return dict(table.columns), {p[0]: p[1] for p in vertex.properties}, faces


def read_faces(data: bytes) -> tuple[Floats, Indices, Indices]:
    """Read vertices and faces.

    Args:
        data: content of the file.

    Returns:
        Vertices ``(n, 3)``, the number of corners of each face ``(m,)``, and the corners of all faces, concatenated.

    Raises:
        ValueError: for data that are no PLY file, are truncated, or contain triangle strips.
    """
    points, counts, corners = np.zeros((0, 3)), np.zeros(0, np.int64), np.zeros(0, np.int64)
    for element, table in _tables(data):
        if element.name == "vertex":
            if missing := [name for name in "xyz" if name not in table.columns]:
                raise ValueError(f"the vertices have no property `{missing[0]}`, only {list(table.columns)}")
            points = np.column_stack([table.columns[name] for name in "xyz"])
        elif element.name == "face" and element.rows:
            if not (named := [name for name in _CORNERS if name in table.lists]):
                raise ValueError(f"the faces have no list `vertex_indices`, only {[p[0] for p in element.properties]}")
            if dict((p[0], p[1]) for p in element.properties)[named[0]] in ("f4", "f8"):
                raise ValueError(f"`{named[0]}` must hold whole numbers, not floats")
            counts, found = table.lists[named[0]]
            if not (np.abs(found) < _LARGEST).all() or (found % 1 != 0).any():
                raise ValueError(f"`{named[0]}` must hold numbers of vertices")
            if (counts < 3).any():
                raise ValueError(f"face {int((counts < 3).argmax())} has {counts[counts < 3][0]} corners")
            corners = found.astype(np.int64)
        elif element.name == "tristrips" and element.rows:
            raise ValueError("triangle strips are not read; write the file with an element `face`")
    return points, counts, corners


def ply_bytes(
    points: NDArray[np.float64], normals: NDArray[np.float64] | None = None, faces: NDArray[np.int64] | None = None
) -> bytes:
    """Encode a binary PLY file with float64 coordinates, so that no offset costs digits.

    Args:
        points: ``(n, 3)``.
        normals: ``(n, 3)`` or None.
        faces: ``(m, 3)`` rows of `points`, or None.
    """
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


def _tables(data: bytes) -> Iterator[tuple[Element, _Table]]:
    """Yield all elements of a file one by one; the last one must end where the file ends."""
    order, elements, start = _header(data)
    if order == "ascii":
        lines = [line for line in data[start:].decode("ascii", errors="replace").split("\n") if line.strip()]
        for element in elements:
            own, lines = lines[: element.rows], lines[element.rows :]
            if len(own) < element.rows:
                raise _truncated(element, len(own))
            yield element, _parse_text(own, element)
        if lines:
            raise ValueError(f"{len(lines):,} lines are left over behind the rows that the header promises")
        return
    for element in elements:
        table, start = _parse_binary(data, start, element, _FORMATS[order])
        yield element, table
    if left := len(data[start:].strip()):
        raise ValueError(f"{left:,} bytes are left over behind the rows that the header promises")


def _truncated(element: Element, there: int) -> ValueError:
    plural = {"vertex": "vertices", "face": "faces"}.get(element.name, f"rows of `{element.name}`")
    return ValueError(f"the header promises {element.rows:,} {plural}, the file ends after {there:,}")


def _parse_text(lines: list[str], element: Element) -> _Table:
    if not element.lists:
        names = [p[0] for p in element.properties]
        table = np.concatenate(
            [np.zeros((0, len(names)))]
            + [_table(lines[i : i + _LINES], len(names), element.name) for i in range(0, len(lines), _LINES)]
        )
        return _Table({name: table[:, i] for i, name in enumerate(names)}, {})
    gathered = {p[0]: array("d") for p in element.properties}
    lengths = {p[0]: array("q") for p in element.properties if len(p) == 3}
    try:
        for row in map(str.split, lines):
            at = 0
            for name, _, *length in element.properties:
                count = int(row[at]) if length else 1
                if not 0 <= count <= len(row):
                    raise ValueError(f"a list has {count} entries")
                if length:
                    lengths[name].append(count)
                    at += 1
                gathered[name].extend(map(float, row[at : at + count]))
                at += count
            if at != len(row):
                raise ValueError(f"{at} numbers were expected in {' '.join(row)[:80]!r}")
    except (ValueError, IndexError) as error:
        raise ValueError(f"a row of `{element.name}` cannot be read, {error}") from None
    arrays = {name: np.array(numbers, np.float64) for name, numbers in gathered.items()}
    return _split_lists(arrays, {name: np.array(counts, np.int64) for name, counts in lengths.items()})


def _parse_binary(data: bytes, start: int, element: Element, sign: str) -> tuple[_Table, int]:
    """Parse one element.

    Rows of equal length are read at once: scalars only, or lists whose lengths all equal those of the first row.
    """
    there = max(len(data) - start, 0)
    if not element.rows:
        return _parse_text([], element), start
    counts = _lengths(data, start, element, sign) if element.lists else {}
    fields: list[tuple[str, str, tuple[int, ...]]] = []
    for name, kind, *length in element.properties:
        if length:
            fields.append((f"{name} length", sign + length[0], ()))
        fields.append((name, sign + kind, (counts.get(name, 0),) if length else ()))
    layout = np.dtype(fields)
    fitting = min(there // max(layout.itemsize, 1), element.rows)
    rows = np.frombuffer(data, layout, count=fitting, offset=start if fitting else 0)
    if all((rows[f"{name} length"] == count).all() for name, count in counts.items()):
        if fitting < element.rows:
            raise _truncated(element, fitting)
        arrays = {p[0]: rows[p[0]].astype(np.float64).reshape(-1) for p in element.properties}
        lengths = {name: np.full(element.rows, count) for name, count in counts.items()}
        return _split_lists(arrays, lengths), start + layout.itemsize * element.rows
    return _row_by_row(data, start, element, sign)


def _lengths(data: bytes, start: int, element: Element, sign: str) -> dict[str, int]:
    """Lengths of the lists in the row that begins at `start`."""
    found: dict[str, int] = {}
    for name, kind, *length in element.properties:
        if length:
            size = np.dtype(length[0]).itemsize
            if start + size > len(data):
                raise _truncated(element, 0)
            found[name] = int(np.frombuffer(data, sign + length[0], 1, start)[0])
            if found[name] < 0:
                raise ValueError(f"the first list of `{element.name}` has {found[name]} entries")
            start += size
        start += np.dtype(kind).itemsize * found.get(name, 1)
    if start > len(data):
        raise _truncated(element, 0)
    return found


def _row_by_row(data: bytes, start: int, element: Element, sign: str) -> tuple[_Table, int]:
    """Parse rows of different lengths: one pass collects lengths and offsets, a second gathers the entries."""
    places: dict[str, list[int]] = {p[0]: [] for p in element.properties}
    lengths: dict[str, list[int]] = {p[0]: [] for p in element.properties if len(p) == 3}
    order = "big" if sign == ">" else "little"
    sizes = [(p[0], np.dtype(p[1]).itemsize, np.dtype(p[2]).itemsize if len(p) == 3 else 0) for p in element.properties]
    for row in range(element.rows):
        for name, size, prefix in sizes:
            count = int.from_bytes(data[start : start + prefix], order) if prefix else 1  # type: ignore[arg-type]
            if prefix:
                lengths[name].append(count)
                start += prefix
            places[name].append(start)
            start += size * count
        if start > len(data):
            raise _truncated(element, row)
    raw, arrays = np.frombuffer(data, np.uint8), {}
    for name, kind, *_ in element.properties:
        counts = np.array(lengths.get(name, np.ones(element.rows)), np.int64)
        arrays[name] = _gathered(raw, np.array(places[name], np.int64), counts, np.dtype(sign + kind))
    return _split_lists(arrays, {name: np.array(counts, np.int64) for name, counts in lengths.items()}), start


def _gathered(raw: NDArray[np.uint8], places: Indices, counts: Indices, kind: np.dtype[Any]) -> Floats:
    """Numbers that lie at byte offsets, `counts[i]` of them from `places[i]` on, one after the other."""
    ends = np.cumsum(counts)
    found = np.empty(int(ends[-1]) if len(ends) else 0)
    for start in range(0, len(found), _GATHERED):
        which = np.arange(start, min(start + _GATHERED, len(found)))
        rows = np.searchsorted(ends, which, side="right")
        first = places[rows] + kind.itemsize * (which - (ends[rows] - counts[rows]))
        entries = np.ascontiguousarray(raw[first[:, None] + np.arange(kind.itemsize)])
        found[which] = entries.view(kind)[:, 0]
    return found


def _split_lists(arrays: Mapping[str, Floats], lengths: Mapping[str, Indices]) -> _Table:
    scalars = {name: array for name, array in arrays.items() if name not in lengths}
    return _Table(scalars, {name: (counts, arrays[name]) for name, counts in lengths.items()})


def _header(data: bytes) -> tuple[str, list[Element], int]:
    found = re.search(rb"[\r\n]end_header[ \t]*(\r?\n|\r)", data)
    if not data.startswith(b"ply") or found is None:
        raise ValueError("not a PLY file, it must begin with `ply` and have an `end_header`")
    if data.count(b"property", 0, found.start()) > _MOST_PROPERTIES:
        raise ValueError(f"the PLY header has more than {_MOST_PROPERTIES:,} properties")
    order, elements = "", list[Element]()
    for line in data[3 : found.start()].decode("ascii", errors="replace").replace("\r", "\n").splitlines():
        words = line.split()
        try:
            match words:
                case ["format", kind, *_]:
                    order = kind
                case ["element", name, rows] if rows.isdecimal():
                    elements.append(Element(name, int(rows), ()))
                case ["property", "list", length, kind, name] if length not in _FLOATS:
                    known = (*elements[-1].properties, (name, _TYPES[kind], _TYPES[length]))
                    elements[-1] = Element(elements[-1].name, elements[-1].rows, known)
                case ["property", kind, name]:
                    known = (*elements[-1].properties, (name, _TYPES[kind]))
                    elements[-1] = Element(elements[-1].name, elements[-1].rows, known)
                case [] | ["comment" | "obj_info", *_]:
                    pass
                case _:
                    raise ValueError
        except (KeyError, IndexError, ValueError):
            raise ValueError(f"the PLY header has a line that cannot be read, {line!r}") from None
    if order not in _FORMATS:
        raise ValueError(f"the PLY format must be one of {', '.join(_FORMATS)}, got {order!r}")
    _check_names([e.name for e in elements], "elements")
    for element in elements:
        _check_names([p[0] for p in element.properties], f"properties of `{element.name}`")
        if element.rows and not element.properties:
            raise ValueError(f"the element `{element.name}` has {element.rows:,} rows and no properties")
    return order, elements, found.end()


def _check_names(names: list[str], what: str) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"two {what} have the name `{twice[0]}`")


def _table(lines: list[str], width: int, name: str) -> Floats:
    try:
        table = np.array([line.split() for line in lines], dtype=np.float64)
        return table.reshape(len(lines), width)
    except ValueError as error:
        raise ValueError(f"a row of `{name}` cannot be read as {width} numbers, {error}") from None
