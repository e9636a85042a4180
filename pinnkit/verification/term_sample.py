"""Residual of one term at fresh points, and the parts that should cancel in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from pinnkit.domains import Points, Sobol
from pinnkit.problem.linearization import Channel, linearise
from pinnkit.problem.problem import Problem
from pinnkit.problem.residual_parts import residual_parts
from pinnkit.problem.terms import Term
from pinnkit.solutions.solution import Solution

from .measures import TermCheck
from .scales import TEST_SEED, Unknowns, least_sizes, rms, sizes_of

__all__ = ["FRESH", "TEST_SEED", "Sample", "channel_errors_at", "channels_at", "rms", "subsampled", "vanishes"]

FRESH = 4096
"""Points of each term: residuals that are concentrated on a thousandth of the domain still show."""
_MOST = 2**16
"""Of points that a term brings itself, or that its integrals add."""
_LEAST = 256
"""Rows that are kept however many points each has."""
_MEDIAN_TO_RMS = 1.4826
"""Root mean square over median magnitude of a normal distribution."""


@dataclass(frozen=True)
class Sample:
    """A term at fresh points, split into what comes from the unknowns and what is given.

    To first order r = Σ_c ∂r/∂c · c + given: `given` is the forcing, the prescribed value, the initial state.

    Args:
        term: the term.
        points: one set for each of its sites, then the nodes of its integrals.
        values: channels of the unknowns.
        r: the residual ``(n, k)``.
        given: the data ``(n, k)``.
        parts: at each point the sum of the magnitudes of all that should cancel there, ``(n,)``.
        check: the residual and its scale as root mean squares.
        from_unknowns: the root mean square of what comes from the unknowns, each channel by itself.
        natural_scale: the same, of a field of this size that varies over the whole domain.
        own_error: at each point the error of the residual that the derivatives of a table have, ``(n,)``; else zero.
    """

    term: Term
    points: tuple[Points, ...]
    values: Mapping[Channel, Tensor]
    r: Tensor
    given: Tensor
    parts: Tensor
    check: TermCheck
    from_unknowns: float
    natural_scale: float
    own_error: Tensor

    @classmethod
    def of(cls, solution: Solution, term: Term, sizes: Mapping[str, float] | None = None) -> Sample:
        """Sample `term` on points that are the same for every solution; `sizes` as for `at`."""
        return cls.at(
            solution.problem,
            term,
            partial(channels_at, solution),
            solution.coefficient_tensors,
            dtype=solution.dtype,
            device=solution.device,
            sizes=sizes,
            errors=partial(channel_errors_at, solution) if solution.fieldset.is_uncertain else None,
        )

    @classmethod
    def at(
        cls,
        problem: Problem,
        term: Term,
        unknowns: Unknowns,
        coefficients: Mapping[str, Tensor],
        *,
        dtype: torch.dtype = torch.float64,
        device: str = "cpu",
        count: int = FRESH,
        sizes: Mapping[str, float] | None = None,
        errors: Unknowns | None = None,
    ) -> Sample:
        """Sample a term of a problem for given unknowns.

        Args:
            problem: the problem.
            term: one of its terms.
            unknowns: gives channels of the unknowns at points.
            coefficients: of the problem.
            dtype: of the points.
            device: of the points.
            count: number of points.
            sizes: of the unknowns, see `sizes_of`; None computes them.
            errors: gives errors of channels at points, of those that have any; None where all are exact.
        """
        if sizes is None:
            least = least_sizes(problem, unknowns, coefficients, dtype=dtype, device=device)
            sizes = sizes_of(problem, unknowns, least, dtype=dtype, device=device)
        trace = problem.trace(term, raw=False)
        generator = torch.Generator().manual_seed(TEST_SEED)
        points = tuple(p.to(dtype, device) for p in _affordable(term.finer().sample(count, generator, Sobol())))
        values = unknowns(points, trace.channels)
        at = linearise(problem, term, points, values, coefficients)
        everywhere: dict[Channel, Tensor] = {}
        for domain in dict.fromkeys(problem.domain_of(c.unknown) for c in trace.channels):
            inside = domain.sample(count // 4, generator, sampling=Sobol()).to(dtype, device)
            there = [c for c in trace.channels if problem.domain_of(c.unknown) == domain]
            everywhere |= unknowns((inside,) * len(points), there)
        remainder, scale, from_unknowns, natural_scale = at.at_zero(values), 0.0, 0.0, 0.0
        parts = torch.zeros_like(at.r)
        for part in residual_parts(problem, at, values):
            parts = parts + part.contribution.abs()
            here, natural = rms(part.contribution), part.natural * sizes[part.unknown]
            # A condition such as u = 0 compares u with nothing: its size is that of u elsewhere.
            elsewhere = 0.0 if part.channel is None else part.slope * rms(everywhere[part.channel])
            scale += max(here, elsewhere, natural)
            from_unknowns += here
            natural_scale += part.natural * (sizes[part.unknown] or 1.0)
        own_error = torch.zeros_like(at.r)
        for channel, error in ({} if errors is None else errors(points, trace.channels)).items():
            size = error if error.ndim == 2 else error[:, None]
            at_points = (at.d[channel].abs() * size[:, None, :]).sum(dim=-1)
            own_error = own_error + points[channel.site].row_sums(at_points)
        check = TermCheck(str(term.name), term.kind, rms(at.r), scale + rms(remainder), rms(own_error))
        parts = (parts + remainder.abs()).square().sum(dim=1).sqrt()
        own = own_error.double().cpu().square().sum(dim=1).sqrt()
        return cls(term, points, values, at.r, remainder, parts, check, from_unknowns, natural_scale, own)

    @property
    def given_size(self) -> float:
        """Root mean square of the data."""
        return rms(self.given)

    @property
    def driven(self) -> bool:
        """True if the data are not zero, beyond rounding."""
        return self.given_size > 1e-6 * self.check.scale

    @property
    def coords(self) -> Tensor:
        """Coordinates ``(n, d)`` of the rows; of the centres of their points where these come in groups."""
        return self.points[0].row_coords.double().cpu()

    @property
    def magnitude(self) -> Tensor:
        """|r| at each point, ``(n,)``."""
        return self.r.double().cpu().square().sum(dim=1).sqrt()

    @property
    def excess(self) -> Tensor:
        """|r| beyond its own error at each point, ``(n,)``: the part that is a defect of the solution."""
        return (self.magnitude - self.own_error).clamp(min=0.0)

    @property
    def beyond(self) -> float:
        """Relative residual beyond its own error; `check.relative` where that is zero.

        Measurements under a penalty that grows more slowly than the square, such as Huber's, are expected to hold
        outliers: their root mean square is 1.4826 times the median of |r|, that of normally distributed errors.
        """
        if self.term.fits_data and not self.term.penalty.is_square and self.check.scale > 0:
            return _MEDIAN_TO_RMS * float(self.excess.median()) / self.check.scale
        whole = rms(self.magnitude)
        if not float(self.own_error.max() if self.own_error.numel() else 0.0) > 0 or not whole > 0:
            return self.check.relative
        return self.check.relative * rms(self.excess) / whole


def channel_errors_at(
    solution: Solution, points: Sequence[Points], channels: Sequence[Channel]
) -> dict[Channel, Tensor]:
    """Errors of the derivatives of the unknowns, of those that have any; of solutions without an ansatz."""
    return solution.fieldset.channel_errors(points, channels)


def vanishes(term: Term) -> bool:
    """Return whether the residual of a term should be zero, rather than an integrand or a logit."""
    return term.penalty.vanishes


def channels_at(solution: Solution, points: Sequence[Points], channels: Sequence[Channel]) -> dict[Channel, Tensor]:
    """Derivatives of the unknowns, through the ansatz where there is one."""
    if not solution.problem.ansatz:
        with torch.no_grad():
            return {c: v.detach() for c, v in solution.fieldset.channels(points, channels).items()}
    found: dict[tuple[int, tuple[str, ...]], dict[str, Tensor]] = {}

    def value(site: int, name: str, order: tuple[str, ...]) -> Tensor:
        if (site, order) not in found:
            found[site, order] = solution.fieldset.unknowns(points[site].coords, solution.coefficient_tensors, order)
        return found[site, order][name]

    out = {}
    for c in channels:
        parts = [factor * value(c.site, c.unknown, columns) for factor, columns in c.derivatives]
        out[c] = torch.stack(parts).sum(dim=0)
    return out


def value_at(solution: Solution, name: str, coords: Tensor) -> Tensor:
    """Values of one unknown at points ``(n, d)`` where it lives, in float64 on the CPU."""
    points = (Points(coords.to(solution.device, solution.dtype)),)
    return channels_at(solution, points, [Channel(0, name, ())])[Channel(0, name, ())].double().cpu()


def subsampled(points: Sequence[Points], most: int) -> tuple[Points, ...]:
    """At most `most` of the rows, evenly spaced in their order."""
    rows = points[0].row_count
    step = -(-rows // most)
    return tuple(points) if step <= 1 else tuple(p.take(torch.arange(0, rows, step)) for p in points)


def _affordable(points: Sequence[Points]) -> tuple[Points, ...]:
    """Rows with at most `_MOST` points at any of the sites, and at least `_LEAST` rows."""
    samples = max(p.coords.shape[0] for p in points)
    return subsampled(points, max(_MOST * points[0].row_count // max(samples, 1), _LEAST))
