"""Generated scenes: solids on a checkered floor, viewed from all around, and their files."""

from __future__ import annotations

import colorsys
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pinnkit.files.paths import path_inside
from pinnkit.radiance.data.cameras import Camera, Convention, look_at
from pinnkit.radiance.data.picture_files import write_png
from pinnkit.radiance.data.scene import Scene, View, box_from_corners

from .ray_tracer import Light, trace_view
from .solids import Ball, Block, Solid, Vector

__all__ = ["check_counts", "make_scene", "random_solids", "spiral_cameras", "write_scene"]

_FOV = 0.84  # radians; the corners of the floor are visible: 2 atan(sqrt(2 / (3.6^2 - 2))) = 0.81
_RADIUS = 3.6
_SITES = ((-0.48, -0.42), (0.45, -0.5), (0.5, 0.42), (-0.42, 0.5))


def make_scene(*, views: int = 40, test: int = 10, size: int = 100, seed: int = 0, samples: int = 3) -> Scene:
    """Three balls and a box on a checkered floor, viewed by cameras on a sphere; reproducible by the seed.

    The floor covers -1 to 1 in x and y, z is up.  The cameras are 3.6 from the centre, 8 to 75 degrees above the floor.
    Units are arbitrary.  Held-out cameras are between the training cameras.

    Args:
        views: number of training pictures.
        test: number of held-out pictures.
        size: pixels along each side.
        seed: decides positions, sizes and colours of the solids, and the cameras.
        samples: a pixel is the mean of samples x samples rays.

    Raises:
        ValueError: for numbers that are not positive.
    """
    check_counts("make_scene", views=views, test=test, size=size, samples=samples)
    generator = torch.Generator().manual_seed(seed)
    solids = random_solids(generator)
    lower = [min(solid.bounds[0][axis] for solid in solids) for axis in range(3)]
    upper = [max(solid.bounds[1][axis] for solid in solids) for axis in range(3)]
    margin = 0.02 * max(b - a for a, b in zip(lower, upper, strict=True))
    box = box_from_corners([x - margin for x in lower], [x + margin for x in upper])
    target = (0.0, 0.0, upper[2] / 3)
    split: dict[str, tuple[View, ...]] = {}
    for part, count in {"train": views, "test": test}.items():
        turn = float(torch.rand((), generator=generator))
        cameras = spiral_cameras(target, count, turn=turn, size=size)
        split[part] = tuple(
            trace_view(f"{part}/r_{i:03d}", camera, solids, Light(), samples=samples)
            for i, camera in enumerate(cameras)
        )
    return Scene(f"generated {seed}", split["train"], split["test"], box, background=(1.0, 1.0, 1.0), samples=samples)


def random_solids(generator: torch.Generator) -> tuple[Solid, ...]:
    """Floor, three balls and a box with random positions, sizes and colours."""
    draw = torch.rand(16, generator=generator, dtype=torch.float64).tolist()
    floor = Block(
        (0.0, 0.0, -0.04), (1.0, 1.0, 0.04), albedo=(0.9, 0.88, 0.84), tile=0.25, other=_hue(draw[0], 0.45, 0.45)
    )
    order = torch.randperm(4, generator=generator).tolist()
    solids: list[Solid] = [floor]
    for number in range(3):
        x, y = _SITES[order[number]]
        radius = 0.24 + 0.1 * draw[1 + number]
        colour = _hue(draw[4] + number / 4, 0.75, 0.9)
        place = (x + 0.1 * (draw[5 + number] - 0.5), y + 0.1 * (draw[8 + number] - 0.5), radius)
        solids.append(Ball(place, radius, colour, gloss=0.35 if number == 0 else 0.0))
    x, y = _SITES[order[3]]
    half = (0.2 + 0.08 * draw[11], 0.2 + 0.08 * draw[12], 0.22 + 0.16 * draw[13])
    solids.append(Block((x, y, half[2]), half, albedo=_hue(draw[4] + 0.75, 0.7, 0.9), degrees=90 * draw[14]))
    return tuple(solids)


