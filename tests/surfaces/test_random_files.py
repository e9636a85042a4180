"""Properties of random files of clouds and meshes: what is written comes back; damaged files are refused or whole."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st

from pinnkit.surfaces import PointCloud, read_mesh, read_points, write_mesh, write_points
from tests.damage import FEW, SETTINGS, Damage, damages, read_or_refused, truncations

seeds = st.integers(0, 2**31)
scales = st.floats(-8, 8).map(lambda digits: 10.0**digits)
CLOUDS = ("ply", "xyz", "npy", "npz")
MESHES = ("ply", "obj", "stl", "off")


def cloud_of(seed: int, n: int = 40, scale: float = 1.0, offset: float = 0.0, *, normals: bool = True) -> PointCloud:
    random = np.random.default_rng(seed)
    points = scale * (random.normal(size=(n, 3)) + offset)
    return PointCloud.of(points, random.normal(size=(n, 3)) if normals else None)


def mesh_of(seed: int, scale: float = 1.0) -> trimesh.Trimesh:
    mesh = trimesh.creation.icosphere(subdivisions=1)
    vertices = mesh.vertices + 0.1 * np.random.default_rng(seed).normal(size=mesh.vertices.shape)
    return trimesh.Trimesh(scale * vertices, mesh.faces, process=False)


def rows(table: np.ndarray) -> str:
    return "".join(" ".join(map(repr, row)) + "\n" for row in table.tolist())


# round trips -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("ending", CLOUDS)
@FEW
@given(seeds, st.integers(33, 90), scales, st.floats(-1e6, 1e6), st.booleans())
def test_a_random_cloud_comes_back_to_the_last_bit(ending, seed, n, scale, offset, normals) -> None:
    cloud = cloud_of(seed, n, scale, offset, normals=normals)
    read = read_points(write_points(f"cloud.{ending}", cloud))
    np.testing.assert_array_equal(read.points, cloud.points)
    assert (read.normals is None) == (cloud.normals is None)
    if cloud.normals is not None:
        np.testing.assert_allclose(read.normals, cloud.normals, rtol=0, atol=4e-16)


@pytest.mark.parametrize("ending", MESHES)
@FEW
@given(seeds, scales)
def test_a_random_mesh_comes_back_to_the_precision_of_its_format(ending, seed, scale) -> None:
    mesh = mesh_of(seed, scale)
    read = read_mesh(write_mesh(f"mesh.{ending}", mesh))
    corners, expected = (np.asarray(m.vertices)[np.asarray(m.faces)] for m in (read, mesh))
    if ending == "stl":
        expected = expected.astype(np.float32).astype(np.float64)
    np.testing.assert_array_equal(corners, expected)


@FEW
@given(seeds, st.sampled_from(["<", ">", ""]), st.sampled_from(["float", "double"]), st.booleans())
def test_a_cloud_in_ply_of_any_encoding_and_column_order_comes_back(seed, sign, kind, colour) -> None:
    cloud, random = cloud_of(seed, normals=False), np.random.default_rng(seed)
    dtype = "f4" if kind == "float" else "f8"
    names = random.permutation(["x", "y", "z", *(["red"] if colour else [])]).tolist()
    columns = {name: cloud.points[:, "xyz".index(name)].astype(dtype) for name in names if name != "red"}
    columns["red"] = random.integers(0, 256, len(cloud)).astype("u1")
    head = f"ply\nformat {({'<': 'binary_little_endian', '>': 'binary_big_endian', '': 'ascii'})[sign]} 1.0\n"
    head += f"comment random\nelement vertex {len(cloud)}\n"
    head += "".join(f"property {'uchar' if name == 'red' else kind} {name}\n" for name in names) + "end_header\n"
    if sign:
        table = np.zeros(len(cloud), [(name, sign + columns[name].dtype.str[1:]) for name in names])
        for name in names:
            table[name] = columns[name]
        body = table.tobytes()
    else:
        body = "".join(" ".join(repr(columns[n][i].item()) for n in names) + "\n" for i in range(len(cloud))).encode()
    Path("a.ply").write_bytes(head.encode() + body)
    np.testing.assert_array_equal(read_points("a.ply").points, cloud.points.astype(dtype).astype(float))


# damage --------------------------------------------------------------------------------------------------------------
def ply_ascii(faces: bool) -> bytes:
    mesh = mesh_of(3)
    head = f"ply\nformat ascii 1.0\ncomment by hand\nelement vertex {len(mesh.vertices)}\n"
    head += "".join(f"property double {name}\n" for name in "xyz")
    if not faces:
        return (head + "end_header\n" + rows(mesh.vertices)).encode()
    head += f"element face {len(mesh.faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    return (head + rows(mesh.vertices) + rows(np.insert(mesh.faces, 0, 3, axis=1))).encode()


def ply_mixed() -> bytes:
    """Big-endian polygons of different lengths, read row by row, with a list of floats beside them."""
    mesh = mesh_of(3)
    head = f"ply\nformat binary_big_endian 1.0\nelement vertex {len(mesh.vertices)}\n"
    head += "".join(f"property float {name}\n" for name in "xyz") + f"element face {len(mesh.faces) - 1}\n"
    head += "property list char int vertex_index\nproperty list short float weights\nend_header\n"
    a, b, c = mesh.faces[0].tolist()
    faces = [(a, b, c, int(mesh.faces[1][0])), *(tuple(f) for f in mesh.faces[2:].tolist())]
    body = mesh.vertices.astype(">f4").tobytes()
    return head.encode() + body + b"".join(struct.pack(f">b{len(f)}ih1f", len(f), *f, 1, 0.5) for f in faces)


def saved(write: Callable, **arrays: np.ndarray) -> bytes:
    out = io.BytesIO()
    write(out, **arrays)
    return out.getvalue()


def written(ending: str) -> bytes:
    return write_points(f"whole.{ending}", cloud_of(0)).read_bytes()


CLOUD_FILES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "binary ply": ("ply", lambda: written("ply")),
    "ascii ply": ("ply", lambda: ply_ascii(False)),
    "xyz": ("xyz", lambda: written("xyz")),
    "xyz with a count": ("pts", lambda: b"40\n" + written("xyz")),
    "csv with names": ("csv", lambda: ("x,y,z\n" + rows(cloud_of(0).points).replace(" ", ",")).encode()),
    "npy": ("npy", lambda: written("npy")),
    "npz": ("npz", lambda: written("npz")),
    "compressed npz": ("npz", lambda: saved(np.savez_compressed, points=cloud_of(0).points)),
    "obj": ("obj", lambda: rows(cloud_of(0).points).replace("\n", "\nv ").join(["v ", ""])[:-2].encode()),
    "off": ("off", lambda: f"OFF\n40 0 0\n{rows(cloud_of(0).points)}".encode()),
}
COUNTED = [name for name in CLOUD_FILES if name not in ("xyz", "csv with names", "obj")]
"""Formats whose header has the number of points, so that no truncation goes unnoticed."""


def _sample(kind: str) -> tuple[Path, bytes]:
    ending, make = CLOUD_FILES[kind]
    data = make()
    path = Path(f"damaged.{ending}")
    path.write_bytes(data)
    assert len(read_points(path)) in (40, 42)
    return path, data


@pytest.mark.parametrize("kind", CLOUD_FILES)
@SETTINGS
@given(damages)
def test_a_damaged_cloud_is_refused_or_has_finite_points(kind: str, damage: Damage) -> None:
    path, data = _sample(kind)
    path.write_bytes(damage(data))
    cloud = read_or_refused(read_points, path)
    if cloud is not None:
        assert np.isfinite(cloud.points).all()
        if kind in COUNTED:  # a point may coincide with another one and be merged, with a note
            merged = any("duplicates" in note or "dropped" in note or "normals" in note for note in cloud.notes)
            assert len(cloud) in (40, 42) or merged or len(cloud) == 10_000


@pytest.mark.parametrize("kind", COUNTED)
@SETTINGS
@given(truncations)
def test_a_truncated_cloud_is_refused_where_the_format_has_a_count(kind: str, damage: Damage) -> None:
    path, data = _sample(kind)
    cut = damage(data)
    path.write_bytes(cut)
    cloud = read_or_refused(read_points, path)
    assert cloud is None or in_the_last_number(kind, data[len(cut) :])


@pytest.mark.parametrize("kind", ["xyz", "csv with names", "obj"])
@SETTINGS
@given(truncations)
def test_a_truncated_text_is_refused_or_says_that_its_last_line_is_open(kind: str, damage: Damage) -> None:
    path, data = _sample(kind)
    cut = damage(data)
    path.write_bytes(cut)
    cloud = read_or_refused(read_points, path)
    assert cloud is None or cut.endswith(b"\n") or any("no line end" in note for note in cloud.notes)


def in_the_last_number(kind: str, left: bytes) -> bool:
    """True for a text that was cut within its last number, or behind it, which no reader can see."""
    return kind in ("ascii ply", "xyz with a count", "off", "text stl") and len(left.split()) <= 1 and left[:1] != b" "


MESH_FILES: dict[str, tuple[str, Callable[[], bytes]]] = {
    **{f"binary {e}": (e, lambda e=e: write_mesh(f"whole.{e}", mesh_of(3)).read_bytes()) for e in ("ply", "stl")},
    **{e: (e, lambda e=e: write_mesh(f"whole.{e}", mesh_of(3)).read_bytes()) for e in ("obj", "off")},
    "ascii ply": ("ply", lambda: ply_ascii(True)),
    "polygons in ply": ("ply", ply_mixed),
    "text stl": ("stl", lambda: trimesh.exchange.stl.export_stl_ascii(mesh_of(3)).encode()),
}


@pytest.mark.parametrize("kind", MESH_FILES)
@SETTINGS
@given(damages)
def test_a_damaged_mesh_is_refused_or_has_finite_vertices(kind: str, damage: Damage) -> None:
    ending, make = MESH_FILES[kind]
    data, path = make(), Path(f"damaged.{ending}")
    path.write_bytes(damage(data))
    mesh = read_or_refused(read_mesh, path)
    if mesh is not None:
        assert np.isfinite(mesh.vertices).all()
        assert len(mesh.faces)
        assert mesh.faces.min() >= 0
        assert mesh.faces.max() < len(mesh.vertices)


@pytest.mark.parametrize("kind", [kind for kind in MESH_FILES if kind != "obj"])
@SETTINGS
@given(truncations)
def test_a_truncated_mesh_is_refused_where_the_format_has_a_count(kind: str, damage: Damage) -> None:
    ending, make = MESH_FILES[kind]
    data, path = make(), Path(f"damaged.{ending}")
    cut = damage(data)
    path.write_bytes(cut)
    mesh = read_or_refused(read_mesh, path)
    assert mesh is None or in_the_last_number(kind, data[len(cut) :])


@pytest.mark.parametrize("shift", [-41, -7, -1, 1, 5, 10**12])
@pytest.mark.parametrize("kind", ["binary ply", "ascii ply", "xyz with a count", "off"])
def test_a_wrong_number_of_points_is_refused(kind: str, shift: int) -> None:
    path, data = _sample(kind)
    count = 42 if kind == "ascii ply" else 40
    path.write_bytes(data.replace(str(count).encode(), str(count + shift).encode(), 1))
    assert read_or_refused(read_points, path) is None


@pytest.mark.parametrize("shift", [-81, -7, -1, 1, 5, 10**12])
@pytest.mark.parametrize("what", [42, 80])
@pytest.mark.parametrize("kind", ["binary ply", "ascii ply", "off"])
def test_a_wrong_number_of_vertices_or_faces_is_refused(kind: str, what: int, shift: int) -> None:
    ending, make = MESH_FILES[kind]
    data, path = make(), Path(f"damaged.{ending}")
    before, after = (f"{'vertex' if what == 42 else 'face'} {n}".encode() for n in (what, what + shift))
    if ending == "off":
        before, after = str(what).encode(), str(what + shift).encode()
    assert before in data
    path.write_bytes(data.replace(before, after, 1))
    assert read_or_refused(read_mesh, path) is None


@pytest.mark.parametrize("shape", ["(40, 6000000000)", "(4000000000000, 6)", "(-40, 6), 'a': ("])
def test_a_numpy_header_that_promises_more_than_the_file_holds_is_refused_before_allocation(shape: str) -> None:
    data = written("npy")
    old = data[: data.index(b"\n")]
    new = old.replace(b"(40, 6)", shape.encode())[: len(old)].ljust(len(old))
    Path("a.npy").write_bytes(new + data[len(old) :])
    assert read_or_refused(read_points, Path("a.npy")) is None


def test_numpy_objects_are_refused() -> None:
    np.save("a.npy", np.array([{}, None], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"a\.npy.*Python objects"):
        read_points("a.npy")
