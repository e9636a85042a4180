"""Generated captures: opaque photographs of things in their surroundings, taken by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pinnkit.files.paths import path_inside
from pinnkit.radiance.data.cameras import Camera, Convention, look_at
from pinnkit.radiance.data.picture_files import write_jpeg
from pinnkit.radiance.data.scene import View

from .generated_scenes import check_counts, random_solids
from .ray_tracer import Light, trace_view
from .solids import Block, Solid
from .surroundings import Surroundings

__all__ = ["capture", "write_capture"]

_K1, _K2, _P1, _P2 = 0.04, -0.05, -0.001, 0.0005
"""Distortion of the lens."""


def capture(
    surroundings: type[Surroundings],
    *,
    views: int = 48,
    width: int = 90,
    height: int = 160,
    seed: int = 0,
    samples: int = 3,
) -> tuple[View, ...]:
    """Balls and a box on a table, photographed by hand on an arc of 150 degrees, with lens distortion.

    The table is 2 wide; the cameras are 2.2 to 3.2 from its centre, 5 to 40 degrees above it.  Pictures are opaque;
    depth and normals are known.

    Args:
        surroundings: kind of surroundings, `Room` or `Landscape`.
        views: number of pictures.
        width: of a picture in pixels.
        height: of a picture in pixels.
        seed: decides the solids, the surroundings and the cameras.
        samples: a pixel is the mean of samples x samples rays.

    Raises:
        ValueError: for numbers that are not positive.
    """
    check_counts("capture", views=views, width=width, height=height, samples=samples)
    generator = torch.Generator().manual_seed(seed)
    solids: list[Solid] = [
        *random_solids(generator),
        Block((0.0, 0.0, -0.54), (0.12, 0.12, 0.46), albedo=(0.4, 0.3, 0.25)),
    ]
    solids += surroundings.generate(generator)
    draws = torch.rand(views, 6, generator=generator, dtype=torch.float64)
    start = float(torch.rand((), generator=generator))
    focal = height / 2 / math.tan(math.radians(70) / 2)
    taken = []
    for i, draw_i in enumerate(draws.tolist()):
        # Positions along the arc, with the elevation swinging up and down.
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
        view = trace_view(f"images/{i + 1:04d}.jpg", camera, solids, Light(), samples=samples)
        taken.append(View(view.name, camera, view.image[..., :3].clone(), view.depth, view.normals))
    return tuple(taken)


def write_capture(views: tuple[View, ...], folder: Path | str) -> Path:
    """Write photographs as a capture: JPEG pictures and one transforms.json of instant-ngp, nothing held out.

    Each picture has a NAME_geometry.npz with depth and normals, for depth errors.

    Args:
        views: the photographs.
        folder: target folder.

    Returns:
        The folder.

    Raises:
        ValueError: for cameras that are not in the OpenGL convention, or a view whose name leads out of the folder.
    """
    folder = Path(folder)
    frames: list[dict[str, Any]] = []
    for view in views:
        camera = view.camera
        if camera.convention is not Convention.OPENGL:
            raise ValueError(f"write_capture: the pose of '{view.name}' must be in the OpenGL convention")
        path = path_inside(folder, view.name, owner="write_capture")
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
