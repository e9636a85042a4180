"""Points: coordinates with what belongs to them, as a domain hands them out and a residual receives them."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor


class Points(NamedTuple):
    """n points, one row each; beware that `len(points)` counts the fields: use `points.coords.shape[0]`.

    coords: (n, d), columns in the order of the domain's axes; float64 on the CPU when sampled.
    normal: (n, d_space), unit and outward, or None where there is no outward direction.
    weight: (n,) quadrature weights, which sum to the measure of what was sampled.
    columns: data injected by name, one entry per point or, with a group, per row.
    group: samples per row (rays, integrals): n = rows * group, or (rows,) whole numbers that sum to n; the samples of a
        row stand together.
    """

    coords: Tensor
    normal: Tensor | None = None
    weight: Tensor | None = None
    columns: Mapping[str, Tensor] = {}
    group: int | Tensor | None = None

    @property
    def row_count(self) -> int:
        """Number of rows of a residual: the number of points, or of groups of them."""
        if isinstance(self.group, Tensor):
            return self.group.shape[0]
        return self.coords.shape[0] // (1 if self.group is None else self.group)

    def to(self, dtype: torch.dtype | None = None, device: torch.device | str | None = None) -> "Points":
        """The same points in another floating-point type or on another device; integer columns keep their type."""

        def moved(tensor: Tensor) -> Tensor:
            return tensor.to(device=device, dtype=dtype if tensor.is_floating_point() else None)

        return self._replace(
            coords=moved(self.coords),
            normal=None if self.normal is None else moved(self.normal),
            weight=None if self.weight is None else moved(self.weight),
            columns={name: moved(column) for name, column in self.columns.items()},
            group=moved(self.group) if isinstance(self.group, Tensor) else self.group,
        )

    def rows(self, start: int, stop: int) -> "Points":
        """Rows `start` to `stop` (exclusive, as a slice, without copying); with a group, whole rows of `group` samples.

        Weights stay as they are: those of all chunks together sum to the measure.
        """
        samples = self.coords.shape[0]
        start, stop, _ = slice(start, stop).indices(self.row_count)
        if isinstance(self.group, Tensor):
            before = int(self.group[:start].sum())
            inner = before, before + int(self.group[start:stop].sum())
        else:
            group = 1 if self.group is None else self.group
            inner = start * group, stop * group

        def sliced(tensor: Tensor) -> Tensor:
            first, last = inner if tensor.shape[0] == samples else (start, stop)
            return tensor[first:last]

        return self._replace(
            coords=sliced(self.coords),
            normal=None if self.normal is None else sliced(self.normal),
            weight=None if self.weight is None else sliced(self.weight),
            columns={name: sliced(column) for name, column in self.columns.items()},
            group=self.group[start:stop] if isinstance(self.group, Tensor) else self.group,
        )
