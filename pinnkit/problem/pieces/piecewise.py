"""Coefficients that jump: a number or function for each of several shapes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pinnkit.domains import Operand
from pinnkit.jets.jet import Jet, constant, plain
from pinnkit.problem.names import arguments, call
from pinnkit.problem.portable import Portable

__all__ = ["Piecewise", "branches_held", "record_piecewise"]

ELSEWHERE = "elsewhere"
_ROUNDING = 1e-9
"""Distance to a shape, relative to its coordinates, up to which a point counts as in it."""

Branch = float | Callable[..., Any]


@dataclass(frozen=True, init=False, repr=False)
class Piecewise(Portable):
    """A coefficient that jumps: ``k = Piecewise({steel: 45.0, "elsewhere": 0.03})``, then ``k(x, y)`` in an equation.

    Each value is a number, or a function of coordinates by name; the derivatives are those of the value that holds at a
    point.  A problem that uses such a coefficient is solved in pieces: each piece has a field of its own, the unknowns
    and the normal fluxes of the equations are continuous between them; see `Problem.pieces` and `Interface`.

    The arguments are the coordinates of the shapes, then other names that the functions use, such as `t`.  It is called
    with jets, tensors or numbers, by position or by name, and can be given as a value of `Initial` and `Dirichlet`.

    Args:
        values: for each shape its value; for the key "elsewhere" that of all other points.

    Raises:
        TypeError: for keys that are no shapes, or values that are neither numbers nor functions.
        ValueError: without a shape, or for shapes on different axes; from `Problem`, for shapes that overlap, leave a
            gap or lie outside the domain; when called, at points in none of the shapes.
    """

    shapes: tuple[Operand, ...]
    values: tuple[Branch, ...]
    elsewhere: Branch | None

    def __init__(self, values: Mapping[Operand | str, Branch]) -> None:
        if not isinstance(values, Mapping):
            raise TypeError(
                f"Piecewise: expected a mapping such as {{steel: 45.0, 'elsewhere': 0.03}}, got {type(values).__name__}"
            )
        for key, value in values.items():
            if key != ELSEWHERE and not isinstance(key, Operand):
                raise TypeError(
                    f"Piecewise: a key must be a shape such as Disk(...) or Box(...), or 'elsewhere', got {key!r}"
                )
            if isinstance(value, bool) or not (isinstance(value, int | float) or callable(value)):
                raise TypeError(
                    f"Piecewise: the value of {key!r} must be a number or a function of coordinates, got {value!r}"
                )
        shapes = tuple(key for key in values if isinstance(key, Operand))
        if not shapes:
            raise ValueError("Piecewise: give at least one shape, such as Piecewise({steel: 45.0, 'elsewhere': 0.03})")
        axes = {tuple(axis.name for axis in shape.axes) for shape in shapes}
        if len(axes) > 1:
            raise ValueError(f"Piecewise: all shapes need the same axes in the same order, got {sorted(axes)}")
        object.__setattr__(self, "shapes", shapes)
        object.__setattr__(self, "values", tuple(values[shape] for shape in shapes))
        object.__setattr__(self, "elsewhere", values.get(ELSEWHERE))

    @property
    def columns(self) -> tuple[str, ...]:
        """Coordinates of the shapes."""
        return tuple(axis.name for axis in self.shapes[0].axes)

    @property
    def branches(self) -> tuple[Branch, ...]:
        """Values of the shapes, then that of all other points where there is one."""
        return self.values if self.elsewhere is None else (*self.values, self.elsewhere)

    @property
    def __signature__(self) -> inspect.Signature:
        """Coordinates of the shapes, then further names that the functions use."""
        functions = [branch for branch in self.branches if callable(branch)]
        used = [name for f in functions for name in arguments(f, "Piecewise")[0]]
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        return inspect.Signature([inspect.Parameter(name, kind) for name in dict.fromkeys([*self.columns, *used])])

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Value at points: a jet where an argument is one, else a tensor."""
        places = dict(self.__signature__.bind(*args, **kwargs).arguments)
        places = {name: v if isinstance(v, Jet) else torch.as_tensor(v, dtype=_dtype(v)) for name, v in places.items()}
        held = _HELD.get()
        if held is not None:
            return self._branch(self._held(held), places)
        record = _RECORD.get()
        if record is not None:
            record[self] = None
        which = self.number_at(*(plain(places[name]) for name in self.columns))
        branches = {i: self._branch(i, places) for i in which.unique().tolist()}
        frame = next((place.frame for place in places.values() if isinstance(place, Jet)), None)
        if frame is None:
            return _selected(which, branches)
        jets = {i: b if isinstance(b, Jet) else constant(frame, torch.as_tensor(b)) for i, b in branches.items()}
        return _select(which, jets)

    def number_at(self, *coords: Tensor) -> Tensor:
        """Number of the branch at points, of the broadcast shape of the coordinates.

        At a point in two shapes it is that in which the point lies deeper.

        Raises:
            ValueError: for points in none of the shapes, where nothing holds elsewhere.
        """
        columns = torch.broadcast_tensors(*(torch.as_tensor(c).double().cpu() for c in coords))
        points = torch.stack([c.reshape(-1) for c in columns], dim=1)
        distance = torch.stack([shape.signed_distance(points) for shape in self.shapes], dim=1)
        nearest, which = distance.min(dim=1)
        outside = nearest > _ROUNDING * max(1.0, float(points.abs().max()) if len(points) else 1.0)
        if bool(outside.any()):
            if self.elsewhere is None:
                raise ValueError(f"{self!r} has no value {self._at(points[outside][0])}; add 'elsewhere'")
            which = torch.where(outside, len(self.shapes), which)
        return which.reshape(columns[0].shape).to(torch.as_tensor(coords[0]).device)

    def _branch(self, number: int, places: Mapping[str, Any]) -> Any:
        """Value of one branch at points; numbers as a jet or tensor of the shape of the points."""
        branch = self.branches[number]
        if callable(branch):
            return call(branch, places, f"{self!r}")
        first = places[self.columns[0]]
        return 0.0 * first + float(branch) if not isinstance(first, Jet) else _number(first, float(branch))

    def _held(self, held: Mapping[Piecewise, int]) -> int:
        if self not in held:
            raise ValueError(
                f"{self!r} is made anew at every call of an equation; make it once, outside of the equation"
            )
        return held[self]

    def _at(self, point: Tensor) -> str:
        return "at " + ", ".join(f"{c} = {v:.4g}" for c, v in zip(self.columns, point.tolist(), strict=True))

    def __repr__(self) -> str:
        shown = [f"{shape!r}: {value!r}" for shape, value in zip(self.shapes, self.values, strict=True)]
        shown += [] if self.elsewhere is None else [f"'{ELSEWHERE}': {self.elsewhere!r}"]
        return f"Piecewise({{{', '.join(shown)}}})"


