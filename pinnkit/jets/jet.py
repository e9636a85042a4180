"""Jets: the value of a function at points together with any partial derivative, on demand.

A `Jet` is lazy.  `u.xx` asks the unknown for exactly that channel and for no other, so that one evaluation of a
residual records the derivatives that it needs.  Arithmetic and torch functions of jets give jets: each result has a
value and, by the rules in `pinnkit.jets.rules`, a derivative along a column, again as a jet.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NoReturn, SupportsFloat

import numpy as np
import torch
from torch import Tensor

from . import dispatch
from .frame import Derivative, Frame, NamedOperator

__all__ = ["Jet", "constant", "coordinate", "unknown"]

Lookup = Callable[[Derivative], Tensor]


class Jet:
    """A quantity at n sample points together with its partial derivatives.

    `value` is a tensor whose first dimension is the samples: ``(n,)`` for a scalar.  `u.t`, `u.xx` (one-letter axes)
    and ``u.d("theta", "theta")`` are jets; `grad` is ``(n, d)``, `laplacian` componentwise, `hessian` ``(..., d, d)``,
    all over the space axes only.  ``u[0]`` is component 0 of a vector, never sample 0.

    Raises:
        AttributeError: `u.q` where `q` is neither a derivative along known axes nor a tensor method.
        TypeError: for NumPy functions, `float()`, `bool()`, in-place operations and functions without a derivative.
    """

    __slots__ = ("_derivatives", "_laplacian", "_partial", "_thunk", "_value", "frame")
    __array_ufunc__ = None  # NumPy then leaves `array * jet` to `Jet.__rmul__`, which raises a clear error

    def __init__(
        self,
        frame: Frame,
        value: Callable[[], Tensor],
        partial: Callable[[str], Jet | None],
        laplacian: Callable[[], Jet] | None = None,
    ) -> None:
        self.frame = frame
        self._thunk = value
        self._value: Tensor | None = None
        self._partial = partial
        self._derivatives: dict[str, Jet | None] = {}
        self._laplacian = laplacian

    @property
    def value(self) -> Tensor:
        """The quantity itself at the sample points, a plain tensor."""
        if self._value is None:
            self._value = self._thunk()
        return self._value

    def partial(self, column: str) -> Jet | None:
        """The derivative along one column, or None where it vanishes identically."""
        if column not in self._derivatives:
            self._derivatives[column] = self._partial(column)
        return self._derivatives[column]

    def d(self, *axes: str) -> Jet:
        """The mixed partial derivative along `axes`: ``u.d("x", "x", "t")`` is u_xxt.

        A vector axis gives all its columns at once, stacked on a new last dimension.

        Raises:
            ValueError: where a name is not an axis.
        """
        jet: Jet = self
        for axis in axes:
            columns = self.frame.vector(axis)
            if columns is not None:
                jet = _stack(jet, columns)
            elif axis in self.frame.columns:
                jet = _along(jet, axis)
            else:
                raise ValueError(f"d: `{axis}` is not an axis of this problem; its axes are {self.frame.names}")
        return jet

    @property
    def grad(self) -> Jet:
        """The gradient over the space axes: ``(n, d)`` of a scalar, ``(n, c, d)`` of a vector."""
        return _stack(self, self.frame.space_of("grad"))

    @property
    def hessian(self) -> Jet:
        """Second derivatives over the space axes, ``(..., d, d)``."""
        return self.grad.grad

    @property
    def laplacian(self) -> Jet:
        """The sum of the pure second derivatives over the space axes, of the shape of the jet itself."""
        if self._laplacian is not None and len(self.frame.space) > 1:
            return self._laplacian()
        total: Jet | None = None
        for column in self.frame.space_of("laplacian"):
            first = self.partial(column)
            second = None if first is None else first.partial(column)
            if second is not None:
                total = second if total is None else total + second
        return _zeros(self) if total is None else total

    # attributes of a tensor ---------------------------------------------------------------------------------------
    @property
    def shape(self) -> torch.Size:
        """Shape of the value, samples first."""
        return self.value.shape

    @property
    def ndim(self) -> int:
        """Number of dimensions of the value, the samples' one included."""
        return self.value.ndim

    @property
    def dtype(self) -> torch.dtype:
        """The value's dtype."""
        return self.value.dtype

    @property
    def device(self) -> torch.device:
        """The value's device."""
        return self.value.device

    def __getattr__(self, name: str) -> Any:
        order = None if name.startswith("_") else self.frame.split(name)
        if order is not None:
            return self.d(*order)
        columns = self.frame.vector(name)
        if columns is not None:
            return self.d(name)
        method = getattr(torch.Tensor, name, None)
        if name.startswith("_") or not callable(method):
            raise AttributeError(
                f"`.{name}` is no derivative along the axes {self.frame.names} and no tensor method; "
                f'write u.d("a", "b") for axes whose names have several letters'
            )
        return lambda *args, **kwargs: Jet.__torch_function__(method, (Jet,), (self, *args), kwargs)

    # torch functions -------------------------------------------------------------------------------------------
    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Apply a torch function by its rule; the result is a jet, or a plain tensor where no derivative exists."""
        return dispatch.apply(func, tuple(args), dict(kwargs or {}))

    def __getitem__(self, key: Any) -> Jet:
        index = key if isinstance(key, tuple) and key and key[0] in (Ellipsis, slice(None)) else (slice(None), key)
        if isinstance(key, tuple) and index is not key:
            index = (slice(None), *key)
        result = torch.Tensor.__getitem__
        jet: Jet = self.__torch_function__(result, (Jet,), (self, index))
        return jet

    def __iter__(self) -> Iterator[Jet]:
        raise TypeError("a jet cannot be iterated over; write u[0], u[1] for the components of a vector unknown")

    def __add__(self, other: Any) -> Jet:
        return _binary(torch.add, self, other)

    def __radd__(self, other: Any) -> Jet:
        return _binary(torch.add, other, self)

    def __sub__(self, other: Any) -> Jet:
        return _binary(torch.sub, self, other)

    def __rsub__(self, other: Any) -> Jet:
        return _binary(torch.sub, other, self)

    def __mul__(self, other: Any) -> Jet:
        return _binary(torch.mul, self, other)

    def __rmul__(self, other: Any) -> Jet:
        return _binary(torch.mul, other, self)

    def __truediv__(self, other: Any) -> Jet:
        return _binary(torch.div, self, other)

    def __rtruediv__(self, other: Any) -> Jet:
        return _binary(torch.div, other, self)

    def __pow__(self, other: Any) -> Jet:
        return _binary(torch.pow, self, other)

    def __rpow__(self, other: Any) -> Jet:
        return _binary(torch.pow, other, self)

    def __matmul__(self, other: Any) -> Jet:
        return _binary(torch.matmul, self, other)

    def __rmatmul__(self, other: Any) -> Jet:
        return _binary(torch.matmul, other, self)

    def __neg__(self) -> Jet:
        return torch.neg(self)  # type: ignore[arg-type, return-value]

    def __pos__(self) -> Jet:
        return self

    def __abs__(self) -> Jet:
        return torch.abs(self)  # type: ignore[arg-type, return-value]

    # comparisons have no derivative: plain boolean tensors ----------------------------------------------------------
    def __lt__(self, other: Any) -> Tensor:
        return self.value < plain(other)

    def __le__(self, other: Any) -> Tensor:
        return self.value <= plain(other)

    def __gt__(self, other: Any) -> Tensor:
        return self.value > plain(other)

    def __ge__(self, other: Any) -> Tensor:
        return self.value >= plain(other)

    def __eq__(self, other: object) -> Tensor:  # type: ignore[override]
        return torch.eq(self.value, plain(other))

    def __ne__(self, other: object) -> Tensor:  # type: ignore[override]
        return torch.ne(self.value, plain(other))

    __hash__ = object.__hash__

    # refusals -------------------------------------------------------------------------------------------------------
    def __float__(self) -> NoReturn:
        raise TypeError(
            "float() of a jet would lose its derivatives; use torch functions instead of math or NumPy ones"
        )

    def __bool__(self) -> NoReturn:
        raise TypeError("the truth of a jet is undefined; write torch.where(condition, a, b) instead of `if`")

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("a jet cannot become a NumPy array; use torch functions instead of NumPy ones")

    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        raise TypeError("a jet cannot be changed in place; use torch.where or torch.stack")

    def __repr__(self) -> str:
        return f"Jet(axes={self.frame.names})"


def plain(value: Any) -> Any:
    """Return the value of a jet; anything else as it is."""
    return value.value if isinstance(value, Jet) else value


def constant(frame: Frame, value: Tensor) -> Jet:
    """Make a jet with derivatives that all vanish: a data column, a normal, a coefficient."""
    return Jet(frame, lambda: value, lambda _: None)


def coordinate(frame: Frame, coords: Tensor, name: str) -> Jet:
    """Make the coordinate `name` a jet: ``(n,)``, or ``(n, dim)`` for a vector axis."""
    columns = frame.vector(name)
    if columns is None:
        i = frame.columns.index(name)
        ones = constant(frame, torch.ones_like(coords[:, i]))
        return Jet(frame, lambda: coords[:, i], lambda column: ones if column == name else None)
    start = frame.columns.index(columns[0])

    def partial(column: str) -> Jet | None:
        if column not in columns:
            return None
        unit = torch.zeros_like(coords[:, start : start + len(columns)])
        unit[:, columns.index(column)] = 1.0
        return constant(frame, unit)

    return Jet(frame, lambda: coords[:, start : start + len(columns)], partial)


def unknown(frame: Frame, lookup: Lookup, order: tuple[str, ...] = (), *, columns: frozenset[str] | None = None) -> Jet:
    """Make an unknown a jet; its channels come from `lookup(order)`, which is called when their value is needed.

    `columns` are the coordinates that the unknown depends on; derivatives along others vanish.
    """
    along = frozenset(frame.columns) if columns is None else columns
    space = tuple(column for column in frame.space if column in along)

    def derivative(column: str) -> Jet | None:
        return unknown(frame, lookup, frame.sort((*order, column)), columns=along) if column in along else None

    def third(column: str) -> Jet | None:  # the derivative of the collapsed Laplacian: a sum of third derivatives
        outer = derivative(column)
        if outer is None:
            return None
        parts = [outer.d(c, c) for c in space]
        return functools.reduce(operator.add, parts)

    collapsed = NamedOperator(tuple((1.0, (column, column)) for column in space))
    single = order or len(space) < 2
    laplacian = None if single else (lambda: Jet(frame, lambda: lookup(collapsed), third))
    return Jet(frame, lambda: lookup(order), derivative, laplacian)


_OPERANDS = (Jet, Tensor, int, float, complex, SupportsFloat)


def _binary(func: Callable[..., Any], left: Any, right: Any) -> Jet:
    for side in (left, right):
        if not isinstance(side, _OPERANDS):
            return NotImplemented
        if isinstance(side, np.ndarray) and side.ndim > 0:
            raise TypeError(
                "NumPy arrays do not mix with jets; convert with torch.as_tensor, or pass them as data columns"
            )
    left, right = _number(left), _number(right)
    jet: Jet = Jet.__torch_function__(func, (Jet,), (left, right))
    return jet


def _number(side: Any) -> Any:
    return float(side) if isinstance(side, np.ndarray | np.generic) else side


def _zeros(jet: Jet) -> Jet:
    return Jet(jet.frame, lambda: torch.zeros_like(jet.value), lambda _: None)


def _along(jet: Jet, column: str) -> Jet:
    derivative = jet.partial(column)
    return _zeros(jet) if derivative is None else derivative


def _stack(jet: Jet, columns: Sequence[str]) -> Jet:
    return torch.stack([_along(jet, column) for column in columns], dim=-1)  # type: ignore[misc, return-value]
