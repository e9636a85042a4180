"""Fields on consecutive intervals of time: the time of a point selects the field."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from .base import FieldModule
from .protocols import AxisLike, FieldSpec
from .registry import FIELDS

__all__ = ["PiecewiseInTime", "PiecewiseInTimeField"]


@FIELDS.register(
    examples=lambda: {
        "two intervals": PiecewiseInTime(tuple(FIELDS["Siren"].examples().values())[:2], (0.0, 0.7, 2.0), axis="x")
    }
)
@dataclass(frozen=True)
class PiecewiseInTime:
    """Fields on consecutive time intervals: u(x, t) = u_k(x, t) for t_k <= t < t_k+1; `solve(slabs=...)` makes them.

    Args:
        fields: the spec of the field of each interval, in the order of time.
        edges: t_0 < t_1 < ..., in the unit of time: one more than there are fields.
        axis: name of the time axis.

    Raises:
        ValueError: where edges and fields do not fit together; from `build` for axes without that one.
    """

    fields: tuple[FieldSpec, ...]
    edges: tuple[float, ...]
    axis: str = "t"

    def __post_init__(self) -> None:
        """Check the arguments."""
        object.__setattr__(self, "fields", tuple(self.fields))
        object.__setattr__(self, "edges", tuple(float(e) for e in self.edges))
        ordered = all(a < b for a, b in pairwise(self.edges)) and all(map(math.isfinite, self.edges))
        if len(self.edges) != len(self.fields) + 1 or not self.fields or not ordered:
            raise ValueError(
                f"PiecewiseInTime: `edges` must be {len(self.fields) + 1} increasing times for {len(self.fields)} "
                f"fields, got {self.edges}"
            )

    @property
    def smoothness(self) -> float:
        """Number of times that each of the fields may be differentiated in its coordinates."""
        return min(spec.smoothness for spec in self.fields)

    def build(
        self,
        axes: Sequence[AxisLike],
        outputs: int,
        *,
        generator: torch.Generator,
        dtype: torch.dtype,
        device: torch.device | str,
    ) -> PiecewiseInTimeField:
        """Build the field over `axes`: (n, d_total) -> (n, outputs); each interval is scaled to its own times."""
        names = [axis.name for axis in axes]
        if self.axis not in names:
            raise ValueError(f"PiecewiseInTime.build: there must be an axis `{self.axis}`, got {names}")
        at = names.index(self.axis)
        column = sum(axis.dim for axis in axes[:at])
        modules = []
        for spec, (lower, upper) in zip(self.fields, pairwise(self.edges), strict=True):
            own = [*axes[:at], _TimeInterval(self.axis, lower, upper, axes[at].dim, axes[at].periodic), *axes[at + 1 :]]
            modules.append(spec.build(own, outputs, generator=generator, dtype=dtype, device=device))
        return PiecewiseInTimeField(self, column, modules)


@dataclass(frozen=True)
class _TimeInterval:
    """The axis of time, restricted to one interval."""

    name: str
    lower: float
    upper: float
    dim: int
    periodic: bool


class PiecewiseInTimeField(FieldModule):
    """Module of `PiecewiseInTime`: evaluates every interval's field at every point and selects by time.

    The derivatives in time may jump at the edges, `smoothness` does not count those.
    """

    spec: PiecewiseInTime

    def __init__(self, spec: PiecewiseInTime, column: int, modules: Sequence[nn.Module]) -> None:
        """Join the fields of the intervals; `column` is that of time."""
        super().__init__(spec)
        self.column = column
        self.slabs = nn.ModuleList(modules)

    def forward(self, coords: Tensor) -> Tensor:
        """Evaluate the field: (n, d_total) -> (n, outputs)."""
        values: Tensor = self.slabs[0](coords)
        time = coords[:, self.column : self.column + 1]
        for edge, slab in zip(self.spec.edges[1:-1], self.slabs[1:], strict=True):
            values = torch.where(time >= edge, slab(coords), values)
        return values
