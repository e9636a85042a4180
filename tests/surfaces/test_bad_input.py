"""Every bad cloud and mesh beside the words of its message: what came, what was expected, the repair."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from pinnkit.surfaces import PointCloud, extract, read_mesh, read_points, write_mesh, write_points
from pinnkit.surfaces.problems.mesh_problems import occupancy_problem, sdf_problem

RANDOM = np.random.default_rng(0)
POINTS = RANDOM.normal(size=(100, 3))


def file(name, content):
    path = Path(name)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def text_of(rows):
    out = io.StringIO()
    np.savetxt(out, rows)
    return out.getvalue()


def ply(rows, *, vertices=None, body=None):
    header = f"ply\nformat binary_little_endian 1.0\nelement vertex {vertices or len(rows)}\n"
    header += "".join(f"property double {name}\n" for name in ("x", "y", "z")[: rows.shape[1]])
    return header.encode() + b"end_header\n" + (rows.astype("<f8").tobytes() if body is None else body)


def open_box():
    mesh = trimesh.creation.box()
    mesh.update_faces(np.arange(12) > 1)
    return mesh


def twisted_box():
    mesh = trimesh.creation.box()
    faces = mesh.faces.copy()
    faces[3] = faces[3][::-1]
    return trimesh.Trimesh(mesh.vertices, faces, process=False)


def with_nan():
    rows = POINTS.copy()
    rows[[17, 40, 41]] = np.nan
    return rows


def sphere(p):
    return torch.linalg.vector_norm(p, dim=1) - 0.5


def generator():
    return torch.Generator().manual_seed(0)


CLOUDS = {
    "no such file": (lambda: read_points("nothing.ply"), "'nothing.ply' does not exist"),
    "a folder": (lambda: read_points(Path.cwd()), "is a folder"),
    "an unknown ending": (lambda: read_points(file("a.docx", "x")), "no known ending; known are .ply, .obj"),
    "an empty file": (lambda: read_points(file("a.xyz", "")), "is empty (0 bytes)"),
    "comments and nothing else": (lambda: read_points(file("a.xyz", "# nothing\n\n")), "there are no rows"),
    "a picture called ply": (lambda: read_points(file("a.ply", b"\x89PNG\r\n")), "must begin with `ply`"),
    "a ply cut short": (
        lambda: read_points(file("a.ply", ply(POINTS, body=POINTS[:31].astype("<f8").tobytes()))),
        "promises 100 vertices, the file ends after 31",
    ),
    "a ply without z": (lambda: read_points(file("a.ply", ply(POINTS[:, :2]))), "no property `z`, only ['x', 'y']"),
    "bytes in a text file": (lambda: read_points(file("a.xyz", b"\xff\xfe\x00\x01")), "is not text"),
    "a word among numbers": (
        lambda: read_points(file("a.xyz", "0 0 1\n0 1 0\n0 two 0\n")),
        "must be numbers, number 2 is '0 two 0'",
    ),
    "two columns": (lambda: read_points(file("a.csv", text_of(POINTS[:, :2]))), "must be x y z or x y z nx ny nz"),
    "a damaged npy": (lambda: read_points(file("a.npy", b"\x93NUMPY junk")), "cannot be read as a NumPy file"),
    "an npz without points": (
        lambda: read_points(np.savez("a.npz", cloud=POINTS) or "a.npz"),
        "must have an array `points`, it has ['cloud']",
    ),
    "pickled objects": (
        lambda: read_points(np.save("a.npy", np.array([{}], dtype=object)) or "a.npy"),
        "cannot be read as a NumPy file",
    ),
    "values that are not finite": (
        lambda: read_points(file("a.xyz", text_of(with_nan()))),
        "3 of 100 points are not finite, the first in row 17",
    ),
    "too few points": (lambda: PointCloud.of(POINTS[:20]), "20 different points are too few"),
    "one point many times": (lambda: PointCloud.of(np.ones((500, 3))), "1 different points are too few"),
    "all on one line": (lambda: PointCloud.of(np.outer(np.arange(90.0), [1, 2, 3])), "lie on one line"),
    "all in one plane": (lambda: PointCloud.of(POINTS * [1, 1, 0] + 1e6), "lie in one plane"),
    "normals for other points": (lambda: PointCloud.of(POINTS, POINTS[:9]), "one normal for each point"),
    "two coordinates": (lambda: PointCloud.of(POINTS[:, :2]), "must have shape (n, 3), got (100, 2)"),
    "an ending that cannot be written": (
        lambda: write_points("a.docx", PointCloud.of(POINTS)),
        "must end in one of .ply, .xyz",
    ),
}

MESHES = {
    "a cloud": (lambda: read_mesh(write_points("a.ply", PointCloud.of(POINTS))), "pinnkit reconstruct a.ply"),
    "not a mesh at all": (lambda: read_mesh(file("a.stl", "solid what\n")), "a.stl'"),
    "a ply cut short": (lambda: read_mesh(file("a.ply", ply(POINTS, body=b"123"))), "cannot be read as a mesh"),
    "vertices that are not finite": (
        lambda: read_mesh(file("a.obj", "v 0 0 0\nv 1 0 0\nv 0 nan 0\nv 0 0 1\nf 1 2 3\nf 1 2 4\n")),
        "not finite",
    ),
    "an open mesh": (
        lambda: sdf_problem(open_box(), generator=generator()),
        "the mesh is open: 4 of its edges have one triangle only",
    ),
    "an open mesh, its repair": (
        lambda: occupancy_problem(open_box(), generator=generator()),
        "pinnkit reconstruct FILE --out closed.ply",
    ),
    "triangles that are not oriented alike": (
        lambda: occupancy_problem(twisted_box(), generator=generator()),
        "not oriented alike",
    ),
    "a name in place of a mesh": (lambda: sdf_problem("mesh.ply", generator=generator()), "must be a trimesh.Trimesh"),
    "a level above all values": (
        lambda: extract(sphere, resolution=32, level=5.0),
        "all less than the level (of both signs)",
    ),
    "a level below all values": (
        lambda: extract(lambda p: sphere(p) + 1, resolution=32),
        "all greater than the level (positive)",
    ),
    "a constant field": (lambda: extract(lambda p: 0 * p[:, 0] + 2, resolution=16), "a constant field has no surface"),
    "a surface that meets the wall": (
        lambda: extract(lambda p: sphere(p - torch.tensor([0.7, 0, 0])), resolution=32),
        "meets the wall of the box at x = 1, where",
    ),
    "a sign that is reversed": (lambda: extract(lambda p: -sphere(p), resolution=32), "its sign is reversed"),
    "a field that diverged": (
        lambda: extract(lambda p: sphere(p) / (p[:, 0] > 0.5), resolution=32),
        "the field is not finite at",
    ),
    "a field of the wrong shape": (lambda: extract(lambda p: p, resolution=16), "to a tensor (n,)"),
    "a resolution of two": (lambda: extract(sphere, resolution=2), "whole number from 4 to 4096, got 2"),
    "bounds the wrong way round": (lambda: extract(sphere, (1.0, -1.0), 16), "finite with lower < upper"),
    "an ending that cannot be written": (
        lambda: write_mesh("a.png", trimesh.creation.box()),
        "must end in one of .ply, .obj, .stl, .off",
    ),
}


@pytest.mark.parametrize(("act", "words"), CLOUDS.values(), ids=CLOUDS.keys())
def test_a_bad_cloud_is_explained(act, words):
    with pytest.raises((ValueError, TypeError, FileNotFoundError), match=re.escape(words)):
        act()


@pytest.mark.parametrize(("act", "words"), MESHES.values(), ids=MESHES.keys())
def test_a_bad_mesh_or_field_is_explained(act, words):
    with pytest.raises((ValueError, TypeError), match=re.escape(words)):
        act()


def test_a_level_outside_the_range_is_answered_by_the_range():
    with pytest.raises(ValueError, match=r"from -0\.3\d+ to 1\.1\d+, all less .* strictly between -0\.3\d+ and 1\.1"):
        extract(sphere, resolution=32, level=5.0)


def test_normals_that_are_all_zero_are_explained_and_ignored(tmp_path):
    np.savetxt(tmp_path / "a.xyz", np.column_stack([POINTS, np.zeros_like(POINTS)]))
    cloud = read_points("a.xyz")
    assert cloud.normals is None
    assert cloud.notes[0].startswith("All 100 normals are zero or not finite")