_RECORD: ContextVar[dict[Piecewise, None] | None] = ContextVar("piecewise_record", default=None)
_HELD: ContextVar[Mapping[Piecewise, int] | None] = ContextVar("piecewise_held", default=None)


@contextmanager
def record_piecewise() -> Iterator[dict[Piecewise, None]]:
    """Context that collects the coefficients that are evaluated, each once, in order."""
    record: dict[Piecewise, None] = {}
    token = _RECORD.set(record)
    try:
        yield record
    finally:
        _RECORD.reset(token)


@contextmanager
def branches_held(branches: Mapping[Piecewise, int]) -> Iterator[None]:
    """Context in which each coefficient has the value of one branch everywhere: that of a piece, also on its walls."""
    token = _HELD.set(branches)
    try:
        yield
    finally:
        _HELD.reset(token)


def _number(like: Jet, number: float) -> Jet:
    return constant(like.frame, torch.full_like(like.value, number))


def _select(which: Tensor, branches: Mapping[int, Jet]) -> Jet:
    """The jet of the branch that holds at each point, with its derivatives."""
    some = next(iter(branches.values()))

    def partial(column: str) -> Jet | None:
        parts = {i: branch.partial(column) for i, branch in branches.items()}
        if all(part is None for part in parts.values()):
            return None
        zero = {i: constant(some.frame, torch.zeros_like(branch.value)) for i, branch in branches.items()}
        return _select(which, {i: zero[i] if part is None else part for i, part in parts.items()})

    return Jet(some.frame, lambda: _selected(which, {i: branch.value for i, branch in branches.items()}), partial)


def _selected(which: Tensor, branches: Mapping[int, Any]) -> Tensor:
    """Values of the branch that holds at each point."""
    values = {i: torch.as_tensor(branch) for i, branch in branches.items()}
    some = max(values.values(), key=lambda v: v.ndim)
    out = torch.zeros_like(some).expand(torch.broadcast_shapes(some.shape, which.shape[: some.ndim] or which.shape))
    for i, value in values.items():
        here = (which == i).reshape(which.shape + (1,) * (out.ndim - which.ndim))
        out = torch.where(here, value.to(out.dtype), out)
    return out


def _dtype(value: Any) -> torch.dtype | None:
    return None if isinstance(value, Tensor) else torch.float64
