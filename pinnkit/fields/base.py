"""Base classes of fields: specs that draw their weights on the CPU, the modules they build, and the usual network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Generic, TypeVar

import torch
from torch import Tensor, nn

from . import checks
from .protocols import AxisLike, FieldSpec
from .scaling import Scaling

__all__ = ["BaseSpec", "FieldModule", "Network"]

Built_co = TypeVar("Built_co", bound=nn.Module, covariant=True)


class BaseSpec(ABC, Generic[Built_co]):
    """Base class of specs: `build` checks its arguments, draws in float64 on the CPU and casts the result.

    A convenience: any frozen object with the two names of `FieldSpec` will do.
    """

    learning_rate: ClassVar[float | None] = None
    """Learning rate of first-order solvers that suits all parameters of the field; None leaves it to the solver."""
    table_learning_rate: ClassVar[float | None] = None
    """Learning rate of values on grid nodes, where it differs from that of the other parameters."""

    @property
    @abstractmethod
    def smoothness(self) -> float:
        """Number of times that the field may be differentiated in its coordinates."""

    @property
    def settled(self) -> bool:
        """True where every argument is given; False where `solve` still has to choose one."""
        return True

    def build(
        self,
        axes: Sequence[AxisLike],
        outputs: int,
        *,
        generator: torch.Generator,
        dtype: torch.dtype,
        device: torch.device | str,
    ) -> Built_co:
        """Build the field over `axes`: (n, d_total) -> (n, outputs).

        Raises:
            ValueError: for no axes or infinite ones, fewer than 1 output, a generator that is not on the CPU, a dtype
                that is not a real floating-point type; and for axes or outputs that the spec refuses.
        """
        checks.build_arguments(type(self).__name__, axes, outputs, generator=generator, dtype=dtype)
        return self._build(axes, outputs, generator).to(device=device, dtype=dtype)

    @abstractmethod
    def _build(self, axes: Sequence[AxisLike], outputs: int, generator: torch.Generator) -> Built_co:
        """Build the module with its weights, in float64 on the CPU."""


class FieldModule(nn.Module):
    """Base class of the modules that specs build: keeps the spec, so that the field can be saved without pickle."""

    spec: FieldSpec

    def __init__(self, spec: FieldSpec) -> None:
        """Keep the spec."""
        super().__init__()
        self.spec = spec

    @property
    def smoothness(self) -> float:
        """Number of times that the field may be differentiated in its coordinates."""
        return self.spec.smoothness

    def learning_rates(self) -> Mapping[nn.Parameter, float]:
        """Learning rates of first-order solvers, for those parameters that ask for one; here none does."""
        return {}


class Network(FieldModule):
    """Scaling, hidden layers, linear read-out: u(x) = W h(s(x)) + b, with s the scaling to [-1, 1].

    Made of operations that dispatch through `__torch_function__` only, so that anything that behaves like a tensor
    of coordinates (a bundle of Taylor coefficients) passes through `forward` and `trunk` unchanged.
    """

    spec: BaseSpec[Network]

    def __init__(self, spec: BaseSpec[Network], scaling: Scaling, hidden: nn.Module, readout: nn.Linear) -> None:
        """Join the parts."""
        super().__init__(spec)
        self.scaling = scaling
        self.hidden = hidden
        self.readout = readout

    def learning_rates(self) -> Mapping[nn.Parameter, float]:
        """The `learning_rate` of the spec for every parameter, where it has one."""
        rate = self.spec.learning_rate
        return {} if rate is None else dict.fromkeys(self.parameters(), rate)

    def trunk(self, coords: Tensor) -> Tensor:
        """Evaluate the hidden features h(s(x)): (n, d_total) -> (n, N), with forward = readout(trunk)."""
        features: Tensor = self.hidden(self.scaling(coords))
        return features

    def forward(self, coords: Tensor) -> Tensor:
        """Evaluate the field: (n, d_total) -> (n, outputs)."""
        values: Tensor = self.readout(self.trunk(coords))
        return values
