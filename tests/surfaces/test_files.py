"""Files of clouds and meshes: what is written is read back, in every format, at any offset."""

from pathlib import Path

import numpy as np
import pytest
import trimesh

from pinnkit.surfaces import PointCloud, check_mesh, read_mesh, read_points, write_mesh, write_points

OFFSET = 1e6


@pytest.fixture
def sphere():
    normals = np.random.default_rng(0).normal(size=(200, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return PointCloud.of(normals + OFFSET, normals)


@pytest.fixture
def torus():
    mesh = trimesh.creation.torus(1.0, 0.3, major_sections=16, minor_sections=8)
    mesh.apply_translation([OFFSET, 0, -OFFSET])
    return mesh


@pytest.mark.parametrize("ending", ["ply", "xyz", "npy", "npz"])
def test_points_and_normals_come_back_at_an_offset_of_a_million(sphere, ending):
    read = read_points(write_points(f"cloud.{ending}", sphere))
    np.testing.assert_array_equal(read.points, sphere.points)
    np.testing.assert_allclose(read.normals, sphere.normals, atol=1e-15)
    assert read.notes == ()


@pytest.mark.parametrize("ending", ["ply", "xyz", "npy", "npz"])
def test_a_cloud_without_normals_stays_without(sphere, ending):
    assert read_points(write_points(f"cloud.{ending}", sphere.without_normals())).normals is None


@pytest.mark.parametrize("ending", ["ply", "obj", "off"])
def test_meshes_come_back_at_an_offset_of_a_million(torus, ending):
    read = read_mesh(write_mesh(f"mesh.{ending}", torus))
    np.testing.assert_array_equal(read.bounds, torus.bounds)
    assert (check_mesh(read).closed, check_mesh(read).oriented, check_mesh(read).euler) == (True, True, 0)
    assert check_mesh(read).volume == pytest.approx(check_mesh(torus).volume, rel=1e-9)


def test_stl_repeats_vertices_and_they_are_merged():
    mesh = trimesh.creation.icosphere(subdivisions=2)
    read = read_mesh(write_mesh("mesh.stl", mesh))
    assert len(read.vertices) == len(mesh.vertices)
    assert check_mesh(read).closed


def test_binary_ply_of_either_byte_order_is_read(sphere):
    for order, sign in (("little", "<"), ("big", ">")):
        header = f"ply\nformat binary_{order}_endian 1.0\ncomment made by hand\nelement vertex {len(sphere)}\n"
        header += "property double x\nproperty uchar red\nproperty double y\nproperty double z\nend_header\n"
        rows = np.zeros(len(sphere), dtype=[("x", sign + "f8"), ("red", "u1"), ("y", sign + "f8"), ("z", sign + "f8")])
        rows["x"], rows["y"], rows["z"] = sphere.points.T
        Path("cloud.ply").write_bytes(header.encode() + rows.tobytes())
        np.testing.assert_array_equal(read_points("cloud.ply").points, sphere.points)


def test_ascii_ply_with_windows_line_ends_is_read(tmp_path):
    points = np.random.default_rng(1).normal(size=(40, 3))
    rows = "\r\n".join(" ".join(map(repr, row)) for row in points.tolist())
    header = "ply\r\nformat ascii 1.0\r\nelement vertex 40\r\nproperty float x\r\nproperty float y\r\n"
    (tmp_path / "a.ply").write_bytes(f"{header}property float z\r\nend_header\r\n{rows}\r\n".encode())
    np.testing.assert_array_equal(read_points("a.ply").points, points)


@pytest.mark.parametrize(
    "head", ["", "# x y z\n", "// by a scanner\n\n", "40\n", "x,y,z\n", "\ufeff"], ids=lambda h: repr(h)
)
def test_text_with_comments_counts_and_names_is_read(tmp_path, head):
    points = np.random.default_rng(1).normal(size=(40, 3))
    rows = "\n".join(("," if "," in head else "  ").join(map(repr, row)) for row in points.tolist())
    (tmp_path / "a.xyz").write_text(f"{head}{rows}\n", encoding="utf-8")
    np.testing.assert_array_equal(read_points("a.xyz").points, points)


def test_columns_that_are_no_unit_vectors_are_colours_and_not_normals(tmp_path):
    random = np.random.default_rng(1)
    np.savetxt(tmp_path / "a.xyz", np.column_stack([random.normal(size=(40, 3)), random.integers(0, 255, (40, 3))]))
    cloud = read_points("a.xyz")
    assert cloud.normals is None
    assert "3 further columns were ignored" in cloud.notes[0]


def test_obj_and_off_with_vertices_alone_are_clouds(tmp_path):
    points = np.random.default_rng(1).normal(size=(40, 3))
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    lines = ["v " + " ".join(map(repr, p)) for p in points.tolist()] + [
        "vn " + " ".join(map(repr, p)) for p in unit.tolist()
    ]
    (tmp_path / "a.obj").write_text("\n".join(["# cloud", *lines]))
    (tmp_path / "a.off").write_text("OFF\n40 0 0\n" + "\n".join(" ".join(map(repr, p)) for p in points.tolist()))
    np.testing.assert_allclose(read_points("a.obj").normals, unit, atol=1e-15)
    np.testing.assert_array_equal(read_points("a.off").points, points)


@pytest.mark.parametrize("ending", ["ply", "obj", "off"])
def test_a_mesh_given_as_a_cloud_is_sampled_on_its_triangles_and_says_so(torus, ending):
    cloud = read_points(write_mesh(f"mesh.{ending}", torus))
    assert len(cloud) == 10_000
    assert "256 triangles; 10,000 points were drawn on it, with their normals" in cloud.notes[0]
    ring = np.array([OFFSET, 0, -OFFSET])
    outward = cloud.points - ring
    outward[:, :2] -= outward[:, :2] / np.linalg.norm(outward[:, :2], axis=1, keepdims=True)
    assert (np.einsum("ij,ij->i", outward, cloud.normals) > 0).all()


def test_an_open_mesh_given_as_a_cloud_gives_no_normals():
    mesh = trimesh.creation.box()
    mesh.update_faces(np.arange(12) > 0)
    cloud = read_points(write_mesh("mesh.ply", mesh))
    assert cloud.normals is None
    assert "without normals" in cloud.notes[0]


def test_duplicates_are_merged_with_a_sentence():
    points = np.random.default_rng(0).normal(size=(50, 3))
    cloud = PointCloud.of(np.concatenate([points, points[:7]]))
    np.testing.assert_array_equal(cloud.points, points)
    assert cloud.notes == ("7 of 57 points were duplicates of others and were merged.",)


def test_a_few_zero_normals_cost_their_points_and_many_cost_all_normals():
    points = np.random.default_rng(0).normal(size=(1000, 3))
    normals = 3 * points
    normals[:5] = 0
    few = PointCloud.of(points, normals)
    assert len(few) == 995
    np.testing.assert_allclose(np.linalg.norm(few.normals, axis=1), 1, atol=1e-14)
    normals[:500] = np.nan
    many = PointCloud.of(points, normals)
    assert len(many) == 1000
    assert many.normals is None
    assert "500 of 1,000 normals are zero or not finite" in many.notes[0]


def test_float32_far_from_the_origin_is_told(tmp_path):
    points = np.random.default_rng(0).normal(size=(500, 3)) + OFFSET
    np.save(tmp_path / "a.npy", points.astype(np.float32))
    assert any("float32 far from the origin" in note for note in read_points("a.npy").notes)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, torus):
    (tmp_path / "mesh.stl").write_text("old")
    with pytest.raises(ValueError, match="float32"):
        write_mesh("mesh.stl", torus)
    assert [p.name for p in tmp_path.iterdir()] == ["mesh.stl"]
    assert (tmp_path / "mesh.stl").read_text() == "old"
