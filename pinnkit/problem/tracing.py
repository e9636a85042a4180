"""Tracing of a residual: the channels that it depends on, its number of rows, whether it is affine in the unknowns.

The residual is run on a handful of sample points with random channels; nothing is parsed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Generator, Tensor
from torch.overrides import TorchFunctionMode

from pinnkit.domains import Points
from pinnkit.jets.discontinuity_check import refuse_discontinuities

from .channels import Channel
from .channels import Trace as Trace
from .linearization import residual_rows, term_weight
from .protocols import ProblemLike
from .terms import Term

__all__ = ["Trace", "coefficient_is_used", "naming", "trace"]

_SIZES = (7, 11)  # two different counts, so that a wrong shape cannot pass by coincidence
_FINITE_AT = (1.0, 100.0, 0.01, 1e4, 1e-4)  # sizes that are tried where a residual is not finite at usual ones
_MANY = 251
"""Number of points of the search for coefficients that jump."""


@contextmanager
def naming(label: str) -> Iterator[None]:
    """Context in which errors of the user's functions, also those raised inside torch, begin with `label`."""
    try:
        yield
    except TypeError as error:
        hint = "; use torch functions instead of NumPy ones" if "ufunc" in str(error) else ""
        raise TypeError(_prefixed(label, f"{error}{hint}")) from error
    except (ValueError, AttributeError, RuntimeError, IndexError, ZeroDivisionError) as error:
        raise ValueError(_prefixed(label, str(error))) from error


def _prefixed(label: str, message: str) -> str:
    return message if message.startswith(label) else f"{label}: {message}"


def trace(problem: ProblemLike, term: Term, *, raw: bool) -> Trace:
    """Probe `term` on a few of its own points.

    Raises:
        ValueError: for wrong shapes, a residual without an unknown, or one that is nowhere finite.
    """
    generator = torch.Generator().manual_seed(0)
    label = f"problem '{problem.name}': term '{term.name}'"
    with naming(label):
        results = [_probe(problem, term, size, generator, raw) for size in _SIZES]
        _refuse_steps_and_gaps(problem, term, raw)
    (small, asked, points), (large, _, _) = results
    if small.shape[1] != large.shape[1]:
        raise ValueError(
            f"{label}: the number of residual components changes with the number of points, "
            f"{small.shape[1]} for {len(small)} and {large.shape[1]} for {len(large)}; a residual is pointwise"
        )
    if not asked:
        raise ValueError(f"{label} uses no unknown; its residual must depend on one of {problem.names}")
    draw = _drawer(problem, points, generator)
    samples = [{c: draw(c, scale) for c in asked} for scale in (1.0, 1.0, 10.0)]
    residuals = [_evaluate(problem, term, points, s, raw) for s in samples]
    usual = bool(torch.isfinite(residuals[0]).all())
    base = samples[0] if usual else _finite_sample(problem, term, points, samples, raw)
    if base is None:
        raise ValueError(f"{label}: the residual is not finite at any of the {len(small)} points probed")
    _refuse_randomness(label, residuals[0], _evaluate(problem, term, points, samples[0], raw))
    used = []
    for channel in asked:
        found = _depends(problem, term, points, base, channel, generator, raw)
        with _BothBranches():
            found = found or _depends(problem, term, points, base, channel, generator, raw)
        used += [channel] if found else []
    if not used:
        raise ValueError(f"{label}: the residual does not depend on any unknown ({problem.names})")
    affine = _affine(problem, term, points, samples, raw)
    with _BothBranches():
        affine = [one and both for one, both in zip(affine, _affine(problem, term, points, samples, raw), strict=True)]
    return Trace(tuple(used), frozenset(asked) - frozenset(used), small.shape[1], tuple(affine))


def _finite_sample(
    problem: ProblemLike, term: Term, points: tuple[Points, ...], samples: Sequence[dict[Channel, Tensor]], raw: bool
) -> dict[Channel, Tensor] | None:
    """Values of the channels at which most residuals are finite, of any size and sign; None where none is finite."""
    first = samples[0]
    candidates = [*samples]
    for size in _FINITE_AT:
        candidates += [{c: size * v for c, v in first.items()}, {c: size * (v.abs() + 0.5) for c, v in first.items()}]
    counts = [int(torch.isfinite(_evaluate(problem, term, points, c, raw)).sum()) for c in candidates]
    best = max(range(len(counts)), key=counts.__getitem__)
    return candidates[best] if counts[best] else None


def _probe(
    problem: ProblemLike, term: Term, size: int, generator: Generator, raw: bool
) -> tuple[Tensor, tuple[Channel, ...], tuple[Points, ...]]:
    points = _few(problem, term, size, generator)
    asked: dict[Channel, Tensor] = {}
    draw = _drawer(problem, points, generator)

    def lookup(channel: Channel) -> Tensor:
        return asked.setdefault(channel, draw(channel, 1.0))

    if points[0].coords.shape[0] == 0:
        raise ValueError(f"its part {term.sites[0]!r} is empty, there are no points to sample")
    weight = torch.as_tensor(term_weight(problem, term, points[0]))
    if not bool((torch.isfinite(weight) & (weight >= 0)).all()):
        raise ValueError("`weight` must be finite and never negative")
    rows = residual_rows(problem, term, points, lookup, problem.initial_coefficients(), raw=raw)
    return rows, tuple(asked), points


