"""Polygons: vertices from files, sides by number, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from pinnkit.domains import Polygon, Triangle

SQUARE = [(0, 0), (1, 0), (1, 1), (0, 1)]


def test_sides_are_numbered_as_the_vertices_in_either_direction() -> None:
    for vertices in (SQUARE, [SQUARE[0], *SQUARE[:0:-1]]):
        polygon = Polygon(vertices)
        assert polygon.measure == pytest.approx(1, rel=1e-12)
        for k in range(4):
            a, b = torch.tensor([vertices[k], vertices[(k + 1) % 4]], dtype=torch.float64)
            points = polygon.side(k).sample(32, torch.Generator().manual_seed(0))
            away = points.coords - a
            cross = away[:, 0] * (b - a)[1] - away[:, 1] * (b - a)[0]
            assert float(cross.abs().max()) < 1e-12
            assert bool(((points.coords - 0.5) * points.normal).sum(dim=1).gt(0).all())
            assert polygon.side(k).name == f"polygon side {k}"


@pytest.mark.parametrize(
    "text",
    ["0 0\n1 0\n1 1\n0 1\n", "x,y\n0,0\n1,0\n1,1\n0,1\n0,0\n", "# a square\n\n0; 0\n1; 0 # second\n1; 1\n0; 1"],
    ids=["blanks", "commas, names, closed", "semicolons, comments"],
)
def test_vertices_come_from_a_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "square.txt"
    path.write_text(text)
    assert Polygon.from_file(path) == Polygon(SQUARE)
    assert Polygon.from_file(path, names=("r", "s")).columns == ("r", "s")


def test_a_file_may_name_the_axes(tmp_path: Path) -> None:
    path = tmp_path / "square.csv"
    path.write_text("r,s\n0,0\n1,0\n1,1\n")
    assert Polygon.from_file(path).columns == ("r", "s")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 0\n1 0\n1 x\n", r"line 3 of .* must be two numbers, such as 0.5 1.0, got '1 x'"),
        ("0 0\n1 0\n1 2 3\n", "line 3 of .* must be two numbers"),
        ("0 0\n1 0\n", "has 2 vertices; a polygon needs at least three"),
    ],
    ids=["a word", "three numbers", "two vertices"],
)
def test_files_that_hold_no_polygon_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        Polygon.from_file(path)
    with pytest.raises(FileNotFoundError):
        Polygon.from_file(tmp_path / "none.txt")


BAD = {
    "a bow tie": ([(0, 0), (1, 1), (1, 0), (0, 1)], r"sides 0 and 2 meet at \(0.5, 0.5\), so that it crosses itself"),
    "a repeated vertex": ([(0, 0), (1, 0), (1, 0), (0, 1)], r"vertices 1 and 2 are the same point \(1, 0\); leave one"),
    "closed by hand": ([(0, 0), (1, 0), (0, 1), (0, 0)], r"vertices 0 and 3 .* \(a polygon closes by itself\)"),
    "touching itself at a vertex": (
        [(0, 0), (2, 0), (1, 1), (2, 2), (0, 2), (1, 1)],
        r"vertices 2 and 5 are the same point \(1, 1\)",
    ),
    "a vertex on a side": ([(0, 0), (2, 0), (2, 2), (1, 0), (0, 2)], r"sides 0 and [23] meet at \(1, 0\)"),
    "a spike": ([(0, 0), (2, 0), (1, 0), (1, 1)], "sides 0 and 1 meet at"),
    "two vertices": ([(0, 0), (1, 1)], r"at least three points \(n, 2\), got shape \(2, 2\)"),
    "points of space": ([(0, 0, 0)] * 4, r"got shape \(4, 3\)"),
    "words": ("square", "`vertices` must be points"),
    "on a line": ([(0, 0), (1, 1), (2, 2)], "lie on a line"),
    "not a number": ([(0, 0), (1, math.nan), (0, 1)], "vertex 1 must be finite"),
}


@pytest.mark.parametrize(("vertices", "message"), BAD.values(), ids=BAD.keys())
def test_polygons_that_are_none_are_refused_with_the_place(vertices, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        Polygon(vertices)
    assert "\n" not in str(caught.value)


def test_names_are_checked() -> None:
    with pytest.raises(ValueError, match="two names of axes"):
        Polygon(SQUARE, ("x", "x"))
    with pytest.raises(ValueError, match="reserved"):
        Triangle((0, 0), (1, 0), (0, 1), names=("n", "x"))
