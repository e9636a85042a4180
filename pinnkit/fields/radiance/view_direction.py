"""Fields of a position and a view direction: their columns, the harmonics of a direction, and the layers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pinnkit.fields.initialization import glorot, linear, small_readout
from pinnkit.fields.protocols import AxisLike
from pinnkit.fields.scaling import Scaling, scaling_of

__all__ = ["HARMONICS", "ViewDependentLayers", "harmonics", "position_and_view_scaling"]

HARMONICS = 9
"""Real spherical harmonics of degree 0, 1 and 2."""


def position_and_view_scaling(owner: str, axes: Sequence[AxisLike], outputs: int) -> Scaling:
    """Build the scaling of six columns: three of the position, and one axis of three columns for the direction.

    Raises:
        ValueError: for other axes, or a single output: the density is one, and colours follow.
    """
    if outputs < 2:
        raise ValueError(f"{owner}.build: `outputs` must be a density and colours, at least 2, got {outputs}")
    scaling = scaling_of(axes)
    if scaling.width != 6 or scaling.center.shape[0] != 6 or axes[-1].dim != 3:
        raise ValueError(
            f"{owner}.build: `axes` must be a place of three columns and then a direction, one axis of three columns, "
            f"as field_domain(box) has them; got {[axis.dim for axis in axes]} columns"
        )
    return scaling


def harmonics(direction: Tensor) -> Tensor:
    """Evaluate the nine real spherical harmonics of degree 0 to 2 of unit vectors, (n, 3) -> (n, 9).

    Source: Ramamoorthi and Hanrahan, An efficient representation for irradiance environment maps, SIGGRAPH 2001, eq. 3.
    """
    x, y, z = direction.unbind(1)
    one, two = math.sqrt(3 / (4 * math.pi)), math.sqrt(15 / (4 * math.pi))
    return torch.stack(
        [
            torch.full_like(x, math.sqrt(1 / (4 * math.pi))),
            *(one * y, one * z, one * x),
            *(two * x * y, two * y * z, math.sqrt(5 / (16 * math.pi)) * (3 * z * z - 1), two * x * z),
            two / 2 * (x * x - y * y),
        ],
        1,
    )


class ViewDependentLayers(nn.Module):
    """Two hidden layers, with the direction entering before the second: the first output depends on position alone.

    h = a(W_1 e + b_1), u_1 = w h + b, u_2.. = W_3 a(W_2 [h, d] + b_2) + b_3, with e the features of a position and d
    those of a direction.  In a radiance field u_1 is the density, which must not depend on the direction.
    """

    def __init__(self, features: int, directions: int, width: int, outputs: int, *, generator: torch.Generator) -> None:
        """Draw the layers; `outputs` is at least 2."""
        super().__init__()
        self.first = glorot(features, width, generator=generator, gain=math.sqrt(2))
        self.density = glorot(width, 1, generator=generator)
        self.second = glorot(width + directions, width, generator=generator, gain=math.sqrt(2))
        last = small_readout(width, outputs - 1, generator=generator)
        self.colour = linear(last.weight * 5, last.bias)

    def forward(self, features: Tensor, directions: Tensor) -> Tensor:
        """Apply the layers: (n, features), (n, directions) -> (n, outputs)."""
        hidden = torch.relu(self.first(features))
        seen = torch.relu(self.second(torch.cat([hidden, directions], 1)))
        return torch.cat([self.density(hidden), F.linear(seen, self.colour.weight, self.colour.bias)], 1)
