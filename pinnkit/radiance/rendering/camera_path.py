"""A walk around a fitted scene: cameras on a circle, and the pictures along it as a film."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinnkit.radiance.data.cameras import Camera, Convention, look_at, nearest_point
from pinnkit.radiance.data.scene import Scene, corners
from pinnkit.solutions.evaluation import FieldSet

from .ray_marching import Walk
from .views import photograph_field

__all__ = ["FILMS", "check_film", "orbit", "write_film"]

FILMS = (".gif", ".mp4")
"""What `write_film` writes, by the ending of the name."""


def orbit(scene: Scene, frames: int = 60, *, width: int | None = None) -> tuple[Camera, ...]:
    """Cameras at the median height and distance of the training ones, looking at what those look at.

    They go once around; where the training cameras stand on one side only (less than 200 degrees), they swing from one
    end of that to the other and back, since nothing is known of the far side.

    Args:
        scene: whose cameras are followed.
        frames: how many cameras.
        width: of the pictures in pixels; by default that of the first training view.

    Raises:
        ValueError: for fewer than one frame or two pixels.
    """
    if frames < 1 or (width is not None and width < 2):
        raise ValueError(f"orbit: `frames` must be at least 1 and `width` at least 2, got {frames} and {width}")
    cameras = [view.camera for view in scene.train]
    first = cameras[0]
    lower, upper = corners(scene.box)
    middle = nearest_point(cameras).clamp(lower, upper)
    up = torch.stack([-camera.right_down_forward[:, 1] for camera in cameras]).mean(dim=0)
    up = up / up.norm() if float(up.norm()) > 1e-6 else torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    away = torch.stack([camera.position for camera in cameras]) - middle
    height = away @ up
    flat = away - height[:, None] * up
    across = flat[int(flat.norm(dim=1).argmax())]
    if float(across.norm()) < 1e-9:  # all of them look straight down
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
    """Around, or to and fro within what is seen."""
    ordered = seen.sort().values
    gaps = torch.cat([ordered[1:] - ordered[:-1], (ordered[:1] + 2 * math.pi - ordered[-1:])])
    widest = int(gaps.argmax())
    extent = 2 * math.pi - float(gaps[widest])
    if extent > math.radians(200):
        return [2 * math.pi * i / frames for i in range(frames)]
    begin = float(ordered[(widest + 1) % len(ordered)])
    return [begin + extent * (1 - math.cos(2 * math.pi * i / frames)) / 2 for i in range(frames)]


def write_film(
    path: Path | str,
    fields: FieldSet,
    cameras: Sequence[Camera],
    marcher: Walk,
    background: Sequence[float],
    *,
    per_second: int = 20,
    told: Callable[[int], object] | None = None,
) -> Path:
    """Write what the field looks like from each camera as a gif or mp4, by the ending of the name.

    Args:
        path: the file.
        fields: with the unknowns `density` and `colour`.
        cameras: one per picture, all of one size.
        marcher: where samples are taken.
        background: behind the scene.
        per_second: pictures.
        told: called with the number of each picture that is done.

    Raises:
        ValueError: for another ending.
        ImportError: without imageio, with what to install.
    """
    path = Path(path)
    writer = check_film(path)
    path.parent.mkdir(parents=True, exist_ok=True)

    def pictures() -> Iterator[NDArray[np.uint8]]:
        for number, camera in enumerate(cameras, start=1):
            shown = photograph_field(fields, camera, marcher, background).rgb.cpu()
            yield (shown * 255).round().to(torch.uint8).numpy()
            if told is not None:
                told(number)

    if path.suffix.lower() == ".gif":
        writer.mimsave(path, list(pictures()), duration=1000 / per_second, loop=0)
    else:  # the codec wants even sides
        even = [np.pad(p, ((0, p.shape[0] % 2), (0, p.shape[1] % 2), (0, 0)), mode="edge") for p in pictures()]
        writer.mimsave(path, even, fps=per_second, macro_block_size=1)
    return path


def check_film(path: Path) -> Any:
    """The library that writes such a file.

    Raises:
        ValueError, ImportError: as `write_film`.
    """
    if path.suffix.lower() not in FILMS:
        raise ValueError(f"a film must be named .gif or .mp4, got '{path.name}'")
    try:
        import imageio.v2 as writer

        if path.suffix.lower() == ".mp4":
            import imageio_ffmpeg  # noqa: F401
    except ImportError:
        raise ImportError("films are written by imageio: pip install 'pinnkit[radiance]'") from None
    return writer
