"""Evaluation of fields as unknowns: the channels that terms need, and values at points, in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pinnkit.derivatives import terms_of
from pinnkit.domains import Points
from pinnkit.fields.protocols import ClosedFormJets, UncertainJets
from pinnkit.jets.evaluation import jets
from pinnkit.jets.frame import Derivative
from pinnkit.jets.orders import Channel as Derived
from pinnkit.jets.orders import Operator, Order
from pinnkit.problem.linearization import Channel, scope_of
from pinnkit.problem.problem import Problem

from .field_values import Values, derivatives

__all__ = ["FieldSet", "Pass", "index"]


Differentiate = Callable[[nn.Module, Tensor, Sequence[Derived]], Mapping[Derived, Tensor]]


@dataclass(frozen=True)
class Pass:
    """One evaluation of a module and its derivatives.

    Args:
        site: number of the site.
        module: the module of a group of unknowns.
        coords: the columns that it depends on, at one site ``(n, d)``.
        where: for each channel the derivative and the outputs of the module.
    """

    site: int
    module: nn.Module
    coords: Tensor
    where: Mapping[Channel, tuple[Derived, int | slice]]

    @property
    def orders(self) -> list[Derived]:
        """The distinct derivatives to compute."""
        return list(dict.fromkeys(order for order, _ in self.where.values()))

    def named(self, found: Mapping[Derived, Tensor]) -> dict[Channel, Tensor]:
        """The derivatives of all outputs, ``(n, outputs)``, as channels ``(n,)`` or ``(n, c)``."""
        return {channel: found[order][:, own] for channel, (order, own) in self.where.items()}


@dataclass(frozen=True)
class FieldSet:
    """The fields of a problem: one module for each group of unknowns that share a trunk.

    Args:
        problem: the problem.
        modules: for each tuple of unknowns the module whose outputs are their components side by side.
        differentiate: computes the derivatives of a module, such as a compiled pass; None computes them eagerly.
    """

    problem: Problem
    modules: Mapping[tuple[str, ...], nn.Module]
    differentiate: Differentiate | None = None

    def columns(self, group: tuple[str, ...]) -> tuple[int, ...]:
        """Indices of the coordinate columns that a group of unknowns depends on."""
        used = self.problem.columns_of(group[0])
        return tuple(i for i, column in enumerate(self.problem.frame.columns) if column in used)

    def slices(self, group: tuple[str, ...]) -> dict[str, int | slice]:
        """Outputs of its module that each unknown of a group takes."""
        where: dict[str, int | slice] = {}
        at = 0
        for name in group:
            c = self.problem.unknown(name).components
            where[name] = at if c is None else slice(at, at + c)
            at += 1 if c is None else c
        return where

    def channels(
        self, points: Sequence[Points], channels: Iterable[Channel], *, derivatives: str = "taylor"
    ) -> dict[Channel, Tensor]:
        """Channels before the ansatz at the points, ``(n,)`` or ``(n, c)`` for a vector; one pass per site and field.

        Args:
            points: for each site its points, then the nodes of each integral.
            channels: the derivatives of unknowns to compute.
            derivatives: "taylor" or "autograd".
        """
        out: dict[Channel, Tensor] = {}
        for each in self.passes(points, channels):
            module, taylor = each.module, derivatives == "taylor"
            if taylor and isinstance(module, ClosedFormJets) and not each.coords.requires_grad:
                out.update(each.named(module.jets(each.coords, each.orders)))
            elif self.differentiate is not None and taylor:
                out.update(each.named(self.differentiate(each.module, each.coords, each.orders)))
            else:
                out.update(each.named(jets(each.module, each.coords, each.orders, derivatives=derivatives)))
        return out

    @property
    def is_uncertain(self) -> bool:
        """True where the derivatives of a module have errors of their own."""
        return any(isinstance(module, UncertainJets) for module in self.modules.values())

    def channel_errors(self, points: Sequence[Points], channels: Iterable[Channel]) -> dict[Channel, Tensor]:
        """Estimated errors of channels before the ansatz, arguments as for `channels`; without those that are exact."""
        out: dict[Channel, Tensor] = {}
        for each in self.passes(points, channels):
            if isinstance(each.module, UncertainJets):
                out.update(each.named(each.module.jet_errors(each.coords, each.orders)))
        return out

    def passes(self, points: Sequence[Points], channels: Iterable[Channel]) -> list[Pass]:
        """The passes that compute `channels` before the ansatz: one for each site and module that has any."""
        wanted = list(channels)
        found = []
        for group, module in self.modules.items():
            columns = self.columns(group)
            slices = self.slices(group)
            local = {self.problem.frame.columns[c]: i for i, c in enumerate(columns)}
            for site, sampled in enumerate(points):
                mine = [c for c in wanted if c.site == site and c.unknown in group]
                if not mine:
                    continue
                coords = sampled.coords if len(columns) == sampled.coords.shape[1] else sampled.coords[:, list(columns)]
                where = {c: (index(c.order, local), slices[c.unknown]) for c in mine}
                found.append(Pass(site, module, coords, where))
        return found

    def unknowns(
        self,
        coords: Tensor,
        coefficients: Mapping[str, Tensor],
        order: tuple[str, ...] = (),
        *,
        chunk: int = 65_536,
    ) -> dict[str, Tensor]:
        """The unknowns at `coords` ``(n, d)`` through the ansatz, or a derivative of them, in chunks of rows."""
        return self.evaluate(coords, coefficients, derivatives(self.problem, order), chunk=chunk)

    @torch.no_grad()
    def evaluate(
        self,
        coords: Tensor,
        coefficients: Mapping[str, Tensor],
        function: Values,
        *,
        chunk: int = 65_536,
    ) -> dict[str, Tensor]:
        """Values at `coords` ``(n, d)`` that a function makes of the names of the problem, in chunks of rows.

        Args:
            coords: columns in the order of the domain's.
            coefficients: values of the coefficients, 0-d.
            function: called with coordinates, unknowns and coefficients as jets.
            chunk: rows that are evaluated at a time.
        """
        parts: list[dict[str, Tensor]] = []
        for start in range(0, max(coords.shape[0], 1), chunk):
            points = (Points(coords=coords[start : start + chunk]),)
            cache: dict[Channel, Tensor] = {}

            def lookup(
                channel: Channel, points: tuple[Points, ...] = points, cache: dict[Channel, Tensor] = cache
            ) -> Tensor:
                if channel not in cache:
                    cache.update(self.channels(points, [channel]))
                return cache[channel]

            scope = scope_of(self.problem, points, lookup, coefficients, raw=True)
            parts.append(function(scope))
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def index(order: Derivative, local: Mapping[str, int]) -> Order | Operator:
    """A derivative by column names as one by column indices."""
    if isinstance(order, tuple):
        return tuple(sorted(local[name] for name in order))
    return Operator(tuple((c, tuple(sorted(local[name] for name in names))) for c, names in terms_of(order)))
