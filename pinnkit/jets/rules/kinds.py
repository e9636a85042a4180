"""Kinds of derivative rules: values alone, elementwise, linear and bilinear functions, and functions of their own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from pinnkit.jets.discontinuity_check import refuse_varying_numbers
from pinnkit.jets.dispatch import Function, add_rules, function_name
from pinnkit.jets.frame import Frame
from pinnkit.jets.jet import Jet, constant, plain

__all__ = [
    "Bilinear",
    "Differentiable",
    "Elementwise",
    "Linear",
    "Own",
    "ValuesOnly",
    "align",
    "implements",
    "partial_of",
    "total",
]


# reading arguments ------------------------------------------------------------------------------------------------
def jets_in(value: Any) -> Iterator[Jet]:
    """Yield the jets among arguments."""
    if isinstance(value, Jet):
        yield value
    elif isinstance(value, dict):
        yield from jets_in(list(value.values()))
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from jets_in(item)


def plain_in(value: Any) -> Any:
    """Replace the jets among arguments by their values."""
    if isinstance(value, dict):
        return {key: plain_in(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(plain_in(item) for item in value)
    return plain(value)


def align(*values: Any) -> list[Any]:
    """Return values with the samples on the first axis: ``(n,)`` times ``(n, d)`` means row by row.

    Jets always carry samples first.  A plain tensor is taken as samples where it has their number of rows and one
    dimension, otherwise as torch broadcasts it (a vector of components).
    """
    raw = [plain(v) for v in values]
    rank = max((r.ndim for r in raw if isinstance(r, Tensor)), default=0)
    count = next((r.shape[0] for v, r in zip(values, raw, strict=True) if isinstance(v, Jet) and r.ndim), None)
    out = []
    for value, r in zip(values, raw, strict=True):
        samples = isinstance(value, Jet) or (isinstance(r, Tensor) and r.ndim == 1 and r.shape[0] == count)
        if isinstance(r, Tensor) and samples and 0 < r.ndim < rank:
            r = r.reshape(r.shape[0], *(1,) * (rank - r.ndim), *r.shape[1:])
        out.append(r)
    return out


def partial_of(value: Any, column: str) -> Jet | None:
    """Return the derivative of an argument along a column; None where it vanishes, as for numbers and tensors.

    Raises:
        ValueError: within `refuse_discontinuities`, for a plain tensor that differs among the points.
    """
    if isinstance(value, Jet):
        return value.partial(column)
    refuse_varying_numbers(value)
    return None


def total(left: Jet | None, right: Jet | None) -> Jet | None:
    """Add two derivatives; None where both vanish."""
    if left is None or right is None:
        return right if left is None else left
    return left + right


# kinds of rules ---------------------------------------------------------------------------------------------------
class ValuesOnly:
    """A function without a derivative, of the values alone: comparisons, rounding, shapes."""

    elementwise: ClassVar[bool] = False

    def apply(self, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the plain result."""
        return func(*plain_in(args), **plain_in(kwargs))


