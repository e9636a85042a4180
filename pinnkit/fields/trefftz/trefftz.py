"""Trefftz: functions that satisfy an elliptic equation in the plane, combined by a linear read-out."""

from __future__ import annotations

import cmath
import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, NoReturn

import torch
from torch import Tensor

from pinnkit.derivatives import Derivative, Order, sum_operators, terms_of
from pinnkit.fields import checks
from pinnkit.fields.base import BaseSpec, FieldModule
from pinnkit.fields.closed_form import by_closed_form
from pinnkit.fields.initialization import linear
from pinnkit.fields.protocols import AxisLike
from pinnkit.fields.registry import FIELDS

from .chebyshev import chebyshev_degrees, chebyshev_products
from .ladder import fractional, multipoles, regular, shifted_fractional, shifted_multipoles, shifted_regular
from .operator import LAPLACE, EllipticOperator

__all__ = ["CornerFunction", "Multipole", "Trefftz", "TrefftzFunctions", "TrefftzModule", "width_of"]

_NUMBERS = 2**22
"""Complex numbers in the tables of a block of points, 64 MB."""
_LARGEST = 6000
"""Largest number of functions."""


class Multipole(NamedTuple):
    """Functions S_lowest to S_highest about a point outside the domain, see `ladder`.

    Args:
        x: first coordinate of the point.
        y: second coordinate.
        length: R, such as the radius of a hole or the distance to the domain.
        lowest: lowest order; 0 is log r.
        highest: highest order.
    """

    x: float
    y: float
    length: float
    lowest: int
    highest: int


class CornerFunction(NamedTuple):
    """Function F_order about a corner, of a fractional order, cut along the ray opposite to a direction.

    Order 0 stands for theta F_0, theta the angle from that direction: it takes up a jump of prescribed values.

    Args:
        x: first coordinate of the corner.
        y: second coordinate.
        direction: angle in radians, in the coordinates B x of the operator, from the corner into the domain.
        length: R, such as the size of the domain.
        order: exponent of the distance to the corner, above 0 and no whole number; or 0.
    """

    x: float
    y: float
    direction: float
    length: float
    order: float


@FIELDS.register("trefftz", examples=lambda: {"chosen by solve": Trefftz(limit=800)})
@dataclass(frozen=True)
class Trefftz(BaseSpec["TrefftzModule"]):
    """Functions that satisfy the equation, which `solve` chooses from the shape and the boundary residual.

    For one elliptic equation of second order with constant coefficients in the plane: a particular solution plus
    regular functions, multipoles in holes, singular functions of corners and poles clustered there, fitted to the
    boundary conditions alone.  The chosen functions are the field `TrefftzFunctions` of the solution.

    Args:
        limit: largest number of functions.

    Raises:
        ValueError: for a limit below 1; from `build`, always: `solve` builds the functions that it has chosen.

    Source: Trefftz, Ein Gegenstueck zum Ritzschen Verfahren, Proc. 2nd Int. Congr. Appl. Mech. (1926) 131; Gopal &
    Trefethen, Solving Laplace problems with corner singularities via rational functions, SIAM J. Numer. Anal. 57 (2019)
    2074.
    """

    smoothness: ClassVar[float] = math.inf
    settled: ClassVar[bool] = False
    """`solve` chooses the functions."""

    limit: int = 2000

    def __post_init__(self) -> None:
        """Check the arguments."""
        limit = checks.count("Trefftz", "limit", self.limit, repair="2000 functions take some seconds")
        object.__setattr__(self, "limit", limit)

    def _build(self, axes: Sequence[AxisLike], outputs: int, generator: torch.Generator) -> NoReturn:
        del axes, outputs, generator
        raise ValueError(
            "Trefftz.build: solve() chooses the functions from the shape of the domain; to build a field yourself, "
            "give its functions to TrefftzFunctions"
        )


