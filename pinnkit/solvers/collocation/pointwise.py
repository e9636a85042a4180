"""Check for residuals whose rows have one point of the domain each, integrals aside."""

from __future__ import annotations

import torch

from pinnkit.problem.terms import Term

__all__ = ["pointwise"]


def pointwise(term: Term) -> bool:
    """Return whether every row of a term has one point of its part, and not a group of them."""
    return term.sample(1, torch.Generator().manual_seed(0))[0].group is None
