"""Volume rendering: integrals of density and colour along rays, by quadrature.

Samples have one of two layouts.  Dense: `(rows, k)`, k samples per ray.  Ragged: `(n,)`, the samples of all rays
concatenated, with `counts` `(rows,)` samples per ray, 0 included; n is their sum.  Every function accepts both, and
none depends on cameras or fields.  Densities are per length; deltas and distances are lengths.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Rendering", "composite", "median_distance", "over", "ray_weights", "render", "segment_sum", "transmittance"]


class Rendering(NamedTuple):
    """Rendered rays.

    colour: `(rows, c)`, premultiplied, without background.
    accumulation: `(rows,)`, opacity 1 - exp(-integral of the density), in [0, 1].
    depth: `(rows,)`, expected distance, sum w t / sum w; nan for empty rays.
    median: `(rows,)`, distance at which half of the accumulation is reached; nan for empty rays.
    weights: contribution of each sample, the shape of the densities.
    """

    colour: Tensor
    accumulation: Tensor
    depth: Tensor
    median: Tensor
    weights: Tensor


def transmittance(density: Tensor, delta: Tensor, counts: Tensor | None = None) -> Tensor:
    """Transmittance in front of each sample, T_i = exp(-sum_{j<i} sigma_j delta_j); the shape of `density`.

    The exponents are summed in float64 instead of multiplying factors, so that one sum over all rays loses no accuracy.

    Source: Max, Optical models for direct volume rendering, IEEE TVCG 1 (1995), eq. 5.
    """
    thickness = density * delta
    exact = _to_float64(thickness)
    before = exact.cumsum(dim=-1) - exact
    if counts is not None:
        # The running sum covers all rays: subtract its value at the start of the ray of each sample.  A ray without
        # samples may point past the end; it is repeated zero times.
        first = (counts.cumsum(0) - counts).clamp(max=max(before.shape[0] - 1, 0))
        if before.shape[0]:
            begun = before.index_select(0, first)
            before = before - torch.repeat_interleave(begun, counts, output_size=before.shape[0])
    return torch.exp(-before).to(density.dtype)


def ray_weights(density: Tensor, delta: Tensor, counts: Tensor | None = None) -> Tensor:
    """Ray weights w_i = T_i (1 - exp(-sigma_i delta_i)), the contribution of sample i; the shape of `density`.

    For a constant density over a length L they sum to 1 - exp(-sigma L), for any number of samples.

    Source: Mildenhall et al., NeRF, ECCV 2020, eq. 3.
    """
    return transmittance(density, delta, counts) * -torch.expm1(-density * delta)


def segment_sum(values: Tensor, counts: Tensor) -> Tensor:
    """Sums `(rows, ...)` over consecutive segments of `values` `(n, ...)`; empty segments give 0."""
    if values.shape[0] == 0:
        return values.new_zeros(counts.shape[0], *values.shape[1:]) + 0 * values.sum()
    return torch.segment_reduce(values.contiguous(), "sum", lengths=counts, axis=0, unsafe=True, initial=0)


def composite(weights: Tensor, values: Tensor, counts: Tensor | None = None) -> Tensor:
    """Sum of w_i v_i along each ray.

    Args:
        weights: `(rows, k)`, or `(n,)` with counts.
        values: the shape of the weights, optionally with a last axis of c components.
        counts: samples per ray of the ragged layout.

    Returns:
        `(rows,)`, or `(rows, c)`.
    """
    many = values.ndim > weights.ndim
    weighted = (weights[..., None] if many else weights) * values
    return weighted.sum(dim=1) if counts is None else segment_sum(weighted, counts)


def median_distance(weights: Tensor, distance: Tensor, counts: Tensor | None = None) -> Tensor:
    """Distance `(rows,)` of the first sample at which half of the accumulation is reached; nan for empty rays.

    At a depth discontinuity the expected distance lies between the two surfaces; the median does not.
    """
    exact = _to_float64(weights)
    if counts is None:
        running = exact.cumsum(dim=1)
        total = running[:, -1:]
        at = (running < total / 2).sum(dim=1).clamp(max=weights.shape[1] - 1)
        found = distance.gather(1, at[:, None])[:, 0]
        return torch.where(total[:, 0] > 0, found, torch.nan)
    n, rows = weights.shape[0], counts.shape[0]
    if n == 0:
        return weights.new_full((rows,), torch.nan)
    ends = counts.cumsum(0)
    sums = torch.cat([exact.new_zeros(1), exact.cumsum(0)])
    begun, total = sums[ends - counts], sums[ends] - sums[ends - counts]
    half = torch.repeat_interleave(begun + total / 2, counts, output_size=n)
    below = segment_sum((sums[1:] < half).to(exact), counts).long()
    found = distance[(ends - counts + below.minimum((counts - 1).clamp(min=0))).clamp(max=n - 1)]
    return torch.where((counts > 0) & (total > 0), found, torch.nan)


def render(
    density: Tensor, colour: Tensor, delta: Tensor, distance: Tensor, *, counts: Tensor | None = None
) -> Rendering:
    """Render all rays.

    Args:
        density: `(rows, k)` or `(n,)`, sigma >= 0 per unit of length.
        colour: `(rows, k, c)` or `(n, c)`.
        delta: length that each sample represents, the shape of `density`, or a number as a tensor.
        distance: length along the ray, the shape of `density`.
        counts: samples per ray of the ragged layout, `(rows,)` int64.
    """
    weights = ray_weights(density, delta, counts)
    accumulation = composite(weights, torch.ones_like(weights), counts)
    expected = composite(weights, distance, counts) / torch.where(accumulation > 0, accumulation, torch.nan)
    with torch.no_grad():
        median = median_distance(weights, distance, counts)
    return Rendering(composite(weights, colour, counts), accumulation, expected, median, weights)


def over(colour: Tensor, accumulation: Tensor, background: Tensor) -> Tensor:
    """Composite a premultiplied colour `(rows, c)` over a background `(rows, c)` or `(c,)`: C + (1 - A) B."""
    return colour + (1 - accumulation)[:, None] * background


def _to_float64(tensor: Tensor) -> Tensor:
    """Convert to float64 for sums over many samples, if the device supports it."""
    return tensor if tensor.device.type == "mps" else tensor.double()
