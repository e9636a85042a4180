"""Linear read-out as the only unknown: rows and Jacobian in closed form, for least squares and Newton's method.

With u = sum_j c_j phi_j the channels are Phi_k c, so the Jacobian of a term is sum_k diag(dr/dchannel_k) Phi_k: the
partial derivatives of `linearise` times features, summed over the samples of a row where it has several.  Rows of a
term are scaled by weight / (sqrt(n) * rms row norm), which makes terms of different units comparable; see Chen, Chi, E
& Yang, J. Mach. Learn. 1 (2022) 268, section 2.3.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pinnkit.derivatives import sum_operators, terms_of
from pinnkit.domains import Points
from pinnkit.fields.protocols import ClosedFormFeatures, LinearReadout, linear_readout
from pinnkit.fields.scaled_readout import ScaledReadout
from pinnkit.jets.evaluation import jets
from pinnkit.jets.orders import Channel as Derived
from pinnkit.problem.linearization import Channel, Linearised, linearise, term_weight
from pinnkit.problem.terms import Term
from pinnkit.solutions.evaluation import FieldSet, index
from pinnkit.solvers.collocation.collocation_points import CollocationPoints
from pinnkit.solvers.collocation.parameters import Parameters
from pinnkit.solvers.collocation.relative_residual import relative_residual
from pinnkit.solvers.collocation.weighted_residuals import require_square
from pinnkit.solvers.protocols import Evaluation, TangentKernel, kernel_of_jacobian

__all__ = ["ReadoutObjective", "features", "readout_of"]

_NUMBERS = 2**24
"""Numbers of the features that are evaluated at a time, 128 MB."""
CONDITION_WEIGHT = 3.0
"""Weight of the rows of a condition relative to those of an equation, both scaled to unit norm."""


def features(module: nn.Module, coords: Tensor, orders: Sequence[Derived]) -> dict[Derived, Tensor]:
    """Derivatives of the functions that the linear read-out combines, each ``(n, N)``; a bias is a constant function.

    In closed form where the module has `features`; otherwise by one Taylor pass through its trunk, with operators
    summed from their derivatives.

    Raises:
        TypeError: for a module without a linear read-out.
    """
    readout = readout_of(module)
    coords = coords.to(readout.weight)
    with torch.no_grad():
        if isinstance(module, ClosedFormFeatures):
            found = module.features(coords, orders)
        else:
            single = list(dict.fromkeys(member for order in orders for _, member in terms_of(order)))
            every = jets(_Trunk(module), coords, single)
            found = sum_operators({member: every[member] for member in single}, orders)
    if readout.bias is not None:
        for order, phi in found.items():
            found[order] = torch.cat([phi, torch.full_like(phi[:, :1], 0.0 if order else 1.0)], dim=1)
    return found


def readout_of(module: nn.Module) -> nn.Linear:
    """Linear read-out of a field.

    Raises:
        TypeError: for a module without one.
    """
    return _checked(module).readout


def _checked(module: nn.Module) -> LinearReadout:
    field = linear_readout(module)
    if field is None:
        raise TypeError(
            f"LeastSquares: the field {type(module).__name__} has no linear read-out (`trunk` and `readout`); "
            f"use RandomFourier, Siren, MLP or FourierMLP, or another solver"
        )
    return field


class _Trunk(nn.Module):
    """Trunk of a field as a module of its own."""

    def __init__(self, field: nn.Module) -> None:
        super().__init__()
        self.field = field

    def forward(self, coords: Tensor) -> Tensor:
        return _checked(self.field).trunk(coords)


@dataclass
class ReadoutObjective:
    """`Objective` whose theta is the read-out of every field, then the coefficients of the problem.

    Args:
        fields: fields with a linear read-out; their trunks stay constant.
        parameters: coefficients are read from and written to these.
        collocation: the points, in float64 on the CPU whatever the dtype and device of the fields.
        scales: row scale of each term; measured at the first linearisation where None.  With ones, the sum of squares
            of the rows is the weighted sum of the mean costs.
    """

    fields: FieldSet
    parameters: Parameters
    collocation: CollocationPoints
    scales: dict[str, float] | None = None

    def __post_init__(self) -> None:
        for term in self.fields.problem.soft_terms:
            require_square(term)

    @property
    def version(self) -> int:
        """Zero: the points and the scales of the rows stay the same."""
        return 0

    @property
    def readout(self) -> Tensor:
        """Places of the read-outs in theta: all but the coefficients."""
        return torch.arange(len(self.get()) - len(self.parameters.entries))

    def parameter_shapes(self, theta: Tensor) -> Sequence[torch.Size]:
        """One vector."""
        return [theta.shape]

    def learning_rates(self, default: float) -> Tensor | None:
        """None: a read-out suggests no learning rates."""
        del default
        return None

    def evaluate(self, theta: Tensor) -> Evaluation:
        """Loss |rows|^2, its gradient, and the mean square of each term."""
        rows, jacobian = self.rows_and_jacobian(theta)
        return Evaluation(rows @ rows, 2 * (rows @ jacobian), self.terms(theta))

    def tangent_kernel(self, theta: Tensor) -> TangentKernel:
        """Rows with their kernel J J^T, from the Jacobian."""
        return kernel_of_jacobian(*self.rows_and_jacobian(theta))

    def get(self) -> Tensor:
        """Current read-outs and coefficients as one vector, in float64 on the CPU."""
        parts = [_stacked(readout_of(m)) for m in self.fields.modules.values()]
        own = [c.detach().reshape(1) for c in self.parameters.entries]
        return torch.cat([p.reshape(-1) for p in (*parts, *own)]).double().cpu()

    def assign(self, theta: Tensor) -> None:
        """Write read-outs and coefficients back."""
        start = 0
        with torch.no_grad():
            for module in self.fields.modules.values():
                readout = readout_of(module)
                width = readout.in_features + (readout.bias is not None)
                block = theta[start : start + readout.out_features * width].reshape(readout.out_features, width)
                _write(readout, block)
                start += block.numel()
            for i, coefficient in enumerate(self.parameters.entries):
                coefficient.copy_(theta[start + i])

    def rows(self, theta: Tensor) -> Tensor:
        """Scaled rows ``(N,)``."""
        self.assign(theta)
        return torch.cat([self._scaled(t, *self._residual(t)) for t in self.fields.problem.soft_terms])

    def rows_and_jacobian(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Scaled rows ``(N,)`` and their Jacobian ``(N, P)``."""
        self.assign(theta)
        found = {str(t.name): self._linearised(t) for t in self.fields.problem.soft_terms}
        if self.scales is None:
            self.scales = {
                str(t.name): _scale(not t.is_equation, found[str(t.name)][2]) for t in self.fields.problem.soft_terms
            }
        rows, blocks = [], []
        for term in self.fields.problem.soft_terms:
            r, weight, jacobian = found.pop(str(term.name))
            rows.append(self._scaled(term, r, weight))
            scale = (self._row_scale(term, weight, r.shape[0]) * torch.ones_like(r)).reshape(-1, 1)
            blocks.append(jacobian.reshape(-1, jacobian.shape[-1]).mul_(scale))
        return torch.cat(rows), torch.cat(blocks)

    def terms(self, theta: Tensor) -> Mapping[str, Tensor]:
        """Unweighted mean square of each term's residual."""
        self.assign(theta)
        return {str(t.name): self._residual(t)[0].square().sum(dim=1).mean() for t in self.fields.problem.soft_terms}

    def relative_residual(self, theta: Tensor) -> tuple[float, tuple[float, ...]]:
        """Residual relative to the terms that cancel in it, and the mean squared residual of each term."""
        self.assign(theta)
        return relative_residual(
            self.fields, self.collocation, self._found(), lambda t, points: self._flat(self._values(t, points))
        )

    def row_norm(self, term: Term) -> float:
        """Root mean square, over the points, of the norm of a row of the read-out's Jacobian, in its own units."""
        units = torch.cat([_unit(readout_of(m)) for m in self.fields.modules.values()])
        jacobian = self._linearised(term)[2]
        jacobian[..., : len(units)] *= units
        return float(jacobian.square().sum(dim=(1, 2)).mean().sqrt())

    # one term --------------------------------------------------------------------------------------------------------
    def _row_scale(self, term: Term, weight: Tensor | float, n: int) -> Tensor:
        assert self.scales is not None
        return torch.as_tensor(weight, dtype=torch.float64).sqrt() * (self.scales[str(term.name)] / math.sqrt(n))

    def _scaled(self, term: Term, r: Tensor, weight: Tensor | float) -> Tensor:
        if self.scales is None:
            self.rows_and_jacobian(self.get())
        return (self._row_scale(term, weight, r.shape[0]) * r).reshape(-1)

    def _residual(self, term: Term) -> tuple[Tensor, Tensor | float]:
        points = self.collocation.whole(term)
        return self._linear(term, points, self._values(term, points)).r, term_weight(
            self.fields.problem, term, points[0]
        )

    def _values(self, term: Term, points: Sequence[Points]) -> dict[Channel, Tensor]:
        """Channels of a term at the points, ``(n, components)`` each."""
        parts: dict[Channel, list[Tensor]] = {}
        for part in self._parts(points):
            for c, phi in self._features(term, part).items():
                parts.setdefault(c, []).append(phi @ self._vector(c))
        return {c: torch.cat(values) for c, values in parts.items()}

    def _parts(self, points: Sequence[Points]) -> Iterator[tuple[Points, ...]]:
        """Points in blocks whose features have bounded size."""
        rows, samples = points[0].row_count, max(p.coords.shape[0] for p in points)
        step = max(1, _NUMBERS // self._width * rows // max(samples, 1))
        for start in range(0, max(rows, 1), step):
            yield tuple(p.rows(start, start + step) for p in points) if step < rows else tuple(points)

    @property
    def _width(self) -> int:
        """Largest number of functions that a read-out combines."""
        return max(readout_of(m).in_features for m in self.fields.modules.values()) + 1

    def _linearised(self, term: Term) -> tuple[Tensor, Tensor | float, Tensor]:
        points = self.collocation.whole(term)
        parts = [self._partly_linearised(term, part) for part in self._parts(points)]
        r, jacobian = parts[0] if len(parts) == 1 else (torch.cat(found) for found in zip(*parts, strict=True))
        return r, term_weight(self.fields.problem, term, points[0]), jacobian

    def _partly_linearised(self, term: Term, points: Sequence[Points]) -> tuple[Tensor, Tensor]:
        phis = self._features(term, points)
        values = {c: phi @ self._vector(c) for c, phi in phis.items()}
        lin = self._linear(term, points, values)
        n, k = lin.r.shape
        jacobian = lin.r.new_zeros(n, k, len(self.get()))
        for channel, phi in phis.items():
            start, width, first, count = self._place(channel.unknown)
            for component in range(count):
                at = start + (first + component) * width
                partial = lin.d[channel][:, :, component]
                if points[channel.site].group is None:
                    jacobian[:, :, at : at + width].addcmul_(partial[:, :, None], phi[:, None, :])
                else:
                    jacobian[:, :, at : at + width] += points[channel.site].row_products(partial, phi)
        at = jacobian.shape[-1] - len(self.parameters.entries)
        for i, coefficient in enumerate(self.fields.problem.coefficients):
            inner = self.parameters.found()[coefficient.name] if coefficient.positive else 1.0
            jacobian[:, :, at + i] = lin.dc[coefficient.name] * inner
        return lin.r, jacobian

    def _linear(self, term: Term, points: Sequence[Points], values: Mapping[Channel, Tensor]) -> Linearised:
        return linearise(self.fields.problem, term, points, self._flat(values), self._found(), raw=True)

    def _flat(self, values: Mapping[Channel, Tensor]) -> dict[Channel, Tensor]:
        """Channels of scalar unknowns as ``(n,)``."""
        scalar = {u.name for u in self.fields.problem.unknowns if u.components is None}
        return {c: v[:, 0] if c.unknown in scalar else v for c, v in values.items()}

    def _found(self) -> dict[str, Tensor]:
        """Current coefficients, in float64 on the CPU."""
        return {name: value.detach().double().cpu() for name, value in self.parameters.coefficients().items()}

    def _features(self, term: Term, points: Sequence[Points]) -> dict[Channel, Tensor]:
        """Features of every channel of a term, ``(n, N)`` each, in float64 on the CPU."""
        out: dict[Channel, Tensor] = {}
        channels = self.fields.problem.trace(term, raw=True).channels
        for group, module in self.fields.modules.items():
            columns = self.fields.columns(group)
            local = {self.fields.problem.frame.columns[c]: i for i, c in enumerate(columns)}
            for site, sampled in enumerate(points):
                mine = [c for c in channels if c.site == site and c.unknown in group]
                orders = {c: index(c.order, local) for c in mine}
                if not orders:
                    continue
                phi = features(module, sampled.coords[:, list(columns)], list(dict.fromkeys(orders.values())))
                out.update({c: phi[order].double().cpu() for c, order in orders.items()})
        return out

    def _vector(self, channel: Channel) -> Tensor:
        """Read-out of the channel's unknown, ``(N, components)``."""
        group = next(g for g in self.fields.modules if channel.unknown in g)
        where = self.fields.slices(group)[channel.unknown]
        weights = _stacked(readout_of(self.fields.modules[group])).double().cpu()
        return (weights[where : where + 1] if isinstance(where, int) else weights[where]).T

    def _place(self, unknown: str) -> tuple[int, int, int, int]:
        """Start of the group's block in theta, features per output, the unknown's first output, its components."""
        start = 0
        for group, module in self.fields.modules.items():
            readout = readout_of(module)
            width = readout.in_features + (readout.bias is not None)
            if unknown in group:
                where = self.fields.slices(group)[unknown]
                return (
                    (start, width, where, 1)
                    if isinstance(where, int)
                    else (start, width, where.start, where.stop - where.start)
                )
            start += readout.out_features * width
        raise KeyError(unknown)


def _stacked(readout: nn.Linear) -> Tensor:
    """Linear map of a read-out, (outputs, N), with its bias as a last column."""
    weight, bias = readout.linear_map() if isinstance(readout, ScaledReadout) else (readout.weight, readout.bias)
    return weight.detach() if bias is None else torch.cat([weight.detach(), bias.detach()[:, None]], dim=1)


def _write(readout: nn.Linear, block: Tensor) -> None:
    """Inverse of `_stacked`."""
    weight, bias = block[:, : readout.in_features], None if readout.bias is None else block[:, -1]
    if isinstance(readout, ScaledReadout):
        readout.assign(weight, bias)
        return
    readout.weight.copy_(weight)
    if readout.bias is not None:
        readout.bias.copy_(bias)


def _unit(readout: nn.Linear) -> Tensor:
    """Change of the outputs for one unit of each weight of a read-out, its bias included, flat."""
    scale = readout.scale if isinstance(readout, ScaledReadout) else torch.ones_like(readout.weight[:, 0])
    return scale.detach().repeat_interleave(readout.in_features + (readout.bias is not None)).double().cpu()


def _scale(condition: bool, jacobian: Tensor) -> float:
    rms = math.sqrt(float(jacobian.square().sum()) / max(jacobian.shape[0] * jacobian.shape[1], 1))
    factor = CONDITION_WEIGHT if condition else 1.0
    return factor / rms if rms > 0 else 1.0  # a condition that is met exactly has zero rows, which need no scale