@FIELDS.register(
    examples=lambda: {
        "Laplace": TrefftzFunctions(
            degree=4, center=(1.0, 1.0), length=2.5, sources=(Multipole(9.0, -1.0, 2.0, 0, 3),)
        ),
        "Helmholtz": TrefftzFunctions(
            EllipticOperator(2.0, 0.5, 1.0, 0.1, 0.0, 3.0),
            degree=3,
            corners=(CornerFunction(0.0, -3.0, 0.5, 2.0, 2 / 3), CornerFunction(0.0, -3.0, 0.5, 2.0, 0.0)),
            sources=(Multipole(9.0, -1.0, 0.5, 1, 1), Multipole(-7.0, 1.0, 0.5, 1, 1)),
            particular=2,
        ),
        "modified Helmholtz": TrefftzFunctions(
            EllipticOperator(c=-2.0), degree=2, sources=(Multipole(9.0, -1.0, 2.0, 0, 2),)
        ),
    }
)
@dataclass(frozen=True)
class TrefftzFunctions(BaseSpec["TrefftzModule"]):
    """u = p + sum_m Re (a_m F_m(y - y_0)) + sum_c Re (b_c F_l(y - y_c)) + sum_s sum_m Re (d_sm S_m(y - y_s)).

    L (u - p) = 0 holds exactly: regular functions, corner functions of fractional orders l, multipoles and poles.

    y = B x are the coordinates in which L is a multiple of laplacian + kappa, up to a factor exp(g.y); p is a
    polynomial of given total degree.  Read-out: (p, F_0, Re F_1, Im F_1, ...); the coefficients of p are the buffer
    `particular`.

    Args:
        operator: L.
        center: of the regular functions F_0 to F_degree.
        length: R of the regular functions.
        degree: their highest order.
        corners: singular functions of corners, cut outside the domain.
        sources: centres of multipoles, outside the domain.
        particular: total degree of the particular solution, a combination of Chebyshev polynomials; -1 for none.

    Raises:
        ValueError: for an operator that is not elliptic, lengths that are not positive, orders below 0, more than 6,000
            functions; from `build` for other than two coordinates.
    """

    smoothness: ClassVar[float] = math.inf

    operator: EllipticOperator = LAPLACE
    center: tuple[float, float] = (0.0, 0.0)
    length: float = 1.0
    degree: int = 8
    corners: tuple[CornerFunction, ...] = ()
    sources: tuple[Multipole, ...] = ()
    particular: int = -1

    def __post_init__(self) -> None:
        """Check the arguments; operators and multipoles may be rows of numbers, as files have them."""
        object.__setattr__(self, "operator", EllipticOperator(*(float(v) for v in self.operator)))
        object.__setattr__(self, "center", tuple(float(v) for v in self.center))
        sources = tuple(
            Multipole(float(x), float(y), float(r), int(low), int(high)) for x, y, r, low, high in self.sources
        )
        object.__setattr__(self, "sources", sources)
        corners = tuple(CornerFunction(*(float(v) for v in c)) for c in self.corners)
        object.__setattr__(self, "corners", corners)
        checks.positives(self, length="half the diameter of the domain is a good start")
        if not self.operator.is_elliptic:
            raise ValueError(
                f"TrefftzFunctions: `operator` must have a positive definite second-order part, got {self.operator}"
            )
        whole = [self.degree, self.particular + 1, *(m for s in sources for m in (s.lowest, s.highest - s.lowest))]
        if any(isinstance(m, bool) or int(m) != m or m < 0 for m in whole):
            raise ValueError(
                f"TrefftzFunctions: `degree` must be at least 0, `particular` at least -1 and the orders of multipoles "
                f"0 <= lowest <= highest, got {self.degree}, {self.particular} and {sources[:3]}"
            )
        lengths = [*(s.length for s in sources), *(c.length for c in corners)]
        numbers = [v for s in (*sources, *corners) for v in s]
        if not all(r > 0 for r in lengths) or not all(map(math.isfinite, numbers)) or len(self.center) != 2:
            raise ValueError("TrefftzFunctions: centres must be finite, and lengths finite and above 0")
        if any(not c.order >= 0 or (c.order > 0 and c.order == round(c.order)) for c in corners):
            orders = [c.order for c in corners]
            raise ValueError(
                f"TrefftzFunctions: orders of corner functions must be 0, or above 0 and not whole, got {orders}"
            )
        if self.count > _LARGEST:
            raise ValueError(f"TrefftzFunctions: at most {_LARGEST} functions are combined, got {self.count}")

    @property
    def count(self) -> int:
        """Number of functions, the particular solution included."""
        multiples = sum(2 * (s.highest - s.lowest + 1) - (s.lowest == 0) for s in self.sources)
        return (self.particular >= 0) + 2 * self.degree + 1 + sum(map(width_of, self.corners)) + multiples

    def __repr__(self) -> str:
        poles = sum(s.lowest == s.highest for s in self.sources)
        parts = [f"{self.count} functions that satisfy the equation: regular ones to order {self.degree}"]
        parts += [f"{len(self.corners)} singular ones of corners"] * bool(self.corners)
        parts += [f"{poles} poles"] * bool(poles)
        parts += [f"multipoles at {len(self.sources) - poles} points"] * (len(self.sources) > poles)
        return f"<{', '.join(parts)}>"

    def _build(
        self,
        axes: Sequence[AxisLike],
        outputs: int,
        generator: torch.Generator,  # noqa: ARG002 - nothing is drawn
    ) -> TrefftzModule:
        if sum(axis.dim for axis in axes) != 2:
            raise ValueError(
                f"TrefftzFunctions.build: such a field has two coordinates, got {sum(a.dim for a in axes)}"
            )
        return TrefftzModule(self, axes, outputs)


