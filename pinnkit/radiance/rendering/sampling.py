"""Where along its ray a field is asked: stratified, and where coarse weights say that something is."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["box_span", "intervals", "merged", "sample_cdf", "stratified"]


def box_span(origins: Tensor, directions: Tensor, lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
    """Where rays o + t d are inside a box: near and far `(n,)` with 0 <= near; near >= far where they miss it.

    Args:
        origins: `(n, 3)`.
        directions: `(n, 3)`; t is in units of their length, which need not be 1.
        lower: corner `(3,)` of the box.
        upper: its opposite corner.

    Source: Kay and Kajiya, Ray tracing complex scenes, SIGGRAPH 1986 (slabs).
    """
    # A ray parallel to a wall gives +-inf (between the walls or not), or nan on the wall itself: taken as inside.
    inverse = 1 / directions
    one, other = (lower - origins) * inverse, (upper - origins) * inverse
    first = torch.minimum(one, other).nan_to_num(nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf)
    last = torch.maximum(one, other).nan_to_num(nan=torch.inf, posinf=torch.inf, neginf=-torch.inf)
    return first.amax(dim=1).clamp(min=0), last.amin(dim=1)


def stratified(near: Tensor, far: Tensor, n: int, generator: torch.Generator | None) -> Tensor:
    """Positions `(rows, n)`, ascending: one in each of n equal intervals of [near, far], both `(rows,)`.

    Uniform within its interval; without a generator its middle.
    """
    rows = near.shape[0]
    if generator is None:
        inside = torch.full((rows, n), 0.5, dtype=near.dtype, device=near.device)
    else:
        inside = torch.rand(rows, n, generator=generator, dtype=near.dtype, device=near.device)
    unit = (torch.arange(n, dtype=near.dtype, device=near.device) + inside) / n
    return near[:, None] + (far - near)[:, None] * unit


def intervals(t: Tensor, near: Tensor, far: Tensor) -> tuple[Tensor, Tensor]:
    """Edges `(rows, k + 1)` and lengths `(rows, k)` of the pieces of [near, far] that positions `(rows, k)` stand for.

    The edges are the middles between neighbours, so that the lengths sum to far - near exactly.
    """
    middle = (t[:, 1:] + t[:, :-1]) / 2
    edges = torch.cat([near[:, None], middle, far[:, None]], dim=1)
    return edges, edges[:, 1:] - edges[:, :-1]


def sample_cdf(edges: Tensor, weights: Tensor, n: int, generator: torch.Generator | None) -> Tensor:
    """n positions `(rows, n)`, ascending, from the density that is constant, in proportion to w_i, in each interval.

    The inverse of the cumulated density at n stratified numbers of [0, 1].  Rows whose weights are all zero (or not
    finite) are sampled uniformly in length; intervals of no weight get no sample.

    Args:
        edges: `(rows, k + 1)`, ascending.
        weights: `(rows, k)`, not negative; they need not sum to 1.
        n: samples a row.
        generator: where the numbers come from; None takes the middles of n equal parts.

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
        # right=True: an interval of no weight, whose two ends have the same cumulated value, is stepped over.
        at = torch.searchsorted(cumulated, u, right=True).sub_(1).clamp_(0, weights.shape[1] - 1)
        below, piece = cumulated.gather(1, at), mass.gather(1, at)
        share = piece / mass.sum(dim=1, keepdim=True).clamp(min=torch.finfo(torch.float64).tiny)
        inside = ((u - below) / share.clamp(min=torch.finfo(torch.float64).tiny)).clamp_(0, 1)
        return (edges.double().gather(1, at) + inside * length.gather(1, at)).to(edges.dtype)


def merged(coarse: Tensor, fine: Tensor) -> Tensor:
    """All positions `(rows, k + n)` of both, ascending."""
    return torch.cat([coarse, fine], dim=1).sort(dim=1).values
