"""Optional capabilities of field modules, which any `torch.nn.Module` may have or lack.

A module that a user brings needs `forward` alone.  Whatever else a solver can use is asked for here: a linear read-out
on top of a trunk, features in closed form, learning rates, a start from another field, and the spec that built it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from pinnkit.fields import FieldSpec
from pinnkit.jets.orders import Channel

__all__ = [
    "ClosedFormFeatures",
    "HasTrunk",
    "OperatorFeatures",
    "Resamples",
    "SuggestsLearningRates",
    "linear_readout",
    "smoothness_of",
    "spec_of",
]


@runtime_checkable
class HasTrunk(Protocol):
    """Field whose outputs are a linear combination of the outputs of a trunk."""

    def trunk(self, coords: Tensor) -> Tensor:
        """Features ``(n, N)`` at coordinates ``(n, d)``."""
        ...


@runtime_checkable
class ClosedFormFeatures(Protocol):
    """Field that knows the derivatives of its features in closed form."""

    def features(self, coords: Tensor, orders: Iterable[Channel]) -> Mapping[Channel, Tensor]:
        """Derivatives of the features, ``(n, N)`` each."""
        ...


@runtime_checkable
class OperatorFeatures(ClosedFormFeatures, Protocol):
    """Field whose `features` may also be asked for whole operators, such as a Laplacian, where the flag is set."""

    takes_operators: bool


@runtime_checkable
class SuggestsLearningRates(Protocol):
    """Field that suggests learning rates for some of its parameters."""

    def learning_rates(self) -> Mapping[nn.Parameter, float]:
        """Learning rate of each parameter that needs one of its own."""
        ...


@runtime_checkable
class Resamples(Protocol):
    """Field that can start from another one of a different size, such as a grid from a coarser grid."""

    def start_from(self, other: nn.Module) -> None:
        """Take over the values of `other`."""
        ...


@runtime_checkable
class _HasSpec(Protocol):
    spec: FieldSpec


@runtime_checkable
class _HasSmoothness(Protocol):
    @property
    def smoothness(self) -> float: ...


def linear_readout(module: nn.Module) -> nn.Linear | None:
    """Linear layer `readout` of a module; None where it has none."""
    try:
        found = module.get_submodule("readout")
    except AttributeError:
        return None
    return found if isinstance(found, nn.Linear) else None


def spec_of(module: nn.Module) -> FieldSpec | None:
    """Spec that built a module; None for a module that a user brings."""
    return module.spec if isinstance(module, _HasSpec) else None


def smoothness_of(field: FieldSpec | nn.Module) -> float:
    """Number of derivatives of a field; infinite for a module that does not state it."""
    return field.smoothness if isinstance(field, _HasSmoothness) else float("inf")
