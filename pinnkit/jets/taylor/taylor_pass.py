"""Taylor coefficients that pass through an ordinary `nn.Module`: all channels of a plan at once.

A `Taylor` replaces a tensor of shape (n, ...).  It is not a tensor: torch functions reach it through
`__torch_function__`, where a table of rules (`pinnkit.jets.taylor.rules`) has the action of each on all channels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from .channel_plan import Plan

__all__ = ["RULES", "Pending", "Taylor", "UnsupportedOperation", "add_rules", "bundle", "implements"]


class UnsupportedOperation(NotImplementedError):
    """An operation that the Taylor pass has no rule for; `jets` then differentiates the whole field by autograd."""

    def __init__(self, operation: str, reason: str = "no rule") -> None:
        super().__init__(f"{operation}: {reason} in the Taylor pass")
        self.operation = operation


class Pending(Protocol):
    """An operation that is not computed yet, because some of its channels may not be needed."""

    def resolve(self) -> Taylor:
        """Compute all channels."""

    def channels(self, wanted: tuple[int, ...]) -> Tensor:
        """Compute the channels `wanted`, stacked: (len(wanted), n, ...)."""

    def scaled(self, factor: float) -> Pending | None:
        """Return `factor` times this operation where that costs nothing, else None."""


class Taylor:
    """The channels of a plan for a quantity of shape (n, ...), in one of three states.

    * full: `coefficients`, (C, n, ...), one slice per channel;
    * affine in the coordinates: a value (n, ...) and derivatives that are constant over the points, `rows`,
      (M, 1, ...), for the M channels `plan.sloped`; all other channels vanish and are never multiplied;
    * pending: a linear layer or an elementwise function not computed yet, so that the last layer of a network computes
      the requested channels and no others.
    """

    __array_ufunc__ = None  # NumPy must not iterate over this object

    def __init__(
        self,
        plan: Plan,
        like: Tensor | Taylor,
        shape: Sequence[int],
        *,
        data: Tensor | None = None,
        value: Tensor | None = None,
        rows: Tensor | None = None,
        pending: Pending | None = None,
    ) -> None:
        self.plan = plan
        self.shape = torch.Size(shape)
        self.dtype: torch.dtype = like.dtype
        self.device: torch.device = like.device
        self._data = data
        self._value = value
        self._rows = rows
        self._pending = pending

    @staticmethod
    def full(plan: Plan, data: Tensor) -> Taylor:
        """Make one from all channels, (C, n, ...)."""
        return Taylor(plan, data, data.shape[1:], data=data)

    @staticmethod
    def affine(plan: Plan, value: Tensor, rows: Tensor) -> Taylor:
        """Make one from a value (n, ...) and constant derivatives (M, 1, ...)."""
        return Taylor(plan, value, value.shape, value=value, rows=rows)

    @staticmethod
    def later(plan: Plan, like: Tensor | Taylor, shape: Sequence[int], pending: Pending) -> Taylor:
        """Make one from an operation; its result has `shape` and the dtype and device of `like`."""
        return Taylor(plan, like, shape, pending=pending)

    @staticmethod
    def stacked(plan: Plan, parts: Sequence[Tensor | None]) -> Taylor:
        """Make one from a tensor per channel, None where it vanishes; they are broadcast against each other."""
        return Taylor.full(plan, stack(parts))

    # reading --------------------------------------------------------------------------------------------------------
    @property
    def pending(self) -> Pending | None:
        """The operation that is not computed yet."""
        return self._pending

    def settle(self) -> Taylor:
        """Compute the pending operation, once."""
        if self._pending is not None:
            result = self._pending.resolve()
            self._data, self._value, self._rows = result._data, result._value, result._rows
            self._pending = None
        return self

    @property
    def affinity(self) -> tuple[Tensor, Tensor] | None:
        """The value and the constant rows where this is affine in the coordinates, else None."""
        self.settle()
        if self._value is None or self._rows is None or self._data is not None:
            return None
        return self._value, self._rows

    @property
    def value(self) -> Tensor:
        """The value, (n, ...)."""
        affinity = self.affinity
        return self.coefficients[0] if affinity is None else affinity[0]

    @property
    def coefficients(self) -> Tensor:
        """All channels, (C, n, ...)."""
        self.settle()
        if self._data is None:
            self._data = stack(self.parts())
        return self._data

    def parts(self) -> list[Tensor | None]:
        """Return one tensor per channel, broadcastable to (n, ...), None where it vanishes."""
        affinity = self.affinity
        if affinity is None:
            return list(self.coefficients.unbind(0))
        value, rows = affinity
        parts: list[Tensor | None] = [None] * len(self.plan.channels)
        parts[0] = value
        for position, channel in enumerate(self.plan.sloped):
            parts[channel] = rows[position]
        return parts

    def channels(self, wanted: tuple[int, ...]) -> Tensor:
        """Return the channels `wanted`, (len(wanted), n, ...), computing no other where that can be avoided."""
        if self._pending is not None and wanted != self.plan.every:
            return self._pending.channels(wanted)
        every = self.coefficients
        return every if wanted == self.plan.every else torch.stack([every[channel] for channel in wanted])

    # attributes of a tensor of shape (n, ...) -----------------------------------------------------------------------
    @property
    def ndim(self) -> int:
        """Number of dimensions, the points included."""
        return len(self.shape)

    def dim(self) -> int:
        """Return the number of dimensions, the points included."""
        return len(self.shape)

    def size(self, dim: int | None = None) -> Any:
        """Return the shape, or its entry `dim`."""
        return self.shape if dim is None else self.shape[dim]

    def numel(self) -> int:
        """Return the number of entries of the value."""
        return self.shape.numel()

    def is_floating_point(self) -> bool:
        """Return True: Taylor coefficients are floating-point numbers."""
        return True

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        raise UnsupportedOperation("__iter__", "points cannot be taken apart")

    def __bool__(self) -> bool:
        raise UnsupportedOperation("__bool__", "a branch on values has no derivative")

    def __float__(self) -> float:
        raise UnsupportedOperation("__float__", "a number has no derivatives")

    def __repr__(self) -> str:
        return f"Taylor(shape={tuple(self.shape)}, channels={self.plan.channels})"

    # dispatch -------------------------------------------------------------------------------------------------------
    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Apply the rule of `func`.

        Raises:
            UnsupportedOperation: where there is none.
        """
        return apply(func.__name__, args, kwargs or {})

    def __getattr__(self, name: str) -> Any:
        # Only for names not found otherwise: the methods of a tensor, x.sin() for torch.sin(x).
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in RULES:
            raise UnsupportedOperation(name)
        return lambda *args, **kwargs: apply(name, (self, *args), kwargs)

    def __getitem__(self, index: Any) -> Any:
        return apply("getitem", (self, index), {})

    def __add__(self, other: Any) -> Any:
        return apply("add", (self, other), {})

    def __radd__(self, other: Any) -> Any:
        return apply("add", (other, self), {})

    def __sub__(self, other: Any) -> Any:
        return apply("sub", (self, other), {})

    def __rsub__(self, other: Any) -> Any:
        return apply("sub", (other, self), {})

    def __mul__(self, other: Any) -> Any:
        return apply("mul", (self, other), {})

    def __rmul__(self, other: Any) -> Any:
        return apply("mul", (other, self), {})

    def __truediv__(self, other: Any) -> Any:
        return apply("div", (self, other), {})

    def __rtruediv__(self, other: Any) -> Any:
        return apply("div", (other, self), {})

    def __pow__(self, other: Any) -> Any:
        return apply("pow", (self, other), {})

    def __rpow__(self, other: Any) -> Any:
        return apply("pow", (other, self), {})

    def __matmul__(self, other: Any) -> Any:
        return apply("matmul", (self, other), {})

    def __rmatmul__(self, other: Any) -> Any:
        return apply("matmul", (other, self), {})

    def __neg__(self) -> Any:
        return apply("neg", (self,), {})

    def __pos__(self) -> Taylor:
        return self

    def __abs__(self) -> Any:
        return apply("abs", (self,), {})

    def __lt__(self, other: Any) -> Any:
        return apply("lt", (self, other), {})

    def __le__(self, other: Any) -> Any:
        return apply("le", (self, other), {})

    def __gt__(self, other: Any) -> Any:
        return apply("gt", (self, other), {})

    def __ge__(self, other: Any) -> Any:
        return apply("ge", (self, other), {})

    def __eq__(self, other: object) -> Any:
        return apply("eq", (self, other), {})

    def __ne__(self, other: object) -> Any:
        return apply("ne", (self, other), {})

    __hash__ = object.__hash__

    def __mod__(self, other: Any) -> Any:
        return apply("remainder", (self, other), {})

    def __floordiv__(self, other: Any) -> Any:
        return apply("floor_divide", (self, other), {})


