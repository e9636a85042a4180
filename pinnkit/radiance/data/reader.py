"""read_scene: posed pictures from transforms.json, with a box, and with checks that the poses make sense."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch

from pinnkit.domains import Box

from .background_removal import cut_out, even_background
from .cameras import Camera, Convention
from .picture_files import PictureError, read_picture
from .scene import Scene, View, box_around
from .scene_bounds import check_box, check_poses, choose_box, choose_space
from .transforms import Frame, Transforms, read_transforms

__all__ = ["HELD_OUT", "LONGEST", "MOST_TEST", "read_scene"]

HELD_OUT = 8
"""Of a single transforms.json every eighth view, from the first on in the order of names, is held out."""
LONGEST = 400
"""Pixels along the longer side to which larger pictures are scaled down: finer than a field learns in minutes on a CPU,
and a hundred photographs take 27 MB, however large their files are."""
MOST_TEST = 16
"""Held-out views that are looked at: rendering them takes as long as a part of the training."""


def read_scene(
    path: Path | str,
    *,
    convention: Convention = Convention.OPENGL,
    box: Box | None = None,
    longest: int | None = LONGEST,
    most_test: int | None = MOST_TEST,
    surroundings: bool | None = None,
) -> Scene:
    """Read posed pictures.

    A folder with transforms_train.json and transforms_test.json, or transforms_val.json where there is none (Blender's
    flavour), is taken as it is split; a single
    transforms.json (instant-ngp, nerfstudio) may name `train_filenames` and `test_filenames`, else every eighth view is
    held out.  The box is the argument, else `box` of the file (which `pinnkit scene make` writes), else chosen from the
    cameras and the transparency of the pictures (`choose_box`).  Opaque pictures of an object before an even background
    are cut out (`even_background`); all other opaque ones show surroundings, which are then fitted too, in contracted
    space (`choose_space`), unless a box is given.  What was assumed, scaled or left out is in the notes.

    Args:
        path: a folder, or one JSON file.
        convention: where the axes of the poses point.
        box: where the scene is, axes x, y, z in the units of the poses.
        longest: larger pictures are scaled down to so many pixels on their longer side, one at a time; None: none is.
        surroundings: whether there are any, whatever the pictures and the box say.
        most_test: of more held-out views, so many are kept, evenly spread; the rest is not trained on either.
            None: all.

    Raises:
        FileNotFoundError: when there is nothing at `path`, or no transforms file in it.
        ValueError: for files that cannot be read or do not fit together, and for cameras that look away from the box.
    """
    path = Path(path)
    train, test, notes, content = _split(path, convention)
    if most_test is not None and len(test) > most_test:
        chosen = [round(i * (len(test) - 1) / max(most_test - 1, 1)) for i in range(most_test)]
        notes.append(f"{most_test} of {len(test)} held-out views are looked at, evenly spread.")
        test = [test[i] for i in chosen]
    cameras = [frame.camera for frame in (*train, *test)]
    if len(train) < 2:
        raise ValueError(f"'{path}': a scene needs at least 2 views to train on, got {len(train)}")
    check_poses(cameras, owner=f"'{path}'")
    views = [_view(frame, longest, notes) for frame in train]
    held = [_view(frame, longest, notes) for frame in test]
    if all(bool((view.image[..., 3] == 0).all()) if view.image.shape[2] == 4 else False for view in views):
        raise ValueError(f"'{path}': every pixel of every picture is transparent; there is nothing to learn")
    background = content.get("background")
    if not any(view.image.shape[2] == 4 and bool((view.image[..., 3] < 255).any()) for view in views):
        colour = even_background(views)
        if colour is not None:
            views, held = ([cut_out(view, colour) for view in part] for part in (views, held))
            background = [value / 255 for value in colour]
            notes.append(
                f"The pictures are opaque with an even background, {colour} of 255: pixels of that colour that are in "
                "one piece with the border, or in a large hole, are taken as transparent."
            )
        elif background is None:
            mean = torch.stack([view.rgb.mean(dim=(0, 1)) for view in views]).mean(dim=0)
            background = mean.tolist()
            notes.append("The pictures are opaque; where a ray meets nothing, it sees their mean colour.")
    if box is None and "box" in content:
        box = _stated_box(path, content["box"])
    opaque = not any(view.image.shape[2] == 4 and bool((view.image[..., 3] < 255).any()) for view in views)
    space = None
    if surroundings if surroundings is not None else opaque and box is None:
        space, sentence = choose_space(views, owner=f"'{path}'")
        box = space.box
        notes.append(sentence)
    elif box is None:
        box, sentence = choose_box(views, owner=f"'{path}'")
        notes.append(sentence)
    check_box([view.camera for view in views], box if space is None else space.cube(1.0), owner=f"'{path}'")
    samples = content.get("samples_per_pixel")
    return Scene(
        name=path.resolve().name if path.is_dir() else path.resolve().parent.name,
        train=tuple(views),
        test=tuple(held),
        box=box,
        background=None if background is None else _colour(path, background),
        samples=None if samples is None else int(samples),
        notes=tuple(dict.fromkeys(notes)),
        space=space,
    )


def _split(path: Path, convention: Convention) -> tuple[list[Frame], list[Frame], list[str], Mapping[str, Any]]:
    """Frames to train on, frames held out, notes, and what else the file says."""
    if not path.exists():
        raise FileNotFoundError(f"'{path}': there is no such file or folder")
    given = path / "transforms_train.json" if path.is_dir() else path
    if path.is_dir() and not given.is_file():
        given = path / "transforms.json"
    if not given.is_file():
        raise FileNotFoundError(f"'{path}' has neither transforms_train.json nor transforms.json")
    first = read_transforms(given, convention=convention)
    notes = list(first.notes)
    other = given.with_name("transforms_test.json")
    if not other.is_file():
        other = given.with_name("transforms_val.json")
    if given.name == "transforms_train.json" and other.is_file():
        second = read_transforms(other, convention=convention)
        return list(first.frames), list(second.frames), [*notes, *second.notes], first.content
    named = _named_split(first)
    if named is not None:
        return *named, notes, first.content
    ordered = sorted(first.frames, key=lambda frame: frame.name)
    every = min(HELD_OUT, max(2, len(ordered) // 2))
    test = ordered[::every] if len(ordered) > 3 else []
    held = set(map(id, test))
    if test:
        notes.append(f"The file names no test views: every {every}th of {len(ordered)}, {len(test)}, is held out.")
    else:
        notes.append(f"There are {len(ordered)} views, too few to hold any out.")
    return [frame for frame in ordered if id(frame) not in held], test, notes, first.content


def _named_split(read: Transforms) -> tuple[list[Frame], list[Frame]] | None:
    """The split that a nerfstudio file names, or None."""
    names = {part: read.content.get(f"{part}_filenames") for part in ("train", "test")}
    if not all(isinstance(listed, list) and listed for listed in names.values()):
        return None
    parts = {part: {Path(str(n)).as_posix() for n in listed or ()} for part, listed in names.items()}
    train, test = ([f for f in read.frames if Path(f.name).as_posix() in parts[p]] for p in ("train", "test"))
    return (train, test) if train and test else None


def _view(frame: Frame, longest: int | None, notes: list[str]) -> View:
    camera = frame.camera
    if longest is not None and max(camera.width, camera.height) > longest:
        factor = longest / max(camera.width, camera.height)
        width, height = max(2, round(camera.width * factor)), max(2, round(camera.height * factor))
        notes.append(
            f"Pictures of {camera.width} x {camera.height} were scaled down to {width} x {height} "
            "(longest=, --longest)."
        )
        camera = camera.resized(width, height)
    try:
        image = read_picture(frame.picture, width=camera.width, height=camera.height)
    except PictureError as error:
        raise ValueError(f"frame '{frame.name}': {error}") from None
    depth, normals = _geometry(frame.picture, camera)
    return View(frame.name, camera, image, depth, normals)


def _geometry(picture: Path, camera: Camera) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """Depth and normals that `write_scene` put beside a picture, where they are and fit."""
    file = picture.with_name(picture.stem + "_geometry.npz")
    if not file.is_file():
        return None, None
    try:
        with np.load(file) as stored:
            depth, normals = torch.from_numpy(stored["depth"]), torch.from_numpy(stored["normals"])
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise ValueError(f"'{file}' is no geometry of a view: {error}") from None
    if depth.shape != (camera.height, camera.width):  # the picture was scaled down
        return None, None
    return depth, normals


def _colour(path: Path, stated: Any) -> tuple[float, float, float]:
    try:
        red, green, blue = (float(value) for value in stated)
    except (TypeError, ValueError):
        red = math.nan
    if not (math.isfinite(red) and all(0 <= value <= 1 for value in (red, green, blue))):
        raise ValueError(f"'{path}': `background` must be three numbers in [0, 1], got {stated!r}")
    return red, green, blue


def _stated_box(path: Path, stated: Any) -> Box:
    try:
        lower, upper = ([float(x) for x in corner] for corner in stated)
        return box_around(lower, upper)
    except (TypeError, ValueError):
        raise ValueError(
            f"'{path}': `box` must be [[x, y, z], [x, y, z]], lower before upper, got {stated!r}"
        ) from None