class Differentiable(ABC):
    """A function with a derivative: its result is a jet."""

    elementwise: ClassVar[bool] = False

    def apply(self, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Jet:
        """Return the result as a jet; raises TypeError for `out=`."""
        if kwargs.pop("out", None) is not None:
            raise TypeError(f"torch.{function_name(func)}: `out=` has no meaning for jets; use the returned value")
        return self.jet(next(jets_in((args, kwargs))).frame, func, args, kwargs)

    @abstractmethod
    def jet(self, frame: Frame, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Jet:
        """Return the result of `func` on jets in `frame`."""


@dataclass(frozen=True)
class Elementwise(Differentiable):
    """A function of one argument, applied entry by entry: d f(z) = f'(z) dz.

    Args:
        function: f, on tensors.
        slope: f', on jets, with the options of f.
    """

    elementwise: ClassVar[bool] = True

    function: Function
    slope: Function

    def jet(self, frame: Frame, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Jet:
        """Apply the chain rule."""
        del func
        z, *rest = args

        def partial(column: str) -> Jet | None:
            dz = z.partial(column)
            return None if dz is None else self.slope(z, *rest, **kwargs) * dz

        return Jet(frame, lambda: self.function(z.value, *rest, **kwargs), partial)


@dataclass(frozen=True)
class Linear(Differentiable):
    """A function that acts alike on a value and on its derivative; of one jet, or of a sequence of jets and tensors.

    Args:
        along: position of the argument that names the dimensions which are mixed, or None where none are.
        added: number of dimensions that the result has more than its arguments.
    """

    along: int | None = None
    added: int = 0

    def jet(self, frame: Frame, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Jet:
        """Apply `func` to the value and to each derivative."""
        first, *rest = args
        many = isinstance(first, (tuple, list))
        items = list(first) if many else [first]

        def partial(column: str) -> Jet | None:
            parts = [partial_of(item, column) for item in items]
            if all(part is None for part in parts):
                return None
            filled = [
                constant(frame, torch.zeros_like(plain(item))) if part is None else part
                for item, part in zip(items, parts, strict=True)
            ]
            return self.jet(frame, func, (filled if many else filled[0], *rest), kwargs)

        def laplacian() -> Jet:
            return self.jet(frame, func, (items[0].laplacian, *rest), kwargs)

        return Jet(frame, lambda: self.value(func, args, kwargs), partial, None if many else laplacian)

    def value(self, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
        """Evaluate `func`; raises TypeError where it would mix the samples."""
        if self.along is not None:
            at, sample = self.along, next(jets_in(args)).value
            dim = next((kwargs[key] for key in ("dim", "dims") if key in kwargs), args[at] if len(args) > at else None)
            rank = sample.ndim + self.added
            if any(d is None or d in (0, -rank) for d in (dim if isinstance(dim, (tuple, list)) else (dim,))):
                raise TypeError(
                    f"torch.{function_name(func)} of a jet must name a dimension of components, never the samples' "
                    f"one, the first: use dim=-1 of a vector; this jet has shape {tuple(sample.shape)}"
                )
        return keeping_samples(func, args, kwargs)


@dataclass(frozen=True)
class Bilinear(Differentiable):
    """A product of two arguments: d(a b) = da b + a db.

    Args:
        function: the product, on tensors.
        aligned: True where the samples of both arguments are aligned first, see `align`.
    """

    function: Function
    aligned: bool = False

    def jet(self, frame: Frame, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Jet:
        """Apply the product rule."""
        a, b, *rest = args

        def value() -> Tensor:
            if self.aligned:
                product: Tensor = self.function(*align(a, b), *rest, **kwargs)
                return product
            return keeping_samples(self.function, args, kwargs)

        def partial(column: str) -> Jet | None:
            da, db = partial_of(a, column), partial_of(b, column)
            left = None if da is None else self.jet(frame, func, (da, b, *rest), kwargs)
            right = None if db is None else self.jet(frame, func, (a, db, *rest), kwargs)
            return total(left, right)

        numbers = not isinstance(a, Jet | Tensor), not isinstance(b, Jet | Tensor)
        number, jet = (a, b) if numbers[0] else (b, a)

        def laplacian() -> Jet:  # of a number times a jet: it stays one channel
            return self.jet(frame, func, (jet.laplacian, number), kwargs)

        return Jet(frame, value, partial, laplacian if self.aligned and any(numbers) else None)


@dataclass(frozen=True)
class Own(Differentiable):
    """A function with a rule of its own: `rule(frame, *args, **kwargs)` returns the jet."""

    rule: Callable[..., Jet]

    def jet(self, frame: Frame, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Jet:
        """Apply the rule."""
        del func
        return self.rule(frame, *args, **kwargs)


def keeping_samples(func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """Evaluate `func` on values; raises TypeError unless the samples stay as they are: a residual is pointwise."""
    sample = next(jets_in(args)).value
    result: Tensor = func(*plain_in(args), **plain_in(kwargs))
    if result.ndim == 0 or result.shape[0] != sample.shape[0]:
        raise TypeError(
            f"torch.{function_name(func)} of a jet must keep the samples, its first dimension, as they are: expected "
            f"shape ({sample.shape[0]}, ...), got {tuple(result.shape)}; join or reduce components with dim=-1"
        )
    return result


def implements(*names: str) -> Callable[[Callable[..., Jet]], Callable[..., Jet]]:
    """Return a decorator that enters a rule of its own into the table under the names of its torch functions."""

    def register(rule: Callable[..., Jet]) -> Callable[..., Jet]:
        add_rules(dict.fromkeys(names, Own(rule)))
        return rule

    return register
