"""Narrow band: blocks of the lattice that may contain the zero set, found from coarse to fine, with their values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter

from .field_sampler import FieldSampler
from .lattice import Lattice

__all__ = ["BLOCK", "NarrowBand", "find_narrow_band"]

BLOCK = 4  # cells along a side of the smallest block
_COARSEST = 32  # cells along a side of the largest blocks
_ENOUGH = 24  # minimum number of coarsest blocks along the longest side
_SAFETY = 1.5  # factor on the largest gradient in a block and its neighbours
_BATCH = 4096  # blocks evaluated at once

Indices = NDArray[np.int64]


@dataclass
class NarrowBand:
    """Values in the blocks where the field may be zero, and the sign in all others.

    Attributes:
        sign: sign of the field in each block, ``(bx, by, bz)`` int8; without meaning in blocks that have values.
        row: row of each block in `values`, -1 for none.
        index: indices of the blocks that have values, ``(m, 3)``.
        values: at their points, shared faces included, ``(m, 5, 5, 5)`` float32.
        evaluations: number of field evaluations so far.
        minimum, maximum: extreme values seen anywhere.
    """

    sign: NDArray[np.int8]
    row: Indices
    index: Indices
    values: NDArray[np.float32]
    evaluations: int
    minimum: float
    maximum: float

    def add(self, lattice: Lattice, field: FieldSampler, index: Indices) -> None:
        """Evaluate further blocks ``(m, 3)``."""
        if not len(index):
            return
        index = index[np.lexsort(index.T[::-1])]
        offsets = np.stack(np.meshgrid(*[np.arange(BLOCK + 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        counts = np.asarray(lattice.counts)
        pieces = [self.values]
        for start in range(0, len(index), _BATCH):
            batch = index[start : start + _BATCH]
            points = np.minimum(BLOCK * batch[:, None, :] + offsets, counts - 1).reshape(-1, 3)
            keys, inverse = np.unique(np.ravel_multi_index(tuple(points.T), lattice.counts), return_inverse=True)
            found = field.values(lattice.at(np.stack(np.unravel_index(keys, lattice.counts), axis=1)))
            self.evaluations += len(keys)
            self.minimum, self.maximum = min(self.minimum, found.min()), max(self.maximum, found.max())
            pieces.append(_to_float32(found)[inverse].reshape(-1, BLOCK + 1, BLOCK + 1, BLOCK + 1))
        self.row[tuple(index.T)] = len(self.index) + np.arange(len(index))
        self.index = np.concatenate([self.index, index])
        self.values = np.concatenate(pieces)


def find_narrow_band(lattice: Lattice, field: FieldSampler, *, everywhere: bool = False) -> NarrowBand:
    """Evaluate the field in all blocks of 4^3 cells that its zero set crosses.

    A block is skipped if |f| at its centre exceeds 1.5 g r, with r the distance from the centre to a corner and g the
    largest gradient measured in the block and its 26 neighbours, at its own level or a coarser one.  For a signed
    distance, whose gradient is 1, this bound is rigorous.  For other fields two checks follow: neighbouring blocks of
    different sign are both evaluated, and so is a block whose sign differs from that on the face of an evaluated
    neighbour.  A component of the surface that was found anywhere is thus followed completely.

    Args:
        lattice: the points.
        field: field to evaluate.
        everywhere: skip nothing; slow, used to test the narrow band.
    """
    cells = np.asarray(lattice.counts) - 1
    shape = tuple(int(n) for n in -(-cells // BLOCK))
    empty = np.zeros((0, BLOCK + 1, BLOCK + 1, BLOCK + 1), np.float32)
    band = NarrowBand(
        np.ones(shape, np.int8), np.full(shape, -1), np.zeros((0, 3), np.int64), empty, 0, np.inf, -np.inf
    )
    if everywhere:
        band.add(lattice, field, np.argwhere(band.row < 0))
        return band
    active = _descend(lattice, field, band)
    differ = maximum_filter(band.sign, 3, mode="nearest") != minimum_filter(band.sign, 3, mode="nearest")
    active |= differ  # the sign changes between neighbouring centres
    band.add(lattice, field, np.argwhere(active))
    while len(found := _unresolved_neighbours(band)):
        band.add(lattice, field, found)
    return band


def _descend(lattice: Lattice, field: FieldSampler, band: NarrowBand) -> NDArray[np.bool_]:
    """Mask of the smallest blocks that may contain a zero; also sets the sign of all skipped blocks."""
    size = BLOCK
    while size < _COARSEST and max(lattice.counts) / (2 * size) >= _ENOUGH:
        size *= 2
    shape = band.sign.shape
    top = tuple(-(-n * BLOCK // size) for n in shape)
    index = np.argwhere(np.ones(top, dtype=bool))
    inherited = np.zeros(len(index))
    active = np.zeros(shape, dtype=bool)
    while True:
        values, gradients = field.values_and_gradients(lattice.at((index + 0.5) * size))
        band.evaluations += len(index)
        band.minimum, band.maximum = min(band.minimum, values.min()), max(band.maximum, values.max())
        steepness = np.maximum(inherited, _max_slope(lattice, index, size, values, gradients))
        near = np.abs(values) <= _SAFETY * steepness * lattice.cell * size / 2
        _set_signs(band.sign, index, size // BLOCK, np.where(values < 0, -1, 1).astype(np.int8))
        if size == BLOCK:
            active[tuple(index[near].T)] = True
            return active
        children = np.stack(np.meshgrid(*[np.arange(2)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        index = (2 * index[near][:, None, :] + children).reshape(-1, 3)
        inherited = np.repeat(steepness[near], 8)
        size //= 2
        inside = (index * size < BLOCK * np.asarray(shape)).all(axis=1)
        index, inherited = index[inside], inherited[inside]
        if not len(index):
            return active


def _max_slope(
    lattice: Lattice, index: Indices, size: int, values: NDArray[np.float64], gradients: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Largest slope in each block and its neighbours, ``(m,)``: of gradients, and of differences between centres."""
    low, high = index.min(axis=0), index.max(axis=0)
    place = tuple((index - low).T)
    slope = np.zeros(high - low + 1)
    slope[place] = np.linalg.norm(gradients, axis=1)
    table = np.full(slope.shape, np.nan)
    table[place] = values
    for axis in range(3):
        between = np.nan_to_num(np.abs(np.diff(table, axis=axis))) / (size * lattice.step[axis])
        for shifted in (slice(None, -1), slice(1, None)):
            part = slope[tuple(shifted if a == axis else slice(None) for a in range(3))]
            np.maximum(part, between, out=part)
    return maximum_filter(slope, 3, mode="nearest")[place]


