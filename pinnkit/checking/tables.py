"""Tables of values as solutions: columns matched to axes and unknowns, rows checked, fields fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import nn

from pinnkit.domains import Axis, Sobol
from pinnkit.problem.problem import Problem, Unknown
from pinnkit.verification.finding import Finding, Kind
from pinnkit.verification.measures import FAR, number, percent
from pinnkit.verification.scales import TEST_SEED

from .candidate import Candidate, orders_of
from .local_fits import TableField
from .node_spacing import NodeSpacing

__all__ = ["table_candidate"]

_MOST_ROWS = 200_000
_SLACK = 1e-6
"""Part of an axis by which a coordinate may miss its bound."""
_BARE = 0.01
"""Share of the domain without values that is a defect."""
_REACH = 1.5
"""Distance from the nearest row, in distances of its neighbours, up to which there are values."""
_PROBES = 4096
_COARSE = 2 * FAR
"""Size of the differences from what the neighbours predict, relative, from which a table is too coarse."""
_VANISHES = 1e-6
"""Size of an unknown beside that of the largest, below which it counts as zero."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class _Rows:
    """Coordinates ``(N, d)`` and values ``(N, c)`` of all unknowns side by side."""

    coords: Array
    values: Array


def table_candidate(
    problem: Problem, columns: Mapping[str, Any], source: str, names: Mapping[str, str], given: Mapping[str, float]
) -> Candidate:
    """Make a candidate of a table.

    Args:
        problem: the problem.
        columns: arrays by name: one row a point, or the axes of a grid and values on it.
        source: words for the table in messages.
        names: names of the problem for columns that have other names.
        given: coordinates that all rows share, and which the table does not hold.

    Raises:
        ValueError: for columns that are missing, have wrong shapes or are no real numbers, and for a table whose rows
            lie elsewhere.
    """
    known = {names.get(name, name): _real(name, value, source) for name, value in columns.items()}
    for name in names:
        if name not in columns:
            raise ValueError(f"check: {source} has no column '{name}' to rename; its columns are {tuple(columns)}")
    rows = _rows(problem, known, source, given)
    rows, findings, notes = _cleaned(problem, rows, source)
    modules: dict[tuple[str, ...], nn.Module] = {}
    at = 0
    groups: dict[frozenset[str], list[str]] = {}
    for unknown in problem.unknowns:
        groups.setdefault(problem.columns_of(unknown.name), []).append(unknown.name)
    positions = {}
    for unknown in problem.unknowns:
        width = unknown.components or 1
        positions[unknown.name] = list(range(at, at + width))
        at += width
    for used, members in groups.items():
        kept = [i for i, column in enumerate(problem.frame.columns) if column in used]
        own = [k for name in members for k in positions[name]]
        part, gap = _merged(rows.coords[:, kept], rows.values[:, own])
        if gap > FAR:
            notes.append(f"{source} gives different values at one point, by {percent(gap)}; their mean is checked")
        field = _field(problem, part, members, kept, source)
        modules[tuple(members)] = field
        findings += _coverage(problem, part, kept, members, source)
        findings += _resolution(field, members, [len(positions[name]) for name in members], source)
    numbers = {name: float(v.reshape(-1)[0]) for name, v in known.items() if v.size and np.ptp(v) == 0}
    return Candidate(
        modules=modules,
        words=f"{source}, {len(rows.coords):,} rows",
        coefficients={c.name: numbers[c.name] for c in problem.coefficients if c.name in numbers},
        findings=tuple(findings),
        notes=tuple(notes),
    )


# columns ------------------------------------------------------------------------------------------------------------
def _real(name: str, value: Any, source: str) -> Array:
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ma.MaskedArray):
        value = np.ma.filled(value.astype(np.float64), np.nan)
    array = np.asarray(value)
    if array.dtype.kind == "c":
        raise ValueError(f"check: '{name}' of {source} is complex; give its real part")
    if array.dtype.kind not in "fiub":
        raise ValueError(f"check: '{name}' of {source} holds {array.dtype}, no numbers")
    return array.astype(np.float64)


def _rows(problem: Problem, known: Mapping[str, Array], source: str, given: Mapping[str, float]) -> _Rows:
    """Rows of a list of points, or of a grid."""
    axes = [_axis_columns(a, known, source, given) for a in problem.axes]
    coords = [c for columns in axes for c in columns]
    parts = [_components(problem, u, known, source) for u in problem.unknowns]
    shape = parts[0][0].shape
    shapes = {name: known[name].shape for name in known}
    for unknown, components in zip(problem.unknowns, parts, strict=True):
        for part in components:
            if part.shape != shape:
                raise ValueError(f"check: the values of `{unknown.name}` in {source} have another shape: {shapes}")
    listed = all(c.shape in (shape, ()) for c in coords)
    if not listed:
        sizes = tuple(c.size for c in coords)
        if shape != sizes or any(c.ndim != 1 for c in coords):
            axis_names = problem.frame.columns
            turned = "; transpose it" if sorted(shape) == sorted(sizes) and len(shape) > 1 else ""
            raise ValueError(
                f"check: {source} has values of shape {shape}; with axes {axis_names} of {sizes} coordinates they "
                f"need shape {sizes}, or one value for each point{turned}"
            )
        coords = list(np.meshgrid(*coords, indexing="ij"))
    flat = np.stack([np.broadcast_to(c, shape).reshape(-1) for c in coords], axis=1)
    values = np.stack([part.reshape(-1) for components in parts for part in components], axis=1)
    return _Rows(flat, values)


