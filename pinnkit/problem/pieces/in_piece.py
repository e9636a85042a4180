"""Functions of the user in one piece: with the unknowns of that piece, and one value of each coefficient."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pinnkit.problem.names import arguments, call
from pinnkit.problem.portable import Portable

from .piecewise import Piecewise, branches_held

__all__ = ["InPiece", "Names"]

Names = tuple[tuple[str, str], ...]
"""Pairs (name in the user's problem, name in the problem in pieces) of unknowns."""


@dataclass(frozen=True, repr=False)
class InPiece(Portable):
    """A function that is called by argument name, with other names for its unknowns.

    Args:
        function: of the user; its argument `u` is given the value of the name that `names` has for it.
        names: names of the unknowns.
        branches: for each piecewise coefficient the number of the branch that holds in the piece.
    """

    function: Callable[..., Any]
    names: Names
    branches: tuple[tuple[Piecewise, int], ...]

    @property
    def __signature__(self) -> inspect.Signature:
        """Names that the function needs."""
        renamed = dict(self.names)
        needed, _ = arguments(self.function, "a function in a piece")
        keyword = inspect.Parameter.KEYWORD_ONLY
        return inspect.Signature([inspect.Parameter(renamed.get(name, name), keyword) for name in needed])

    def __call__(self, **scope: Any) -> Any:
        """Value of the function."""
        own = {theirs: scope[name] for theirs, name in self.names if name in scope}
        with branches_held(dict(self.branches)):
            return call(self.function, {**scope, **own})

    def __repr__(self) -> str:
        return f"{self.function!r} in a piece"
