"""Contracts of fields: specs, axes, and the optional capabilities of the modules that specs build.

A new field needs `FieldSpec` alone. Each optional capability is a protocol of its own; a module that has its methods is
recognised by them, a module of the user's too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeGuard, cast, runtime_checkable

import torch
from torch import Tensor, nn

from pinnkit.derivatives import Derivative

__all__ = [
    "AxisLike",
    "BuiltField",
    "ChosenBySolve",
    "ClosedFormFeatures",
    "ClosedFormJets",
    "FieldSpec",
    "Interpolation",
    "LinearReadout",
    "TrainsItself",
    "UncertainJets",
    "WarmStart",
    "linear_readout",
    "smoothness_of",
    "spec_of",
    "unsettled",
]


# what a field is built from ---------------------------------------------------------------------------------------
@runtime_checkable
class AxisLike(Protocol):
    """One coordinate of the domain, or a vector of coordinates with the same bounds."""

    @property
    def name(self) -> str:
        """Name of the axis."""

    @property
    def lower(self) -> float:
        """Lower bound, in the unit of the coordinate."""

    @property
    def upper(self) -> float:
        """Upper bound, in the unit of the coordinate."""

    @property
    def dim(self) -> int:
        """Number of coordinate columns; 1 unless it is a vector axis."""

    @property
    def periodic(self) -> bool:
        """True where both ends are one place, so that a field must be periodic along the axis."""


@runtime_checkable
class FieldSpec(Protocol):
    """A frozen, hashable, picklable description of a field, from which the field is built.

    `pinnkit.fields.base.BaseSpec` implements `build` but for the drawing of the weights. A dataclass registered by
    ``@FIELDS.register()`` can be saved in files; its arguments are numbers, words, tuples, interpolations and specs.
    """

    @property
    def smoothness(self) -> float:
        """Number of times that the field may be differentiated in its coordinates; `math.inf` where it is smooth."""

    def build(
        self,
        axes: Sequence[AxisLike],
        outputs: int,
        *,
        generator: torch.Generator,
        dtype: torch.dtype,
        device: torch.device | str,
    ) -> nn.Module:
        """Build the module, with forward (n, d_total) -> (n, outputs), pure and pointwise.

        Weights are drawn from `generator` (on the CPU, in float64) and then cast, so that every dtype and every
        device starts from the same field.
        """


@runtime_checkable
class ChosenBySolve(Protocol):
    """A spec that may leave arguments to `solve`, which chooses them by the residual at held-out points."""

    @property
    def settled(self) -> bool:
        """False while an argument is left to `solve`; `build` then raises ValueError."""


class Interpolation(Protocol):
    """A blend s(t) from the lower node of a cell, s(0) = 0, to the upper one, s(1) = 1."""

    @property
    def smoothness(self) -> float:
        """Number of times that the interpolated values may be differentiated."""

    def blend(self, fraction: Tensor) -> Tensor:
        """Return the weight of the upper node, of the same shape as the place `fraction` within the cell."""


# what a built module may offer ------------------------------------------------------------------------------------
@runtime_checkable
class BuiltField(Protocol):
    """A module that knows the spec it was built from, so that it can be saved without pickle."""

    @property
    def spec(self) -> FieldSpec:
        """The spec."""


@runtime_checkable
class _Smooth(Protocol):
    @property
    def smoothness(self) -> float: ...


class LinearReadout(Protocol):
    """A module that ends in a linear layer: forward(x) = readout(trunk(x)); least squares solves for that layer."""

    @property
    def readout(self) -> nn.Linear:
        """The last layer, (n, N) -> (n, outputs)."""

    def trunk(self, coords: Tensor) -> Tensor:
        """Evaluate the features: (n, d_total) -> (n, N)."""


@runtime_checkable
class ClosedFormFeatures(Protocol):
    """A `LinearReadout` that knows the derivatives of its features without automatic differentiation."""

    def features(self, coords: Tensor, orders: Iterable[Derivative]) -> dict[Derivative, Tensor]:
        """Evaluate derivatives of the features: (n, d_total) -> {order: (n, N)}."""


@runtime_checkable
class ClosedFormJets(Protocol):
    """A module that knows its own derivatives without automatic differentiation."""

    def jets(self, coords: Tensor, orders: Iterable[Derivative]) -> dict[Derivative, Tensor]:
        """Evaluate derivatives of the field: (n, d_total) -> {order: (n, outputs)}."""


@runtime_checkable
class UncertainJets(ClosedFormJets, Protocol):
    """A module whose derivatives have errors of their own, such as those of a table of values."""

    def jet_errors(self, coords: Tensor, orders: Iterable[Derivative]) -> dict[Derivative, Tensor]:
        """Estimate the error of each derivative that `jets` gives: (n, d_total) -> {order: (n, outputs)}, >= 0."""


@runtime_checkable
class TrainsItself(Protocol):
    """A module that asks for learning rates of its own."""

    def learning_rates(self) -> Mapping[nn.Parameter, float]:
        """Learning rates of first-order solvers, for those parameters that ask for one."""


@runtime_checkable
class WarmStart(Protocol):
    """A module that can take over a field of another shape, such as a finer grid from a coarser one."""

    def start_from(self, other: nn.Module) -> None:
        """Take over the values of `other`; raises ValueError where its shape does not allow that."""


# reading them -----------------------------------------------------------------------------------------------------
def linear_readout(module: nn.Module) -> LinearReadout | None:
    """Return `module` where it is a `LinearReadout`, else None."""
    # isinstance() with a protocol overlooks layers from Python 3.12 on: nn.Module keeps them apart from attributes.
    if hasattr(module, "trunk") and hasattr(module, "readout") and isinstance(module.readout, nn.Linear):
        return cast(LinearReadout, module)
    return None


def smoothness_of(field: FieldSpec | nn.Module) -> float:
    """Number of times that a field may be differentiated; infinite for a module without a `smoothness`."""
    return field.smoothness if isinstance(field, _Smooth) else math.inf


def spec_of(module: nn.Module) -> FieldSpec | None:
    """Return the spec that a module was built from; None for a module of the user's."""
    return module.spec if isinstance(module, BuiltField) else None


def unsettled(spec: FieldSpec | nn.Module) -> TypeGuard[ChosenBySolve]:
    """Return whether arguments of the spec are still to be chosen by `solve`."""
    return isinstance(spec, ChosenBySolve) and not spec.settled
