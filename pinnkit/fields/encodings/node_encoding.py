"""Base class of encodings by trained values on the nodes of grids."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable

from torch import nn

__all__ = ["NodeEncoding"]


class NodeEncoding(nn.Module):
    """Features interpolated from trained values on nodes, each of which few points reach: (n, d) -> (n, width)."""

    @property
    @abstractmethod
    def width(self) -> int:
        """Number of features."""

    @abstractmethod
    def node_values(self) -> Iterable[nn.Parameter]:
        """Return the values on the nodes, which take the `table_learning_rate` of a spec."""
