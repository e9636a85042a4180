"""What a field is: a frozen spec that builds a module from axes, and the module that most specs build."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Generic, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn

from . import checks
from .scaling import Scaling


class AxisLike(Protocol):
    """What a field must know of an axis: its bounds and how many coordinate columns it has."""

    @property
    def lower(self) -> float:
        """Lower bound."""

    @property
    def upper(self) -> float:
        """Upper bound."""

    @property
    def dim(self) -> int:
        """Number of coordinate columns; 1 unless it is a vector axis."""


@runtime_checkable
class FieldSpec(Protocol):
    """A frozen, comparable description of a field, from which the field itself is built."""

    @property
    def smoothness(self) -> float:
        """How many times the field may be differentiated in its coordinates; `math.inf` when it is smooth."""

    def build(
        self,
        axes: Sequence[AxisLike],
        outputs: int,
        *,
        generator: torch.Generator,
        dtype: torch.dtype,
        device: torch.device | str,
    ) -> nn.Module:
        """Build the module, with forward (n, d_total) -> (n, outputs), pure.

        Weights are drawn from `generator` (on the CPU, in float64) and then cast, so that every dtype and every
        device starts from the same field.
        """


Built = TypeVar("Built", bound=nn.Module)


class DrawnSpec(ABC, Generic[Built]):
    """The `build` of a spec that draws on the CPU in float64: arguments are checked before, and it is cast after.

    A convenience, not a part of what a field is: any frozen object with the two names of `FieldSpec` will do.
    """

    def build(
        self,
        axes: Sequence[AxisLike],
        outputs: int,
        *,
        generator: torch.Generator,
        dtype: torch.dtype,
        device: torch.device | str,
    ) -> Built:
        """Build the field over `axes`: (n, d_total) -> (n, outputs).

        Raises:
            ValueError: for no axes or infinite ones, fewer than 1 output, a generator that is not on the CPU, a dtype
                that is not a real floating-point type; and for what the spec itself says.
        """
        checks.build_arguments(type(self).__name__, axes, outputs, generator=generator, dtype=dtype)
        return self._build(axes, outputs, generator).to(device=device, dtype=dtype)

    @abstractmethod
    def _build(self, axes: Sequence[AxisLike], outputs: int, generator: torch.Generator) -> Built:
        """The module with its weights, in float64 on the CPU."""


class Network(nn.Module):
    """Scaling, hidden layers, linear read-out: u(x) = W h(s(x)) + b, with s the scaling to [-1, 1].

    Made of operations that dispatch through `__torch_function__` only, so that anything that behaves like a tensor
    of coordinates (a bundle of Taylor coefficients) passes through `forward` and `trunk` unchanged.
    """

    def __init__(self, spec: FieldSpec, scaling: Scaling, hidden: nn.Module, readout: nn.Linear) -> None:
        """Join the parts; `spec` is kept so that the network can be saved without pickling it."""
        super().__init__()
        self.spec = spec
        self.scaling = scaling
        self.hidden = hidden
        self.readout = readout

    @property
    def smoothness(self) -> float:
        """How many times the field may be differentiated in its coordinates."""
        return self.spec.smoothness

    def learning_rates(self) -> Mapping[nn.Parameter, float]:
        """Learning rate of each parameter where the spec has a `learning_rate` of its own; none else."""
        rate = getattr(self.spec, "learning_rate", None)
        return {} if rate is None else dict.fromkeys(self.parameters(), float(rate))

    def trunk(self, coords: Tensor) -> Tensor:
        """Hidden features h(s(x)): (n, d_total) -> (n, N), with forward = readout(trunk)."""
        features: Tensor = self.hidden(self.scaling(coords))
        return features

    def forward(self, coords: Tensor) -> Tensor:
        """Evaluate the field: (n, d_total) -> (n, outputs)."""
        values: Tensor = self.readout(self.trunk(coords))
        return values
