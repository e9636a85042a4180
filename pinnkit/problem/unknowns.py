"""Unknown functions and unknown coefficients of a problem."""

from __future__ import annotations

import keyword
import math
from dataclasses import dataclass

from pinnkit.domains import RESERVED, Operand
from pinnkit.domains.pieces.partition import Piece

__all__ = ["ARGUMENTS", "Coefficient", "Unknown"]

ARGUMENTS = ("hard", "name", "on", "penalty", "points", "weight")
"""Arguments of the conditions, which take unknowns as further keywords: no unknown may have such a name."""


@dataclass(frozen=True)
class Unknown:
    """A function to be found.

    Args:
        name: the name that equations use.
        components: None for a scalar, ``(n,)``; a number c for a vector, ``(n, c)``.
        axes: the axes it depends on, ``("x",)`` for kappa(x); None means all of the domain's.
        on: shape in space to which it is confined; None where it lives in all of the domain.  In a problem in pieces,
            the piece.

    Raises:
        ValueError: for a name that is reserved, an argument of the conditions or no identifier, fewer than 1 component,
            or axes that are no tuple.
        TypeError: for an `on` that is no shape.
    """

    name: str
    components: int | None = None
    axes: tuple[str, ...] | None = None
    on: Operand | Piece | None = None

    def __post_init__(self) -> None:
        if self.on is not None and not isinstance(self.on, Operand | Piece):
            raise TypeError(f"Unknown '{self.name}': `on` must be a shape such as Disk(...), got {self.on!r}")
        _check_name(self.name, "Unknown")
        if self.name in ARGUMENTS:
            raise ValueError(
                f"Unknown: `{self.name}` is an argument of the conditions, so that Dirichlet(wall, {self.name}=...) "
                f"would not mean the unknown; reserved are {ARGUMENTS}. Choose another name, such as `{self.name}_`"
            )
        if self.components is not None and (not isinstance(self.components, int) or self.components < 1):
            raise ValueError(
                f"Unknown '{self.name}': `components` must be a whole number of at least 1, or None, "
                f"got {self.components!r}"
            )
        if self.axes is not None and (not isinstance(self.axes, tuple) or not self.axes):
            raise ValueError(
                f"Unknown '{self.name}': `axes` must be a tuple of names such as ('x',), got {self.axes!r}"
            )


@dataclass(frozen=True)
class Coefficient:
    """A number to be found along with the unknowns.

    Args:
        name: the name that residuals use.
        initial: value at which the search starts.
        positive: keep it above zero (its logarithm is sought).

    Raises:
        ValueError: for a name that is reserved or no identifier, or a start that is not finite, or not above zero where
            it has to be positive.
    """

    name: str
    initial: float
    positive: bool = False

    def __post_init__(self) -> None:
        _check_name(self.name, "Coefficient")
        if not isinstance(self.initial, (int, float)) or not math.isfinite(self.initial):
            raise ValueError(f"Coefficient '{self.name}': `initial` must be a finite number, got {self.initial!r}")
        if self.positive and not self.initial > 0:
            raise ValueError(
                f"Coefficient '{self.name}': `initial` must be positive where positive=True, got {self.initial}"
            )


def _check_name(name: str, owner: str) -> None:
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        raise ValueError(f"{owner}: a name must be a Python identifier, got {name!r}")
    if name in RESERVED:
        raise ValueError(f"{owner}: `{name}` is reserved ({', '.join(sorted(RESERVED))}); choose another name")
