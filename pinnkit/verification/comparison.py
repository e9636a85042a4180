"""Differences of a solution from the exact solution and from the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from pinnkit.domains import Axis, Box, Role, Sobol
from pinnkit.problem.problem import Problem
from pinnkit.solutions.solution import Solution, exact_values

from .measures import EXACT, FAR, Comparison
from .scales import TEST_SEED, least_sizes
from .term_sample import channels_at

if TYPE_CHECKING:
    from pinnkit.references import Reference

__all__ = [
    "TEST_POINTS",
    "Gathered",
    "compare_gathered",
    "compare_with_exact",
    "compare_with_reference",
    "gathered",
    "reference_error",
]

TEST_POINTS = 2**14
_GRID = 2**16  # points of the reference's grid that are compared at most
_ROUNDING = 8 * float(np.finfo(np.float64).eps)  # what is claimed for a closed form in float64, relative

_TENTH = 0.1  # of the largest value, added to the size of a single one

_NEGATED = "with the opposite sign,"


def compare_with_exact(solution: Solution) -> tuple[Comparison, ...]:
    """Compare the solution with the exact solution on fixed Sobol points; empty without one."""
    problem = solution.problem
    if not problem.exact:
        return ()
    generator = torch.Generator().manual_seed(TEST_SEED)
    coords = problem.domain.sample(TEST_POINTS, generator, sampling=Sobol()).coords
    found = _at(solution, coords)
    true = exact_values(problem, coords, solution.coefficients)
    least = _least(solution)
    out = [
        _compare(name, EXACT, found[name], v.numpy(), _ROUNDING, None, {}, least.get(name, 0.0))
        for name, v in true.items()
    ]
    if all(c.measured_l2 <= FAR for c in out):
        return tuple(out)
    images = {f"mirrored along {a.name},": _at(solution, _reflected(problem, coords, a)) for a in _mirrors(problem)}
    images[_NEGATED] = {name: -value for name, value in found.items()}
    return tuple(
        _compare(
            name,
            EXACT,
            found[name],
            v.numpy(),
            _ROUNDING,
            None,
            {words: image[name] for words, image in images.items()},
            least.get(name, 0.0),
        )
        for name, v in true.items()
    )


@dataclass(frozen=True)
class Gathered:
    """Values of one unknown of a solution beside those of a reference, at the same places.

    Args:
        against: label of the reference.
        found: of the solution.
        known: of the reference; NaN outside of the domain.
        bar: relative error bar of the reference.
        max_bar: error bar of a single value, in the unit of the unknown.
        images: the solution's values mirrored, by description.
    """

    against: str
    found: NDArray[np.float64]
    known: NDArray[np.float64]
    bar: float
    max_bar: float
    images: Mapping[str, NDArray[np.float64]]


def compare_with_reference(solution: Solution, reference: Reference) -> tuple[Comparison, ...]:
    """Compare the solution with the reference on its grid.

    Raises:
        ValueError: for a reference that does not have the problem's axes.
    """
    names = [a.name for a in solution.problem.axes]
    if set(reference.axes) != set(names):
        raise ValueError(f"validate: `reference` has the axes {tuple(reference.axes)}, the problem has {tuple(names)}")
    return compare_gathered(solution, gathered(solution, reference, {}))


def gathered(solution: Solution, reference: Reference, fixed: Mapping[str, float]) -> dict[str, Gathered]:
    """Values of the unknowns on at most 2^16 points of the reference's grid.

    Args:
        solution: of the problem.
        reference: of the problem, or of its section at `fixed`.
        fixed: values of parameters that the reference has no axis for.
    """
    axes = {a.name: a for a in solution.problem.axes if a.name not in fixed}
    names = list(axes)
    ticks = [np.asarray(reference.axes[name], dtype=np.float64) for name in names]
    keep = [_spread(len(t), max(int(_GRID ** (1 / len(ticks))), 2)) for t in ticks]
    at = {name: t[k] for name, t, k in zip(names, ticks, keep, strict=True)}
    found = solution.on_grid(**at, **{name: np.array([value]) for name, value in fixed.items()})
    held = tuple(i for i, a in enumerate(solution.problem.axes) if a.name in fixed)
    even = [i for i, name in enumerate(names) if axes[name].role is Role.SPACE and _symmetric(ticks[i][keep[i]])]
    out = {}
    for name, values in reference.values.items():
        bar, bar_max = reference.bars(name)
        u = np.squeeze(found[name], axis=held).astype(np.float64)
        images = {f"mirrored along {names[i]},": np.flip(u, axis=i) for i in even}
        images[_NEGATED] = -u
        out[name] = Gathered(reference.kind, u, np.asarray(values)[np.ix_(*keep)], bar, bar_max, images)
    return out


def compare_gathered(solution: Solution, parts: Mapping[str, Gathered]) -> tuple[Comparison, ...]:
    """Differences of gathered values, by unknown."""
    least = _least(solution)
    return tuple(
        _compare(name, g.against, g.found, g.known, g.bar, g.max_bar, g.images, least.get(name, 0.0))
        for name, g in parts.items()
    )


def reference_error(
    problem: Problem, reference: Reference, coefficients: Mapping[str, float]
) -> tuple[Comparison, ...]:
    """Compare the reference with the exact solution on its whole grid: its true error."""
    ticks = {a.name: np.asarray(reference.axes[a.name], dtype=np.float64) for a in problem.axes}
    mesh = np.meshgrid(*ticks.values(), indexing="ij")
    coords = torch.from_numpy(np.stack([m.ravel() for m in mesh], axis=1))
    out = []
    for name, value in exact_values(problem, coords, coefficients).items():
        if name in reference.values:
            found = np.asarray(reference.values[name])
            true = np.where(np.isnan(found), np.nan, value.numpy().reshape(found.shape))  # outside a curved wall
            out.append(_compare(name, EXACT, found, true, _ROUNDING, None, {}, 0.0))
    return tuple(out)


def _at(solution: Solution, coords: torch.Tensor) -> dict[str, NDArray[np.float64]]:
    inside = coords.to(solution.device, solution.dtype)
    found = solution.fieldset.unknowns(inside, solution.coefficient_tensors)
    return {name: value.double().cpu().numpy() for name, value in found.items()}


def _mirrors(problem: Problem) -> list[Axis]:
    if not isinstance(problem.domain, Box):
        return []
    return [a for a in problem.axes if a.role is Role.SPACE and a.dim == 1]


def _reflected(problem: Problem, coords: torch.Tensor, axis: Axis) -> torch.Tensor:
    column = problem.frame.columns.index(axis.name)
    out = coords.clone()
    out[:, column] = axis.lower + axis.upper - out[:, column]
    return out


def _symmetric(ticks: NDArray[np.float64]) -> bool:
    return bool(np.allclose(ticks[0] + ticks[-1] - ticks[::-1], ticks, atol=1e-9 * (ticks[-1] - ticks[0])))


def _spread(length: int, count: int) -> NDArray[np.int64]:
    """At most `count` indices out of `length`, both ends among them."""
    return np.unique(np.linspace(0, length - 1, min(length, count)).round().astype(np.int64))


def _compare(
    name: str,
    against: str,
    found: NDArray[Any],
    true: NDArray[Any],
    bar: float,
    bar_max: float | None,
    images: Mapping[str, NDArray[Any]],
    least: float,
) -> Comparison:
    """Differences where both are known; `bar_max` None means the relative `bar` of the greatest |true|.

    `least` is the size up to which the unknown counts as zero, and differences are relative to it.
    """
    known = ~np.isnan(true)
    gap, v = (found - true)[known], true[known]
    size = _rms(v)
    unit = max(size, least) or 1.0
    distance = _rms(gap) if v.size else float("nan")
    greatest = float(np.abs(v).max()) if v.size else 0.0
    return Comparison(
        unknown=name,
        against=against,
        measured_l2=distance / unit,
        measured_max=float(np.abs(gap).max()) if v.size else float("nan"),
        l2_bar=bar,
        max_bar=bar * greatest if bar_max is None else bar_max,
        points=int(v.size),
        measured_local=_local(gap, v, least),
        scale=size,
        images={words: _rms((image - true)[known]) / unit for words, image in images.items()},
    )


def _local(gap: NDArray[Any], v: NDArray[Any], least: float) -> float:
    """Largest |gap| / (|v| + 0.1 max |v|), over components together."""
    if not v.size:
        return float("nan")
    unit = np.abs(v) + _TENTH * (max(float(np.abs(v).max()), least) or 1.0)
    return float((np.abs(gap) / unit).max())


def _least(solution: Solution) -> Mapping[str, float]:
    return least_sizes(
        solution.problem,
        partial(channels_at, solution),
        solution.coefficient_tensors,
        dtype=solution.dtype,
        device=solution.device,
    )


def _rms(values: NDArray[Any]) -> float:
    return float(np.sqrt(np.mean(values**2))) if values.size else 0.0
