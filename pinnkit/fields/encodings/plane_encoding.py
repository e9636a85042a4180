"""Encoding by products of trained planes and lines, for `PlanesAndLines` and `RadiancePlanes`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pinnkit.fields.initialization import uniform
from pinnkit.fields.protocols import Interpolation

from .embedding_lookup import weighted_rows
from .node_encoding import NodeEncoding

__all__ = ["PlaneEncoding", "nodes_of"]

_MODES = ((0, 1, 2), (0, 2, 1), (1, 2, 0))
"""Columns (a, b) of each plane, and c of its line."""


def nodes_of(resolution: int | tuple[int, ...]) -> tuple[int, int, int]:
    """Return the nodes along three axes, from one number or three."""
    a, b, c = (resolution,) * 3 if isinstance(resolution, int) else resolution
    return a, b, c


class PlaneEncoding(NodeEncoding):
    """P_m(v_a, v_b) * L_m(v_c), R products for each of the three modes m: (n, 3) in [-1, 1] to (n, 3 R).

    A plane has R values at each of its n_a n_b nodes, a line at each of its n_c; between the nodes they are
    interpolated; the outermost nodes lie on the ends of the axes, and `interpolation` extends the values beyond them.
    """

    def __init__(
        self,
        nodes: Sequence[int],
        components: int,
        interpolation: Interpolation,
        *,
        generator: torch.Generator,
    ) -> None:
        """Draw planes from U(-0.2, 0.2) and lines from U(0.1, 0.5)."""
        super().__init__()
        self.nodes = tuple(nodes)
        self.components = components
        self.interpolation = interpolation
        n = self.nodes
        self.planes = nn.ParameterList(
            nn.Parameter(uniform(n[a] * n[b], components, bound=0.2, generator=generator)) for a, b, _ in _MODES
        )
        self.lines = nn.ParameterList(
            nn.Parameter(0.3 + uniform(n[c], components, bound=0.2, generator=generator)) for *_, c in _MODES
        )

    @property
    def width(self) -> int:
        """Number of features: 3 R."""
        return 3 * self.components

    def node_values(self) -> Iterable[nn.Parameter]:
        """Return the values of planes and lines."""
        return self.parameters()

    def forward(self, coords: Tensor) -> Tensor:
        """Encode coordinates that lie in [-1, 1]."""
        # A bundle of Taylor coefficients is no tensor; it needs operations that have Taylor rules.
        return self.encode(coords) if isinstance(coords, Tensor) else self.pass_through(coords)

    def encode(self, coords: Tensor) -> Tensor:
        """Encode by sums of rows of the tables."""
        cell, upper = [], []
        for column, count in zip(coords.unbind(1), self.nodes, strict=True):
            position = (column + 1) * ((count - 1) / 2)
            lower = position.detach().floor().clamp_(0, count - 2)
            cell.append(lower.to(torch.int32))
            upper.append(self.interpolation.blend(position - lower))
        products = []
        for (a, b, c), plane, line in zip(_MODES, self.planes, self.lines, strict=True):
            stride = self.nodes[b]
            both = upper[a] * upper[b]
            right, up = upper[b] - both, upper[a] - both
            corners = torch.stack([1 - upper[a] - right, right, up, both], 1)
            ends = torch.stack([1 - upper[c], upper[c]], 1)
            on_plane = weighted_rows(plane, cell[a] * stride + cell[b], (0, 1, stride, stride + 1), corners)
            products.append(on_plane * weighted_rows(line, cell[c], (0, 1), ends))
        return torch.cat(products, 1)

    def pass_through(self, coords: Tensor) -> Tensor:
        """Encode by operations that dispatch through `__torch_function__`."""
        like = self.lines[0]
        cell, upper = [], []
        for axis, count in enumerate(self.nodes):
            chosen = torch.zeros(self.components, 3, dtype=like.dtype, device=like.device)
            chosen[:, axis] = (count - 1) / 2
            position = F.linear(coords, chosen, chosen[:, axis])  # the same in each of the R columns
            lower = torch.clamp(torch.floor(position), 0, count - 2)
            cell.append(lower[:, 0].long())
            upper.append(self.interpolation.blend(torch.sub(position, lower)))
        products = []
        for (a, b, c), plane, line in zip(_MODES, self.planes, self.lines, strict=True):
            base, stride = cell[a] * self.nodes[b] + cell[b], self.nodes[b]
            low = _between(plane[base], plane[base + 1], upper[b])
            high = _between(plane[base + stride], plane[base + stride + 1], upper[b])
            along = _between(line[cell[c]], line[cell[c] + 1], upper[c])
            products.append(torch.mul(torch.add(low, torch.mul(upper[a], torch.sub(high, low))), along))
        return torch.cat(products, -1)

    @torch.no_grad()
    def start_from(self, other: PlaneEncoding) -> None:
        """Copy the values of an encoding of another resolution, interpolated linearly.

        Raises:
            ValueError: for another number of components.
        """
        if other.components != self.components:
            raise ValueError(
                f"planes and lines start from others of as many components, here {self.components}, got "
                f"{other.components}; only the resolution may change"
            )
        for (a, b, c), plane, line, old_plane, old_line in zip(
            _MODES, self.planes, self.lines, other.planes, other.lines, strict=True
        ):
            grid = old_plane.to(plane).T.reshape(1, self.components, other.nodes[a], other.nodes[b])
            size = self.nodes[a], self.nodes[b]
            resampled = F.interpolate(grid, size=size, mode="bilinear", align_corners=True)
            plane.copy_(resampled.reshape(self.components, -1).T)
            ends = F.interpolate(old_line.to(line).T[None], size=self.nodes[c], mode="linear", align_corners=True)
            line.copy_(ends[0].T)


def _between(low: Tensor, high: Tensor, upper: Tensor) -> Tensor:
    """Interpolate between plain node values; `upper` may be a bundle of Taylor coefficients."""
    return torch.add(torch.mul(upper, torch.sub(high, low)), low)