def _set_signs(sign: NDArray[np.int8], index: Indices, width: int, values: NDArray[np.int8]) -> None:
    """Set the sign of blocks that are `width` smallest blocks wide."""
    if width == 1:
        sign[tuple(index.T)] = values
        return
    for corner in np.ndindex(width, width, width):
        at = width * index + np.asarray(corner)
        there = (at < np.asarray(sign.shape)).all(axis=1)
        sign[tuple(at[there].T)] = values[there]


def _unresolved_neighbours(band: NarrowBand) -> Indices:
    """Blocks without values whose sign differs from that on the face of an evaluated neighbour."""
    shape = np.asarray(band.sign.shape)
    found = np.zeros(band.sign.shape, dtype=bool)
    for axis in range(3):
        for end, step in ((0, -1), (BLOCK, 1)):
            behind = band.index.copy()
            behind[:, axis] += step
            rows = np.flatnonzero((behind[:, axis] >= 0) & (behind[:, axis] < shape[axis]))
            rows = rows[band.row[tuple(behind[rows].T)] < 0]
            at = tuple(behind[rows].T)
            wall = np.where(np.take(band.values[rows], end, axis=axis + 1) < 0, -1, 1)
            found[at] |= (wall != band.sign[at][:, None, None]).any(axis=(1, 2))
    return np.argwhere(found)


def _to_float32(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Convert to float32 and keep the sign of values that would underflow."""
    limits = np.finfo(np.float32)
    size = np.clip(np.abs(values), limits.tiny, limits.max)
    return np.where(values < 0, -size, size).astype(np.float32)
