"""Reading of scenes: posed pictures from transforms.json, with a bounding box and checks of the poses."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pinnkit.domains import Box
from pinnkit.files.numpy_files import read_npz
from pinnkit.files.unreadable import UnreadableFile, reading

from .background_removal import remove_background, uniform_background
from .cameras import Camera, Convention
from .contradictions import contradictions
from .picture_files import read_picture
from .scene import Scene, View, box_from_corners
from .scene_bounds import check_box, check_poses, choose_box, choose_contraction
from .transforms import Frame, Transforms, read_transforms, short

__all__ = ["HOLD_OUT_EVERY", "MAX_SIDE", "MAX_TEST_VIEWS", "read_scene"]

HOLD_OUT_EVERY = 8
"""Stride of the held-out views in a single transforms.json, in the order of names."""
MAX_SIDE = 400
"""Pixels along the longer side to which larger pictures are scaled down.

This is finer than a field learns in minutes on a CPU, and a hundred photographs take 27 MB.
"""
MAX_TEST_VIEWS = 16
"""Maximum number of held-out views; rendering them takes a considerable part of the training time."""

_MOST_BYTES = 600 * 2**20
_MOST_USES = 4
"""Frames that may name one picture: more of them would take minutes to decode, whatever the size of the files."""


def read_scene(
    path: Path | str,
    *,
    convention: Convention = Convention.OPENGL,
    box: Box | None = None,
    longest: int | None = MAX_SIDE,
    most_test: int | None = MAX_TEST_VIEWS,
    surroundings: bool | None = None,
) -> Scene:
    """Read posed pictures.

    A folder with transforms_train.json and transforms_test.json (or transforms_val.json), as written for Blender
    scenes, keeps its split.  A single transforms.json (instant-ngp, nerfstudio) may name `train_filenames` and
    `test_filenames`; otherwise every eighth view is held out.  The box is the argument, else `box` of the file (written
    by `pinnkit scene make`), else chosen from cameras and transparency (`choose_box`).  Opaque pictures of an object
    with a uniform background are cut out (`uniform_background`).  Other opaque pictures show surroundings, which are
    fitted in contracted space (`choose_contraction`) unless a box is given.  `notes` list assumptions, scalings and
    omissions.

    Args:
        path: a folder, or one JSON file.
        convention: axes convention of the poses.
        box: bounding box with axes x, y, z in the units of the poses.
        longest: pictures with a longer side than this many pixels are scaled down; None keeps all.
        most_test: maximum number of held-out views, evenly spread; the rest is not used for training.  None keeps all.
        surroundings: whether surroundings are fitted, independent of pictures and box; None decides by them.

    Raises:
        FileNotFoundError: when there is nothing at `path`, or no transforms file in it.
        UnreadableFile: for files that cannot be read, are inconsistent, or take more than 600 MiB as pictures, and for
            cameras that look away from the box.
    """
    path = Path(path)
    with reading(path):
        return _read(path, convention, box, longest, most_test, surroundings)


def _read(
    path: Path,
    convention: Convention,
    box: Box | None,
    longest: int | None,
    most_test: int | None,
    surroundings: bool | None,
) -> Scene:
    train, test, notes, content = _split(path, convention)
    if most_test is not None and len(test) > most_test:
        chosen = [round(i * (len(test) - 1) / max(most_test - 1, 1)) for i in range(most_test)]
        notes.append(f"{most_test} of {len(test)} held-out views are looked at, evenly spread.")
        test = [test[i] for i in chosen]
    cameras = [frame.camera for frame in (*train, *test)]
    if len(train) < 2:
        raise ValueError(f"'{path}': a scene needs at least 2 views to train on, got {len(train)}")
    check_poses(cameras, owner=f"'{path}'")
    _check_pictures((*train, *test), longest)
    views = [_view(frame, longest, notes) for frame in train]
    held = [_view(frame, longest, notes) for frame in test]
    notes += contradictions([*views, *held])
    if all(bool((view.image[..., 3] == 0).all()) if view.image.shape[2] == 4 else False for view in views):
        raise ValueError(f"'{path}': every pixel of every picture is transparent; there is nothing to learn")
    background = content.get("background")
    if not any(view.image.shape[2] == 4 and bool((view.image[..., 3] < 255).any()) for view in views):
        colour = uniform_background(views)
        if colour is not None:
            views, held = ([remove_background(view, colour) for view in part] for part in (views, held))
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
    contraction = None
    if surroundings if surroundings is not None else opaque and box is None:
        contraction, sentence = choose_contraction(views, owner=f"'{path}'")
        box = contraction.box
        notes.append(sentence)
    elif box is None:
        box, sentence = choose_box(views, owner=f"'{path}'")
        notes.append(sentence)
    check_box([view.camera for view in views], box if contraction is None else contraction.cube(1.0), owner=f"'{path}'")
    return Scene(
        name=path.resolve().name if path.is_dir() else path.resolve().parent.name,
        train=tuple(views),
        test=tuple(held),
        box=box,
        background=None if background is None else _colour(path, background),
        samples=_samples(path, content.get("samples_per_pixel")),
        notes=tuple(dict.fromkeys(notes)),
        contraction=contraction,
    )


def _split(path: Path, convention: Convention) -> tuple[list[Frame], list[Frame], list[str], Mapping[str, Any]]:
    """Training frames, held-out frames, notes, and the remaining content of the file."""
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
    every = min(HOLD_OUT_EVERY, max(2, len(ordered) // 2))
    test = ordered[::every] if len(ordered) > 3 else []
    held = set(map(id, test))
    if test:
        notes.append(f"The file names no test views: every {every}th of {len(ordered)}, {len(test)}, is held out.")
    else:
        notes.append(f"There are {len(ordered)} views, too few to hold any out.")
    return [frame for frame in ordered if id(frame) not in held], test, notes, first.content


def _named_split(read: Transforms) -> tuple[list[Frame], list[Frame]] | None:
    """Split named by a nerfstudio file, or None."""
    names = {part: read.content.get(f"{part}_filenames") for part in ("train", "test")}
    if not all(isinstance(listed, list) and listed for listed in names.values()):
        return None
    parts = {part: {Path(str(n)).as_posix() for n in listed or ()} for part, listed in names.items()}
    train, test = ([f for f in read.frames if Path(f.name).as_posix() in parts[p]] for p in ("train", "test"))
    return (train, test) if train and test else None


def _check_pictures(frames: Sequence[Frame], longest: int | None) -> None:
    """Check the memory of all pictures, and that none is decoded again and again."""
    size = sum(4 * width * height for width, height in (_scaled(frame.camera, longest) for frame in frames))
    if size > _MOST_BYTES:
        raise ValueError(
            f"its {len(frames):,} pictures take {size / 2**20:,.0f} MiB, at most {_MOST_BYTES / 2**20:,.0f} MiB are "
            f"read; leave some out, or scale them down (longest=, --longest)"
        )
    picture, times = Counter(frame.picture for frame in frames).most_common(1)[0]
    if times > _MOST_USES:
        raise ValueError(f"{times:,} frames name the picture '{picture.name}', at most {_MOST_USES} may")


def _scaled(camera: Camera, longest: int | None) -> tuple[int, int]:
    """Width and height of the picture as it is read."""
    if longest is None or max(camera.width, camera.height) <= longest:
        return camera.width, camera.height
    factor = longest / max(camera.width, camera.height)
    return max(2, round(camera.width * factor)), max(2, round(camera.height * factor))


def _view(frame: Frame, longest: int | None, notes: list[str]) -> View:
    camera = frame.camera
    width, height = _scaled(camera, longest)
    if (width, height) != (camera.width, camera.height):
        notes.append(
            f"Pictures of {camera.width} x {camera.height} were scaled down to {width} x {height} "
            "(longest=, --longest)."
        )
        camera = camera.resized(width, height)
    try:
        image = read_picture(frame.picture, width=camera.width, height=camera.height)
    except UnreadableFile as error:
        raise UnreadableFile(frame.picture, error.reason, f"frame '{frame.name}'") from None
    depth, normals = _geometry(frame.picture, camera)
    return View(frame.name, camera, image, depth, normals)


def _geometry(picture: Path, camera: Camera) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """Depth and normals that `write_scene` stored beside a picture, if they exist and match."""
    file = picture.with_name(picture.stem + "_geometry.npz")
    if not file.is_file():
        return None, None
    arrays = read_npz(file)
    if not {"depth", "normals"} <= arrays.keys():
        raise UnreadableFile(
            file, f"is no geometry of a view: it holds {short(sorted(arrays))}, not `depth`, `normals`"
        )
    depth, normals = arrays["depth"], arrays["normals"]
    if depth.dtype.kind != "f" or normals.dtype.kind != "f" or normals.shape != (*depth.shape, 3):
        raise UnreadableFile(
            file,
            f"is no geometry of a view: `depth` must be floats (H, W), `normals` (H, W, 3), got "
            f"{depth.dtype} {depth.shape} and {normals.dtype} {normals.shape}",
        )
    if depth.shape != (camera.height, camera.width):  # the picture was scaled down
        return None, None
    return torch.from_numpy(depth.astype(np.float32)), torch.from_numpy(normals.astype(np.float32))


def _samples(path: Path, stated: Any) -> int | None:
    if stated is None:
        return None
    if isinstance(stated, bool) or not isinstance(stated, int | float) or not stated >= 1 or stated % 1:
        raise ValueError(f"'{path}': `samples_per_pixel` must be a whole number >= 1, got {short(stated)}")
    return int(stated)


def _colour(path: Path, stated: Any) -> tuple[float, float, float]:
    try:
        red, green, blue = (float(value) for value in stated)
    except (TypeError, ValueError, OverflowError):
        red = math.nan
    if not (math.isfinite(red) and all(0 <= value <= 1 for value in (red, green, blue))):
        raise ValueError(f"'{path}': `background` must be three numbers in [0, 1], got {short(stated)}")
    return red, green, blue


def _stated_box(path: Path, stated: Any) -> Box:
    try:
        lower, upper = ([float(x) for x in corner] for corner in stated)
        return box_from_corners(lower, upper)
    except (TypeError, ValueError, LookupError, OverflowError):
        raise ValueError(
            f"'{path}': `box` must be [[x, y, z], [x, y, z]], lower before upper, got {short(stated)}"
        ) from None
