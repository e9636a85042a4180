"""Readers of files, each with sound files to damage and hostile files to refuse."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from pinnkit.checking.table_files import read_table
from pinnkit.images import read_picture
from pinnkit.meshes.mesh_reading import read_mesh
from pinnkit.radiance import read_scene
from pinnkit.radiance.data.picture_files import read_picture as read_view
from pinnkit.reports.summary import read_summary, summary_table
from pinnkit.solutions.storage import load
from pinnkit.solvers.training import checkpoint
from pinnkit.surfaces.io.mesh_files import write_mesh
from pinnkit.surfaces.io.point_files import read_points, write_points
from pinnkit.surfaces.points.cloud import PointCloud

from . import crafted_arrays, crafted_pictures, crafted_scenes, crafted_shapes, crafted_solutions, crafted_tables
from .crafted import Crafted

Read = Callable[[Path], object]


@dataclass(frozen=True)
class Sample:
    """A sound file to damage.

    Args:
        whole: writes what is read into a folder, and returns its path.
        damaged: name of the file that is damaged, below that path; "" for the path itself.
        checked: whether the format finds every change of what is read.
    """

    whole: Callable[[Path], Path]
    damaged: str = ""
    checked: bool = False


@dataclass(frozen=True)
class Reader:
    """A reader.

    Args:
        read: reads a path; returns plain values that are compared.
        samples: sound files by name.
        crafted: hostile files; gets an empty folder for sound ones.
    """

    read: Read
    samples: Mapping[str, Sample]
    crafted: Callable[[Path], Iterator[Crafted]]


# what is read, as plain values ----------------------------------------------------------------------------------------
def _solution(path: Path) -> object:
    saved = load(path)
    assert repr(saved).isprintable()
    modules = [] if saved.evaluator is None else [m.state_dict() for m in saved.evaluator.modules.values()]
    history = saved.history
    columns = [history.step, history.seconds, history.loss, dict(history.terms), dict(history.measures)]
    values = [dict(saved.metadata), dict(saved.grid), columns, history.solver, saved.problem_text, modules]
    if saved.evaluator is not None:
        saved(**{axis.name: np.full((2, axis.dim), axis.lower).squeeze() for axis in saved.evaluator.problem.axes})
    return values


def _checkpoint(path: Path) -> object:
    found = checkpoint.read(path)
    return [found.fingerprint, found.solver, found.step, found.seconds, found.state, [repr(r) for r in found.records]]


def _points(path: Path) -> object:
    cloud = read_points(path)
    assert all(note.isprintable() for note in cloud.notes), cloud.notes
    assert np.isfinite(cloud.points).all()
    return [cloud.points, cloud.normals]


def _mesh(path: Path) -> object:
    mesh = read_mesh(path)
    assert np.isfinite(mesh.vertices).all()
    return [np.array(mesh.vertices), np.array(mesh.faces)]


def _table(path: Path) -> object:
    return dict(read_table(path))


def _picture(path: Path) -> object:
    picture = read_picture(path)
    assert np.isfinite(picture.values).all()
    return [picture.values, picture.bits]


def _scene(path: Path) -> object:
    scene = read_scene(path)
    assert all(note.isprintable() for note in scene.notes), scene.notes
    return [[view.image, view.depth, view.normals, view.camera.pose] for view in (*scene.train, *scene.test)]


def _summary(path: Path) -> object:
    summary, out = read_summary(path), io.StringIO()
    Console(file=out, width=200).print(summary_table(summary))
    assert all(c.isprintable() or c == "\n" for c in out.getvalue()), out.getvalue()
    return summary


# sound files ----------------------------------------------------------------------------------------------------------
def _bytes(name: str, data: Callable[[], bytes], *, checked: bool = False) -> Sample:
    def write(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(data())
        return path

    return Sample(write, checked=checked)


def _cloud() -> PointCloud:
    points = np.random.default_rng(0).normal(size=(40, 3))
    return PointCloud.of(points, points / np.linalg.norm(points, axis=1)[:, None])


def _clouds() -> dict[str, Sample]:
    def written(ending: str, *, checked: bool = False) -> Sample:
        return Sample(lambda folder: write_points(folder / f"whole.{ending}", _cloud()), checked=checked)

    rows = crafted_shapes.text_rows(crafted_shapes.points())

    def packed() -> bytes:
        out = io.BytesIO()
        np.savez_compressed(out, points=crafted_shapes.points())
        return out.getvalue()

    return {
        "binary PLY": written("ply"),
        "XYZ": written("xyz"),
        "NPY": written("npy"),
        "NPZ": written("npz", checked=True),
        "compressed NPZ": _bytes("whole.npz", packed, checked=True),
        "CSV": _bytes("whole.csv", lambda: ("x,y,z\n" + rows.replace(" ", ",")).encode()),
        "PTS": _bytes("whole.pts", lambda: ("40\n" + rows).encode()),
        "OBJ": _bytes("whole.obj", lambda: "".join(f"v {line}\n" for line in rows.splitlines()).encode()),
        "OFF": _bytes("whole.off", lambda: f"OFF\n40 0 0\n{rows}".encode()),
        "text PLY": _bytes(
            "whole.ply",
            lambda: crafted_shapes.ply(more="element other 0\nproperty int a\n"),
        ),
    }


def _meshes() -> dict[str, Sample]:
    import trimesh

    sphere = trimesh.creation.icosphere(subdivisions=1)

    def text() -> bytes:
        faces = "".join("3 {} {} {}\n".format(*face) for face in sphere.faces.tolist())
        more = f"element face {len(sphere.faces)}\nproperty list uchar int vertex_indices\n"
        return crafted_shapes.ply(str(len(sphere.vertices)), more, body=(
            crafted_shapes.text_rows(np.asarray(sphere.vertices)) + faces).encode())  # fmt: skip

    return {
        **{
            ending: Sample(lambda folder, ending=ending: write_mesh(folder / f"whole.{ending}", sphere))
            for ending in ("ply", "obj", "off", "stl")
        },
        "text PLY": _bytes("whole.ply", text),
        "text STL": _bytes("whole.stl", lambda: trimesh.exchange.stl.export_stl_ascii(sphere).encode()),
    }


def _pictures() -> dict[str, Sample]:
    small = crafted_pictures.small
    kinds = {"JPEG": "jpg", "TIFF": "tif", "WEBP": "webp", "GIF": "gif", "BMP": "bmp", "PPM": "ppm", "TGA": "tga"}
    kinds |= {"JPEG2000": "jp2", "AVIF": "avif", "QOI": "qoi", "PCX": "pcx", "SGI": "sgi"}
    return {
        "PNG": _bytes("whole.png", lambda: small("PNG"), checked=True),
        "PNG with transparency": _bytes("whole.png", lambda: small("PNG", "RGBA"), checked=True),
        **{kind: _bytes(f"whole.{end}", lambda kind=kind: small(kind)) for kind, end in kinds.items()},
        "packed TIFF": _bytes("whole.tif", lambda: small("TIFF", compression="tiff_deflate")),
    }


def _scene_samples() -> dict[str, Sample]:
    return {
        "transforms.json": Sample(crafted_scenes.whole_scene, "transforms_train.json"),
        "a picture": Sample(crafted_scenes.whole_scene, "train/r_000.png", checked=True),
        "geometry": Sample(crafted_scenes.whole_scene, "train/r_000_geometry.npz", checked=True),
    }


def _view_cases(folder: Path) -> Iterator[Crafted]:
    """Hostile pictures for a reader that takes the first frame, and pictures of one pixel."""
    del folder
    for case in crafted_pictures.picture_cases():
        whole = case.name in ("WebP size 0", "very many frames", "a TIFF whose directory follows far away")
        yield Crafted(case.name, case.make, case.refused and not whole, case.heavy)


def _points_cases(folder: Path) -> Iterator[Crafted]:
    del folder
    for ending in ("ply", "obj", "off", "stl"):
        yield from crafted_shapes.cloud_cases(ending)
    yield from crafted_shapes.text_cases("xyz")
    yield from crafted_arrays.npy_cases()
    yield from crafted_arrays.npz_cases()


def _mesh_cases(folder: Path) -> Iterator[Crafted]:
    del folder
    for ending in ("ply", "obj", "off", "stl"):
        yield from crafted_shapes.mesh_cases(ending)


def _tables() -> dict[str, Sample]:
    def archive() -> bytes:
        out = io.BytesIO()
        np.savez(out, x=crafted_shapes.points()[:, 0], u=crafted_shapes.points()[:, 1])
        return out.getvalue()

    return {
        "CSV": _bytes("whole.csv", crafted_tables.text_table),
        "NPZ": _bytes("whole.npz", archive, checked=True),
        "HDF5": _bytes("whole.h5", crafted_tables.hdf5_table),
    }


def _json() -> bytes:
    import json

    return json.dumps(crafted_scenes.SUMMARY).encode()


READERS: dict[str, Reader] = {
    "solution": Reader(
        _solution,
        {"solution": Sample(crafted_solutions.whole_solution, checked=True)},
        lambda folder: crafted_solutions.solution_cases(crafted_solutions.whole_solution(folder)),
    ),
    "checkpoint": Reader(
        _checkpoint,
        {"checkpoint": Sample(crafted_solutions.whole_checkpoint, checked=True)},
        lambda folder: crafted_solutions.checkpoint_cases(crafted_solutions.whole_checkpoint(folder)),
    ),
    "picture": Reader(_picture, _pictures(), lambda folder: crafted_pictures.picture_cases()),  # noqa: ARG005
    "view": Reader(read_view, _pictures(), _view_cases),
    "points": Reader(_points, _clouds(), _points_cases),
    "mesh": Reader(_mesh, _meshes(), _mesh_cases),
    "table": Reader(_table, _tables(), lambda folder: crafted_tables.table_cases()),  # noqa: ARG005
    "scene": Reader(
        _scene,
        _scene_samples(),
        lambda folder: crafted_scenes.scene_cases(crafted_scenes.whole_scene(folder)),
    ),
    "summary": Reader(
        _summary,
        {"summary": _bytes("whole.json", _json)},
        lambda folder: crafted_scenes.summary_cases(),  # noqa: ARG005
    ),
}
