"""Networks behind an encoding: evaluated in pieces that fit the cache, with a learning rate for each of their parts."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pinnkit.fields.base import Network

from .grid_encoding import GridEncoding

__all__ = ["EncodedNetwork"]

_ROWS = 8192
"""Points in a piece: hidden layers of so many rows stay in a processor's cache, where they are twice as fast."""


class EncodedNetwork(Network):
    """A `Network` whose hidden part begins with an encoding, u(x) = W h(e(s(x))) + b."""

    def learning_rates(self) -> Mapping[nn.Parameter, float]:
        """Of each parameter: the spec's `table_learning_rate` for the table of a grid, its `learning_rate` else."""
        tables = {id(part.table) for part in self.modules() if isinstance(part, GridEncoding)}
        rates = super().learning_rates()
        special = getattr(self.spec, "table_learning_rate", None)
        return {p: special if special and id(p) in tables else rate for p, rate in rates.items()}

    def forward(self, coords: Tensor) -> Tensor:
        """Evaluate the field: (n, d_total) -> (n, outputs)."""
        if not isinstance(coords, Tensor) or len(coords) <= _ROWS or coords.device.type != "cpu":
            return super().forward(coords)
        if not isinstance(self.hidden, nn.Sequential) or not isinstance(self.hidden[0], GridEncoding):
            return torch.cat([super(EncodedNetwork, self).forward(piece) for piece in coords.split(_ROWS)])
        # A grid is read at once: a gradient of it is as large as its table, however few points it has.
        encoded, after = self.hidden[0](self.scaling(coords)), self.hidden[1:]
        return torch.cat([self.readout(after(piece)) for piece in encoded.split(_ROWS)])
