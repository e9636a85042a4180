"""Parser of transforms.json in the variants of Blender, instant-ngp and nerfstudio."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any

from pinnkit.files.content import read_json
from pinnkit.files.picture_files import picture_size
from pinnkit.files.printable import printable
from pinnkit.files.unreadable import UnreadableFile, reading

from .cameras import Camera, Convention

__all__ = ["Frame", "Transforms", "read_transforms", "short"]

_ENDINGS = ("", ".png", ".jpg", ".jpeg", ".PNG", ".JPG", ".JPEG", ".webp")
_IGNORED = ("aabb_scale", "scale", "offset", "applied_transform", "applied_scale", "rolling_shutter")
_UNSUPPORTED = ("k3", "k4", "k5", "k6")
_MOST_FRAMES = 5000
_PINHOLES = ("OPENCV", "FULL_OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "PERSPECTIVE", "SIMPLE_RADIAL", "RADIAL")
_OTHER_LENSES = ("is_fisheye", "ftheta_p0", "latlong", "equirectangular", "orthographic")
"""Keys of instant-ngp for lenses that are no pinhole."""


@dataclass(frozen=True, eq=False)
class Frame:
    """Entry of `frames` with an existing picture: its file, and its camera at the size of the picture."""

    name: str
    picture: Path
    camera: Camera


@dataclass(frozen=True, eq=False)
class Transforms:
    """Content of one file: frames in order, notes on omissions, and the remaining entries."""

    frames: tuple[Frame, ...]
    notes: tuple[str, ...]
    content: Mapping[str, Any]


def read_transforms(file: Path, *, convention: Convention) -> Transforms:
    """Read one transforms.json.

    Intrinsics are at the top level or in a frame, which takes precedence: fl_x and fl_y in pixels, or camera_angle_x
    and camera_angle_y in radians; cx, cy (default: centre), w, h (default: size of the picture), k1, k2, p1, p2.  If
    the picture differs from w x h in size but not in shape, the camera is scaled.  Frames without a picture are
    omitted, with a note.

    Args:
        file: JSON file; picture paths are relative to its folder, with or without a suffix.
        convention: axes convention of the poses.

    Raises:
        FileNotFoundError: where there is no such file.
        UnreadableFile: for files that are no such JSON, more than 5,000 frames, frames without pose or lens, no frame
            with a picture, lenses other than a pinhole with k1, k2, p1, p2, pictures with another aspect ratio than
            w x h.
    """
    with reading(file):
        return _transforms(file, convention)


def _transforms(file: Path, convention: Convention) -> Transforms:
    content = _json(file)
    frames, missing, notes = [], [], []
    entries = content.get("frames")
    if not isinstance(entries, list) or not entries:
        raise UnreadableFile(file, f"`frames` must be a list of at least one frame, got {short(entries)}")
    if len(entries) > _MOST_FRAMES:
        raise UnreadableFile(file, f"has {len(entries):,} frames, at most {_MOST_FRAMES:,} are read")
    scaled = set()
    for number, entry in enumerate(entries):
        where = f"frame {number}"
        if not isinstance(entry, dict) or not isinstance(entry.get("file_path"), str):
            raise ValueError(f"{where}: needs `file_path`, the name of its picture, got {short(entry)}")
        picture = _picture(file.parent, entry["file_path"])
        if picture is None:
            missing.append(entry["file_path"])
            continue
        if "transform_matrix" not in entry:
            raise ValueError(f"{where} ({entry['file_path']}): needs `transform_matrix`, its camera-to-world pose")
        camera, stated = _camera(where, _joined(content, entry), picture, convention)
        if stated is not None:
            scaled.add((*stated, camera.width, camera.height))
        frames.append(Frame(entry["file_path"], picture, camera))
    if not frames:
        raise UnreadableFile(
            file,
            f"none of the {len(entries)} pictures is there; the first should be '{file.parent / missing[0][:200]}' "
            f"(with .png, .jpg or .webp added where the name has no ending)",
        )
    if missing:
        notes.append(f"{len(missing)} of {len(entries)} frames have no picture and are left out: {_list(missing)}.")
    for w, h, width, height in sorted(scaled):
        notes.append(f"Pictures are {width} x {height}, the file says {w} x {h}: focal lengths were scaled.")
    ignored = [name for name in _IGNORED if name in content]
    ignored += [name for name in ("mask_path", "depth_file_path") if any(name in entry for entry in entries)]
    if ignored:
        notes.append(f"{_list(ignored)} in {file.name} not used: poses are taken as they stand.")
    return Transforms(tuple(frames), tuple(notes), content)


def _camera(
    where: str, entry: Mapping[str, Any], picture: Path, convention: Convention
) -> tuple[Camera, tuple[int, int] | None]:
    """Camera of a frame at the size of its picture, and the stated size if it differs."""
    model = str(entry.get("camera_model", "OPENCV"))
    other = [name for name in _OTHER_LENSES if entry.get(name)]
    if model.upper() not in _PINHOLES or other:
        raise ValueError(f"{where}: the lens `{_list(other) or model}` is no pinhole; undistort the pictures first")
    odd = [name for name in _UNSUPPORTED if _number(where, entry, name)]
    if odd:
        raise ValueError(f"{where}: distortion {_list(odd)} is not supported, only k1, k2, p1, p2; undistort first")
    try:
        width, height = picture_size(picture)
    except UnreadableFile as error:
        raise ValueError(f"{where}: its picture '{picture}' {error.reason}") from None
    if width < 2 or height < 2:
        raise ValueError(f"{where}: '{picture.name}' has {width} x {height} pixels; a view needs at least 2 x 2")
    w, h = (_number(where, entry, name) or size for name, size in (("w", width), ("h", height)))
    if w < 1 or h < 1 or abs(w / h * height / width - 1) > 1.01 / min(width, height):
        raise ValueError(
            f"{where}: '{picture.name}' has {width} x {height} pixels, the file says {w:g} x {h:g}, which is another "
            "shape; was the picture cropped or turned after its camera was measured?"
        )
    fx, fy = _number(where, entry, "fl_x"), _number(where, entry, "fl_y")
    if fx is None:
        fx = _focal(where, entry, "camera_angle_x", w)
    if fy is None:
        fy = _focal(where, entry, "camera_angle_y", h)
    focal = [length for length in (fx, fy) if length is not None]
    if not focal:
        raise ValueError(f"{where}: the lens is not known; give fl_x (pixels) or camera_angle_x (radians)")
    lens = {name: _number(where, entry, name) or 0.0 for name in ("k1", "k2", "p1", "p2")}
    try:
        camera = Camera(
            round(w),
            round(h),
            focal[0],
            focal[-1],
            _four_rows(entry["transform_matrix"]),
            cx=_number(where, entry, "cx"),
            cy=_number(where, entry, "cy"),
            convention=convention,
            **lens,
        )
    except ValueError as error:
        raise ValueError(f"{where} ({picture.name}): {error}") from None
    if (camera.width, camera.height) == (width, height):
        return camera, None
    return camera.resized(width, height), (camera.width, camera.height)


def _joined(content: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """Entries of a frame over those of the file; focal length and angle of view exclude each other."""
    joined = {**content, **entry}
    for length, angle in (("fl_x", "camera_angle_x"), ("fl_y", "camera_angle_y")):
        if angle in entry and length not in entry:
            joined.pop(length, None)
    return joined


def _four_rows(matrix: Any) -> Any:
    """Complete a pose of three rows by its fourth."""
    return [*matrix, [0.0, 0.0, 0.0, 1.0]] if isinstance(matrix, list) and len(matrix) == 3 else matrix


def _focal(where: str, entry: Mapping[str, Any], name: str, pixels: float) -> float | None:
    angle = _number(where, entry, name)
    if angle is None:
        return None
    if not 0 < angle < math.pi:
        raise ValueError(f"{where}: `{name}` must be an angle between 0 and pi in radians, got {angle:g}")
    return pixels / 2 / math.tan(angle / 2)


def _number(where: str, entry: Mapping[str, Any], name: str) -> float | None:
    value = entry.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
        raise ValueError(f"{where}: `{name}` must be a finite number, got {short(value)}")
    return float(value)


def _picture(folder: Path, name: str) -> Path | None:
    """Find the picture of a frame; Windows paths are understood, and the file may lie beside the JSON by its name."""
    given = Path(*PureWindowsPath(name).parts) if "\\" in name else Path(name)
    if not given.name:
        return None
    bases = [folder / given, folder / given.parent.name / given.name, folder / "images" / given.name]
    if given.suffix:  # pictures may have been converted later
        bases += [base.with_suffix("") for base in bases]
    for base in bases:
        for ending in _ENDINGS:
            path = base.with_name(base.name + ending)
            try:
                if path.is_file():
                    return path
            except (OSError, ValueError):  # names that are too long, or hold a null character
                return None
    return None


def _json(file: Path) -> Mapping[str, Any]:
    content = read_json(file)
    if not isinstance(content, dict):
        raise UnreadableFile(file, f"must hold an object with `frames`, got {short(content)}")
    return content


def short(value: object) -> str:
    """Text of a value for a message, of at most 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _list(names: list[str], most: int = 6) -> str:
    shown = printable(", ".join(name if len(name) <= 60 else f"{name[:57]}..." for name in names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
