"""Functions that reduce, join, pick or move components: they act alike on values and derivatives."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from pinnkit.jets.dispatch import Function, add_rules

from .kinds import Linear, jets_in, keeping_samples

__all__: list[str] = []


class _GetItem(Linear):
    """Indexing: u[0] is component 0 of a vector."""

    def value(self, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
        """Evaluate the components; raises TypeError for a component of a scalar."""
        if next(jets_in(args)).value.ndim == 1 and any(isinstance(key, int) for key in args[1]):
            raise TypeError("u[0] is a component of a vector, and this jet is a scalar, of shape (n,)")
        return keeping_samples(func, args, kwargs)


_ALIKE = (
    "neg hstack vstack reshape view flatten unsqueeze squeeze transpose permute swapaxes movedim moveaxis expand "
    "expand_as broadcast_to select narrow index_select tile diagonal to double float contiguous clone"
)
add_rules(dict.fromkeys(_ALIKE.split(), Linear()))
add_rules(
    {
        "getitem": _GetItem(),
        "sum": Linear(along=1),
        "mean": Linear(along=1),
        "cumsum": Linear(along=1),
        "cat": Linear(along=1),
        "stack": Linear(along=1, added=1),
        "flip": Linear(along=1),
        "roll": Linear(along=2),
        "repeat_interleave": Linear(along=2),
    }
)
