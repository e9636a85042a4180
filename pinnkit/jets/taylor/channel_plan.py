"""Plans of Taylor passes: the channels of a pass, and the combinatorics of the chain and product rules over them.

Chain rule (Faà di Bruno): D^α f(z) = Σ_π f^(|π|)(z) Π_{B in π} D^{α_B} z over the set partitions π of α's positions.
Product rule (Leibniz): D^α (a b) = Σ_S D^{α_S} a D^{α_rest} b over the subsets S of the positions.
An operator L = Σ_k c_k D^k with every order >= 1 is a derivation up to cross terms, and one channel suffices for all
its members: L f(z) = f'(z) L z + Σ_k c_k [terms with two blocks or more], L(ab) = a Lb + b La + cross terms.

Sources: Hardy, Combinatorics of Partial Derivatives, Electronic Journal of Combinatorics 13 (2006);
Dangel, Siebert, Zeinhofer, Walther, Collapsing Taylor Mode Automatic Differentiation, NeurIPS 2025.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from pinnkit.jets.orders import Channel, Operator, Order, check_order, terms_of

from .weight_record import Record

__all__ = ["ChainTerm", "Plan", "ProductTerm", "make_plan"]

ChainTerm = tuple[float, tuple[int, ...]]
"""A coefficient and the channels that it multiplies: m of them for the m-th derivative of f."""

ProductTerm = tuple[float, int, int]
"""A coefficient, a channel of the left factor and a channel of the right one."""


@dataclass(frozen=True)
class Plan:
    """The channels of one pass, value first, with the terms of the chain and product rules for each.

    Attributes:
        wanted: indices of the requested channels, ascending.
        channels: the closed list; every proper part of an order is in it.
        chain: per channel, per number of blocks from 1 on, the terms of Faà di Bruno's formula.
        products: per channel, the terms of Leibniz' formula.
        slopes: per channel with a first derivative in it, its action on the coordinates: pairs (coefficient, column).
        columns: the smallest number of coordinate columns.
        record: the list to which a pass appends the uses of its weights; None in the plans that `make_plan` keeps.
    """

    wanted: tuple[int, ...]
    channels: tuple[Channel, ...]
    chain: tuple[tuple[tuple[ChainTerm, ...], ...], ...]
    products: tuple[tuple[ProductTerm, ...], ...]
    slopes: tuple[tuple[int, tuple[tuple[float, int], ...]], ...]
    columns: int
    record: Record | None = field(default=None, compare=False, repr=False)

    @property
    def every(self) -> tuple[int, ...]:
        """All channel indices."""
        return tuple(range(len(self.channels)))

    @property
    def sloped(self) -> tuple[int, ...]:
        """The channels that do not vanish on the coordinates themselves, the value aside."""
        return tuple(channel for channel, _ in self.slopes)

    def index(self, channel: Channel) -> int:
        """Return the position of `channel` in `channels`."""
        return self.channels.index(channel)

    def blocks(self, channels: tuple[int, ...]) -> int:
        """Return the highest derivative of f that the chain rule needs for `channels`."""
        return max(len(self.chain[channel]) for channel in channels)


@lru_cache(maxsize=256)
def make_plan(orders: tuple[Channel, ...]) -> Plan:
    """Plan the pass that yields `orders`.

    Raises:
        ValueError: for no orders, an unsorted one, or one above 4.
    """
    if not orders:
        raise ValueError("jets: `orders` must name at least one derivative, got none; () is the value")
    needed: set[Order] = {()}
    operators: list[Operator] = []
    for order in orders:
        if isinstance(order, Operator):
            if order not in operators:
                operators.append(order)
            for _, member in terms_of(order):
                needed.update(part for part in _parts(member) if part != member)
        else:
            needed.update(_parts(check_order(order, owner="jets")))
    channels: tuple[Channel, ...] = (*sorted(needed, key=lambda order: (len(order), order)), *operators)
    index = {channel: position for position, channel in enumerate(channels)}
    slopes = ((index[channel], _slope(channel)) for channel in channels)
    return Plan(
        wanted=tuple(sorted({index[order] for order in orders})),
        channels=channels,
        chain=tuple(_chain(channel, index) for channel in channels),
        products=tuple(_products(channel, index) for channel in channels),
        slopes=tuple((channel, slope) for channel, slope in slopes if slope),
        columns=1 + max((column for order in orders for _, own in terms_of(order) for column in own), default=-1),
    )


def _slope(channel: Channel) -> tuple[tuple[float, int], ...]:
    return tuple((coefficient, order[0]) for coefficient, order in terms_of(channel) if len(order) == 1)


def _parts(order: Order) -> Iterator[Order]:
    for subset in _subsets(len(order)):
        yield tuple(order[position] for position in subset)


def _subsets(size: int) -> Iterator[tuple[int, ...]]:
    for mask in range(2**size):
        yield tuple(position for position in range(size) if mask >> position & 1)


def _partitions(positions: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Yield every way to split `positions` into non-empty blocks."""
    if not positions:
        yield ()
        return
    first, rest = positions[0], positions[1:]
    for subset in _subsets(len(rest)):
        block = (first, *(rest[position] for position in subset))
        others = tuple(rest[position] for position in range(len(rest)) if position not in subset)
        for partition in _partitions(others):
            yield (block, *partition)


def _chain(channel: Channel, index: dict[Channel, int]) -> tuple[tuple[ChainTerm, ...], ...]:
    if channel == ():
        return ()
    own = index[channel]
    members = terms_of(channel)
    levels: list[dict[tuple[int, ...], float]] = [{} for _ in range(max(len(order) for _, order in members))]
    levels[0][(own,)] = 1.0
    for coefficient, order in members:
        for partition in _partitions(tuple(range(len(order)))):
            if len(partition) == 1:  # f'(z) D^k z: summed over the members this is f'(z) times the channel itself
                continue
            blocks = tuple(sorted(index[tuple(order[position] for position in block)] for block in partition))
            level = levels[len(partition) - 1]
            level[blocks] = level.get(blocks, 0.0) + coefficient
    return tuple(tuple((coefficient, blocks) for blocks, coefficient in level.items()) for level in levels)


def _products(channel: Channel, index: dict[Channel, int]) -> tuple[ProductTerm, ...]:
    if channel == ():
        return ((1.0, 0, 0),)
    own = index[channel]
    terms: dict[tuple[int, int], float] = {(own, 0): 1.0, (0, own): 1.0}
    for coefficient, order in terms_of(channel):
        for subset in _subsets(len(order)):
            if 0 < len(subset) < len(order):
                left = index[tuple(order[position] for position in subset)]
                rest = (order[position] for position in range(len(order)) if position not in subset)
                pair = (left, index[tuple(rest)])
                terms[pair] = terms.get(pair, 0.0) + coefficient
    return tuple((coefficient, left, right) for (left, right), coefficient in terms.items())
