"""Camera paths around a scene, and videos rendered along them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinnkit.radiance.data.cameras import Camera, Convention, look_at, nearest_point_to_axes
from pinnkit.radiance.data.scene import Scene, corners
from pinnkit.solutions.evaluation import FieldSet
from pinnkit.solutions.files import replacing

from .ray_marching import RaySampler
from .views import render_view

__all__ = ["VIDEO_FORMATS", "check_video_path", "orbit", "write_video"]

VIDEO_FORMATS = (".gif", ".mp4")
"""Suffixes that `write_video` supports."""


def orbit(scene: Scene, frames: int = 60, *, width: int | None = None) -> tuple[Camera, ...]:
    """Cameras on a circle at the median height and distance of the training cameras, with their common target.

    The path goes once around.  If the training cameras cover less than 200 degrees, it swings back and forth within
    that sector, because the far side is unknown.

    Args:
        scene: scene with the training cameras.
        frames: number of cameras.
        width: of the pictures in pixels; None takes that of the first training view.

    Raises:
        ValueError: for fewer than one frame or two pixels.
    """
    if frames < 1 or (width is not None and width < 2):
        raise ValueError(f"orbit: `frames` must be at least 1 and `width` at least 2, got {frames} and {width}")
    cameras = [view.camera for view in scene.train]
    first = cameras[0]
    lower, upper = corners(scene.box)
    middle = nearest_point_to_axes(cameras).clamp(lower, upper)
    up = torch.stack([-camera.right_down_forward[:, 1] for camera in cameras]).mean(dim=0)
    up = up / up.norm() if float(up.norm()) > 1e-6 else torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    away = torch.stack([camera.position for camera in cameras]) - middle
    height = away @ up
    flat = away - height[:, None] * up
    across = flat[int(flat.norm(dim=1).argmax())]
    if float(across.norm()) < 1e-9:  # all cameras look straight down
        across = torch.linalg.cross(up, torch.tensor([0.6, 0.8, 0.0], dtype=torch.float64))
    x = across / across.norm()
    y = torch.linalg.cross(up, x)
    radius = max(float(flat.norm(dim=1).median()), 0.2 * float(away.norm(dim=1).median()))
    level = float(height.median())
    size = first.resized(width, max(2, round(first.height * width / first.width))) if width else first
    found = []
    for angle in _angles(torch.atan2(flat @ y, flat @ x), frames):
        eye = middle + radius * (math.cos(angle) * x + math.sin(angle) * y) + level * up
        pose = look_at(eye.tolist(), middle.tolist(), up=up.tolist(), convention=Convention.OPENGL)
        found.append(Camera(size.width, size.height, size.fx, size.fy, pose))
    return tuple(found)


def _angles(seen: Tensor, frames: int) -> list[float]:
    """Angles of a full circle, or back and forth within the covered sector."""
    ordered = seen.sort().values
    gaps = torch.cat([ordered[1:] - ordered[:-1], (ordered[:1] + 2 * math.pi - ordered[-1:])])
    widest = int(gaps.argmax())
    extent = 2 * math.pi - float(gaps[widest])
    if extent > math.radians(200):
        return [2 * math.pi * i / frames for i in range(frames)]
    begin = float(ordered[(widest + 1) % len(ordered)])
    return [begin + extent * (1 - math.cos(2 * math.pi * i / frames)) / 2 for i in range(frames)]


def write_video(
    path: Path | str,
    fields: FieldSet,
    cameras: Sequence[Camera],
    sampler: RaySampler,
    background: Sequence[float],
    *,
    per_second: int = 20,
    progress: Callable[[int], object] | None = None,
) -> Path:
    """Render the field from each camera and write a gif or mp4, by the suffix.

    Args:
        path: target path.
        fields: fields with the unknowns `density` and `colour`.
        cameras: one per frame, all of one size.
        sampler: sampler of the rays.
        background: colour behind the scene.
        per_second: frames per second.
        progress: called with the number of each finished frame.

    Returns:
        The path.

    Raises:
        ValueError: for another suffix.
        ImportError: without imageio, with the package to install.
    """
    path = Path(path)
    writer = check_video_path(path)

    def pictures() -> Iterator[NDArray[np.uint8]]:
        for number, camera in enumerate(cameras, start=1):
            shown = render_view(fields, camera, sampler, background).rgb.cpu()
            yield (shown * 255).round().to(torch.uint8).numpy()
            if progress is not None:
                progress(number)

    # The writers choose the format by the suffix.
    with replacing(path, temporary=path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")) as temporary:
        if path.suffix.lower() == ".gif":
            writer.mimsave(temporary, list(pictures()), duration=1000 / per_second, loop=0)
        else:  # the codec needs even sides
            even = [np.pad(p, ((0, p.shape[0] % 2), (0, p.shape[1] % 2), (0, 0)), mode="edge") for p in pictures()]
            writer.mimsave(temporary, even, fps=per_second, macro_block_size=1)
    return path


def check_video_path(path: Path) -> Any:
    """Return the library that writes such a file.

    Raises:
        ValueError, ImportError: as `write_video`.
    """
    if path.suffix.lower() not in VIDEO_FORMATS:
        raise ValueError(f"a film must be named .gif or .mp4, got '{path.name}'")
    try:
        import imageio.v2 as writer

        if path.suffix.lower() == ".mp4":
            import imageio_ffmpeg  # noqa: F401
    except ImportError:
        raise ImportError("films are written by imageio: pip install 'pinnkit[radiance]'") from None
    return writer
