"""Meshes and clouds as other programs write them: polygons, colours, relative indices, names of columns."""

import struct
from pathlib import Path

import numpy as np
import pytest
import trimesh

from pinnkit.meshes.polygons import Polygons
from pinnkit.surfaces import check_mesh, read_mesh, read_points

FLAT = [(0, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2)]  # an L: its corner at (1, 1) turns inward
VERTICES = [(x, y, z) for z in (0, 1) for x, y in FLAT]
SIDES = [(i, (i + 1) % 6, (i + 1) % 6 + 6, i + 6) for i in range(6)]
FACES = [(3, 2, 1, 0, 5, 4), (8, 9, 10, 11, 6, 7), *SIDES]  # fans from the first corners would cover too much


def rows(table, after=""):
    return "".join(" ".join(map(str, row)) + after + "\n" for row in table)


def counted(faces=FACES):
    return [(len(face), *face) for face in faces]


def obj(numbered, vertices=VERTICES, faces=FACES):
    lines = ["v " + " ".join(map(str, v)) for v in vertices]
    return "\n".join([*lines, *("f " + " ".join(map(numbered, face)) for face in faces)]) + "\n"


def ply_text(after="", extra=""):
    head = f"ply\nformat ascii 1.0\nelement vertex {len(VERTICES)}\n"
    head += "".join(f"property float {name}\n" for name in "xyz") + f"element face {len(FACES)}\n"
    return (
        head + f"property list uchar int vertex_indices\n{extra}end_header\n" + rows(VERTICES) + rows(counted(), after)
    )


def ply_binary(order, sign):
    head = f"ply\nformat binary_{order}_endian 1.0\nelement vertex {len(VERTICES)}\n"
    head += "".join(f"property double {name}\n" for name in "xyz") + "property uchar red\n"
    head += f"element face {len(FACES)}\nproperty list uchar int vertex_index\nproperty float quality\nend_header\n"
    body = b"".join(struct.pack(sign + "dddB", *v, 7) for v in VERTICES)
    return head.encode() + body + b"".join(struct.pack(f"{sign}B{len(f)}if", len(f), *f, 0.5) for f in FACES)


LETTER = {
    "positive.obj": obj(lambda i: f"{i + 1}"),
    "slashes.obj": obj(lambda i: f"{i + 1}/1/{i + 1}"),
    "negative.obj": obj(lambda i: f"{i - 12}//-1"),
    "continued.obj": obj(lambda i: f"{i + 1}").replace("f 4 3 2 ", "f 4 3 2 \\\n"),
    "plain.off": f"OFF\n12 8 0\n{rows(VERTICES)}{rows(counted())}",
    "comments.off": f"OFF # by hand\n\n# counts\n12 8 18\n{rows(VERTICES, ' # v')}\n{rows(counted())}",
    "one_line.off": f"OFF 12 8 0\n{rows(VERTICES)}{rows(counted())}",
    "no_header.off": f"12 8 0\n{rows(VERTICES)}{rows(counted())}",
    "colours.off": f"COFF\n12 8 0\n{rows(VERTICES, ' 255 0 0 255')}{rows(counted(), ' 0.5 0.5 0.5')}",
    "all_in_a_row.off": f"OFF 12 8 0\n{rows(VERTICES).replace(chr(10), ' ')}\n{rows(counted()).replace(chr(10), ' ')}",
    "plain.ply": ply_text(),
    "colours.ply": ply_text(" 255 0 0", "".join(f"property uchar {c}\n" for c in ("red", "green", "blue"))),
    "little.ply": ply_binary("little", "<"),
    "big.ply": ply_binary("big", ">"),
}


@pytest.mark.parametrize(("name", "content"), LETTER.items(), ids=LETTER.keys())
def test_a_letter_of_polygons_has_its_volume_and_area_in_every_format(name, content):
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    state = check_mesh(read_mesh(name))
    assert (state.closed, state.oriented, state.euler, state.triangles) == (True, True, 2, 20)
    assert (state.volume, state.area) == pytest.approx((3.0, 14.0))


def test_objects_of_a_file_keep_their_own_corners_when_these_count_backwards():
    second = [(x + 5, y, z) for x, y, z in VERTICES]
    text = "mtllib none.mtl\no first\nusemtl red\n" + obj(lambda i: f"{i - 12}")
    Path("a.obj").write_text(text + "o second\ns off\n" + obj(lambda i: f"{i - 12}", second))
    state = check_mesh(read_mesh("a.obj"))
    assert (state.closed, state.components, state.volume) == (True, 2, pytest.approx(6.0))


