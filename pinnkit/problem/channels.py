"""Channels: the numbers that a residual may use at a point, and what a trace finds about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pinnkit.derivatives import terms_of
from pinnkit.jets.frame import Derivative

__all__ = ["Channel", "Trace"]


class Channel(NamedTuple):
    """One number that a residual may use at a point: a derivative of an unknown at a site."""

    site: int  # 0; 1 for the partner point (Periodic)
    unknown: str
    order: Derivative

    @property
    def derivatives(self) -> tuple[tuple[float, tuple[str, ...]], ...]:
        """Pairs (factor, columns) of the partial derivatives that the channel is the sum of."""
        return terms_of(self.order)

    @property
    def highest(self) -> int:
        """Highest number of differentiations in the channel."""
        return max(len(columns) for _, columns in self.derivatives)

    def split(self, time: str | None) -> tuple[tuple[float, int, tuple[str, ...]], ...]:
        """Triples (factor, order in time, space columns) of the partial derivatives; `time` names the time axis."""
        return tuple(
            (factor, sum(c == time for c in columns), tuple(c for c in columns if c != time))
            for factor, columns in self.derivatives
        )


@dataclass(frozen=True)
class Trace:
    """Dependence of one term's residual on its channels, found by probing.

    Args:
        channels: the channels that the residual depends on, in the order in which it asks for them.
        ignored: channels that it asks for without depending on them (their values are arbitrary).
        rows: number of row components k of the residual ``(n, k)``.
        linear_rows: for each row, whether it is affine in the channels, all of them together.
    """

    channels: tuple[Channel, ...]
    ignored: frozenset[Channel]
    rows: int
    linear_rows: tuple[bool, ...]

    @property
    def linear(self) -> bool:
        """True if every row is affine in the channels."""
        return all(self.linear_rows)
