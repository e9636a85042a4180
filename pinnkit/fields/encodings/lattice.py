"""Grids of several resolutions over the same box: where their nodes lie, and in which row of one table."""

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

    Node k lies at position k.  A level with nodes of its own comes before all whose nodes share rows by hashing.

    Args:
        scale: cells per unit of u, (levels, d).
        shift: position of u = 0, (levels, d).
        nodes: how many nodes there are, (levels, d); positions beyond belong to the outermost cells.
        rows: how many rows of the table a level has, (levels,).
    """

    scale: Tensor
    shift: Tensor
    nodes: Tensor
    rows: Tensor

    @property
    def dense(self) -> int:
        """How many levels, the first ones, have a row for every node."""
        return int((self.nodes.double().prod(1) <= self.rows).sum())

    @property
    def starts(self) -> Tensor:
        """The first row of each level, (levels,)."""
        return torch.cat([self.rows.new_zeros(1), self.rows.cumsum(0)[:-1]])

    @property
    def strides(self) -> Tensor:
        """By how many rows neighbours along each axis differ where every node has its own, (levels, d)."""
        counts = self.nodes[: self.dense]
        return torch.cat([counts[:, 1:].flip(1).cumprod(1).flip(1), torch.ones_like(counts[:, :1])], 1)


def dense_lattice(resolutions: Sequence[Sequence[int]], *, centred: bool) -> Lattice:
    """A row for every node.

    Args:
        resolutions: cells per axis of each level, (levels, d).
        centred: nodes at the centres of the cells, u = (k + 1/2) / r for k = 0..r-1; else at u = k / r for k = 0..r.
    """
    cells = torch.tensor(resolutions, dtype=torch.int64)
    nodes = cells if centred else cells + 1
    shift = torch.full(cells.shape, -0.5 if centred else 0.0, dtype=torch.float64)
    return Lattice(cells.double(), shift, nodes, nodes.prod(1))


def hash_lattice(*, levels: int, coarsest: int, finest: Sequence[int], rows: int) -> Lattice:
    """At most `rows` rows a level: a row for every node while they fit, hashed where they do not.

    scale_l = N_l - 1 with N_l = N_min b^l and b = (N_max / N_min)^(1 / (levels - 1)), shifted by half a cell so that
    the nodes of different levels do not coincide: position = scale_l u + 1/2, and ceil(scale_l) + 2 nodes.  That is so
    along the axes whose `finest` is the greatest; along the others N_l is less in proportion, but at least 1.

    Args:
        levels: how many.
        coarsest: N_min, along the axes of most cells.
        finest: cells along each axis of the last level.
        rows: most rows of a level.

    Source: Müller et al. 2022, section 3, and the authors' code (NVlabs/tiny-cuda-nn, grid.h), which has the same
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
    """All 2^d combinations of one of each pair (2, ...), the last axis fastest: (2^d, ...)."""
    return reduce(lambda left, right: operation(left[:, None], right[None]).flatten(0, 1), pairs)
