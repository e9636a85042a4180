"""Chain and product rules on lists of channels, by ordinary torch operations that can be traced and transformed."""

from __future__ import annotations

from torch import Tensor

from pinnkit.jets.elementary.tower import Elementwise, Entry

from .channel_plan import ChainTerm, Plan

__all__ = ["Parts", "elementwise_parts", "product_parts", "row_products"]

Parts = list[Tensor | None]
"""One tensor per channel, broadcastable against each other, None where the channel vanishes."""


def elementwise_parts(plan: Plan, wanted: tuple[int, ...], function: Elementwise, z: Parts) -> Parts:
    """Compute the channels `wanted` of f(z) by Faà di Bruno's formula: sum over p of f^(p)(z_0) Q_cp."""
    value = z[0]
    assert value is not None
    tower = function.tower(function.state(value), plan.blocks(wanted))
    parts: Parts = []
    for channel in wanted:
        if channel == 0:
            parts.append(_scaled(tower[0], None))
            continue
        total: Tensor | None = None
        for blocks, terms in enumerate(plan.chain[channel], start=1):
            product = row_products(terms, z)
            term = None if product is None else _scaled(tower[blocks], product)
            total = _sum(total, term)
        parts.append(total)
    return parts


def product_parts(plan: Plan, a: Parts, b: Parts) -> Parts:
    """Compute all channels of a b by Leibniz' formula."""
    parts: Parts = []
    for terms in plan.products:
        total: Tensor | None = None
        for coefficient, left, right in terms:
            first, second = a[left], b[right]
            if first is not None and second is not None:
                product = first * second
                total = _sum(total, product if coefficient == 1 else coefficient * product)
        parts.append(total)
    return parts


def _scaled(entry: Entry, factor: Tensor | None) -> Tensor | None:
    if entry is None:
        return None
    coefficient, tensor = entry
    product = tensor if factor is None else tensor * factor
    return product if coefficient == 1 else coefficient * product


def _sum(total: Tensor | None, term: Tensor | None) -> Tensor | None:
    if total is None:
        return term
    return total if term is None else total + term


def row_products(terms: tuple[ChainTerm, ...], z: Parts) -> Tensor | None:
    """Sum coefficients times products, None where every product has a channel that vanishes."""
    total: Tensor | None = None
    for coefficient, members in terms:
        product = z[members[0]]
        for member in members[1:]:
            factor = z[member]
            product = None if product is None or factor is None else product * factor
        if product is not None:
            total = _sum(total, product if coefficient == 1 else coefficient * product)
    return total