def _refuse_steps_and_gaps(problem: ProblemLike, term: Term, raw: bool) -> None:
    """Refuse a derivative of plain numbers that differ from point to point, and given values that are not finite.

    Raises:
        ValueError: where the residual takes such a derivative, or a built-in condition has such a value.
    """
    generator = torch.Generator().manual_seed(1)
    points = _few(problem, term, _MANY, generator)
    draw = _drawer(problem, points, generator)
    with refuse_discontinuities(points[0].coords.shape[0]):
        rows = residual_rows(problem, term, points, lambda c: draw(c, 1.0), problem.initial_coefficients(), raw=raw)
    if term.rule is None or (raw and problem.ansatz):  # other residuals need not be finite for random unknowns
        return
    bad = ~torch.isfinite(rows).all(dim=1)
    if bool(bad.any()):
        at = zip(problem.frame.columns, points[0].coords[bad][0].tolist(), strict=True)
        raise ValueError(
            f"the given value is not finite at {int(bad.sum())} of {len(bad)} points, such as "
            f"{', '.join(f'{column} = {x:.3g}' for column, x in at)}; give a function that is finite on "
            f"{'the whole part' if term.own_points is None else 'all of them'}"
        )


def _refuse_randomness(label: str, first: Tensor, second: Tensor) -> None:
    """Refuse a residual that differs between two evaluations at the same points and values."""
    if not torch.equal(torch.nan_to_num(first), torch.nan_to_num(second)) or _nans(first, second):
        raise ValueError(
            f"{label}: the residual gives other values when it is evaluated again at the same points; draw random "
            "numbers once, outside of the function, and give them as a function of the coordinates"
        )


def coefficient_is_used(problem: ProblemLike, term: Term, name: str) -> bool:
    """Return whether a coefficient changes the residual of a term at some points, at random values of the channels."""
    generator = torch.Generator().manual_seed(0)
    points = _few(problem, term, _SIZES[1], generator)
    draw = _drawer(problem, points, generator)
    values: dict[Channel, Tensor] = {}

    def lookup(channel: Channel) -> Tensor:
        return values.setdefault(channel, draw(channel, 1.0))

    start = problem.initial_coefficients()
    moved = {**start, name: 1.37 * start[name] + 0.61}
    first, second = (residual_rows(problem, term, points, lookup, at, raw=True) for at in (start, moved))
    return not torch.equal(torch.nan_to_num(first), torch.nan_to_num(second)) or _nans(first, second)


def _few(problem: ProblemLike, term: Term, size: int, generator: Generator) -> tuple[Points, ...]:
    """At most `size` rows of a term, in the floating-point type of the problem on the CPU."""
    drawn = (p if p.row_count <= size else p.rows(0, size) for p in term.sample(size, generator))
    return tuple(p.to(problem.dtype, torch.device("cpu")) for p in drawn)


def _drawer(
    problem: ProblemLike, points: tuple[Points, ...], generator: Generator
) -> Callable[[Channel, float], Tensor]:

    def draw(channel: Channel, scale: float) -> Tensor:
        n = points[channel.site].coords.shape[0]
        components = problem.unknown(channel.unknown).components
        shape = (n,) if components is None else (n, components)
        return scale * torch.randn(shape, generator=generator, dtype=problem.dtype)

    return draw


def _evaluate(
    problem: ProblemLike, term: Term, points: tuple[Points, ...], values: dict[Channel, Tensor], raw: bool
) -> Tensor:
    return residual_rows(problem, term, points, values.__getitem__, problem.initial_coefficients(), raw=raw)


class _BothBranches(TorchFunctionMode):
    """Mode in which `torch.where` adds its branches, so that a branch not taken at the few points shows as well."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func in (torch.where, Tensor.where) and len(args) == 3:
            return args[1] + args[2]
        return func(*args, **(kwargs or {}))


def _depends(
    problem: ProblemLike,
    term: Term,
    points: tuple[Points, ...],
    values: dict[Channel, Tensor],
    channel: Channel,
    generator: Generator,
    raw: bool,
) -> bool:
    """Test whether replacing the channel by very different values, or by NaN, changes the residual at all."""
    base = _evaluate(problem, term, points, values, raw)
    draw = _drawer(problem, points, generator)
    others = [draw(channel, 1.0), draw(channel, 1e3), torch.full_like(values[channel], torch.nan)]
    changed = (_evaluate(problem, term, points, {**values, channel: other}, raw) for other in others)
    return any(not torch.equal(torch.nan_to_num(base), torch.nan_to_num(r)) or _nans(r, base) for r in changed)


def _nans(a: Tensor, b: Tensor) -> bool:
    return not torch.equal(torch.isnan(a), torch.isnan(b))


def _affine(
    problem: ProblemLike, term: Term, points: tuple[Points, ...], samples: list[dict[Channel, Tensor]], raw: bool
) -> list[bool]:
    """Test of each row: r(a + s b) - r(a) = s (r(b) - r(0)) for small and large s, to rounding."""
    zero = {c: torch.zeros_like(v) for c, v in samples[0].items()}
    origin = _evaluate(problem, term, points, zero, raw)
    a, b, _ = samples
    at_a, at_b = (_evaluate(problem, term, points, s, raw) for s in (a, b))
    finite = torch.isfinite(torch.cat([origin, at_a, at_b])).all(dim=0)  # not 1 / u at u = 0
    tolerance = 1e3 * torch.finfo(origin.dtype).eps
    for scale in (1e-2, 1.0, 1e3):
        mixed = _evaluate(problem, term, points, {c: a[c] + scale * b[c] for c in a}, raw)
        wrong = (mixed - at_a - scale * (at_b - origin)).abs()
        size = mixed.abs() + at_a.abs() + scale * (at_b.abs() + origin.abs())
        finite = finite & torch.isfinite(mixed).all(dim=0) & ~(wrong > tolerance * (size + 1e-300)).any(dim=0)
    return [bool(row) for row in finite]
