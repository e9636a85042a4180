"""Lattices: grids of several resolutions over one box, with the positions and table rows of their nodes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor

__all__ = ["PRIMES", "Lattice", "dense_lattice", "hash_lattice", "outer"]

PRIMES = (1, 2654435761, 805459861, 3674653429)
"""Factors of the hash, one for each axis.  Source: Müller et al. 2022, eq. 4; the fourth as in the authors' code."""


@dataclass(frozen=True)
class Lattice:
    """Levels of grid nodes, coarse to fine: at u in [0, 1] the position of a level is scale u + shift along each axis.

    Node k lies at position k.  Levels with a row for every node come before levels whose nodes share rows by hashing.

    Args:
        scale: cells per unit of u, (levels, d).
        shift: position of u = 0, (levels, d).
        nodes: number of nodes, (levels, d); positions beyond them belong to the outermost cells.
        rows: number of table rows of a level, (levels,).
    """

    scale: Tensor
    shift: Tensor
    nodes: Tensor
    rows: Tensor

    @property
    def dense(self) -> int:
        """Number of levels, the first ones, that have a row for every node."""
        return int((self.nodes.double().prod(1) <= self.rows).sum())

    @property
    def starts(self) -> Tensor:
        """The first row of each level, (levels,)."""
        return torch.cat([self.rows.new_zeros(1), self.rows.cumsum(0)[:-1]])

    @property
    def strides(self) -> Tensor:
        """Difference of the rows of neighbours along each axis on levels with a row for every node, (levels, d)."""
        counts = self.nodes[: self.dense]
        return torch.cat([counts[:, 1:].flip(1).cumprod(1).flip(1), torch.ones_like(counts[:, :1])], 1)


def dense_lattice(resolutions: Sequence[Sequence[int]], *, centred: bool) -> Lattice:
    """Build a lattice with a row for every node.

    Args:
        resolutions: cells per axis of each level, (levels, d).
        centred: True puts nodes at the centres of the cells, u = (k + 1/2) / r for k = 0..r-1; False at u = k / r for
            k = 0..r.
    """
    cells = torch.tensor(resolutions, dtype=torch.int64)
    nodes = cells if centred else cells + 1
    shift = torch.full(cells.shape, -0.5 if centred else 0.0, dtype=torch.float64)
    return Lattice(cells.double(), shift, nodes, nodes.prod(1))


def hash_lattice(*, levels: int, coarsest: int, finest: Sequence[int], rows: int) -> Lattice:
    """Build a lattice with at most `rows` rows a level: one for every node while they fit, else rows by hashing.

    scale_l = N_l - 1 with N_l = N_min b^l and b = (N_max / N_min)^(1 / (levels - 1)), shifted by half a cell so that
    the nodes of different levels do not coincide: position = scale_l u + 1/2, and ceil(scale_l) + 2 nodes
    along the axes of the largest `finest`; along the other axes N_l is smaller in proportion, but at least 1.

    Args:
        levels: number of levels.
        coarsest: N_min, along the axes of most cells.
        finest: cells along each axis of the last level.
        rows: largest number of rows of a level.

    Source: Müller et al. 2022, section 3, and the authors' code (NVlabs/tiny-cuda-nn, grid.h), there with the same
    number of cells along all axes.
    """
    growth = 1.0 if levels == 1 else math.log(max(finest) / coarsest) / (levels - 1)
    along = [coarsest * math.exp(level * growth) for level in range(levels)]
    scales = [[max(n * cells / max(finest), 1.0) - 1 for cells in finest] for n in along]
    counts = torch.tensor([[math.ceil(scale - 1e-9) + 2 for scale in level] for level in scales])
    scale = torch.tensor(scales, dtype=torch.float64)
    kept = torch.tensor([min(math.prod(level), rows) for level in counts.tolist()])
    return Lattice(scale, torch.full_like(scale, 0.5), counts, kept)


def outer(operation: Callable[[Tensor, Tensor], Tensor], pairs: Sequence[Tensor]) -> Tensor:
    """Combine one entry of each pair (2, ...) in all 2^d ways, the last axis fastest: (2^d, ...)."""
    return reduce(lambda left, right: operation(left[:, None], right[None]).flatten(0, 1), pairs)
