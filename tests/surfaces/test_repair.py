"""Meshes with seams, doubles, flipped triangles and holes get an inside, and sound ones stay as they are."""

import numpy as np
import pytest
import torch
import trimesh

from pinnkit.surfaces import MeshDistance, check_mesh, repair_mesh

RANDOM = np.random.default_rng(0)


def letter():
    """An L of volume 3 and area 14."""
    flat = [(0, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2)]
    vertices = [(x, y, z) for z in (0, 1) for x, y in flat]
    faces = [(0, 2, 1), (0, 3, 2), (0, 5, 3), (3, 5, 4), (6, 7, 8), (6, 8, 9), (6, 9, 11), (9, 10, 11)]
    faces += [t for i in range(6) for a, b in [(i, (i + 1) % 6)] for t in ((a, b, b + 6), (a, b + 6, a + 6))]
    return trimesh.Trimesh(vertices, faces, process=False)


def flipped(mesh, share):
    faces = np.array(mesh.faces)
    turned = RANDOM.random(len(faces)) < share
    faces[turned] = faces[turned][:, ::-1]
    return trimesh.Trimesh(mesh.vertices, faces, process=False)


def without(mesh, rows):
    return trimesh.Trimesh(mesh.vertices, np.delete(mesh.faces, rows, axis=0), process=False)


def with_seams():
    """Every triangle with corners of its own, off by rounding."""
    corners = letter().triangles.reshape(-1, 3)
    return trimesh.Trimesh(
        corners + 1e-8 * RANDOM.normal(size=corners.shape), np.arange(60).reshape(-1, 3), process=False
    )


def with_doubles():
    mesh = letter()
    faces = np.concatenate([mesh.faces, mesh.faces[:5][:, [1, 2, 0]]])
    return trimesh.Trimesh(mesh.vertices, faces, process=False)


BROKEN = {
    "flipped triangles": (lambda: flipped(letter(), 0.5), "faced different ways"),
    "seams": (with_seams, "were joined"),
    "doubles": (with_doubles, "5 triangles that lay on others"),
    "no lid, with a corner inward": (lambda: without(letter(), [4, 5, 6, 7]), "1 hole(s) with 6 edges"),
    "holes and flipped": (lambda: flipped(without(letter(), [0, 9]), 0.3), "2 hole(s)"),
}


@pytest.mark.parametrize(("make", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_letter_is_mended_to_its_volume_and_says_how(make, words):
    assert letter().volume == pytest.approx(3.0)
    found = repair_mesh(make())
    state = check_mesh(found.mesh)
    assert (state.closed, state.oriented, state.euler) == (True, True, 2)
    assert (state.volume, state.area) == pytest.approx((3.0, 14.0), rel=1e-6)
    assert any(words in note for note in found.notes), found.notes


def test_a_hollow_stays_hollow_and_neighbours_stay_solid_when_their_triangles_are_turned():
    outer, inner = trimesh.creation.icosphere(subdivisions=2), trimesh.creation.icosphere(subdivisions=2, radius=0.5)
    beside = trimesh.creation.icosphere(subdivisions=2).apply_translation([3, 0, 0])
    found = repair_mesh(trimesh.util.concatenate([flipped(part, 0.4) for part in (outer, inner, beside)]))
    inside = MeshDistance.of(found.mesh).contains(
        torch.tensor([[0.0, 0, 0.1], [0.75, 0, 0], [3.1, 0, 0], [1.5, 0, 0]]).double()
    )
    assert inside.tolist() == [False, True, True, False]
    assert "3 piece(s)" in found.notes[0]


def test_a_sound_mesh_is_left_alone_also_where_it_is_inside_out():
    for mesh in (letter(), trimesh.Trimesh(letter().vertices, letter().faces[:, ::-1], process=False)):
        found = repair_mesh(mesh)
        assert found.notes == ()
        np.testing.assert_array_equal(found.mesh.triangles, mesh.triangles)


def test_a_fin_and_a_moebius_strip_do_not_break_it():
    mesh = letter()
    fin = trimesh.Trimesh([*mesh.vertices, [3, 0.5, 3]], [*mesh.faces.tolist(), [7, 8, 12]], process=False)
    found = repair_mesh(fin)
    assert check_mesh(found.mesh).oriented
    assert check_mesh(found.mesh).boundary_edges == 0
    assert check_mesh(found.mesh).volume == pytest.approx(3.0)
    ring = 2 * np.pi * np.arange(12) / 12
    strip = [
        [(1 + s * np.cos(a / 2)) * np.cos(a), (1 + s * np.cos(a / 2)) * np.sin(a), s * np.sin(a / 2)]
        for a in ring
        for s in (-0.3, 0.3)
    ]
    faces = [t for i in range(11) for t in ((2 * i, 2 * i + 1, 2 * i + 2), (2 * i + 1, 2 * i + 3, 2 * i + 2))]
    faces += [(22, 23, 1), (23, 0, 1)]
    assert any("cannot be oriented" in note for note in repair_mesh(trimesh.Trimesh(strip, faces, process=False)).notes)


def test_a_mesh_without_triangles_is_refused():
    with pytest.raises(ValueError, match="no triangles"):
        repair_mesh(trimesh.Trimesh())