@pytest.mark.parametrize("kind", ["text", "capitals", "binary", "binary called solid", "two solids"])
def test_stl_of_every_kind_is_read(kind):
    box = trimesh.creation.box()
    text, binary = trimesh.exchange.stl.export_stl_ascii(box), trimesh.exchange.stl.export_stl(box)
    more = trimesh.exchange.stl.export_stl_ascii(box.copy().apply_translation([5, 0, 0]))
    data = {
        "text": text.replace("\n", "\r\n").encode(),
        "capitals": text.upper().encode(),
        "binary": binary,
        "binary called solid": b"solid by a program".ljust(80) + binary[80:],
        "two solids": f"{text}\n{more}".encode(),
    }[kind]
    Path("a.stl").write_bytes(data)
    state = check_mesh(read_mesh("a.stl"))
    assert state.closed
    assert state.volume == pytest.approx(2.0 if kind == "two solids" else 1.0)


def test_a_polygon_with_a_hole_that_is_bridged_keeps_the_hole():
    outer, inner = [(0, 0), (4, 0), (4, 4), (0, 4)], [(1, 1), (1, 3), (3, 3), (3, 1)]
    path = [*outer, outer[0], *inner, inner[0]]  # out, along a bridge, in the other way round, and back
    at = np.array([(*p, 0.0) for p in path]) + 1e5
    faces = Polygons(at, np.array([len(at)]), np.arange(len(at))).triangles()
    a, b, c = at[faces].transpose(1, 0, 2)
    areas = np.cross(b - a, c - a)[:, 2] / 2
    assert areas.min() > -1e-9
    assert areas.sum() == pytest.approx(12.0)


OFF = f"OFF\n12 9 0\n{rows(VERTICES)}{rows(counted())}"
STL = trimesh.exchange.stl.export_stl(trimesh.creation.box())
BROKEN = {
    "a face beyond the vertices": ("a.off", OFF + "3 0 1 99\n", "vertex 99, there"),
    "fewer faces than promised": ("a.off", OFF, "promises 9 faces, the file ends after 8"),
    "four dimensions": ("a.off", "4OFF\n12 8 0\n", "only three dimensions are"),
    "a word in a face": ("a.obj", obj(str, faces=[(1, "two", 3)]), "got 'f 1 two 3'"),
    "a vertex of two numbers": ("a.obj", "v 0 0\nf 1 1 1\n", "vertex 0 must be three numbers, got '0 0'"),
    "stl cut short": ("a.stl", STL[:-60], "promises 12 triangles, the file ends after 10"),
    "binary ply cut short": ("a.ply", ply_binary("big", ">")[:-9], "promises 8 faces, the file ends after 7"),
    "faces without corners": (
        "a.ply",
        ply_text().replace("vertex_indices", "other"),
        "no list `vertex_indices`, only ['other']",
    ),
}


@pytest.mark.parametrize(("name", "content", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_mesh_file_is_explained(name, content, words):
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match="cannot be read as a mesh") as error:
        read_mesh(name)
    assert words in str(error.value)


def test_clouds_of_text_are_read_with_any_separator_and_by_the_names_of_their_columns():
    random = np.random.default_rng(0)
    unit = random.normal(size=(60, 3))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    points, colours = 2 * unit + 1, random.integers(0, 255, (60, 3))

    def text(*columns, sep=" ", point=".", quote=""):
        table = np.column_stack(columns)
        return "\n".join(sep.join(quote + repr(float(v)).replace(".", point) + quote for v in row) for row in table)

    files = {
        "semicolons": (text(points, sep=";"), False),
        "decimal commas": ("x;y;z\n" + text(points, sep=";", point=","), False),
        "quotes": ('"x","y","z"\n' + text(points, sep=",", quote='"'), False),
        "a number before": ("id,x,y,z\n" + text(np.arange(60), points, sep=","), False),
        "normals first": ("nx,ny,nz,X (m),Y (m),Z (m)\n" + text(unit, points, sep=","), True),
        "names in a comment": ("//Z Y X\n" + text(points[:, ::-1]), False),
        "normals after colours": (text(points, colours, unit), True),
        "a separator at the end": (text(points, sep=",").replace("\n", ",\n") + ",", False),
    }
    for name, (content, with_normals) in files.items():
        Path("a.csv").write_text(content)
        cloud = read_points("a.csv")
        np.testing.assert_array_equal(cloud.points, points, err_msg=name)
        assert (cloud.normals is not None) == with_normals, name
        if with_normals:
            np.testing.assert_allclose(cloud.normals, unit, atol=1e-14)


def test_points_in_columns_are_answered_by_their_transpose():
    np.save("a.npy", np.random.default_rng(0).normal(size=(3, 60)))
    with pytest.raises(ValueError, match=r"write the transpose of \(3, 60\)"):
        read_points("a.npy")