class _Group(NamedTuple):
    """Sources with the same orders, evaluated together."""

    centers: Tensor  # (P,) complex, in y
    lengths: Tensor  # (P,)
    lowest: int
    highest: int


class TrefftzModule(FieldModule):
    """Module of `TrefftzFunctions`; works in float64 whatever the type of its parameters."""

    spec: TrefftzFunctions
    particular: Tensor

    def __init__(self, spec: TrefftzFunctions, axes: Sequence[AxisLike], outputs: int) -> None:
        """Take the functions; the read-out, the only parameter, starts at zero."""
        super().__init__(spec)
        lower = [axis.lower for axis in axes for _ in range(axis.dim)]
        upper = [axis.upper for axis in axes for _ in range(axis.dim)]
        self._middle = [(a + b) / 2 for a, b in zip(lower, upper, strict=True)]
        self._rate = [2 / (b - a) for a, b in zip(lower, upper, strict=True)]
        count = len(chebyshev_degrees(spec.particular)) if spec.particular >= 0 else 0
        self.register_buffer("particular", torch.zeros(count, dtype=torch.float64))
        self.readout = linear(torch.zeros(outputs, spec.count, dtype=torch.float64), None)

    def trunk(self, coords: Tensor) -> Tensor:
        """Evaluate the functions: (n, 2) -> (n, N); autograd and Taylor passes use their derivatives."""
        return by_closed_form(self, coords, self.spec.count)

    def forward(self, coords: Tensor) -> Tensor:
        """Evaluate the field: (n, 2) -> (n, outputs)."""
        values: Tensor = self.readout(self.trunk(coords))
        return values

    def derivatives(self, coords: Tensor, orders: Sequence[Sequence[int]]) -> dict[tuple[int, ...], Tensor]:
        """Derivatives of the functions along columns, by their columns: (n, 2) -> {order: (n, N)}."""
        keys = {tuple(order): tuple(sorted(order)) for order in orders}
        found = self.features(coords, list(keys.values()))
        return {order: found[key] for order, key in keys.items()}

    def features(self, coords: Tensor, orders: Iterable[Derivative]) -> dict[Derivative, Tensor]:
        """Evaluate derivatives of the functions: coords (n, 2) -> {order: (n, N)}; operators are summed exactly.

        Raises:
            ValueError: for an order that names a column other than 0 and 1.
        """
        return self.features_about((0.0, 0.0), coords, orders)

    @torch.no_grad()
    def features_about(
        self, anchor: tuple[float, float], offsets: Tensor, orders: Iterable[Derivative]
    ) -> dict[Derivative, Tensor]:
        """Evaluate derivatives of the functions at anchor + offsets, offsets (n, 2), without rounding of that sum.

        Near a corner, the anchor, the distances to it keep all their digits.

        Raises:
            ValueError: for an order that names a column other than 0 and 1.
        """
        wanted = list(dict.fromkeys(orders))
        if any(column not in (0, 1) for order in wanted for _, member in terms_of(order) for column in member):
            raise ValueError(f"TrefftzFunctions.features: `orders` must name columns 0 and 1, got {wanted!r}")
        x = offsets.detach().double()
        found = {order: offsets.new_empty(offsets.shape[0], self.spec.count) for order in wanted}
        step = max(1, _NUMBERS // (self.spec.count + 8))
        for start in range(0, len(x), step):
            block = slice(start, start + step)
            for order, values in self._block(anchor, x[block], wanted).items():
                found[order][block] = values.to(offsets.dtype)
        return found

    def jets(self, coords: Tensor, orders: Iterable[Derivative]) -> dict[Derivative, Tensor]:
        """Evaluate derivatives of the field, (n, outputs)."""
        wanted = list(dict.fromkeys(orders))
        step = max(1, _NUMBERS // (self.spec.count + 8))
        parts: dict[Derivative, list[Tensor]] = {order: [] for order in wanted}
        for start in range(0, max(coords.shape[0], 1), step):
            for order, phi in self.features(coords[start : start + step], wanted).items():
                parts[order].append(phi @ self.readout.weight.T)
        return {order: torch.cat(part) for order, part in parts.items()}

    def _block(self, anchor: tuple[float, float], x: Tensor, wanted: Sequence[Derivative]) -> dict[Derivative, Tensor]:
        """Derivatives at a block of points: the operator as a polynomial in d and d', applied family by family."""
        operator = self.spec.operator
        matrix, g = operator.matrix.to(x.device), operator.drift
        y = x @ matrix.T
        points, base = torch.complex(y[:, 0], y[:, 1]), self._complex(anchor)
        powers = {order: self._powers(order) for order in wanted}
        raised = max((p + q for found in powers.values() for p, q in found), default=0)
        parts: dict[Derivative, list[Tensor]] = {order: [] for order in wanted}
        spec = self.spec
        table = regular(
            (points + (base - self._complex(spec.center))) / spec.length,
            spec.degree + raised,
            operator.kappa * spec.length**2,
        )
        every = torch.arange(spec.degree + 1, device=x.device)
        for order, found in powers.items():
            total: Tensor | None = None
            for (p, q), c in found.items():
                if q and operator.kappa == 0:
                    continue
                part = c * shifted_regular(every, spec.length, operator.kappa, p, q).of(table)
                total = part if total is None else total + part
            total = torch.zeros_like(table[:, : spec.degree + 1]) if total is None else total
            parts[order].append(torch.cat([total.real[:, :1], _pairs(total[:, 1:])], dim=1))
        for corner in spec.corners:
            for order, values in self._fractional(corner, points, base, powers, raised).items():
                parts[order].append(values)
        for group in self._groups(x.device):
            away = (points[:, None] + (base - group.centers)) / group.lengths
            table = multipoles(away, group.highest + raised, operator.kappa * group.lengths**2)
            for order, found in powers.items():
                parts[order].append(self._singular(group, table, found))
        there = x + torch.tensor(anchor, dtype=torch.float64, device=x.device)
        drift = torch.tensor(g, dtype=torch.float64, device=x.device)
        grown = torch.exp(there @ matrix.T @ drift)[:, None] if any(g) else None
        features = {}
        for order in wanted:
            joined = torch.cat(parts[order], dim=1)
            joined = joined if grown is None else joined * grown
            own = [self._particular(there, order)] if spec.particular >= 0 else []
            features[order] = torch.cat([*own, joined[:, self._places(x.device)]], dim=1)
        return features

    def _fractional(
        self,
        corner: CornerFunction,
        points: Tensor,
        base: complex,
        powers: dict[Derivative, dict[tuple[int, int], complex]],
        raised: int,
    ) -> dict[Derivative, Tensor]:
        """Derivatives of the function of a corner, real and imaginary part, ``(n, 2)``; of theta F_0 ``(n, 1)``."""
        if corner.order == 0:
            return self._jump(corner, points, base, powers, raised)
        kappa, turn = self.spec.operator.kappa, cmath.rect(1.0, -corner.direction)
        away = (points + (base - self._complex((corner.x, corner.y)))) * (turn / corner.length)
        table = fractional(away, corner.order - raised, 2 * raised + 1, kappa * corner.length**2)
        place = torch.tensor([raised], device=points.device)
        features = {}
        for order, found in powers.items():
            total = torch.zeros_like(table[:, :1])
            for (p, q), c in found.items():
                if q and kappa == 0:
                    continue
                shifted = shifted_fractional(corner.order - raised, place, corner.length, kappa, p, q)
                total = total + c * turn ** (p - q) * shifted.of(table)
            features[order] = _pairs(total)
        return features

    def _jump(
        self,
        corner: CornerFunction,
        points: Tensor,
        base: complex,
        powers: dict[Derivative, dict[tuple[int, int], complex]],
        raised: int,
    ) -> dict[Derivative, Tensor]:
        """Derivatives of theta F_0 ``(n, 1)`` by Leibniz' rule; d theta = 1 / (2 i z), and d d' theta = 0."""
        kappa, turn = self.spec.operator.kappa, cmath.rect(1.0, -corner.direction)
        away = points + (base - self._complex((corner.x, corner.y)))
        away = torch.where(away == 0, 1e-300 / turn, away)
        table = regular(away / corner.length, raised, kappa * corner.length**2)
        zero = torch.tensor([0], device=points.device)
        angle = [torch.angle(away * turn).to(away.dtype)]
        angle += [-0.5j * (-1) ** (m - 1) * math.factorial(m - 1) / away**m for m in range(1, raised + 1)]
        features = {}
        for order, found in powers.items():
            total = torch.zeros_like(away)
            for (p, q), c in found.items():
                for a, b in itertools.product(range(p + 1), range(q + 1)):
                    if (a and b) or (kappa == 0 and (p - a or q - b)):
                        continue
                    factor = angle[a] if b == 0 else angle[b].conj()
                    inner = shifted_regular(zero, corner.length, kappa, p - a, q - b).of(table)[:, 0]
                    total = total + c * math.comb(p, a) * math.comb(q, b) * factor * inner
            features[order] = total.real[:, None]
        return features

    def _singular(self, group: _Group, table: Tensor, powers: dict[tuple[int, int], complex]) -> Tensor:
        """Derivatives of the functions of a group of sources, source by source, ``(n, columns)``."""
        numbers = torch.arange(group.lowest, group.highest + 1, device=table.device)
        count = len(group.centers)
        orders, lengths = numbers.repeat(count), group.lengths.repeat_interleave(len(numbers))
        rows = torch.arange(count, device=table.device).repeat_interleave(len(numbers)) * table.shape[2]
        flat = table.flatten(1)
        total = torch.zeros(len(table), len(orders), dtype=table.dtype, device=table.device)
        for (p, q), c in powers.items():
            if self.spec.operator.kappa == 0 and q and p:
                continue  # harmonic
            shifted = shifted_multipoles(orders, lengths, self.spec.operator.kappa, p, q)
            if self.spec.operator.kappa == 0 and q:  # all but log r are functions of z alone
                shifted = shifted._replace(factor=torch.where(orders == 0, shifted.factor, 0.0))
            total = total + c * shifted._replace(order=shifted.order + rows).of(flat)
        pairs = torch.stack([total.real, total.imag], dim=2).reshape(len(table), count, 2 * len(numbers))
        if group.lowest == 0:
            pairs = torch.cat([pairs[:, :, :1], pairs[:, :, 2:]], dim=2)
        return pairs.flatten(1)

    def _powers(self, derivative: Derivative) -> dict[tuple[int, int], complex]:
        """Polynomial in d and d' of a derivative or an operator."""
        total: dict[tuple[int, int], complex] = {}
        for c, order in terms_of(derivative):
            for key, value in self.spec.operator.powers(order).items():
                total[key] = total.get(key, 0.0) + c * value
        return {key: value for key, value in total.items() if value != 0}

    def _particular(self, x: Tensor, derivative: Derivative) -> Tensor:
        """Derivative of the particular solution, ``(n, 1)``."""
        middle, rate = (torch.tensor(v, dtype=torch.float64, device=x.device) for v in (self._middle, self._rate))
        s, degrees = (x - middle) * rate, chebyshev_degrees(self.spec.particular).to(x.device)
        weights = self.particular.double()
        single: dict[Order, Tensor] = {
            order: (chebyshev_products(s, rate, degrees, order) @ weights)[:, None]
            for order in dict.fromkeys(order for _, order in terms_of(derivative))
        }
        return sum_operators(single, [derivative])[derivative]

    def _complex(self, point: tuple[float, float]) -> complex:
        y = self.spec.operator.matrix @ torch.tensor(point, dtype=torch.float64)
        return complex(float(y[0]), float(y[1]))

    def _groups(self, device: torch.device) -> list[_Group]:
        """Sources by their orders, in the order in which each pair of orders appears first."""
        found = []
        for low, high in dict.fromkeys((s.lowest, s.highest) for s in self.spec.sources):
            mine = [s for s in self.spec.sources if (s.lowest, s.highest) == (low, high)]
            at = torch.tensor([[s.x, s.y] for s in mine], dtype=torch.float64) @ self.spec.operator.matrix.T
            lengths = torch.tensor([s.length for s in mine], dtype=torch.float64, device=device)
            found.append(_Group(torch.complex(at[:, 0], at[:, 1]).to(device), lengths, low, high))
        return found

    def _places(self, device: torch.device) -> Tensor:
        """Columns of the groups in the order of the functions: source by source after all others."""
        first = 2 * self.spec.degree + 1 + sum(map(width_of, self.spec.corners))
        start, of = first, {}
        for low, high in dict.fromkeys((s.lowest, s.highest) for s in self.spec.sources):
            width = 2 * (high - low + 1) - (low == 0)
            for i, s in enumerate(self.spec.sources):
                if (s.lowest, s.highest) == (low, high):
                    of[i] = range(start, start + width)
                    start += width
        places = [*range(first), *(p for i in range(len(self.spec.sources)) for p in of[i])]
        return torch.tensor(places, device=device)


def width_of(corner: CornerFunction) -> int:
    """Number of functions of a corner function: real and imaginary part, or theta F_0 alone."""
    return 1 if corner.order == 0 else 2


def _pairs(values: Tensor) -> Tensor:
    """Real and imaginary parts side by side, ``(n, N)`` to ``(n, 2 N)``."""
    return torch.view_as_real(values.contiguous()).flatten(1)
