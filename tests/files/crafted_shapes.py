"""Hostile files of points and meshes: counts that lie, polygons that take hours, numbers beyond all range."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

import numpy as np

from .crafted import Crafted, odd_files, of_bytes

COUNTS = ("0", "-1", "1", "41", "1000000000000", "99999999999999999999999", "1e3", "0x28", "forty", "", "4_0", "٤٠")
NUMBERS = (
    "nan",
    "inf",
    "-inf",
    "1e400",
    "1e308",
    "1e-400",
    "0x1p3",
    "1_0",
    "1,0",
    "--1",
    "1e",
    "\x1b[2J",
    "é",
    "1" * 5000,
)
INDICES = ("0", "-1", "-999", "43", "99999999999999999999", "1e3", "1.5", "a", "", "1/2/3/4", "1//", "/1", "1" * 5000)


def points(n: int = 40) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, 3))


def text_rows(array: np.ndarray) -> str:
    return "".join(" ".join(map(repr, row)) + "\n" for row in array.tolist())


def star(corners: int, *, crossed: bool) -> np.ndarray:
    """A polygon that is not convex, or one that crosses itself everywhere."""
    if crossed:
        flat = np.random.default_rng(1).normal(size=(corners, 2))
    else:
        angle = np.arange(corners) / corners * 2 * np.pi
        flat = np.stack([np.cos(angle), np.sin(angle)], axis=1) * np.where(np.arange(corners) % 2, 1.0, 0.3)[:, None]
    return np.column_stack([flat, np.zeros(corners)])


def ply(vertices: str = "40", more: str = "", order: str = "ascii", body: bytes | None = None) -> bytes:
    """A file of 40 vertices and, unless `more` has an element of its own, one triangle."""
    head = f"ply\nformat {order} 1.0\nelement vertex {vertices}\n"
    head += "".join(f"property double {name}\n" for name in "xyz") + more
    data = text_rows(points()).encode() if body is None else body
    if "element" not in more:
        head += "element face 1\nproperty list uchar int vertex_indices\n"
        sign = ">" if "big" in order else "<"
        data += b"3 0 1 2\n" if order == "ascii" else struct.pack(f"{sign}B3i", 3, 0, 1, 2)
    return (head + "end_header\n").encode() + data


def obj(faces: str) -> bytes:
    return ("".join("v " + line + "\n" for line in text_rows(points()).splitlines()) + faces).encode()


def off(vertices: str, faces: str, body: str = "") -> bytes:
    return f"OFF\n{vertices} {faces} 0\n{text_rows(points())}{body}".encode()


def stl(count: int, triangles: int) -> bytes:
    rows = np.zeros(triangles, [("n", "<f4", 3), ("at", "<f4", (3, 3)), ("more", "<u2")])
    rows["at"] = np.random.default_rng(0).normal(size=(triangles, 3, 3))
    return b"x" * 80 + struct.pack("<I", count & 0xFFFFFFFF) + rows.tobytes()


def _ply_cases() -> Iterator[tuple[str, Callable[[], bytes] | bytes, bool]]:
    lists = "element face {}\nproperty list {} {} vertex_indices\n"
    for order in ("ascii", "binary_little_endian", "binary_big_endian"):
        body = points().astype(">f8" if "big" in order else "<f8").tobytes() if "binary" in order else None
        for vertices in COUNTS:
            yield f"{order}, {vertices[:9]} stated", ply(vertices, order=order, body=body), vertices != "٤٠"
        for faces in COUNTS:
            more = lists.format(faces, "uchar", "int")
            yield f"{order}, {faces[:9]} faces", ply(more=more, order=order, body=body), True
        for length in ("char", "uchar", "short", "int", "uint", "float", "double", "list", "int128"):
            ends = b"\xff" * 400 if "binary" in order else b"4000000000 1 2 3\n"
            data = (text_rows(points()).encode() if body is None else body) + ends
            yield f"{order}, lists of {length}", ply(more=lists.format(1, length, "int"), order=order, body=data), True
    yield "no format", ply().replace(b"format ascii 1.0\n", b""), True
    yield "a format that is none", ply(order="\x1b[2J"), True
    yield "no end of the header", ply().replace(b"end_header", b"end_headex"), True
    yield "an element twice", ply(more="element vertex 1\nproperty int a\n"), True
    yield "a property twice", ply(more="property double x\n"), True
    yield "an element without properties", ply(more="element face 1000000000\n"), True
    yield "very many properties", ply(more="".join(f"property double a{i}\n" for i in range(60_000))), True
    yield "one property very often", ply(more="property double a\n" * 60_000), True
    yield "very many elements", ply(more="".join(f"element e{i} 0\n" for i in range(30_000))), False
    yield "a header without end", b"ply\nformat ascii 1.0\n" + b"comment x\n" * 400_000, True
    yield "ends of headers that are none", b"ply\n" + b"\nend_header  " * 400_000, True
    yield "a comment of escape sequences", ply(more="comment \x1b]0;owned\x07\n"), False
    yield "a name of escape sequences", ply(more="property double \x1b[2J\n"), True
    yield "triangle strips", ply(more="element tristrips 1\nproperty list int int vertex_indices\n"), True
    one_face = lists.format(1, "uint", "uint") + ""
    for number in ("1e300", "nan", "inf", "-1", "1.5", "40", "1e10"):
        data = (text_rows(points()) + f"3 0 1 {number}\n").encode()
        yield f"a face of vertex {number}", ply(more=lists.format(1, "uchar", "double"), body=data), True
        yield f"an index {number}", ply(more=lists.format(1, "uchar", "int"), body=data), True
    for number in NUMBERS:
        data = text_rows(points()).replace(repr(points()[3, 1].item()), number).encode()
        yield f"a coordinate {number[:9]!r}", ply(body=data), number not in ("1e308", "1e-400", "1_0")
    binary = points().astype("<f8").tobytes()
    long_list = struct.pack("<I", 3_000_000) + bytes(12_000_000)
    yield (
        "a face of three million corners",
        ply(more=one_face, order="binary_little_endian", body=binary + long_list),
        True,
    )
    short = ply("0", "element a 4000000\nproperty list uchar uchar b\n", "binary_little_endian", b"\0\1\0" * 1_500_000)
    yield "millions of short lists", short, True


def _obj_cases() -> Iterator[tuple[str, bytes, bool]]:
    for index in INDICES:
        yield f"a face of vertex {index[:9]}", obj(f"f 1 2 {index}\n"), index not in ("1/2/3/4", "1//", "-1")
    for number in NUMBERS:
        yield (
            f"a coordinate {number[:9]!r}",
            obj(f"v 0 0 {number}\nf 1 2 3\n"),
            number not in ("1e308", "1e-400", "1_0"),
        )
    yield "a vertex of two numbers", obj("v 0 0\nf 1 2 3\n"), True
    yield "a face of two vertices", obj("f 1 2\n"), True
    yield "a face of one vertex", obj("f 1 1 1\n"), False
    yield "a word that is none", obj("x 1 2 3\nf 1 2 3\n"), True
    yield "a word of escape sequences", obj("\x1b[2J 1 2 3\nf 1 2 3\n"), True
    yield "another file", obj("mtllib /etc/passwd\ncall /etc/passwd\nusemtl ../../x\nf 1 2 3\n"), False
    yield "a line that goes on for ever", obj("\\\n" * 300_000 + "f 1 2 3\n"), False
    yield "a line of a million words", obj("f" + " 1 2 3" * 300_000 + "\n"), False
    yield "a long word", obj("f 1 2 " + "3" * 10**6 + "\n"), True
    yield "no UTF-8", obj("g ") + b"\xff\xfe\nf 1 2 3\n", False
    yield "zeros among the lines", obj("f 1 2 3\n") + bytes(1000), True


def _off_cases() -> Iterator[tuple[str, bytes, bool]]:
    for vertices in COUNTS:
        yield f"{vertices[:9]} vertices", off(vertices, "1", "3 0 1 2\n"), vertices not in ("4_0", "٤٠")
    for faces in COUNTS:
        yield f"{faces[:9]} faces", off("40", faces, "3 0 1 2\n"), faces != "1"
    for index in INDICES:
        yield f"a face of vertex {index[:9]}", off("40", "1", f"3 0 1 {index}\n"), index != "0"
    for corners in ("0", "2", "-3", "4", "99999999999999999999", "3.0", "x"):
        yield f"a face of {corners} corners", off("40", "1", f"{corners} 0 1 2\n"), True
    for number in NUMBERS:
        yield f"a coordinate {number[:9]!r}", off("41", "1", f"0 0 {number}\n3 0 1 2\n"), number not in (
            "1e308", "1e-400", "1_0",
        )  # fmt: skip
    for kind in ("OFF BINARY", "4OFF", "nOFF", "\x1b[2JOFF", "COFF", "ON"):
        yield (
            f"the word {kind!r}",
            off("40", "1", "3 0 1 2\n").replace(b"OFF", kind.encode(), 1),
            kind not in ("COFF", "nOFF"),
        )


def _stl_cases() -> Iterator[tuple[str, bytes, bool]]:
    for count in (0, 1, 19, 21, 10**6, 2**32 - 1, 2**31):
        yield f"{count} triangles stated", stl(count, 20), True
    for fill in (np.nan, np.inf, 1e38, 0.0):
        data = bytearray(stl(20, 20))
        data[84 + 12 : 84 + 16] = struct.pack("<f", fill)
        yield f"a coordinate {fill}", bytes(data), fill in (np.nan, np.inf)
    facet = "facet normal 0 0 1\nouter loop\n{}endloop\nendfacet\n"
    corner = "vertex 0 0 {}\n"
    for number in NUMBERS:
        inside = facet.format("vertex 1 0 0\nvertex 0 1 0\n" + corner.format(number))
        yield f"text, a coordinate {number[:9]!r}", f"solid a\n{inside}endsolid\n".encode(), number not in (
            "1e308", "1e-400", "1_0",
        )  # fmt: skip
    three = "vertex 1 0 0\nvertex 0 1 0\nvertex 0 0 1\n"
    for name, data, refused in (
        ("text without end", f"solid a\n{facet.format(three)}", True),
        ("text of four corners", f"solid a\n{facet.format(three + corner.format(1))}endsolid", True),
        ("text of no facets", "solid a\nvertex\nendsolid\n", True),
        ("text of escape sequences", f"solid \x1b[2J\n{facet.format(three)}endsolid\n", False),
        ("text of many solids", ("solid a\n" + facet.format(three) + "endsolid\n") * 20_000, False),
        ("solid without end", "solid " * 10**5, True),
    ):
        yield name, data.encode(), refused


def _polygons(ending: str) -> Iterator[tuple[str, Callable[[], bytes], bool]]:
    """Polygons whose triangulation takes long; the limit refuses those that would take minutes."""
    for corners, times, crossed, refused in (
        (2000, 1, False, False),
        (2000, 1, True, False),
        (20_000, 1, False, True),
        (20_000, 1, True, True),
        (1000, 60, True, True),
        (400_000, 1, True, True),
        (5, 30_000, False, True),
    ):

        def make(corners: int = corners, times: int = times, crossed: bool = crossed) -> bytes:
            at = (
                star(corners, crossed=crossed)
                if corners > 5
                else np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0.5, 0.2, 0], [0, 1, 0]], float)
            )
            first = 1 if ending == "obj" else 0
            face = " ".join(str(first + i) for i in range(corners))
            if ending == "obj":
                return ("".join(f"v {line}\n" for line in text_rows(at).splitlines()) + f"f {face}\n" * times).encode()
            if ending == "off":
                return f"OFF\n{corners} {times} 0\n{text_rows(at)}{f'{corners} {face}{chr(10)}' * times}".encode()
            more = f"element face {times}\nproperty list uint uint vertex_indices\n"
            row = struct.pack("<I", corners) + np.arange(corners, dtype="<u4").tobytes()
            body = at.astype("<f8").tobytes() + row * times
            return ply(str(corners), more, "binary_little_endian", body)

        yield f"{times} polygons of {corners} corners, {'crossed' if crossed else 'simple'}", make, refused


_ALL = {"ply": _ply_cases, "obj": _obj_cases, "off": _off_cases, "stl": _stl_cases}


def mesh_cases(ending: str) -> Iterator[Crafted]:
    yield from odd_files(f"crafted.{ending}")
    for name, data, refused in _ALL[ending]():
        yield of_bytes(name, f"crafted.{ending}", data, refused=refused)
    if ending != "stl":
        for name, data, refused in _polygons(ending):
            yield of_bytes(name, f"crafted.{ending}", data, refused=refused)


def cloud_cases(ending: str) -> Iterator[Crafted]:
    """The files of meshes, which are sampled, and files of points alone."""
    for case in mesh_cases(ending):
        yield Crafted(case.name, case.make, refused=case.refused and case.name.startswith("odd"), heavy=case.heavy)
    for name, data, refused in _points_alone(ending):
        yield of_bytes(f"points, {name}", f"crafted.{ending}", data, refused=refused)


def _points_alone(ending: str) -> Iterator[tuple[str, bytes, bool]]:
    rows, readable = text_rows(points()), ("1e308", "1e-400", "1_0")
    heads = {
        "ply": "ply\nformat ascii 1.0\nelement vertex {}\n"
        + "".join(f"property double {name}\n" for name in "xyz")
        + "end_header\n",
        "off": "OFF\n{} 0 0\n",
    }
    if ending in heads:
        for count in COUNTS:
            yield f"{count[:9]} stated", (heads[ending].format(count) + rows).encode(), count not in ("٤٠", "4_0")
    for number in NUMBERS:
        changed = rows.replace(rows.splitlines()[3], f"0 0 {number}")
        if ending in heads:
            yield f"{number[:9]!r}", (heads[ending].format(40) + changed).encode(), number not in readable
        elif ending == "obj":
            lines = "".join(f"v {line}\n" for line in changed.splitlines())
            yield f"{number[:9]!r}", lines.encode(), number not in readable


def text_cases(ending: str) -> Iterator[Crafted]:
    """Points in text files."""
    yield from odd_files(f"crafted.{ending}")
    rows = text_rows(points())
    first = rows.splitlines()[3]
    readable = ("1e308", "1e-400", "1_0")
    made: list[tuple[str, Callable[[], bytes] | str, bool]] = []
    for number in NUMBERS:
        made.append((f"a coordinate {number[:9]!r}", rows.replace(first, f"0 0 {number}"), number not in readable))
        made.append((f"more columns, {number[:9]!r}", rows.replace("\n", f" {number}\n"), False))
    for count in COUNTS:
        made.append((f"{count[:9]} rows stated", f"{count}\n{rows}", count not in ("٤٠", "", "4_0", "forty", "0x28")))
    made += [
        ("a row of two numbers", rows + "1 2\n", True),
        ("a row of four numbers", rows + "1 2 3 4\n", True),
        ("one row of a million numbers", "1 " * 10**6, True),
        ("a million columns", "\n".join(["1 " * 25_000] * 40), True),
        ("headers without rows", "x y z\n" * 100_000, True),
        ("many headers", "x y z\n" * 100_000 + rows, False),
        ("names of escape sequences", "y x z \x1b[2J \x9b31m \u202e\n" + rows.replace("\n", " 1 2 3\n"), False),
        ("names twice", "x x y z\n" + rows.replace("\n", " 1\n"), False),
        ("many comments", "# x y z\n" * 300_000 + rows, False),
        ("separators alone", ",;\t" * 300_000, True),
        ("all separators", rows.replace(" ", ",;\t"), False),
        ("brackets", "(" * 10**6 + "\n" + rows, False),
        ("names of brackets", "x" + "(" * 10**6 + " y z\n" + rows, False),
        ("zeros among the rows", rows + "\0" * 1000, True),
        ("one point very often", "1 2 3\n" * 200_000, True),
        ("points on a line", "".join(f"{i} {i} {i}\n" for i in range(2000)), True),
        ("points on a plane", "".join(f"{i % 7} {i % 11} 0\n" for i in range(2000)), True),
        ("points far apart", rows + "1e300 0 0\n", True),
        ("points that nearly coincide", text_rows(points() * 1e-310), False),
        ("lines of many kinds", rows.replace("\n", "\u2028"), False),
        ("a million points", lambda: text_rows(points(300_000)).encode(), False),
    ]
    for name, data, refused in made:
        content = data if callable(data) else data.encode()
        yield of_bytes(name, f"crafted.{ending}", content, refused=refused)
