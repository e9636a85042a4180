"""Extraction of the zero set of a field as a closed, oriented triangle mesh by marching cubes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from pinnkit.meshes.trimesh_backend import import_trimesh
from pinnkit.surfaces.points.normalisation import Normalisation

from .field_sampler import FieldSampler, ScalarField
from .lattice import Lattice
from .narrow_band import BLOCK, NarrowBand, find_narrow_band
from .projection import project
from .thin_walls import thin_wall_share

if TYPE_CHECKING:
    import trimesh

__all__ = ["extract"]

_NEAREST, _FARTHEST = 5e-3, 30.0  # bounds on |values| passed to marching cubes, in units of their change over a cell
_SLAB_BYTES = 2**26


def extract(
    field: ScalarField,
    bounds: tuple[ArrayLike, ArrayLike] = ((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0)),
    resolution: int = 128,
    *,
    level: float = 0.0,
    normalisation: Normalisation | None = None,
    tolerance: float = 1e-7,
    chunk: int = 2**16,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
    everywhere: bool = False,
) -> trimesh.Trimesh:
    """Extract the surface {field = level} by marching cubes, with all vertices projected onto it.

    The field is evaluated from coarse to fine and only near its zero set (`find_narrow_band`), so that work and memory
    grow as resolution^2; marching cubes processes one slab of the lattice at a time.  The mesh has the topology that
    marching cubes gives on the complete lattice.  It is closed, and normals point to larger field values: outward for a
    signed distance that is negative inside.

    Args:
        field: function of points ``(n, 3)`` that returns ``(n,)``.  Gradients come from autograd if the field supports
            it, else from differences.
        bounds: (lower, upper) of the search box; the surface must lie strictly inside.
        resolution: lattice points along the longest side, both faces included.
        level: level set to extract.
        normalisation: maps the vertices back to the coordinates of the input; None leaves them.
        tolerance: distance of the vertices from the zero set, |f| / |grad f| in units of the box.  A field in float32
            limits it to about 1e-7.
        chunk: points per evaluation of the field.
        dtype: type of these points.
        device: device of these points.
        everywhere: evaluate the complete lattice; slow, for fields whose gradients do not bound their variation.

    Returns:
        The mesh; `metadata["extraction"]` has the resolution, the number of evaluations, the largest remaining distance
        in units of the box, and the share of vertices at walls or gaps thinner than a cell (`thin_wall_share`), where
        the mesh may be torn or parts of it missing.

    Raises:
        ValueError: where the field is not finite, never takes the level in the box (with the range and sign of its
            values), or takes it on a face of the box.
        ImportError: where scikit-image or trimesh is missing.

    Source: Lewiner et al., Efficient implementation of marching cubes' cases with topological guarantees, J. Graphics
    Tools 8 (2003) 1, as implemented in scikit-image.
    """
    trimesh = import_trimesh()
    if not np.isfinite(level):
        raise ValueError(f"extract: `level` must be finite, got {level}")
    lattice = Lattice.over(bounds, resolution)
    sampled = FieldSampler(field, float(level), chunk, dtype, torch.device(device), 1e-3 * min(lattice.step))
    band = find_narrow_band(lattice, sampled, everywhere=everywhere)
    _check_range(band, level, lattice)
    _check_boundary(band, lattice)
    index, faces = _run_marching_cubes(lattice, band)
    vertices, distance = project(lattice, sampled, index, tolerance=tolerance)
    thin = thin_wall_share(lattice, sampled, vertices)
    if normalisation is not None:
        vertices = normalisation.invert(vertices)
    facts = {
        "resolution": resolution,
        "level": float(level),
        "evaluations": band.evaluations,
        "largest_distance": float(distance.max()),
        "thinner_than_a_cell": thin,
    }
    return trimesh.Trimesh(vertices, faces, process=False, metadata={"extraction": facts})


def _run_marching_cubes(lattice: Lattice, band: NarrowBand) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Marching cubes slab by slab: vertices in units of the lattice ``(n, 3)``, and triangles ``(m, 3)``.

    Adjacent slabs share a plane of identical points, so that its vertices are found twice with equal coordinates.
    """
    marching_cubes = _import_marching_cubes()
    mixed = band.values[(band.values < 0).any(axis=(1, 2, 3)) & (band.values > 0).any(axis=(1, 2, 3))]
    spread = mixed.max(axis=(1, 2, 3)) - mixed.min(axis=(1, 2, 3))
    unit = float(np.median(spread)) / BLOCK
    _, ny, nz = lattice.counts
    layers = max(1, _SLAB_BYTES // (4 * BLOCK * ny * nz))
    vertices, faces, seams, total = [], [], [], 0
    for first in range(0, band.sign.shape[0], layers):
        last = min(first + layers, band.sign.shape[0])
        volume = _slab(band, first, last, lattice, unit)
        crossing = (volume < 0).any() and (volume > 0).any()
        if not crossing:
            continue
        # "descent" gives outward normals where negative is inside
        found, triangles, _, _ = marching_cubes(volume, 0.0, gradient_direction="descent")
        found = found.astype(np.float64)
        found[:, 0] += first * BLOCK
        on_plane = (found[:, 0] == first * BLOCK) | (found[:, 0] == last * BLOCK)
        seams.append(total + np.flatnonzero(on_plane))
        vertices.append(found)
        faces.append(triangles.astype(np.int64) + total)
        total += len(found)
    index, corners, seam = np.concatenate(vertices), np.concatenate(faces), np.concatenate(seams)
    _, where, inverse = np.unique(index[seam], axis=0, return_index=True, return_inverse=True)
    same = np.arange(total)
    same[seam] = seam[where[inverse]]
    kept, renumbered = np.unique(same, return_inverse=True)
    return index[kept], renumbered[corners]


def _slab(band: NarrowBand, first: int, last: int, lattice: Lattice, unit: float) -> NDArray[np.float32]:
    """Values on the points of block layers first to last, both end planes included.

    Values are in units of their change over a cell, and bounded away from zero: a vertex on a lattice point would
    belong to several edges.  The projection moves it to its place.
    """
    nx, ny, nz = lattice.counts
    planes = min(last * BLOCK, nx - 1) - first * BLOCK + 1
    sign = band.sign[first : min(last + 1, band.sign.shape[0])]
    if sign.shape[0] == last - first:
        sign = np.concatenate([sign, sign[-1:]])
    for axis, count in ((0, planes), (1, ny), (2, nz)):
        sign = np.repeat(sign, BLOCK, axis=axis)
        if sign.shape[axis] < count:
            sign = np.concatenate([sign, np.take(sign, [-1], axis=axis)], axis=axis)
        sign = np.take(sign, np.arange(count), axis=axis)
    volume = sign.astype(np.float32) * np.float32(_FARTHEST)
    shape = (planes, ny, nz)
    offsets = np.arange(BLOCK + 1)
    # Neighbouring layers contribute shared planes, in the same order for every slab.
    for layer in range(max(first - 1, 0), min(last + 1, band.sign.shape[0])):
        rows = np.flatnonzero(band.index[:, 0] == layer)
        if not len(rows):
            continue
        x, y, z = (BLOCK * band.index[rows][:, a, None] + offsets for a in range(3))
        x = x - first * BLOCK
        scaled = band.values[rows] / np.float32(unit)
        size = np.clip(np.abs(scaled), _NEAREST, _FARTHEST)
        scaled = np.where(scaled < 0, -size, size)
        there = (
            ((x >= 0) & (x < shape[0]))[:, :, None, None]
            & (y < shape[1])[:, None, :, None]
            & (z < shape[2])[:, None, None, :]
        )
        flat = (x[:, :, None, None] * ny + y[:, None, :, None]) * nz + z[:, None, None, :]
        volume.reshape(-1)[flat[there]] = scaled[there]
    return volume


def _check_range(band: NarrowBand, level: float, lattice: Lattice) -> None:
    low, high = band.minimum + level, band.maximum + level
    if low < level <= high:
        return
    side = "greater" if low >= level else "less"
    sign = "positive" if low >= 0 else "negative" if high <= 0 else "of both signs"
    repair = (
        f"choose a level strictly between {low:.6g} and {high:.6g}"
        if low < high
        else "a constant field has no surface; it was not trained or has collapsed"
    )
    if low < high and low - level < lattice.cell < high - level and low >= level:
        repair = (
            f"the least value is nearer to the level than a cell is wide ({lattice.cell:.3g}), so a wall thinner than "
            f"that may lie between the points: raise `resolution`; else {repair}"
        )
    upper = lattice.at(np.asarray([lattice.counts]))[0]
    raise ValueError(
        f"extract: there is no surface, the field is nowhere {'below' if side == 'greater' else 'above'} the level "
        f"{level:g}: at {band.evaluations:,} points of the box {list(lattice.lower)} to {upper.tolist()} its values "
        f"range from {low:.6g} to {high:.6g}, all {side} than the level ({sign}). A signed distance is negative "
        f"inside and positive outside: {repair}, or look in a box that holds the surface"
    )


def _check_boundary(band: NarrowBand, lattice: Lattice) -> None:
    """Refuse a surface that meets a face of the box, where it could not be closed."""
    negative, touched = list[str](), list[str]()
    for axis, name in enumerate("xyz"):
        for end, layer in ((0, 0), (lattice.counts[axis] - 1, band.sign.shape[axis] - 1)):
            coordinate = lattice.lower[axis] + end * lattice.step[axis]
            inside, outside = _signs_on_boundary(band, axis, layer, end - layer * BLOCK)
            if inside:
                touched.append(f"{name} = {coordinate:g}")
            if inside and not outside:
                negative.append(f"{name} = {coordinate:g}")
    if not touched:
        return
    if len(negative) == 6:
        raise ValueError(
            "extract: the field is below the level on all walls of the box and above it somewhere inside: its sign is "
            "reversed (a signed distance is negative inside); extract its negative, `lambda p: -field(p)`"
        )
    raise ValueError(
        f"extract: the surface meets the wall of the box at {', '.join(touched)}, where the field is below the level; "
        f"it cannot be closed there. Choose larger `bounds`, or a level further inside"
    )


def _signs_on_boundary(band: NarrowBand, axis: int, layer: int, plane: int) -> tuple[bool, bool]:
    """Return two flags: points inside, and points outside, exist on one face of the box."""
    row, sign = np.take(band.row, layer, axis=axis), np.take(band.sign, layer, axis=axis)
    clear = sign[row < 0]
    values = np.take(band.values[row[row >= 0]], plane, axis=axis + 1)
    return bool((clear < 0).any() or (values < 0).any()), bool((clear > 0).any() or (values > 0).any())


def _import_marching_cubes() -> Any:
    try:
        from skimage.measure import marching_cubes
    except ImportError:
        raise ImportError("marching cubes need scikit-image: pip install 'pinnkit[surfaces]'") from None
    return marching_cubes
