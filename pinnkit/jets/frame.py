"""Coordinate frame: names of the coordinate columns and of those that are space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Derivative", "Frame", "NamedOperator"]


@dataclass(frozen=True)
class NamedOperator:
    """A constant-coefficient linear operator ``sum_k c_k D^k`` over named columns, evaluated as one channel.

    Every order has at least one column; the value itself is a channel of its own.
    """

    terms: tuple[tuple[float, tuple[str, ...]], ...]


Derivative = tuple[str, ...] | NamedOperator
"""A channel of one unknown: ``()`` its value, ``("x", "x")`` a derivative, or one collapsed operator."""


@dataclass(frozen=True)
class Frame:
    """Names of the coordinate columns that derivatives are taken along.

    Args:
        columns: every scalar coordinate, in the order of the coordinate tensor.
        space: the columns that `grad`, `laplacian`, `div` and `curl` act on.
        vectors: pairs of a vector axis' name and its columns, ``("x", ("x[0]", "x[1]"))``.
    """

    columns: tuple[str, ...]
    space: tuple[str, ...]
    vectors: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the axes in user code: scalar columns and vector axes."""
        inside = {column for _, columns in self.vectors for column in columns}
        return tuple(c for c in self.columns if c not in inside) + tuple(name for name, _ in self.vectors)

    def vector(self, name: str) -> tuple[str, ...] | None:
        """Return the columns of the vector axis `name`, or None where it is not one."""
        return dict(self.vectors).get(name)

    def space_of(self, operator: str) -> tuple[str, ...]:
        """Return the space columns, for an operator that needs at least one; raises ValueError without any."""
        if not self.space:
            raise ValueError(f"{operator}: this problem has no space axes, its axes are {self.names}; use u.d(...)")
        return self.space

    def sort(self, order: Sequence[str]) -> tuple[str, ...]:
        """Sort the columns of a mixed partial derivative in the order of the frame; derivatives commute."""
        return tuple(sorted(order, key=self.columns.index))

    def split(self, letters: str) -> tuple[str, ...] | None:
        """Return the columns of the derivative `u.xx`, or None where `letters` is no derivative of this frame.

        A word that is an axis itself is that axis; else each letter must be an axis of its own.
        """
        if letters in self.columns:
            return (letters,)
        if letters and all(letter in self.columns for letter in letters):
            return tuple(letters)
        return None
