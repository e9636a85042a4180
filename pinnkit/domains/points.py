"""Points: coordinates with what belongs to them, as a domain hands them out and a residual receives them."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Points", "check_group"]


class Points(NamedTuple):
    """n points, one row each; beware that `len(points)` counts the fields: use `points.coords.shape[0]`.

    coords: (n, d), columns in the order of the domain's axes; float64 on the CPU when sampled.
    normal: (n, d_space), unit and outward, or None where there is no outward direction.
    weight: (n,) quadrature weights, which sum to the measure of what was sampled; for the nodes of an integral to the
        extent of each row's range.
    columns: data injected by name, one entry per point or, with a group, per row.
    group: samples per row (rays, integrals): n = rows * group, or (rows,) whole numbers that sum to n; the samples of a
        row stand together.  A residual then has the function `row_sums` among its names.
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

    @property
    def row_coords(self) -> Tensor:
        """Centres ``(rows, d)`` of the samples of each row; the points themselves without groups."""
        if self.group is None:
            return self.coords
        return self.row_sums(self.coords) / self.row_sums(torch.ones_like(self.coords[:, :1]))

    def row_sums(self, values: Tensor) -> Tensor:
        """Sum values ``(n, ...)`` of the samples over each row, ``(rows, ...)``; the same values without groups."""
        if self.group is None:
            return values
        if isinstance(self.group, int):
            return values.reshape(-1, self.group, *values.shape[1:]).sum(dim=1)
        total = values.new_zeros(self.group.shape[0], *values.shape[1:])
        return total.index_add(0, self._row_of_sample, values)

    def row_products(self, slopes: Tensor, features: Tensor) -> Tensor:
        """Sum over the samples of each row of slopes ``(n, k)`` times features ``(n, w)``: ``(rows, k, w)``."""
        if isinstance(self.group, int):
            left, right = (x.reshape(-1, self.group, x.shape[1]) for x in (slopes, features))
            return torch.bmm(left.transpose(1, 2), right)
        return self.row_sums(slopes[:, :, None] * features[:, None, :])

    def per_sample(self, values: Tensor) -> Tensor:
        """Repeat values ``(rows, ...)`` for the samples of each row, ``(n, ...)``."""
        if self.group is None:
            return values
        counts = self.group if isinstance(self.group, Tensor) else int(self.group)
        return values.repeat_interleave(counts, dim=0)

    @property
    def _row_of_sample(self) -> Tensor:
        """Number of the row of each sample, ``(n,)``."""
        return self.per_sample(torch.arange(self.row_count, device=self.coords.device))

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

    def take(self, index: Tensor) -> "Points":
        """Selected rows ``(m,)`` by their numbers; with a group, with all their samples."""
        samples, inner, group = self.coords.shape[0], index, self.group
        if isinstance(group, int):
            inner = (index[:, None] * group + torch.arange(group, device=index.device)).reshape(-1)
        elif group is not None:
            counts = group[index]
            first = (group.cumsum(0) - group)[index].repeat_interleave(counts)
            before = (counts.cumsum(0) - counts).repeat_interleave(counts)
            inner, group = first + torch.arange(first.shape[0], device=index.device) - before, counts

        def picked(tensor: Tensor) -> Tensor:
            return tensor[inner if tensor.shape[0] == samples else index]

        return self._replace(
            coords=picked(self.coords),
            normal=None if self.normal is None else picked(self.normal),
            weight=None if self.weight is None else picked(self.weight),
            columns={name: picked(column) for name, column in self.columns.items()},
            group=group,
        )


def check_group(points: Points, owner: str) -> None:
    """Check that the samples of points divide into the rows that `group` states.

    Raises:
        TypeError: for a group that is neither a whole number nor a tensor of whole numbers.
        ValueError: for a group that does not divide the number of points, or counts that do not sum to it.
    """
    group, n = points.group, points.coords.shape[0]
    if group is None:
        return
    if isinstance(group, Tensor):
        if group.is_floating_point() or group.is_complex() or group.dtype == torch.bool or group.ndim != 1:
            raise TypeError(
                f"{owner}: `group` must be a whole number or a tensor (rows,) of whole numbers, got {group.dtype} of "
                f"shape {tuple(group.shape)}"
            )
        if bool((group < 0).any()) or int(group.sum()) != n:
            raise ValueError(
                f"{owner}: the counts in `group` must be at least 0 and sum to the number of points, {n}; they sum to "
                f"{int(group.sum())}, the smallest is {int(group.min()) if len(group) else 0}"
            )
        return
    if isinstance(group, bool) or not isinstance(group, int):
        raise TypeError(f"{owner}: `group` must be a whole number or a tensor of whole numbers, got {group!r}")
    if group < 1 or n % group:
        raise ValueError(
            f"{owner}: `group` must divide the number of points: {n} points are no whole number of groups of {group}; "
            "give the points of every row, all of them together"
        )