Rule = Callable[..., Any]

RULES: dict[str, Rule] = {}
"""The rule of each operation, by name; the modules in `pinnkit.jets.taylor.rules` fill it when they are imported."""


def add_rules(rules: Mapping[str, Rule]) -> None:
    """Enter rules into the table by the names of their operations; raises ValueError for a name that has one."""
    taken = sorted(set(rules) & set(RULES))
    if taken:
        raise ValueError(f"add_rules: {', '.join(taken)} have a rule already; keep one of them")
    RULES.update(rules)


def implements(*names: str) -> Callable[[Rule], Rule]:
    """Return a decorator that registers a rule under the names of its torch functions."""

    def register(rule: Rule) -> Rule:
        add_rules(dict.fromkeys(names, rule))
        return rule

    return register


def apply(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Apply the rule called `name`; raises UnsupportedOperation where there is none."""
    rule = RULES.get(name)
    if rule is None:
        raise UnsupportedOperation(name)
    try:
        return rule(*args, **{option: value for option, value in kwargs.items() if value is not None})
    except TypeError as reason:  # arguments that the rule does not know; torch decides whether they are right
        raise UnsupportedOperation(name, f"no rule for these arguments ({reason})") from reason


def bundle(plan: Plan, coords: Tensor) -> Taylor:
    """Make Taylor coefficients of coordinates (n, d): the first derivative along column i is the unit vector e_i."""
    columns = coords.shape[1]
    rows = [
        [sum(coefficient for coefficient, own in slope if own == column) for column in range(columns)]
        for _, slope in plan.slopes
    ]
    constant = torch.tensor(rows, dtype=coords.dtype, device=coords.device).reshape(len(rows), 1, columns)
    return Taylor.affine(plan, coords, constant)


def stack(parts: Sequence[Tensor | None]) -> Tensor:
    """Stack channels on a new first dimension, broadcast; a missing one is zero."""
    shape = torch.broadcast_shapes(*(part.shape for part in parts if part is not None))
    like = next(part for part in parts if part is not None)
    zero: Tensor | None = None
    stacked = []
    for part in parts:
        if part is None:
            zero = like.new_zeros(shape) if zero is None else zero
            part = zero
        stacked.append(part.expand(shape))
    return torch.stack(stacked)
