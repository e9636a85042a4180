"""Parsers of mesh formats: OBJ, OFF, STL and PLY to polygons with any number of corners."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pinnkit.files.content import read_content

from .ply import read_faces
from .polygons import Polygons

__all__ = ["OBJ_KEYWORDS", "read_polygons"]

_OBJ_WORDS = """
v vt vn vp p l f fo o g s mg usemtl mtllib usemap maplib lod bevel c_interp d_interp shadow_obj trace_obj cstype deg
bmat step curv curv2 surf parm trim hole scrv sp end con ctech stech call csh vc
"""
OBJ_KEYWORDS = frozenset(_OBJ_WORDS.split())
"""First words of the lines of an OBJ file; a line of another word is damage, which would shift the vertices' numbers.

Source: Wavefront, Object Files (.obj), Appendix B1; `vc` are colours, by some programs.
"""
_STL_HEAD, _STL_ROW = 84, 50
_MOST_CORNERS = 2**16
_LARGEST = 2**53
"""Bound of the numbers of vertices, far above those of any file."""


def read_polygons(path: Path) -> Polygons:
    """Read all faces of a file, over all objects, groups and solids.

    Args:
        path: path of the file.

    Raises:
        UnreadableFile: for a file that cannot be opened or is too large.
        ValueError: for content that cannot be read, with the expected one; the message does not name the file.
    """
    found = _READERS[path.suffix.lower()](read_content(path))
    if len(found.counts) and found.counts.max() > _MOST_CORNERS:
        raise ValueError(
            f"a face has {found.counts.max():,} corners, at most {_MOST_CORNERS:,} are read; triangulate it in the "
            f"program that wrote the file"
        )
    outside = found.corners[(found.corners < 0) | (found.corners >= len(found.vertices))]
    if len(outside):
        raise ValueError(f"a face names vertex {outside[0]}, there are {len(found.vertices):,}; repair the file")
    return found


def _obj(data: bytes) -> Polygons:
    """Parse OBJ: lines `v` and `f`.

    Corners are `7`, `7/1`, `7//3` or `7/1/3`; negative indices count back from the last vertex.
    """
    vertices, counts, corners = array("d"), array("q"), array("q")
    for line in _text(data).replace("\\\r\n", " ").replace("\\\n", " ").splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0] == "v":
            vertices.extend(_vertex(words[1:4], len(vertices) // 3))
        elif words[0] in ("f", "fo"):
            try:
                face = [int(word.split("/")[0]) for word in words[1:]]
            except ValueError:
                raise ValueError(f"a face must be numbers of vertices, got {_short(line.strip())}") from None
            if len(face) < 3 or 0 in face or max(map(abs, face)) > _LARGEST:
                raise ValueError(f"a face must have at least 3 vertices, numbered from 1, got {_short(line.strip())}")
            counts.append(len(face))
            corners.extend(i - 1 if i > 0 else len(vertices) // 3 + i for i in face)
        elif words[0] not in OBJ_KEYWORDS:
            raise ValueError(f"a line begins with {_short(words[0])}, which is no keyword of OBJ")
    at = np.frombuffer(vertices, np.float64) if vertices else np.zeros(0)
    return Polygons(at.reshape(-1, 3), np.array(counts, np.int64), np.array(corners, np.int64))


def _off(data: bytes) -> Polygons:
    """Parse OFF: a line for each vertex (x y z first), then a line for each face (number of corners first).

    The header may be COFF, NOFF, STOFF and the like, or missing; colours are ignored.
    """
    lines = [words for line in _text(data).splitlines() if (words := line.split("#")[0].split())]
    head = lines[0][0].upper() if lines else ""
    if re.fullmatch("(ST)?C?N?4?N?OFF", head):
        if "4" in head or ("N" in head and [len(line) for line in lines[:2]] == [1, 1]):
            raise ValueError(f"{lines[0][0]} is not read, only three dimensions are; write it as OFF")
        if lines[0][1:2] == ["BINARY"]:
            raise ValueError("binary OFF is not read; write it as text")
        lines = [lines[0][1:], *lines[1:]] if len(lines[0]) > 1 else lines[1:]
    try:
        n, m = int(lines[0][0]), int(lines[0][1])
    except (IndexError, ValueError):
        raise ValueError("after `OFF` come the numbers of vertices, faces and edges") from None
    if n < 0 or m < 0:
        raise ValueError(f"the numbers of vertices and faces must not be negative, got {n} and {m}")
    if len(lines) != 1 + n + m:
        lines = _regroup_lines(lines, n, m)
    vertices = _to_array([words[:3] for words in lines[1 : 1 + n]], "vertex")
    try:
        faces = [[int(word) for word in words[1 : 1 + int(words[0])]] for words in lines[1 + n : 1 + n + m]]
    except ValueError as error:
        raise ValueError(f"a face must be whole numbers, {error}") from None
    if any(abs(i) > _LARGEST for face in faces for i in face):
        raise ValueError("a face names a vertex whose number is beyond all files")
    short = [i for i, (face, words) in enumerate(zip(faces, lines[1 + n :], strict=True)) if len(face) != int(words[0])]
    if short:
        raise ValueError(f"face {short[0]} has {len(faces[short[0]])} of the {lines[1 + n + short[0]][0]} promised")
    counts = np.array([len(face) for face in faces], np.int64)
    return Polygons(vertices, counts, np.array([i for face in faces for i in face], np.int64))


def _regroup_lines(lines: list[list[str]], n: int, m: int) -> list[list[str]]:
    """Regroup numbers with unusual line breaks into one line for each vertex and each face."""
    words = [word for line in lines[1:] for word in line]
    found, at = [lines[0]], 0
    for i in range(n + m):
        if at >= len(words):
            kind, before = ("vertices", 0) if i < n else ("faces", n)
            raise ValueError(f"the header promises {n if i < n else m:,} {kind}, the file ends after {i - before:,}")
        try:
            step = 3 if i < n else 1 + max(int(words[at]), 0)
        except ValueError:
            raise ValueError(f"a face must begin with its number of corners, got {words[at]!r}") from None
        found.append(words[at : at + step])
        at += step
    if at != len(words):
        raise ValueError(
            f"the header promises {n:,} vertices and {m:,} faces, which the {len(lines) - 1:,} lines do not match"
        )
    return found


def _stl(data: bytes) -> Polygons:
    """Parse STL, binary or text.

    The length of the file decides between the two, since both may begin with `solid`.
    """
    count = int.from_bytes(data[_STL_HEAD - 4 : _STL_HEAD], "little")
    there = max(len(data) - _STL_HEAD, 0) // _STL_ROW
    text = data[:1024].lstrip().lower().startswith(b"solid") and b"vertex" in data.lower()
    if len(data) >= _STL_HEAD and (len(data) == _STL_HEAD + _STL_ROW * count or not text):
        if len(data) != _STL_HEAD + _STL_ROW * count or not count:
            raise ValueError(f"the header promises {count:,} triangles, the file ends after {there:,}")
        rows = np.frombuffer(data, [("normal", "<f4", 3), ("at", "<f4", (3, 3)), ("more", "u1", 2)], count, _STL_HEAD)
        return _triangle_soup(rows["at"].astype(np.float64).reshape(-1, 3))
    return _stl_text(_text(data))


def _stl_text(text: str) -> Polygons:
    lines = [words for line in text.splitlines() if (words := line.split())]
    first = [words[0].lower() for words in lines]
    corners = [words[1:4] for words, word in zip(lines, first, strict=True) if word == "vertex"]
    if not corners or len(corners) != 3 * first.count("endfacet"):
        raise ValueError(
            f"a text STL has three lines `vertex x y z` a triangle, there are {len(corners):,} for "
            f"{first.count('endfacet'):,} `endfacet`"
        )
    if first.count("solid") != first.count("endsolid") or first[-1] != "endsolid":
        raise ValueError("a text STL must end with `endsolid`; the file was cut short")
    return _triangle_soup(_to_array(corners, "vertex"))


def _triangle_soup(corners: NDArray[np.float64]) -> Polygons:
    return Polygons.of_triangles(corners, np.arange(len(corners)).reshape(-1, 3))


def _ply(data: bytes) -> Polygons:
    return Polygons(*read_faces(data))


_READERS: Mapping[str, Callable[[bytes], Polygons]] = {".obj": _obj, ".off": _off, ".stl": _stl, ".ply": _ply}


def _text(data: bytes) -> str:
    return data.decode("utf-8-sig", errors="replace")  # object names may have any encoding


def _to_array(rows: list[list[str]], what: str) -> NDArray[np.float64]:
    try:
        return np.array(rows, dtype=np.float64).reshape(len(rows), 3)
    except ValueError:
        for i, row in enumerate(rows):
            _vertex(row, i, what)
        raise


def _vertex(words: list[str], i: int, what: str = "vertex") -> tuple[float, float, float]:
    try:
        x, y, z = map(float, words)
    except ValueError:
        raise ValueError(f"{what} {i} must be three numbers, got {_short(' '.join(words))}") from None
    return x, y, z


def _short(text: str) -> str:
    """Quoted text of a message, of at most 80 characters."""
    return repr(text if len(text) <= 80 else text[:77] + "...")
