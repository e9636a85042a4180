"""Sample positions along rays: box intersection, stratified sampling, inverse-CDF sampling."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["box_intersection", "merge_samples", "sample_cdf", "sample_intervals", "stratified"]


def box_intersection(origins: Tensor, directions: Tensor, lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
    """Interval of rays o + t d inside a box: near and far `(n,)` with 0 <= near; near >= far for a miss.

    Args:
        origins: `(n, 3)`.
        directions: `(n, 3)`; t is in units of their length, which need not be 1.
        lower: corner `(3,)` of the box.
        upper: opposite corner.

    Source: Kay and Kajiya, Ray tracing complex scenes, SIGGRAPH 1986 (slabs).
    """
    # Rays parallel to a wall give +-inf (between the walls or not), or nan on the wall, which counts as inside.
    inverse = 1 / directions
    one, other = (lower - origins) * inverse, (upper - origins) * inverse
    first = torch.minimum(one, other).nan_to_num(nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf)
    last = torch.maximum(one, other).nan_to_num(nan=torch.inf, posinf=torch.inf, neginf=-torch.inf)
    return first.amax(dim=1).clamp(min=0), last.amin(dim=1)


def stratified(near: Tensor, far: Tensor, n: int, generator: torch.Generator | None) -> Tensor:
    """Ascending positions `(rows, n)`: one in each of n equal intervals of [near, far], both `(rows,)`.

    Uniform within the interval; without a generator its centre.
    """
    rows = near.shape[0]
    if generator is None:
        inside = torch.full((rows, n), 0.5, dtype=near.dtype, device=near.device)
    else:
        inside = torch.rand(rows, n, generator=generator, dtype=near.dtype, device=near.device)
    unit = (torch.arange(n, dtype=near.dtype, device=near.device) + inside) / n
    return near[:, None] + (far - near)[:, None] * unit


def sample_intervals(t: Tensor, near: Tensor, far: Tensor) -> tuple[Tensor, Tensor]:
    """Edges `(rows, k + 1)` and lengths `(rows, k)` of the intervals of positions `(rows, k)` in [near, far].

    Edges are midpoints between neighbours, so that the lengths sum to far - near exactly.
    """
    middle = (t[:, 1:] + t[:, :-1]) / 2
    edges = torch.cat([near[:, None], middle, far[:, None]], dim=1)
    return edges, edges[:, 1:] - edges[:, :-1]


def sample_cdf(edges: Tensor, weights: Tensor, n: int, generator: torch.Generator | None) -> Tensor:
    """Draw n ascending positions `(rows, n)` from the piecewise constant density in proportion to w_i.

    The cumulative density is inverted at n stratified numbers in [0, 1].  Rows whose weights are all zero (or not
    finite) are sampled uniformly in length; intervals of zero weight get no sample.

    Args:
        edges: `(rows, k + 1)`, ascending.
        weights: `(rows, k)`, not negative; they need not sum to 1.
        n: samples per row.
        generator: source of randomness; None takes the centres of n equal parts.

    Source: Mildenhall et al., NeRF, ECCV 2020, section 5.2.
    """
    with torch.no_grad():
        length = (edges[:, 1:] - edges[:, :-1]).double()
        mass = weights.double().nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).clamp(min=0)
        mass = torch.where(mass.sum(dim=1, keepdim=True) > 0, mass, length)
        cumulated = torch.cat([torch.zeros_like(mass[:, :1]), mass.cumsum(dim=1)], dim=1)
        cumulated = cumulated / cumulated[:, -1:].clamp(min=torch.finfo(torch.float64).tiny)
        rows = edges.shape[0]
        zero = torch.zeros(rows, dtype=torch.float64, device=edges.device)
        u = stratified(zero, zero + 1, n, generator)
        # right=True skips intervals of zero weight, whose ends have equal cumulative values.
        at = torch.searchsorted(cumulated, u, right=True).sub_(1).clamp_(0, weights.shape[1] - 1)
        below, piece = cumulated.gather(1, at), mass.gather(1, at)
        share = piece / mass.sum(dim=1, keepdim=True).clamp(min=torch.finfo(torch.float64).tiny)
        inside = ((u - below) / share.clamp(min=torch.finfo(torch.float64).tiny)).clamp_(0, 1)
        return (edges.double().gather(1, at) + inside * length.gather(1, at)).to(edges.dtype)


def merge_samples(coarse: Tensor, fine: Tensor) -> Tensor:
    """All positions `(rows, k + n)` of both sets, ascending."""
    return torch.cat([coarse, fine], dim=1).sort(dim=1).values
