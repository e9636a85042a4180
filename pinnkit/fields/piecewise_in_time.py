"""A field in slabs of time: one field for each, chosen by the time of the point."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from .base import AxisLike, FieldSpec

__all__ = ["Slabbed", "SlabbedField"]


@dataclass(frozen=True)
class Slabbed:
    """Fields side by side in time: u(x, t) = u_k(x, t) for t_k <= t < t_k+1; what `solve(slabs=...)` joins.

    Args:
        fields: the spec of each slab's field, in the order of time.
        edges: t_0 < t_1 < ... : one more than there are fields.
        axis: the name of time.

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
                f"Slabbed: `edges` must be {len(self.fields) + 1} increasing times for {len(self.fields)} fields, "
                f"got {self.edges}"
            )

    @property
    def smoothness(self) -> float:
        """How many times each of the fields may be differentiated in its coordinates."""
        return min(spec.smoothness for spec in self.fields)

    def build(
        self,
        axes: Sequence[AxisLike],
        outputs: int,
        *,
        generator: torch.Generator,
        dtype: torch.dtype,
        device: torch.device | str,
    ) -> SlabbedField:
        """Build the field over `axes`, each slab scaled to its own stretch of time."""
        names = [getattr(axis, "name", None) for axis in axes]
        if self.axis not in names:
            raise ValueError(f"Slabbed.build: there must be an axis `{self.axis}`, got {names}")
        at = names.index(self.axis)
        column = sum(axis.dim for axis in axes[:at])
        modules = []
        for spec, (lower, upper) in zip(self.fields, pairwise(self.edges), strict=True):
            time: Any = dataclasses.replace(axes[at], lower=lower, upper=upper)  # type: ignore[type-var]
            own = [*axes[:at], time, *axes[at + 1 :]]
            modules.append(spec.build(own, outputs, generator=generator, dtype=dtype, device=device))
        return SlabbedField(self, column, modules)


class SlabbedField(nn.Module):
    """The module that `Slabbed` builds; every slab is evaluated at every point, and the right one is taken."""

    def __init__(self, spec: Slabbed, column: int, modules: Sequence[nn.Module]) -> None:
        """Join the fields of the slabs; `column` is that of time."""
        super().__init__()
        self.spec = spec
        self.column = column
        self.slabs = nn.ModuleList(modules)

    @property
    def smoothness(self) -> float:
        """How many times the field may be differentiated in its coordinates, but for time at the edges."""
        return self.spec.smoothness

    def forward(self, coords: Tensor) -> Tensor:
        """Evaluate the field: (n, d_total) -> (n, outputs)."""
        values: Tensor = self.slabs[0](coords)
        time = coords[:, self.column : self.column + 1]
        for edge, slab in zip(self.spec.edges[1:-1], self.slabs[1:], strict=True):
            values = torch.where(time >= edge, slab(coords), values)
        return values