def spiral_cameras(
    target: Vector,
    count: int,
    *,
    radius: float = _RADIUS,
    lowest: float = 8.0,
    highest: float = 75.0,
    turn: float = 0.0,
    size: int = 100,
    fov: float = _FOV,
) -> tuple[Camera, ...]:
    """Cameras evenly distributed on a band of a sphere around a target, on a golden spiral.

    Args:
        target: point to look at.
        count: number of cameras.
        radius: of the sphere.
        lowest: elevation of the lowest camera, degrees.
        highest: elevation of the highest camera, degrees.
        turn: shift of the spiral, in turns and in steps.
        size: pixels along each side.
        fov: angle of view, radians.
    """
    bottom, top = math.sin(math.radians(lowest)), math.sin(math.radians(highest))
    focal = size / 2 / math.tan(fov / 2)
    cameras = []
    for i in range(count):
        z = bottom + (top - bottom) * ((i + 0.25 + 0.5 * turn) / count)
        angle = 2 * math.pi * (turn + i * (math.sqrt(5) - 1) / 2)
        flat = radius * math.sqrt(1 - z * z)
        eye = (target[0] + flat * math.cos(angle), target[1] + flat * math.sin(angle), target[2] + radius * z)
        cameras.append(Camera(size, size, focal, focal, look_at(eye, target, convention=Convention.OPENGL)))
    return tuple(cameras)


def write_scene(scene: Scene, folder: Path | str) -> Path:
    """Write a scene as transforms_train.json and transforms_test.json in the format of Blender scenes, with pictures.

    Each view is a PNG with alpha (train/r_000.png) and, where known, train/r_000_geometry.npz with `depth` (along the
    optical axis, inf for background) and `normals`.  In addition to camera_angle_x and frames, the files have w, h,
    fl_x, fl_y, `box`, `background` and `samples_per_pixel`.  Equal scenes give equal bytes.

    Args:
        scene: the scene.
        folder: target folder.

    Returns:
        The folder.

    Raises:
        ValueError: for cameras that are distorted, not in the OpenGL convention, or not all alike, and for a view
            whose name leads out of the folder.
    """
    folder = Path(folder)
    for part, views in {"train": scene.train, "test": scene.test}.items():
        if not views:
            continue
        first = views[0].camera
        frames = []
        for view in views:
            camera = view.camera
            if camera.distorted or camera.convention is not Convention.OPENGL or _lens(camera) != _lens(first):
                raise ValueError(f"write_scene: '{view.name}' must have the lens of the others and no distortion")
            path = path_inside(folder, view.name, owner="write_scene")
            path.parent.mkdir(parents=True, exist_ok=True)
            write_png(path.with_name(path.name + ".png"), view.image)
            if view.depth is not None and view.normals is not None:
                geometry = path.with_name(path.name + "_geometry.npz")
                np.savez_compressed(geometry, depth=view.depth.numpy(), normals=view.normals.numpy())
            frames.append({"file_path": f"./{view.name}", "transform_matrix": camera.pose.tolist()})
        axes = scene.box.axes[:3]
        content: dict[str, Any] = {
            "camera_angle_x": 2 * math.atan(first.width / 2 / first.fx),
            "w": first.width,
            "h": first.height,
            "fl_x": first.fx,
            "fl_y": first.fy,
            "box": [[axis.lower for axis in axes], [axis.upper for axis in axes]],
        }
        if scene.background is not None:
            content["background"] = list(scene.background)
        if scene.samples is not None:
            content["samples_per_pixel"] = scene.samples
        file = folder / f"transforms_{part}.json"
        file.write_text(json.dumps({**content, "frames": frames}, indent=1) + "\n", encoding="utf-8")
    return folder


def check_counts(owner: str, **counts: int) -> None:
    """Raise a ValueError unless all counts are at least 1."""
    for name, value in counts.items():
        if value < 1:
            raise ValueError(f"{owner}: `{name}` must be at least 1, got {value}")


def _lens(camera: Camera) -> tuple[float, ...]:
    return camera.width, camera.height, camera.fx, camera.fy, *camera.centre


def _hue(hue: float, saturation: float, value: float) -> Vector:
    return colorsys.hsv_to_rgb(hue % 1, saturation, value)
