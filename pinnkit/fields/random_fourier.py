"""Random sines with a linear read-out, which least squares solves for without training."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pinnkit.derivatives import Derivative, Order, sum_operators, terms_of

from . import checks
from .base import BaseSpec, FieldModule
from .initialization import linear, uniform
from .protocols import AxisLike
from .registry import FIELDS
from .scaling import Scaling, periodic_columns, scaling_of

_FEATURES = 400


@FIELDS.register(
    "random-fourier",
    examples=lambda: {
        "a bandwidth per axis": RandomFourier(features=30, bandwidth=(2.0, 3.0)),
        "a bandwidth per column": RandomFourier(features=31, bandwidth=(2.0, 3.0, 1.0)),
    },
)
@dataclass(frozen=True)
class RandomFourier(BaseSpec["RandomSines"]):
    """Random sines, linear read-out: u = sum_j c_j phi_j, phi_j = sin(w_j . s(x) + b_j), s(x) in [-1, 1]^d.

    w_ja ~ U(-R_a, R_a) and b_j ~ U(0, 2 pi) stay as drawn; only the read-out c, zero at the start, is solved for. The
    bandwidth R_a is in radians per half-width of axis a: a solution sin(k x) on [0, L] needs an R somewhat above
    k L / 2. The same seed draws w in proportion to R. Along a periodic axis s(x) is the angle 2 pi (x - lower) / extent
    and w_ja a whole number k with |k| <= R_a / pi, or 1 where that is less: periodic sines within the bandwidth.

    Args:
        features: number of sines; None lets `solve` add sines while they help, 400 where a bandwidth is given.
        bandwidth: R, one number, one per axis or one per coordinate column; None leaves the choice to `solve`, and
            such a spec cannot be built.

    Raises:
        ValueError: for fewer than 1 feature or a bandwidth that is not above 0; from `build` for a bandwidth of None
            or a tuple that does not fit the axes.

    Source: Rahimi and Recht, Random Features for Large-Scale Kernel Machines, NeurIPS 2007; for equations Chen, Chi,
    E, Yang, Bridging Traditional and Machine Learning-based Algorithms for Solving PDEs: the Random Feature Method,
    2022.
    """

    smoothness: ClassVar[float] = math.inf

    features: int | None = None
    bandwidth: float | tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        """Check the arguments."""
        if self.features is not None:
            checks.counts(self, features=_FEATURES)
        if self.bandwidth is not None:
            repair = "None lets solve() choose it"
            bandwidth = checks.positive_or_tuple(
                "RandomFourier", "bandwidth", self.bandwidth, each="axis", repair=repair
            )
            object.__setattr__(self, "bandwidth", bandwidth)

    @property
    def settled(self) -> bool:
        """True where the bandwidth is given."""
        return self.bandwidth is not None

    def _build(self, axes: Sequence[AxisLike], outputs: int, generator: torch.Generator) -> RandomSines:
        features = self.features or _FEATURES
        if self.bandwidth is None:
            raise ValueError(
                "RandomFourier.build: `bandwidth` must be a number or one number per axis, got None; solve() chooses "
                "it from the residual at held-out points; to build the field yourself, say RandomFourier(bandwidth=8.0)"
            )
        bandwidth = checks.per_column("RandomFourier", "bandwidth", self.bandwidth, axes)
        drawn = uniform(features, sum(axis.dim for axis in axes), bound=1.0, generator=generator)
        frequencies = torch.where(periodic_columns(axes), _whole(drawn, bandwidth), bandwidth * drawn)
        phases = math.pi + uniform(features, bound=math.pi, generator=generator)
        readout = linear(torch.zeros(outputs, features, dtype=torch.float64), None)
        return RandomSines(self, scaling_of(axes), frequencies, phases, readout)


def _whole(drawn: Tensor, bandwidth: Tensor) -> Tensor:
    """Map numbers in [-1, 1] to whole frequencies -K to K, equally likely, K = R / pi (the angle has period 2 pi)."""
    highest = torch.floor(bandwidth / math.pi + 1e-9).clamp(min=1.0)
    return torch.round((highest + 0.5) * drawn).clamp(-highest, highest) + 0.0  # no negative zero


class RandomSines(FieldModule):
    """Module of `RandomFourier`; its read-out has no bias, so that column j of `features` belongs to c_j."""

    frequencies: Tensor
    phases: Tensor

    def __init__(
        self, spec: RandomFourier, scaling: Scaling, frequencies: Tensor, phases: Tensor, readout: nn.Linear
    ) -> None:
        """Take w (N, d_total) and b (N,), kept as buffers, and the read-out, the only parameter."""
        super().__init__(spec)
        self.scaling = scaling
        self.register_buffer("frequencies", frequencies)
        self.register_buffer("phases", phases)
        self.readout = readout

    def trunk(self, coords: Tensor) -> Tensor:
        """Evaluate the features phi: (n, d_total) -> (n, N)."""
        return torch.sin(F.linear(self.scaling.affine(coords), self.frequencies, self.phases))

    def forward(self, coords: Tensor) -> Tensor:
        """Evaluate the field: (n, d_total) -> (n, outputs)."""
        values: Tensor = self.readout(self.trunk(coords))
        return values

    def features(self, coords: Tensor, orders: Iterable[Derivative]) -> dict[Derivative, Tensor]:
        """Evaluate derivatives of the features in closed form: coords (n, d_total) -> {order: (n, N)}.

        An order lists the columns of differentiation: () is the value, (0,) the first derivative along column 0, (0, 1)
        a mixed second one; an operator is summed from its orders. With z = w . s(x) + b and s_a' the rate of the
        scaling, d^k phi_j / dx_a1 .. dx_ak = (prod_i w_j,ai s_ai') sin(z_j + k pi / 2).

        Raises:
            ValueError: for an order that names a column which the field does not have.
        """
        wanted = list(orders)
        single = list(dict.fromkeys(order for channel in wanted for _, order in terms_of(channel)))
        columns = self.frequencies.shape[1]
        for order in single:
            if any(not 0 <= column < columns for column in order):
                raise ValueError(
                    f"RandomFourier.features: `orders` must name columns 0 to {columns - 1}, got {order!r}; "
                    f"columns count through the coordinates in the order of the axes"
                )
        angles = F.linear(self.scaling.affine(coords), self.frequencies, self.phases)
        # Derivatives of the sine repeat with period 4: sin, cos, -sin, -cos; only the needed ones are evaluated.
        waves = {odd: torch.cos(angles) if odd else torch.sin(angles) for odd in {len(order) % 2 for order in single}}
        rates = self.frequencies * self.scaling.rate
        derivatives: dict[Order, Tensor] = {}
        for order in single:
            wave = waves[len(order) % 2]
            if order:
                sign = -1.0 if len(order) % 4 >= 2 else 1.0
                wave = wave * (sign * rates[:, list(order)].prod(dim=1))
            derivatives[order] = wave
        return sum_operators(derivatives, wanted)
