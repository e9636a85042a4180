"""Figures of scenes: camera positions, and some of the views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from .cameras import Camera
from .scene import Scene, corners

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_cameras", "draw_views"]

_TRAIN, _TEST, _BOX = "#0072B2", "#D55E00", "#009E73"  # distinguishable without colour vision (Okabe and Ito)


def draw_cameras(scene: Scene) -> Figure:
    """Draw the frusta of all cameras and the box, from the side and from above; axes in the units of the poses.

    The apex of a frustum is the camera, its base the picture, and the tick above the base is the top of the picture.
    With the wrong axes convention the frusta point away from the box.
    """
    from matplotlib.figure import Figure

    lower, upper = corners(scene.box)
    views = (*scene.train, *scene.test)
    positions = torch.stack([view.camera.position for view in views])
    length = 0.12 * float((positions - (lower + upper) / 2).norm(dim=1).median())
    low, high = torch.minimum(positions.amin(dim=0), lower), torch.maximum(positions.amax(dim=0), upper)
    middle, half = (low + high) / 2, float((high - low).max()) / 2
    figure = Figure(figsize=(11, 5.5), layout="constrained")
    for number, (elevation, title) in enumerate(((15.0, "from the side"), (89.9, "from above"))):
        axes: Any = figure.add_subplot(1, 2, number + 1, projection="3d", proj_type="ortho")
        for colour, part in ((_TRAIN, scene.train), (_TEST, scene.test)):
            for view in part:
                for line in _pyramid(view.camera, length):
                    axes.plot(*line.T.tolist(), color=colour, linewidth=0.7)
        for line in _edges(lower, upper):
            axes.plot(*line.T.tolist(), color=_BOX, linewidth=1.2)
        for name, label, a, h in zip("xyz", "xyz", middle.tolist(), [half] * 3, strict=True):
            getattr(axes, f"set_{name}lim")(a - h, a + h)
            getattr(axes, f"set_{name}label")(label)
        if elevation > 80:
            axes.set_zticks([])
            axes.set_zlabel("")
        axes.set_box_aspect((1, 1, 1))
        axes.view_init(elev=elevation, azim=-60 if elevation < 80 else -90)
        axes.set_title(title, fontsize=10)
    for colour, label in (
        (_TRAIN, f"{len(scene.train)} training"),
        (_TEST, f"{len(scene.test)} held out"),
        (_BOX, "box"),
    ):
        figure.axes[0].plot([], [], color=colour, label=label)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure


def draw_views(scene: Scene, *, most: int = 6) -> Figure:
    """Draw some training views over white, evenly spread, with depth and normals below them where known."""
    from matplotlib.figure import Figure

    count = min(most, len(scene.train))
    chosen = [scene.train[i * len(scene.train) // count] for i in range(count)]
    known = all(view.depth is not None and view.normals is not None for view in chosen)
    rows = 3 if known else 1
    figure = Figure(figsize=(2 * count, 2 * rows + 0.2), layout="constrained")
    for column, view in enumerate(chosen):
        pictures: list[tuple[Any, dict[str, Any]]] = [(view.over((1.0, 1.0, 1.0)), {})]
        if view.depth is not None and view.normals is not None:
            depth = torch.where(view.depth.isfinite(), view.depth, torch.nan)
            pictures += [(depth, {"cmap": "viridis"}), ((view.normals + 1) / 2, {})]
        for row, (picture, how) in enumerate(pictures[:rows]):
            axes = figure.add_subplot(rows, count, row * count + column + 1)
            axes.imshow(picture.numpy(), interpolation="nearest", **how)
            axes.set_axis_off()
            if row == 0:
                axes.set_title(view.name, fontsize=8)
    return figure


def _pyramid(camera: Camera, length: float) -> list[torch.Tensor]:
    """Lines `(k, 3)` of the frustum of a camera."""
    w, h = float(camera.width), float(camera.height)
    ends = torch.tensor([[0, 0], [w, 0], [w, h], [0, h], [w / 2, 0], [w / 2, -h / 8]], dtype=torch.float64)
    frame = camera.right_down_forward
    cx, cy = camera.centre
    plane = torch.stack([(ends[:, 0] - cx) / camera.fx, (ends[:, 1] - cy) / camera.fy, torch.ones(6)], dim=1)
    base = camera.position + length * plane.to(frame) @ frame.T
    tip = camera.position
    return [*(torch.stack([tip, corner]) for corner in base[:4]), base[[0, 1, 2, 3, 0]], base[4:6]]


def _edges(lower: torch.Tensor, upper: torch.Tensor) -> list[torch.Tensor]:
    """Twelve edges `(2, 3)` of a box."""
    found = []
    for axis in range(3):
        others = [a for a in range(3) if a != axis]
        for bits in ((0, 0), (0, 1), (1, 0), (1, 1)):
            start = lower.clone()
            for other, bit in zip(others, bits, strict=True):
                start[other] = (upper if bit else lower)[other]
            end = start.clone()
            end[axis] = upper[axis]
            found.append(torch.stack([start, end]))
    return found
