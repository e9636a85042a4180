"""Values that are those of the solution but for a factor, a constant, a shift, or an exchange of axes or unknowns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from pinnkit.domains import Axis, Role, Sobol
from pinnkit.solutions.solution import Solution, exact_values
from pinnkit.verification.finding import Finding, Kind
from pinnkit.verification.measures import EXACT, FAR, number, percent
from pinnkit.verification.scales import TEST_SEED

if TYPE_CHECKING:
    from pinnkit.references import Reference

__all__ = ["transformations"]

_EXPLAINED = 0.1
"""Distance after a transformation over the distance before, below which it is named."""
_SHIFTS = np.linspace(-0.4, 0.4, 41)
"""Shifts along an axis that are tried, relative to its extent."""
_FINER = np.linspace(-0.02, 0.02, 41)
"""Differences from the best of them that are tried next."""
_POINTS = 4096
_SHIFTED = 256
"""Points at which shifts are compared."""
_SIGN = 0.05

Array = NDArray[np.float64]


@dataclass(frozen=True)
class _Truth:
    """Known values ``(n,)`` or ``(n, c)`` at points ``(n, d)``."""

    coords: Array
    values: Mapping[str, Array]
    words: str


def transformations(solution: Solution, reference: Reference | None) -> Iterator[Finding]:
    """Find transformations that make wrong values those of the exact solution or the reference.

    Args:
        solution: the values.
        reference: of the problem; None for none.
    """
    truth = _truth(solution, reference)
    if truth is None:
        return
    found = _at(solution, truth.coords)
    wrong = [name for name, v in truth.values.items() if not _distance(found[name], v) <= FAR]
    if not wrong:
        return
    for first, second in combinations(wrong, 2):
        if found[first].shape == found[second].shape and _exchanged(truth, found, first, second):
            yield Finding(
                Kind.TRANSFORMED,
                f"the values of `{first}` and `{second}` are exchanged, beside the {truth.words}",
                _distance(found[first], truth.values[first]),
                first,
            )
            return
    options = [*_moved(solution, truth, found, wrong)]
    options += [option for name in wrong for option in _affine(name, found[name], truth)]
    if options:
        yield min(options, key=lambda option: option[0])[1]


def _truth(solution: Solution, reference: Reference | None) -> _Truth | None:
    problem = solution.problem
    if problem.exact:
        generator = torch.Generator().manual_seed(TEST_SEED)
        coords = problem.domain.sample(_POINTS, generator, sampling=Sobol()).coords.double()
        values = {n: v.double().numpy() for n, v in exact_values(problem, coords, solution.coefficients).items()}
        return _Truth(coords.numpy(), values, EXACT)
    if reference is None:
        return None
    ticks = [np.asarray(reference.axes[a.name], dtype=np.float64) for a in problem.axes]
    most = max(int(_POINTS ** (1 / len(ticks))), 2)
    keep = [np.unique(np.linspace(0, len(t) - 1, min(len(t), most)).round().astype(np.int64)) for t in ticks]
    mesh = np.meshgrid(*(t[k] for t, k in zip(ticks, keep, strict=True)), indexing="ij")
    coords_flat = np.stack([m.reshape(-1) for m in mesh], axis=1)
    shape = mesh[0].shape
    parts = {n: np.asarray(v, dtype=np.float64)[np.ix_(*keep)] for n, v in reference.values.items()}
    flat = {n: v.reshape(len(coords_flat), *v.shape[len(shape) :]) for n, v in parts.items()}
    known = np.all([np.isfinite(v.reshape(len(v), -1)).all(axis=1) for v in flat.values()], axis=0)
    return _Truth(coords_flat[known], {n: v[known] for n, v in flat.items()}, reference.kind)


def _at(solution: Solution, coords: Array) -> dict[str, Array]:
    values = solution.fieldset.unknowns(torch.from_numpy(coords), solution.coefficient_tensors)
    return {name: v.double().cpu().numpy() for name, v in values.items()}


def _distance(found: Array, true: Array) -> float:
    return _rms(found - true) / (_rms(true) or 1.0)


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2))) if values.size else 0.0


def _exchanged(truth: _Truth, found: Mapping[str, Array], first: str, second: str) -> bool:
    if first not in truth.values or second not in truth.values:
        return False
    before = max(_distance(found[n], truth.values[n]) for n in (first, second))
    after = max(_distance(found[first], truth.values[second]), _distance(found[second], truth.values[first]))
    return after < _EXPLAINED * before


# transformations of the coordinates -------------------------------------------------------------------------------
def _moved(
    solution: Solution, truth: _Truth, found: Mapping[str, Array], wrong: list[str]
) -> Iterator[tuple[float, Finding]]:
    """Find exchanged and shifted axes, with the distance that is left."""
    problem = solution.problem
    axes = [a for a in problem.axes if a.dim == 1]
    before = max(_distance(found[n], truth.values[n]) for n in wrong)
    for one, two in combinations(axes, 2):
        image = _at(solution, _swapped(problem.frame.columns, truth.coords, one, two))
        after = max(_distance(image[n], truth.values[n]) for n in wrong)
        if after < _EXPLAINED * before:
            yield (
                after,
                Finding(
                    Kind.TRANSFORMED,
                    f"the axes {one.name} and {two.name} are exchanged: transposed, the values are {percent(after)} "
                    f"from the {truth.words} and not {percent(before)}",
                    before,
                    wrong[0],
                ),
            )
    for axis in axes:
        if axis.role is Role.PARAMETER:
            continue
        column = problem.frame.columns.index(axis.name)
        ratio, after, shift = min(_shifts(solution, truth, wrong, column, axis, _SHIFTS), default=(1.0, before, 0.0))
        near = shift / axis.extent + _FINER
        ratio, after, shift = min(_shifts(solution, truth, wrong, column, axis, near), default=(ratio, after, shift))
        if ratio < _EXPLAINED and shift != 0:
            kind = "in time " if axis.role is Role.TIME else ""
            yield (
                after,
                Finding(
                    Kind.TRANSFORMED,
                    f"the values are shifted {kind}along {axis.name} by about {shift:.3g}: moved back, they are "
                    f"{percent(after)} from the {truth.words} and not {percent(before)}",
                    before,
                    wrong[0],
                ),
            )


def _swapped(columns: tuple[str, ...], coords: Array, one: Axis, two: Axis) -> Array:
    i, j = columns.index(one.name), columns.index(two.name)
    out = coords.copy()
    out[:, i] = one.lower + (coords[:, j] - two.lower) / (two.extent or 1.0) * one.extent
    out[:, j] = two.lower + (coords[:, i] - one.lower) / (one.extent or 1.0) * two.extent
    return out


def _shifts(
    solution: Solution, truth: _Truth, wrong: list[str], column: int, axis: Axis, parts: Array
) -> Iterator[tuple[float, float, float]]:
    """Distance after each shift over that before, at the same points; the distance after it; the shift."""
    some = np.random.default_rng(0).permutation(len(truth.coords))[:_SHIFTED]
    here = _at(solution, truth.coords[some])
    for part in parts:
        shift = float(part) * axis.extent
        there = truth.coords[some].copy()
        there[:, column] += shift
        kept = (there[:, column] >= axis.lower) & (there[:, column] <= axis.upper)
        if kept.sum() < len(some) // 3:
            continue
        image = _at(solution, there[kept])
        true = {n: truth.values[n][some][kept] for n in wrong}
        before = max(_distance(here[n][kept], true[n]) for n in wrong)
        after = max(_distance(image[n], true[n]) for n in wrong)
        yield after / before if before > FAR else 1.0, after, shift


# transformations of the values ------------------------------------------------------------------------------------
def _affine(name: str, found: Array, truth: _Truth) -> Iterator[tuple[float, Finding]]:
    """Find a factor and a constant, with the distance that is left."""
    u, v = found.reshape(-1), truth.values[name].reshape(-1)
    before, size = _rms(u - v), _rms(v) or 1.0
    factor = float(u @ v / (v @ v)) if float(v @ v) > 0 else 1.0
    constant = float((u - v).mean())
    slope = float(np.cov(u, v)[0, 1] / np.var(v, ddof=1)) if float(np.var(v)) > 0 else 1.0
    offset = float(u.mean() - slope * v.mean())
    options = {
        f"are {number(factor)} times those of": (_rms(u - factor * v) / max(abs(factor), 1.0), factor),
        f"are those of, with the constant {number(constant)} added,": (_rms(u - v - constant), constant),
        f"are {number(slope)} times, plus {number(offset)}, those of": (
            _rms(u - slope * v - offset) / max(abs(slope), 1.0),
            slope,
        ),
    }
    for words, (after, figure) in options.items():
        if after < _EXPLAINED * min(before, size) and abs(factor + 1) > _SIGN:
            yield (
                after / size,
                Finding(
                    Kind.TRANSFORMED,
                    f"the values of `{name}` {words} the {truth.words}, to within {percent(after / size)}; are "
                    "unit, scale and origin those of the problem?",
                    abs(figure),
                    name,
                ),
            )
            return
