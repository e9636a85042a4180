"""Generated captures: what a person with a camera brings home, opaque photographs of things in their surroundings."""

from __future__ import annotations

import json
import math
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pinnkit.radiance.data.cameras import Camera, Convention, look_at
from pinnkit.radiance.data.picture_files import write_jpeg
from pinnkit.radiance.data.scene import View

from .generated_scenes import solids_of
from .ray_tracer import Light, photograph
from .solids import Block, Solid
from .surroundings import Landscape, Room, Waves

__all__ = ["Surroundings", "capture", "write_capture"]

_K1, _K2, _P1, _P2 = 0.04, -0.05, -0.001, 0.0005
"""Distortion of the lens."""


class Surroundings(Enum):
    """What is around the things that are photographed."""

    ROOM = "room"
    LANDSCAPE = "landscape"


def capture(
    around: Surroundings,
    *,
    views: int = 48,
    width: int = 90,
    height: int = 160,
    seed: int = 0,
    samples: int = 3,
) -> tuple[View, ...]:
    """Balls and a box on a table, photographed by hand on an arc of 150 degrees, with a lens that distorts.

    The table is 2 wide and the cameras are 2.2 to 3.2 from its middle, 5 to 40 degrees above it; the walls of the room
    are 3.6 to 7 away, the landscape 80.  Pictures are opaque; depth and normals are known.

    Args:
        around: what the table stands in.
        views: pictures.
        width: of a picture in pixels.
        height: of a picture in pixels.
        seed: decides the solids, the surroundings and where the cameras stand.
        samples: a pixel is the mean of samples x samples rays.

    Raises:
        ValueError: for numbers that are not positive.
    """
    for name, value in {"views": views, "width": width, "height": height, "samples": samples}.items():
        if value < 1:
            raise ValueError(f"capture: `{name}` must be at least 1, got {value}")
    generator = torch.Generator().manual_seed(seed)
    solids: list[Solid] = [*solids_of(generator), Block((0.0, 0.0, -0.54), (0.12, 0.12, 0.46), albedo=(0.4, 0.3, 0.25))]
    if around is Surroundings.ROOM:
        draw = torch.rand(5, generator=generator, dtype=torch.float64).tolist()
        lower = (-3.6 - 3 * draw[0], -3.6 - 3 * draw[1], -1.0)
        upper = (3.6 + 3 * draw[2], 3.6 + 3 * draw[3], 2.6 + draw[4])
        solids.append(Room(lower, upper, Waves.draw(generator, 4.0, 5)))
    else:
        hue = float(torch.rand((), generator=generator))
        floor = Block((0.0, 0.0, -1.05), (6.0, 6.0, 0.05), albedo=(0.55, 0.6, 0.45), tile=0.8, other=(0.4, 0.45, 0.35))
        solids += [floor, Landscape(80.0, Waves.draw(generator, 1.5, 5), ground=hue)]
    draws = torch.rand(views, 6, generator=generator, dtype=torch.float64)
    start = float(torch.rand((), generator=generator))
    focal = height / 2 / math.tan(math.radians(70) / 2)
    taken = []
    for i, draw_i in enumerate(draws.tolist()):
        # Along the arc in one sweep of the arm after another, as one walks.
        azimuth = 2 * math.pi * start + math.radians(150) * ((i + 0.8 * draw_i[0]) / views)
        elevation = math.radians(5 + 35 * (0.5 + 0.5 * math.sin(2.4 * i)) * (0.7 + 0.3 * draw_i[1]))
        radius = 2.2 + draw_i[2]
        eye = (
            radius * math.cos(elevation) * math.cos(azimuth),
            radius * math.cos(elevation) * math.sin(azimuth),
            radius * math.sin(elevation) + 0.1,
        )
        target = [0.5 * (x - 0.5) for x in draw_i[3:]]
        pose = look_at(eye, target, convention=Convention.OPENGL)
        camera = Camera(
            width, height, focal, 0.999 * focal, pose, cx=0.507 * width, cy=0.497 * height,
            k1=_K1, k2=_K2, p1=_P1, p2=_P2,
        )  # fmt: skip
        view = photograph(f"images/{i + 1:04d}.jpg", camera, solids, Light(), samples=samples)
        taken.append(View(view.name, camera, view.image[..., :3].clone(), view.depth, view.normals))
    return tuple(taken)


def write_capture(views: tuple[View, ...], folder: Path | str) -> Path:
    """Write photographs as a capture: JPEG pictures and one transforms.json as of instant-ngp, nothing held out.

    Beside each picture is NAME_geometry.npz with its depth and normals, by which depth can be scored.

    Raises:
        ValueError: for cameras that are not in the OpenGL convention.
    """
    folder = Path(folder)
    frames: list[dict[str, Any]] = []
    for view in views:
        camera = view.camera
        if camera.convention is not Convention.OPENGL:
            raise ValueError(f"write_capture: the pose of '{view.name}' must be in the OpenGL convention")
        path = folder / view.name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_jpeg(path, view.image)
        if view.depth is not None and view.normals is not None:
            geometry = path.with_name(path.stem + "_geometry.npz")
            np.savez_compressed(geometry, depth=view.depth.numpy(), normals=view.normals.numpy())
        frames.append({"file_path": view.name, "transform_matrix": camera.pose.tolist()})
    first = views[0].camera
    content: dict[str, Any] = {
        "camera_angle_x": 2 * math.atan(first.width / 2 / first.fx),
        "fl_x": first.fx,
        "fl_y": first.fy,
        "k1": first.k1,
        "k2": first.k2,
        "p1": first.p1,
        "p2": first.p2,
        "cx": first.centre[0],
        "cy": first.centre[1],
        "w": first.width,
        "h": first.height,
        "aabb_scale": 4,
    }
    file = folder / "transforms.json"
    file.write_text(json.dumps({**content, "frames": frames}, indent=1) + "\n", encoding="utf-8")
    return folder
