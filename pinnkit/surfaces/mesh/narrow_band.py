"""Where a field can be zero: blocks of the lattice, found from coarse to fine, and the field's values in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter

from .lattice import Lattice
from .sampled import Sampled

__all__ = ["BLOCK", "Blocks", "blocks_near_zero"]

BLOCK = 4  # cells along a side of the smallest block
_COARSEST = 32  # blocks of at most so many cells ...
_ENOUGH = 24  # ... while there are at least so many along the longest side
_SAFETY = 1.5  # on the largest gradient seen in a block and its neighbours
_BATCH = 4096  # blocks evaluated at once

Indices = NDArray[np.int64]


@dataclass
class Blocks:
    """Values where the field may be zero, and its sign everywhere else.

    Attributes:
        sign: of the field in each block, ``(bx, by, bz)`` int8; of no meaning where there are values.
        row: of each block in `values`, -1 where it has none.
        index: of the blocks that have values, ``(m, 3)``.
        values: at their points, walls shared with their neighbours included, ``(m, 5, 5, 5)`` float32.
        evaluations: of the field so far.
        least, greatest: values seen anywhere.
    """

    sign: NDArray[np.int8]
    row: Indices
    index: Indices
    values: NDArray[np.float32]
    evaluations: int
    least: float
    greatest: float

    def add(self, lattice: Lattice, field: Sampled, index: Indices) -> None:
        """Evaluate further blocks."""
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
            self.least, self.greatest = min(self.least, found.min()), max(self.greatest, found.max())
            pieces.append(_single(found)[inverse].reshape(-1, BLOCK + 1, BLOCK + 1, BLOCK + 1))
        self.row[tuple(index.T)] = len(self.index) + np.arange(len(index))
        self.index = np.concatenate([self.index, index])
        self.values = np.concatenate(pieces)


def blocks_near_zero(lattice: Lattice, field: Sampled, *, everywhere: bool = False) -> Blocks:
    """The field's values in all blocks of 4^3 cells through which its zero set goes.

    A block is left out where |f| at its centre exceeds 1.5 g r: r from the centre to a corner, g the largest gradient
    measured in the block and its 26 neighbours, at its own level or a coarser one.  For a signed distance, whose
    gradient is 1, that is a proof.  For other fields two checks follow: neighbours of different sign are both
    evaluated, and wherever an evaluated wall has another sign than the block behind it, that block is evaluated too, so
    a component of the surface that was seen anywhere is followed to its end.

    Args:
        lattice: the points.
        field: to be evaluated.
        everywhere: leave nothing out; the slow road that this one is tested against.
    """
    cells = np.asarray(lattice.counts) - 1
    shape = tuple(int(n) for n in -(-cells // BLOCK))
    empty = np.zeros((0, BLOCK + 1, BLOCK + 1, BLOCK + 1), np.float32)
    blocks = Blocks(np.ones(shape, np.int8), np.full(shape, -1), np.zeros((0, 3), np.int64), empty, 0, np.inf, -np.inf)
    if everywhere:
        blocks.add(lattice, field, np.argwhere(blocks.row < 0))
        return blocks
    active = _descend(lattice, field, blocks)
    differ = maximum_filter(blocks.sign, 3, mode="nearest") != minimum_filter(blocks.sign, 3, mode="nearest")
    active |= differ  # where a jump of sign lies between centres
    blocks.add(lattice, field, np.argwhere(active))
    while len(found := _crossed(blocks)):
        blocks.add(lattice, field, found)
    return blocks


def _descend(lattice: Lattice, field: Sampled, blocks: Blocks) -> NDArray[np.bool_]:
    """Which of the smallest blocks may hold a zero; fills in the sign of all, from the level at which it was clear."""
    size = BLOCK
    while size < _COARSEST and max(lattice.counts) / (2 * size) >= _ENOUGH:
        size *= 2
    shape = blocks.sign.shape
    top = tuple(-(-n * BLOCK // size) for n in shape)
    index = np.argwhere(np.ones(top, dtype=bool))
    inherited = np.zeros(len(index))
    active = np.zeros(shape, dtype=bool)
    while True:
        values, gradients = field.values_and_gradients(lattice.at((index + 0.5) * size))
        blocks.evaluations += len(index)
        blocks.least, blocks.greatest = min(blocks.least, values.min()), max(blocks.greatest, values.max())
        steepness = np.maximum(inherited, _steepest(lattice, index, size, values, gradients))
        near = np.abs(values) <= _SAFETY * steepness * lattice.cell * size / 2
        _paint(blocks.sign, index, size // BLOCK, np.where(values < 0, -1, 1).astype(np.int8))
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


def _steepest(
    lattice: Lattice, index: Indices, size: int, values: NDArray[np.float64], gradients: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The largest slope in each block and its neighbours, ``(m,)``: of the gradients, and between centres."""
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


def _paint(sign: NDArray[np.int8], index: Indices, width: int, values: NDArray[np.int8]) -> None:
    """The sign of blocks of `width` smallest blocks along a side."""
    if width == 1:
        sign[tuple(index.T)] = values
        return
    for corner in np.ndindex(width, width, width):
        at = width * index + np.asarray(corner)
        there = (at < np.asarray(sign.shape)).all(axis=1)
        sign[tuple(at[there].T)] = values[there]


def _crossed(blocks: Blocks) -> Indices:
    """Blocks without values behind a wall on which the field has another sign than they were thought to have."""
    shape = np.asarray(blocks.sign.shape)
    found = np.zeros(blocks.sign.shape, dtype=bool)
    for axis in range(3):
        for end, step in ((0, -1), (BLOCK, 1)):
            behind = blocks.index.copy()
            behind[:, axis] += step
            rows = np.flatnonzero((behind[:, axis] >= 0) & (behind[:, axis] < shape[axis]))
            rows = rows[blocks.row[tuple(behind[rows].T)] < 0]
            at = tuple(behind[rows].T)
            wall = np.where(np.take(blocks.values[rows], end, axis=axis + 1) < 0, -1, 1)
            found[at] |= (wall != blocks.sign[at][:, None, None]).any(axis=(1, 2))
    return np.argwhere(found)


def _single(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """float32 with the sign kept: what underflows stays on its side."""
    limits = np.finfo(np.float32)
    size = np.clip(np.abs(values), limits.tiny, limits.max)
    return np.where(values < 0, -size, size).astype(np.float32)