def _axis_columns(axis: Axis, known: Mapping[str, Array], source: str, given: Mapping[str, float]) -> list[Array]:
    if axis.name in given:
        return [np.asarray(float(given[axis.name]))]
    if axis.dim == 1:
        if axis.name not in known:
            raise ValueError(_missing(f"coordinate `{axis.name}`", axis.name, known, source, axis=True))
        return [known[axis.name]]
    found = _vector(axis.name, axis.dim, axis.columns, known)
    if found is None:
        raise ValueError(_missing(f"coordinates `{axis.columns}`", axis.columns[0], known, source, axis=True))
    return found


def _components(problem: Problem, unknown: Unknown, known: Mapping[str, Array], source: str) -> list[Array]:
    name, count = unknown.name, unknown.components
    if count is None:
        if name not in known:
            raise ValueError(_missing(f"unknown `{name}`", name, known, source, axis=False))
        return [known[name]]
    space = tuple(f"{name}_{c}" for c in problem.frame.space)
    found = _vector(name, count, tuple(f"{name}[{i}]" for i in range(count)), known)
    if found is None and len(space) == count and all(n in known for n in space):
        found = [known[n] for n in space]
    if found is None:
        raise ValueError(_missing(f"unknown `{name}` of {count} components", f"{name}_0", known, source, axis=False))
    return found


def _vector(name: str, count: int, columns: Sequence[str], known: Mapping[str, Array]) -> list[Array] | None:
    """Components of a vector: one array with the components last, or columns v[0], v_0 or v0."""
    if name in known and known[name].ndim > 1 and known[name].shape[-1] >= count:
        return [known[name][..., i] for i in range(count)]
    for form in (columns, [f"{name}_{i}" for i in range(count)], [f"{name}{i}" for i in range(count)]):
        if all(n in known for n in form):
            return [known[n] for n in form]
    return None


def _missing(words: str, name: str, known: Mapping[str, Array], source: str, *, axis: bool) -> str:
    also = f", or give the value that all rows share (--at {name}=0.5)" if axis else ""
    return (
        f"check: {source} has no column for the {words}; its columns are {tuple(known)}; rename one "
        f"(names={{'...': '{name}'}}, --rename ...={name}){also}"
    )


# rows ---------------------------------------------------------------------------------------------------------------
def _cleaned(problem: Problem, rows: _Rows, source: str) -> tuple[_Rows, list[Finding], list[str]]:
    """Rows inside the domain with finite values, and findings on the others."""
    findings: list[Finding] = []
    notes: list[str] = []
    coords, values = rows.coords, rows.values
    numbers: NDArray[np.bool_] = np.asarray(np.isfinite(coords).all(axis=1))
    if not numbers.any():
        raise ValueError(f"check: {source} has no row with finite coordinates")
    lower = np.array([a.lower for a in problem.axes for _ in a.columns])
    upper = np.array([a.upper for a in problem.axes for _ in a.columns])
    slack = _SLACK * (upper - lower)
    inside = numbers & ((coords >= lower - slack) & (coords <= upper + slack)).all(axis=1)
    coords = np.where(inside[:, None], np.clip(coords, lower, upper), coords)
    if inside.any():
        near = torch.from_numpy(coords[inside])
        least = min((a.extent for a in problem.axes), default=1.0)
        held = problem.domain.contains(near) | (problem.domain.signed_distance(near) <= _REACH * 1e-2 * least)
        inside[inside] = held.numpy()
    outside = int((~inside).sum())
    finite: NDArray[np.bool_] = np.asarray(np.isfinite(values).all(axis=1))
    if outside * 2 > len(coords) and not (~finite[~inside]).all():
        raise ValueError(_elsewhere(problem, coords[numbers], outside, source))
    if outside and finite[~inside].any():
        notes.append(f"{outside:,} of {len(coords):,} rows of {source} lie outside the domain and are not used")
    broken = int((inside & ~finite).sum())
    if broken == int(inside.sum()):
        raise ValueError(f"check: {source} has no finite values in the domain")
    if broken:
        first = coords[inside & ~finite][0]
        at = ", ".join(f"{c} = {v:.3g}" for c, v in zip(problem.frame.columns, first, strict=True))
        findings.append(
            Finding(
                Kind.NOT_FINITE,
                f"{broken:,} of {int(inside.sum()):,} rows of {source} in the domain have values that are not finite, "
                f"the first at {at}",
                broken / int(inside.sum()),
            )
        )
    keep = inside & finite
    coords, values = coords[keep], values[keep]
    if len(coords) > _MOST_ROWS:
        chosen = np.sort(np.random.default_rng(0).permutation(len(coords))[:_MOST_ROWS])
        notes.append(f"{len(coords):,} rows of {source} were thinned to {_MOST_ROWS:,}")
        coords, values = coords[chosen], values[chosen]
    return _Rows(coords, values), findings, notes


