"""Encoding of hash grids and dense grids: trained features on the nodes of a lattice, interpolated."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pinnkit.fields.initialization import uniform
from pinnkit.fields.protocols import Interpolation

from .lattice import PRIMES, Lattice, outer
from .node_encoding import NodeEncoding

__all__ = ["GridEncoding"]

_SMALL = 1e-4
"""Bound of the initial values, as in the source of the hash encoding."""


class GridEncoding(NodeEncoding):
    """Features of all levels at points v in [-1, 1]^d: (n, d) -> (n, levels * features).

    Each level gives the sum over the 2^d corners c of the cell around v of w_c(v) table[row(c)], where the weights are
    products of the blends along the axes and sum to one.  Two features are stored side by side and read as one
    complex number, which on a CPU is several times as fast as reading rows of two.  Columns are ordered by pair of
    features, then level, then feature of the pair.
    """

    table: nn.Parameter  # (features / 2, rows, 2)
    scale: Tensor  # (d, levels, 1), like those below
    shift: Tensor
    last: Tensor
    strides: Tensor
    primes: Tensor  # (d, 1, 1)
    starts: Tensor  # (levels, 1)
    masks: Tensor

    def __init__(
        self, lattice: Lattice, interpolation: Interpolation, *, features: int, generator: torch.Generator
    ) -> None:
        """Draw the table from U(-1e-4, 1e-4); `features` is even."""
        super().__init__()
        self.interpolation = interpolation
        self.levels, self.dimension = lattice.nodes.shape
        self.dense = lattice.dense
        rows = int(lattice.rows.sum())
        self.table = nn.Parameter(uniform(features // 2, rows, 2, bound=_SMALL, generator=generator))
        constants = {
            "scale": _by_axis(lattice.scale / 2),  # v = 2 u - 1
            "shift": _by_axis(lattice.shift + lattice.scale / 2),
            "last": _by_axis(lattice.nodes - 2),
            "strides": _by_axis(lattice.strides),
            "primes": torch.tensor(PRIMES[: self.dimension])[:, None, None],
            "starts": lattice.starts[:, None],
            "masks": lattice.rows[self.dense :, None] - 1,
        }
        for name, tensor in constants.items():
            self.register_buffer(name, tensor.clone(), persistent=False)

    @property
    def width(self) -> int:
        """Number of features: levels * features."""
        return self.levels * 2 * len(self.table)

    def node_values(self) -> Iterable[nn.Parameter]:
        """Return the table."""
        return (self.table,)

    def forward(self, coords: Tensor) -> Tensor:
        """Encode coordinates that lie in [-1, 1]."""
        # A bundle of Taylor coefficients is no tensor; it needs operations that have Taylor rules.
        return self.encode(coords) if isinstance(coords, Tensor) else self.pass_through(coords)

    def encode(self, coords: Tensor) -> Tensor:
        """Sum over the corners; levels come before points, so that operations run along the points."""
        position = torch.addcmul(self.shift, self.scale, coords.T[:, None])
        cell = torch.minimum(position.detach().floor().clamp_(min=0), self.last)
        upper = self.interpolation.blend(position - cell)
        weights = outer(torch.mul, torch.stack((1 - upper, upper), 1).unbind(0))
        places = self.places(cell.long())
        blended = [(found * weights).sum(0) for found in self.gather(places)]
        pairs = [torch.view_as_real(z).transpose(0, 1).flatten(1) for z in blended]
        return pairs[0] if len(pairs) == 1 else torch.cat(pairs, -1)

    def pass_through(self, coords: Tensor) -> Tensor:
        """Encode by operations that dispatch through `__torch_function__` and keep the points first."""
        axes = range(self.dimension)
        columns = torch.arange(self.levels, device=self.table.device).repeat_interleave(2)
        chosen = torch.eye(self.dimension, dtype=self.scale.dtype, device=self.scale.device)
        positions = [
            F.linear(coords, self.scale[a, columns] * chosen[a], self.shift[a, columns].flatten()) for a in axes
        ]
        last = self.last[:, columns, 0].to(self.scale)
        cells = [torch.minimum(torch.floor(positions[a]).clamp(min=0), last[a]) for a in axes]
        upper = [self.interpolation.blend(torch.sub(positions[a], cells[a])) for a in axes]
        places = self.places(torch.stack([cell[:, ::2].T for cell in cells]).long())
        encoded = []
        for found in self.gather(places):
            corners = list(torch.view_as_real(found).transpose(1, 2).flatten(2).unbind(0))
            for a in reversed(axes):  # from a + (b - a) s along the last axis to the first
                pairs = zip(corners[::2], corners[1::2], strict=True)
                corners = [torch.add(torch.mul(upper[a], torch.sub(b, low)), low) for low, b in pairs]
            encoded.append(corners[0])
        return encoded[0] if len(encoded) == 1 else torch.cat(encoded, -1)

    def gather(self, places: Tensor) -> list[Tensor]:
        """Read the rows `places` of the table: complex values of the same shape, for each pair of features."""
        flat = places.reshape(-1)
        # The gradient of gather is summed in place by scatter_add, for complex values too.
        return [torch.gather(torch.view_as_complex(pair), 0, flat).view(places.shape) for pair in self.table]

    def places(self, cell: Tensor) -> Tensor:
        """Return the rows of the corners of cells, from their lower corners: (d, levels, n) -> (2^d, levels, n)."""
        dense, hashed = cell[:, : self.dense], cell[:, self.dense :]
        found = []
        if self.dense:
            steps = dense * self.strides
            rows = outer(torch.add, torch.stack((steps, steps + self.strides), 1).unbind(0))
            found.append(rows + self.starts[: self.dense])
        if self.dense < self.levels:
            factors = hashed * self.primes
            mixed = outer(torch.bitwise_xor, torch.stack((factors, factors + self.primes), 1).unbind(0))
            found.append((mixed & self.masks) + self.starts[self.dense :])
        return found[0] if len(found) == 1 else torch.cat(found, 1)


def _by_axis(per_level: Tensor) -> Tensor:
    """Transpose (levels, d) to (d, levels, 1)."""
    return per_level.T[:, :, None]
