"""Voxels: trained values on the nodes of a dense grid in three dimensions, without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pinnkit.fields.base import BaseSpec, FieldModule
from pinnkit.fields.encodings.embedding_lookup import weighted_rows
from pinnkit.fields.encodings.plane_encoding import nodes_of
from pinnkit.fields.initialization import uniform
from pinnkit.fields.protocols import AxisLike
from pinnkit.fields.registry import FIELDS
from pinnkit.fields.scaling import Scaling, scaling_of

from .planes_and_lines import check_resolution

__all__ = ["VoxelField", "Voxels"]


@FIELDS.register(examples=lambda: {"small": Voxels(resolution=(6, 5, 4), start=0.5)})
@dataclass(frozen=True)
class Voxels(BaseSpec["VoxelField"]):
    """One trained number for every output at each node of a dense grid, interpolated trilinearly.

    Of six columns, a position and a direction, only the position enters: a radiance field without dependence on the
    direction, which finds the occupied parts of a scene within seconds.

    Args:
        resolution: nodes along each axis of the position, one number or three; the outermost stand on its ends.
        start: bound of the uniform numbers that the nodes begin with.

    Raises:
        ValueError: for fewer than 2 nodes or a negative start; from `build` unless the position has three columns.

    Source: Fridovich-Keil et al., Plenoxels, CVPR 2022, section 3.1, without its harmonics.
    """

    learning_rate: ClassVar[float] = 0.2
    """Learning rate of the node values: high, since few points reach a node and no layer scales its value."""
    smoothness: ClassVar[float] = 1

    resolution: int | tuple[int, ...] = 48
    start: float = 0.01

    def __post_init__(self) -> None:
        """Check the arguments."""
        object.__setattr__(self, "resolution", check_resolution("Voxels", self.resolution))
        if isinstance(self.start, bool) or not isinstance(self.start, (int, float)) or not self.start >= 0:
            raise ValueError(f"Voxels: `start` must be at least 0, got {self.start!r}; 0.01 is a good start")

    def _build(self, axes: Sequence[AxisLike], outputs: int, generator: torch.Generator) -> VoxelField:
        scaling = scaling_of(axes)
        if scaling.width not in (3, 6) or scaling.center.shape[0] != scaling.width:
            raise ValueError(
                f"Voxels.build: `axes` must have three coordinate columns, or six for a place and a direction, none "
                f"periodic, got {scaling.width}"
            )
        nodes = nodes_of(self.resolution)
        table = uniform(nodes[0] * nodes[1] * nodes[2], outputs, bound=self.start, generator=generator)
        return VoxelField(self, scaling, nodes, table)


class VoxelField(FieldModule):
    """Module of `Voxels`: trilinear interpolation of values on the nodes of a grid."""

    spec: Voxels

    def __init__(self, spec: Voxels, scaling: Scaling, nodes: tuple[int, int, int], table: Tensor) -> None:
        """Join the parts; `table` is (nodes, outputs)."""
        super().__init__(spec)
        self.scaling = scaling
        self.nodes = nodes
        self.table = nn.Parameter(table)

    def learning_rates(self) -> Mapping[nn.Parameter, float]:
        """The `learning_rate` of the spec for the values on the nodes."""
        return {self.table: self.spec.learning_rate}

    def forward(self, coords: Tensor) -> Tensor:
        """Evaluate the field: (n, 3) or (n, 6) -> (n, outputs)."""
        cell, upper = [], []
        for column, count in zip(self.scaling(coords).unbind(1)[:3], self.nodes, strict=True):
            position = (column + 1) * ((count - 1) / 2)
            lower = position.detach().floor().clamp_(0, count - 2)
            cell.append(lower.to(torch.int32))
            upper.append(position - lower)
        _, rows, columns = self.nodes
        plane = rows * columns
        base = (cell[0] * rows + cell[1]) * columns + cell[2]
        (a, b, c), whole = upper, torch.ones_like(upper[0])
        weight = torch.stack([whole - a, a], 1)
        for blend in (b, c):
            weight = torch.stack([weight * (whole - blend)[:, None], weight * blend[:, None]], 2).flatten(1)
        offsets = [plane * i + columns * j + k for i in (0, 1) for j in (0, 1) for k in (0, 1)]
        return weighted_rows(self.table, base, offsets, weight)

    @torch.no_grad()
    def start_from(self, other: nn.Module) -> None:
        """Copy voxels of another resolution, interpolated linearly.

        Raises:
            ValueError: for another kind of field or number of outputs.
        """
        if not isinstance(other, VoxelField) or other.table.shape[1] != self.table.shape[1]:
            raise ValueError("Voxels: can start from Voxels of as many outputs only")
        grid = other.table.to(self.table).T.reshape(1, -1, *other.nodes)
        resampled = F.interpolate(grid, size=self.nodes, mode="trilinear", align_corners=True)
        self.table.copy_(resampled.reshape(self.table.shape[1], -1).T)
