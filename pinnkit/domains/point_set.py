"""PointSet: explicit points as a part."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from .axes import Axis, Role, check_name, number
from .points import Points
from .sampling import DEFAULT_SAMPLING, Sampling, check_sample


@dataclass(frozen=True, init=False, repr=False, eq=False)
class PointSet:
    """Given points: `PointSet(x=0.5, y=0.1)`, or `PointSet(x=[...], y=[...], weight=[...])`.

    Each keyword is an axis: `t` is time by its name, all others are space.  Values are numbers or arrays `(n,)`;
    an array `(n, k)` is a vector axis of k columns; numbers and single entries are repeated to the length of the rest.
    `weight` is a number or `(n,)`, by default 1 for each point, so that `measure` counts the points.

    Raises:
        ValueError: for no axis, bad names, arrays that do not fit together, values that are not finite.
    """

    axes: tuple[Axis, ...]
    coords: Tensor
    weight: Tensor

    def __init__(self, /, *, weight: ArrayLike | Tensor = 1.0, **coordinates: ArrayLike | Tensor) -> None:
        if not coordinates:
            raise ValueError("PointSet: give at least one axis, such as PointSet(x=0.5)")
        arrays = {}
        for name, given in coordinates.items():
            check_name("PointSet", name)
            array = _array(f"`{name}`", given)
            if array.ndim > 2 or (array.ndim == 2 and (name == "t" or array.shape[1] == 0)):
                raise ValueError(f"PointSet: `{name}` must be a number, (n,) or (n, k), got shape {array.shape}")
            arrays[name] = array if array.ndim == 2 else array.reshape(-1, 1)
        weights = _array("`weight`", weight)
        if weights.ndim > 1 or not (weights > 0).all():
            raise ValueError("PointSet: `weight` must be a positive number or (n,) of them")
        lengths = {name: len(array) for name, array in arrays.items()} | {"weight": weights.size}
        n = max(length for name, length in lengths.items() if name != "weight")
        if 0 in lengths.values() or any(length not in (1, n) for length in lengths.values()):
            raise ValueError(f"PointSet: every axis needs the same number of points, or one; got {lengths}")
        object.__setattr__(self, "axes", tuple(_axis(name, array) for name, array in arrays.items()))
        coords = np.concatenate([np.broadcast_to(array, (n, array.shape[1])) for array in arrays.values()], axis=1)
        # Adding 0 copies, and turns -0.0 into 0.0: equal sets then have equal bytes, which the hash needs.
        object.__setattr__(self, "coords", torch.from_numpy(coords + 0.0))
        object.__setattr__(self, "weight", torch.from_numpy(np.broadcast_to(weights.reshape(-1), n) + 0.0))

    @property
    def measure(self) -> float:
        """Sum of the weights: the number of points, unless weights were given."""
        return float(self.weight.sum())

    def sample(self, n: int, generator: torch.Generator, *, sampling: Sampling = DEFAULT_SAMPLING) -> Points:
        """All points when there are at most n; else n different ones drawn at random, in their order, reweighted.

        `sampling` has no effect: the points are given.

        Raises:
            TypeError: when `n` is no whole number, `generator` no torch.Generator, `sampling` no Sampling.
            ValueError: when n < 1.
        """
        check_sample("PointSet.sample", n, generator, sampling)
        if n >= len(self.coords):
            return Points(self.coords.clone(), weight=self.weight.clone())
        order = torch.randperm(len(self.coords), generator=generator, device=generator.device)
        chosen = order[:n].sort().values.cpu()
        weight = self.weight[chosen]
        return Points(self.coords[chosen], weight=weight * (self.measure / weight.sum()))

    def with_time(self, lower: float, upper: float) -> "PointSet":
        """Refuse: given points have times of their own.

        Raises:
            TypeError: always.
        """
        raise TypeError(f"PointSet.with_time: given points have their own times, got {self!r} for {lower} to {upper}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PointSet):
            return NotImplemented
        return (
            self.axes == other.axes
            and torch.equal(self.coords, other.coords)
            and torch.equal(self.weight, other.weight)
        )

    def __hash__(self) -> int:
        return hash((self.axes, self.coords.numpy().tobytes(), self.weight.numpy().tobytes()))

    def __repr__(self) -> str:
        if len(self.coords) > 1:
            return f"PointSet({len(self.coords)} points in {', '.join(axis.name for axis in self.axes)})"
        shown = []
        for axis, values in zip(self.axes, self.coords[0].split([axis.dim for axis in self.axes]), strict=True):
            if axis.dim == 1:
                shown.append(f"{axis.name}={number(values.item())}")
            else:
                shown.append(f"{axis.name}=({axis.dim} columns)")
        return f"PointSet({', '.join(shown)})"


def _axis(name: str, array: np.ndarray) -> Axis:
    role = Role.TIME if name == "t" else Role.SPACE
    return Axis(name, float(array.min()), float(array.max()), role, array.shape[1])


def _array(what: str, given: ArrayLike | Tensor) -> np.ndarray:
    if isinstance(given, Tensor):
        given = given.detach().cpu().numpy()
    if isinstance(given, np.ma.MaskedArray) and bool(np.ma.getmaskarray(given).any()):
        raise ValueError(f"PointSet: {what} has masked entries, which would be taken for values; leave them out")
    try:
        array = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"PointSet: {what} must be a number or an array of numbers, got {given!r}") from None
    if not np.isfinite(array).all():
        raise ValueError(f"PointSet: {what} must be finite, got nan or inf")
    return array
