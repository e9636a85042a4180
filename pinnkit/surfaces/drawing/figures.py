"""Figures of meshes (shaded views) and of distances (slices, level sets), rendered without a display."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

from .raster import rasterise

if TYPE_CHECKING:
    import trimesh
    from matplotlib.figure import Figure

__all__ = ["draw_curve", "draw_mesh", "draw_slices", "shade"]

VIEWS = ((35.0, 22.0), (155.0, 22.0), (275.0, 60.0))  # azimuth and elevation, degrees
_OUTSIDE = np.array([0.62, 0.70, 0.80])
_INSIDE = np.array([0.90, 0.55, 0.30])  # back faces
_CREASE = 0.92  # cosine below which a corner is drawn with a sharp edge
_FINE = 2  # samples along each side of a pixel

Floats = NDArray[np.float64]


def draw_mesh(mesh: trimesh.Trimesh, *, title: str = "", pixels: int = 420) -> Figure:
    """Draw a mesh from three directions, shaded, in parallel projection; back faces are orange.

    Args:
        mesh: triangles in any coordinates.
        title: heading.
        pixels: along each side of a view.
    """
    figure = _figure(3 * 3.4, 3.7)
    axes = figure.subplots(1, 3)
    for ax, (azimuth, elevation) in zip(axes, VIEWS, strict=True):
        ax.imshow(shade(mesh, azimuth, elevation, pixels), interpolation="antialiased")
        ax.set_title(f"azimuth {azimuth:g}°, elevation {elevation:g}°", fontsize=8, color="0.4")
        ax.set_axis_off()
    low, high = _box(mesh)
    size = " x ".join(f"{s:.4g}" for s in high - low)
    _heading(figure, title, f"{len(mesh.faces):,} triangles, {size}")
    return figure


def draw_slices(
    field: Callable[[Tensor], Tensor],
    bounds: tuple[Any, Any] = (-1.0, 1.0),
    *,
    level: float = 0.0,
    title: str = "",
    quantity: str = "",
    points: int = 161,
) -> Figure:
    """Draw the field in the three mid-planes of a box, with its level sets; the surface is the black line.

    Args:
        field: ``(n, 3)`` float64 to ``(n,)``.
        bounds: (lower, upper) of the box.
        level: level of the surface.
        title: heading.
        quantity: label of the colour bar, such as "signed distance" or "logit of being outside".
        points: along each side of a plane.
    """
    lower, upper = (np.broadcast_to(np.asarray(b, dtype=np.float64), 3) for b in bounds)
    planes = []
    for axis in range(3):
        first, second = (a for a in range(3) if a != axis)
        s = np.linspace(lower[first], upper[first], points)
        t = np.linspace(lower[second], upper[second], points)
        at = np.empty((points, points, 3))
        at[..., first], at[..., second], at[..., axis] = s[None, :], t[:, None], (lower[axis] + upper[axis]) / 2
        with torch.no_grad():
            values = field(torch.from_numpy(at.reshape(-1, 3))).to(torch.float64).cpu().numpy() - level
        planes.append((axis, first, second, s, t, values.reshape(points, points)))
    largest = float(np.quantile(np.abs([p[-1] for p in planes]), 0.995)) or 1.0
    levels = np.linspace(-largest, largest, 21)
    figure = _figure(3 * 3.4, 3.4)
    axes = figure.subplots(1, 3)
    for ax, (axis, first, second, s, t, values) in zip(axes, planes, strict=True):
        shown = ax.imshow(
            values,
            origin="lower",
            extent=(s[0], s[-1], t[0], t[-1]),
            cmap="RdBu_r",
            vmin=-largest,
            vmax=largest,
            interpolation="bilinear",
        )
        ax.contour(s, t, values, levels=levels, colors="0.25", linewidths=0.3)
        if values.min() < 0 < values.max():
            ax.contour(s, t, values, levels=[0.0], colors="k", linewidths=1.4)
        ax.set(xlabel="xyz"[first], ylabel="xyz"[second])
        ax.set_title(f"{'xyz'[axis]} = {(lower[axis] + upper[axis]) / 2:.3g}", fontsize=9)
        ax.grid(visible=False)
        ax.tick_params(labelsize=7)
        ax.locator_params(nbins=5)
    bar = figure.colorbar(shown, ax=list(axes), shrink=0.8, pad=0.015)
    bar.ax.tick_params(labelsize=7)
    bar.set_label(quantity, fontsize=8)
    _heading(figure, title, "negative inside; lines are equally far apart", top=True)
    return figure


def draw_curve(
    field: Callable[[Tensor], Tensor],
    points: Tensor | None = None,
    *,
    title: str = "",
    quantity: str = "signed distance",
    nodes: int = 401,
) -> Figure:
    """Draw a field over [-1, 1]^2 with its level sets; the zero set is the black line.

    Args:
        field: ``(n, 2)`` float64 to ``(n,)``.
        points: ``(m, 2)`` data points, drawn as dots.
        title: heading.
        quantity: label of the colour bar.
        nodes: along each side.
    """
    ticks = np.linspace(-1.0, 1.0, nodes)
    x, y = np.meshgrid(ticks, ticks)
    with torch.no_grad():
        found = field(torch.from_numpy(np.stack([x, y], axis=-1).reshape(-1, 2)))
    values = found.to(torch.float64).cpu().numpy().reshape(x.shape)
    largest = float(np.abs(values).max()) or 1.0
    figure = _figure(6.0, 5.2)
    ax = figure.subplots()
    shown = ax.imshow(
        values,
        origin="lower",
        extent=(-1, 1, -1, 1),
        cmap="RdBu_r",
        vmin=-largest,
        vmax=largest,
        interpolation="bilinear",
    )
    ax.contour(ticks, ticks, values, levels=np.linspace(-largest, largest, 21), colors="0.25", linewidths=0.3)
    if values.min() < 0 < values.max():
        ax.contour(ticks, ticks, values, levels=[0.0], colors="k", linewidths=1.2)
    if points is not None:
        ax.plot(*points.detach().cpu().numpy().T, ".", color="#D55E00", markersize=1.2)
    ax.set(xlabel="x", ylabel="y")
    ax.grid(visible=False)
    figure.colorbar(shown, ax=ax, shrink=0.85, pad=0.02).set_label(quantity, fontsize=9)
    _heading(figure, title, "black where it is zero; lines are equally far apart", top=True)
    return figure


def shade(mesh: trimesh.Trimesh, azimuth: float, elevation: float, pixels: int) -> Floats:
    """Render one view of a mesh as an image ``(pixels, pixels, 3)`` in [0, 1].

    Parallel projection from a direction in degrees, z up.  Key light from the upper left in front, ambient occlusion
    from depth, lines at depth discontinuities.

    Args:
        mesh: triangles.
        azimuth: of the viewing direction, degrees.
        elevation: of the viewing direction, degrees.
        pixels: along each side.
    """
    vertices, faces = np.asarray(mesh.vertices, np.float64), np.asarray(mesh.faces)
    background = np.ones((pixels, pixels, 3))
    if not len(faces):
        return background
    low, high = _box(mesh)
    scale = float(np.linalg.norm(high - low)) or 1.0
    local = (vertices - (low + high) / 2) / scale  # within a ball of radius 1/2
    right, up, toward = _camera(azimuth, elevation)
    fine = _FINE * pixels
    screen = np.stack([local @ right, -(local @ up), -(local @ toward)], axis=1)
    screen[:, :2] = (screen[:, :2] + 0.5) * (fine - 1)
    found = rasterise(screen[faces], fine, fine)
    seen = found.triangle >= 0
    triangle, weights = found.triangle[seen], found.weights[seen]
    normal = np.einsum("nk,nkj->nj", weights, _corner_normals(local, faces)[triangle])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    a, b, c = local[faces[triangle]].transpose(1, 0, 2)
    facing = (np.cross(b - a, c - a) @ toward >= 0)[:, None]
    colour = np.where(facing, _OUTSIDE, _INSIDE)
    normal = np.where(facing, normal, -normal)
    key, fill = _unit(toward + 0.7 * up - 0.6 * right), _unit(toward - 0.3 * up + 0.9 * right)
    light = 0.40 + 0.62 * np.maximum(normal @ key, 0) + 0.22 * np.maximum(normal @ fill, 0)
    gloss = 0.18 * np.maximum(normal @ _unit(key + toward), 0) ** 24
    image = np.ones((fine, fine, 3))
    image[seen] = colour * (light * _ambient_occlusion(found.depth, seen, fine)[seen])[:, None] + gloss[:, None]
    image[_outline(found.depth, seen)] *= 0.45
    return image.clip(0, 1).reshape(pixels, _FINE, pixels, _FINE, 3).mean(axis=(1, 3))


def _camera(azimuth: float, elevation: float) -> tuple[Floats, Floats, Floats]:
    """Unit vectors to the right, up, and towards the eye."""
    a, e = np.deg2rad(azimuth), np.deg2rad(elevation)
    toward = np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
    right = np.array([-np.sin(a), np.cos(a), 0.0])
    return right, np.cross(toward, right), toward


def _corner_normals(vertices: Floats, faces: NDArray[Any]) -> Floats:
    """Normals at the corners of each triangle ``(m, 3, 3)``: vertex normals, or face normals at creases."""
    a, b, c = vertices[faces].transpose(1, 0, 2)
    area = np.cross(b - a, c - a)
    own = area / np.maximum(np.linalg.norm(area, axis=1, keepdims=True), 1e-30)
    summed = np.zeros_like(vertices)
    for axis in range(3):
        for corner in range(3):
            summed[:, axis] += np.bincount(faces[:, corner], weights=area[:, axis], minlength=len(vertices))
    smooth = (summed / np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), 1e-30))[faces]
    crease = np.einsum("mkj,mj->mk", smooth, own) < _CREASE
    return np.where(crease[..., None], own[:, None, :], smooth)


def _ambient_occlusion(depth: Floats, seen: NDArray[np.bool_], fine: int) -> Floats:
    """Light factor, smaller where a pixel is deeper than its surroundings."""
    share = gaussian_filter(seen.astype(np.float64), fine / 40)
    around = gaussian_filter(np.where(seen, depth, 0.0), fine / 40) / np.maximum(share, 1e-9)
    return 1 - np.clip(4 * (np.where(seen, depth, 0.0) - around), 0, 0.45)


def _outline(depth: Floats, seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels at depth discontinuities and silhouettes."""
    filled = np.where(seen, depth, 2.0)
    line = np.zeros_like(seen)
    for axis in range(2):
        jump = np.diff(filled, axis=axis) > 0.03
        back = np.diff(filled, axis=axis) < -0.03
        line |= np.pad(jump, [(0, 1) if a == axis else (0, 0) for a in range(2)])
        line |= np.pad(back, [(1, 0) if a == axis else (0, 0) for a in range(2)])
    return line & seen


def _box(mesh: trimesh.Trimesh) -> tuple[Floats, Floats]:
    corners = np.asarray(mesh.vertices, np.float64)[np.unique(mesh.faces)]
    if not len(corners):
        return np.zeros(3), np.zeros(3)
    return corners.min(axis=0), corners.max(axis=0)


def _unit(vector: Floats) -> Floats:
    return vector / np.linalg.norm(vector)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", dpi=150)
    FigureCanvasAgg(figure)
    return figure


def _heading(figure: Figure, title: str, facts: str, *, top: bool = False) -> None:
    if title or top:  # reserves the line for the facts
        figure.suptitle(title or " ", x=0.01, ha="left", fontsize=11, fontweight="bold")
    figure.text(
        0.99, 0.985 if top else 0.015, facts, ha="right", va="top" if top else "bottom", fontsize=8, color="0.4"
    )