def _elsewhere(problem: Problem, coords: Array, outside: int, source: str) -> str:
    parts = []
    for i, (column, axis) in enumerate((c, a) for a in problem.axes for c in a.columns):
        low, high = float(coords[:, i].min()), float(coords[:, i].max())
        if low < axis.lower - _SLACK * axis.extent or high > axis.upper + _SLACK * axis.extent:
            parts.append(
                f"{column} runs from {low:.4g} to {high:.4g}, in the domain from {axis.lower:g} to {axis.upper:g}"
            )
    said = "; ".join(parts) or "they fill none of its shape"
    return (
        f"check: {outside:,} of {len(coords):,} rows of {source} lie outside the domain: {said}. Are the units and the "
        "origin those of the problem?"
    )


def _merged(coords: Array, values: Array) -> tuple[_Rows, float]:
    """Rows without repeated points, the means of their values, and the size of their differences, relative."""
    extent = np.ptp(coords, axis=0)
    rounded = np.round((coords - coords.min(axis=0)) / np.where(extent > 0, extent, 1.0), 10)
    _, first, group, count = np.unique(rounded, axis=0, return_index=True, return_inverse=True, return_counts=True)
    if len(first) == len(coords):
        return _Rows(coords, values), 0.0
    group = group.reshape(-1)
    mean = np.stack([np.bincount(group, weights=v) / count for v in values.T], axis=1)
    size = float(np.sqrt((values**2).mean())) or 1.0
    return _Rows(coords[first], mean), float(np.sqrt(((values - mean[group]) ** 2).mean())) / size


# field --------------------------------------------------------------------------------------------------------------
def _field(problem: Problem, part: _Rows, members: Sequence[str], kept: Sequence[int], source: str) -> TableField:
    half = [axis.extent / 2 or 1.0 for axis in problem.axes for _ in axis.columns]
    try:
        return TableField(
            torch.from_numpy(part.coords),
            torch.from_numpy(part.values),
            orders_of(problem, members, kept),
            [half[i] for i in kept],
        )
    except ValueError as error:
        raise ValueError(str(error).replace("a table", source, 1)) from None


def _coverage(problem: Problem, part: _Rows, kept: Sequence[int], members: Sequence[str], source: str) -> list[Finding]:
    """Find a part of the domain without rows."""
    generator = torch.Generator().manual_seed(TEST_SEED)
    probes = problem.domain.sample(_PROBES, generator, sampling=Sobol()).coords.double().numpy()[:, kept]
    spacing = NodeSpacing.of(part.coords)
    places = spacing.units(part.coords)
    tree = cKDTree(places)
    neighbours = min(2 * len(kept) + 1, len(places))
    local = np.maximum(tree.query(places, k=[neighbours])[0][:, 0], 1e-12)
    distance, index = tree.query(spacing.units(probes))
    bare = distance > _REACH * local[index]
    share = float(bare.mean())
    if share <= _BARE:
        return []
    low, high = probes[bare].min(axis=0), probes[bare].max(axis=0)
    columns = [problem.frame.columns[i] for i in kept]
    where = ", ".join(f"{c} in [{a:.3g}, {b:.3g}]" for c, a, b in zip(columns, low, high, strict=True))
    return [
        Finding(
            Kind.UNCOVERED,
            f"{source} has no values of `{', '.join(members)}` near {percent(share)} of the domain, {where}; give rows "
            "on the whole of it",
            share,
            members[0],
        )
    ]


def _resolution(field: TableField, members: Sequence[str], widths: Sequence[int], source: str) -> list[Finding]:
    """Find unknowns whose values neighbours do not predict: a table too coarse, or too noisy."""
    found, at = [], 0
    largest = float(field.values.square().mean(dim=0).amax().sqrt())
    for name, width in zip(members, widths, strict=True):
        own = slice(at, at + width)
        at += width
        size = float(field.values[:, own].square().mean().sqrt())
        gap = float(field.prediction_error[own].square().mean().sqrt())
        if size > _VANISHES * largest and gap > _COARSE * size:
            found.append(
                Finding(
                    Kind.TOO_COARSE,
                    f"{source} does not determine `{name}` between its rows: values differ by {percent(gap / size)} "
                    f"(rms {number(gap)}) from those that their neighbours predict; the table is too coarse, or too "
                    "noisy, to be checked",
                    gap / size,
                    name,
                )
            )
    return found
