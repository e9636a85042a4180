"""Bounds of captured scenes: checks of the camera poses, choice of box or contraction, initial occupancy."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pinnkit.domains import Box

from .cameras import Camera, Convention, nearest_point_to_axes
from .contraction import Contraction
from .occupancy import OccupancyGrid, carve
from .scene import Scene, View, box_from_corners, corners

__all__ = ["check_box", "check_poses", "choose_box", "choose_contraction", "initial_occupancy"]

_INNER = 0.6
"""Radius of the uncontracted ball, relative to the median camera distance."""
_VIEWS = 3
"""Minimum number of views that must see a cell of a capture."""
_NEAR = 0.4
"""Radius around cameras that is kept empty in a capture, relative to the median camera distance."""
_PARALLEL = 0.01
"""Eigenvalue below which optical axes are parallel (within about 6 degrees) and determine no intersection."""


def check_poses(cameras: Sequence[Camera], *, owner: str) -> None:
    """Refuse impossible poses: all cameras at one place, or the scene behind them.

    The intersection of the optical axes does not change when every camera is turned round.  If most cameras have it
    behind them, the axes convention is wrong.  Almost parallel axes are not tested.

    Raises:
        ValueError: with the change to make.
    """
    positions = torch.stack([camera.position for camera in cameras])
    spread = (positions - positions.mean(dim=0)).norm(dim=1).max()
    if len(cameras) > 1 and bool(spread <= 1e-6 * (1 + positions.norm(dim=1).max())):
        raise ValueError(
            f"{owner}: all {len(cameras)} cameras are at one place, {_point(positions[0])}, from where depth cannot be "
            "told; poses must be camera-to-world (are these world-to-camera? then give their inverses)"
        )
    if _parallel(cameras):
        return
    meet = nearest_point_to_axes(cameras)
    behind = sum(bool(camera.forward @ (meet - camera.position) <= 0) for camera in cameras)
    if 2 * behind > len(cameras):
        used = cameras[0].convention
        other = Convention.OPENCV if used is Convention.OPENGL else Convention.OPENGL
        raise ValueError(
            f"{owner}: {behind} of {len(cameras)} cameras look away from {_point(meet)}, where their optical axes "
            f"meet; read as {used.name}: {used.value}. If the poses are {other.name}, {other.value}, give "
            f"convention=Convention.{other.name} (--pose-convention {other.name.lower()})"
        )


def check_box(cameras: Sequence[Camera], box: Box, *, owner: str) -> None:
    """Refuse a box that most cameras do not see.

    Raises:
        ValueError: with the number of cameras that see it.
    """
    lower, upper = corners(box)
    unit = (torch.arange(7, dtype=torch.float64) + 0.5) / 7
    grid = lower + torch.cartesian_prod(unit, unit, unit) * (upper - lower)
    blind = 0
    for camera in cameras:
        pixel, depth = camera.project(grid)
        size = torch.tensor([camera.width, camera.height], dtype=torch.float64)
        blind += not bool(((depth > 0) & (pixel >= 0).all(dim=1) & (pixel < size).all(dim=1)).any())
    if 2 * blind > len(cameras):
        raise ValueError(
            f"{owner}: {blind} of {len(cameras)} cameras look away from the box {_point(lower)} to {_point(upper)}; "
            "check the box and the pose convention (convention=, --pose-convention)"
        )


def choose_box(views: Sequence[View], *, owner: str) -> tuple[Box, str]:
    """Choose a box for a scene whose files name none.

    The centre is the point nearest to all optical axes.  Transparent pictures show one object: a cube of 1.2 times the
    median field of view at that distance is carved by the silhouettes, and the box is the remainder plus one cell;
    cells seen by fewer than a third of the views are removed, as are cells outside a view that shows the complete
    object.  Opaque
    pictures show the surroundings: the cube has a half side of 1.5 times the median camera distance and contains the
    cameras; farther objects appear on its walls.

    Args:
        views: training views.
        owner: name of the scene in messages.

    Returns:
        The box, and a sentence that explains the choice.

    Raises:
        ValueError: when the axes are almost parallel and thus determine no distance, or the silhouettes have nothing in
            common.
    """
    cameras = [view.camera for view in views]
    if _parallel(cameras):
        raise ValueError(
            f"{owner}: the optical axes are almost parallel, so the poses do not say how far away the scene is; "
            "give its box (box=, --box)"
        )
    middle = nearest_point_to_axes(cameras)
    distances = torch.stack([(camera.position - middle).norm() for camera in cameras])
    distance = float(distances.median())
    clear = [view for view in views if view.image.shape[2] == 4 and bool((view.image[..., 3] < 255).any())]
    if not clear:
        half = 1.5 * distance
        box = box_from_corners(middle - half, middle + half)
        return box, (
            f"The box is a cube of side {2 * half:.3g} about {_point(middle)}, the point nearest to all optical axes: "
            "1.5 times the median distance of the cameras to every side, since the pictures are opaque."
        )
    slopes = torch.tensor([min(c.width / c.fx, c.height / c.fy) / 2 for c in cameras], dtype=torch.float64)
    half = 1.2 * float((distances * slopes).median())
    alphas = [view.alpha for view in clear]
    # Cells that few views see (near cameras, in corners) are hardly carved.
    least = max(min(2, len(clear)), len(clear) // 3)
    grid = carve([view.camera for view in clear], alphas, middle - half, middle + half, 64, least=least, whole=True)
    if not bool(grid.cells.any()):
        raise ValueError(
            f"{owner}: the silhouettes of the pictures have no point in common about {_point(middle)}; check the "
            "poses, their convention (convention=, --pose-convention) and the alpha of the pictures"
        )
    occupied = grid.cells.nonzero()
    cell = grid.cell.double()
    lower = middle - half + (occupied.amin(dim=0) - 1) * cell
    upper = middle - half + (occupied.amax(dim=0) + 2) * cell
    return box_from_corners(lower, upper), (
        f"The box, {_point(lower)} to {_point(upper)}, is what the silhouettes leave of a cube about {_point(middle)}, "
        "the point nearest to all optical axes."
    )


def choose_contraction(views: Sequence[View], *, owner: str) -> tuple[Contraction, str]:
    """Choose a contraction of all space for a capture with surroundings.

    The centre is the point nearest to all optical axes; within 0.6 of the median camera distance space is unchanged.

    Args:
        views: training views.
        owner: name of the scene in messages.

    Returns:
        The contraction, and a sentence that explains the choice.

    Raises:
        ValueError: when the axes are almost parallel and thus determine no distance.
    """
    cameras = [view.camera for view in views]
    if _parallel(cameras):
        raise ValueError(
            f"{owner}: the optical axes are almost parallel, so the poses do not say how far away the scene is; "
            "give its box (box=, --box)"
        )
    middle = nearest_point_to_axes(cameras)
    distance = float(torch.stack([(camera.position - middle).norm() for camera in cameras]).median())
    contraction = Contraction.about(middle, _INNER * distance)
    return contraction, (
        f"The pictures are opaque, so the surroundings are fitted too: all of space, contracted outside a ball of "
        f"radius {contraction.radius:.3g} about {_point(middle)}, the point nearest to all optical axes."
    )


def initial_occupancy(scene: Scene, resolution: int) -> OccupancyGrid:
    """Cells that may be occupied before training, float32.

    For transparent pictures: the visual hull.  Otherwise: cells seen by a fifth of the views (or two, if that leaves
    almost nothing) and at least 0.4 of the median camera distance away from every camera; in cells that few views see,
    a field would paint the picture in front of each camera.

    Args:
        scene: the views.
        resolution: cells along the longest side of the box.
    """
    if scene.contraction is not None:
        return _seen_cells(scene, scene.contraction, resolution)
    lower, upper = (corner.float() for corner in corners(scene.box))
    cameras = [view.camera for view in scene.train]
    alphas = [view.alpha for view in scene.train]
    if scene.has_alpha:
        return carve(cameras, alphas, lower, upper, resolution)
    few = min(2, len(cameras))
    grid = carve(cameras, alphas, lower, upper, resolution, least=max(few, len(cameras) // 5))
    if grid.occupied < 0.02:
        grid = carve(cameras, alphas, lower, upper, resolution, least=few)
    positions = torch.stack([camera.position for camera in cameras]).float()
    distance = float((positions - (lower + upper) / 2).norm(dim=1).median())
    clear = grid.without_cells_near(positions, 0.4 * distance)
    return clear if bool(clear.cells.any()) else grid


def _seen_cells(scene: Scene, contraction: Contraction, resolution: int) -> OccupancyGrid:
    """Cells of contracted space that at least three views see and no camera is near."""
    lower, upper = (corner.float() for corner in corners(contraction.box))
    grid = OccupancyGrid.full(lower, upper, resolution)
    places = grid.centres().double()
    # The corners of the box are empty; points at infinity are moved just inside the ball.
    own = contraction.normalised(places)
    m = own.norm(dim=1, keepdim=True)
    inside = m[:, 0] < 2 + float(grid.cell.norm()) / 2 / contraction.radius
    points = contraction.uncontract(
        torch.where(m > 1.98, own * (1.98 / m), own) * contraction.radius + torch.tensor(contraction.centre)
    )
    views = torch.zeros(len(points), dtype=torch.int64)
    positions = torch.stack([view.camera.position for view in scene.train])
    near = _NEAR * float((positions - torch.tensor(contraction.centre)).norm(dim=1).median())
    clear = torch.ones(len(points), dtype=torch.bool)
    for view in scene.train:
        camera = view.camera
        pixel, depth = camera.project(points)
        views += (depth > 0) & (pixel >= 0).all(dim=1) & (pixel[:, 0] < camera.width) & (pixel[:, 1] < camera.height)
        clear &= (points - camera.position).norm(dim=1) >= near
    least = min(_VIEWS, len(scene.train))
    cells = (inside & clear & (views >= least)).reshape(grid.cells.shape)
    return OccupancyGrid(lower, upper, cells)


def _parallel(cameras: Sequence[Camera]) -> bool:
    axes = torch.stack([camera.forward for camera in cameras])
    across = torch.eye(3, dtype=torch.float64) - (axes.T @ axes) / len(cameras)
    return bool(torch.linalg.eigvalsh(across)[0] < _PARALLEL)


def _point(point: Tensor) -> str:
    largest = max(1e-3, float(point.abs().max()))  # rounding errors print as 0
    return "(" + ", ".join(f"{0.0 if abs(x) < 1e-6 * largest else x:.3g}" for x in point.tolist()) + ")"
