"""Networks behind an encoding: evaluated in blocks that fit the cache, with a learning rate of its own for a table."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pinnkit.fields.base import Network

from .node_encoding import NodeEncoding

__all__ = ["ROWS", "EncodedNetwork"]

ROWS = 8192
"""Points in a block: hidden layers of this many rows stay in a processor's cache, where they are twice as fast."""


class EncodedNetwork(Network):
    """A `Network` whose hidden part begins with an encoding, u(x) = W h(e(s(x))) + b."""

    @property
    def encoding(self) -> NodeEncoding | None:
        """The encoding by values on nodes; None where the hidden part does not begin with one."""
        first = self.hidden[0] if isinstance(self.hidden, nn.Sequential) else None
        return first if isinstance(first, NodeEncoding) else None

    def learning_rates(self) -> Mapping[nn.Parameter, float]:
        """The spec's `table_learning_rate` for values on nodes, its `learning_rate` for all other parameters."""
        rates, encoding, special = super().learning_rates(), self.encoding, self.spec.table_learning_rate
        if encoding is None or special is None:
            return rates
        tables = {id(p) for p in encoding.node_values()}
        return {p: special if id(p) in tables else rate for p, rate in rates.items()}

    def forward(self, coords: Tensor) -> Tensor:
        """Evaluate the field: (n, d_total) -> (n, outputs)."""
        if not isinstance(coords, Tensor) or len(coords) <= ROWS or coords.device.type != "cpu":
            return super().forward(coords)
        encoding = self.encoding
        if encoding is None or not isinstance(self.hidden, nn.Sequential):
            return torch.cat([super(EncodedNetwork, self).forward(block) for block in coords.split(ROWS)])
        # A grid is read once for all points: its gradient is as large as its table for any number of them.
        encoded, after = encoding(self.scaling(coords)), self.hidden[1:]
        return torch.cat([self.readout(after(block)) for block in encoded.split(ROWS)])
