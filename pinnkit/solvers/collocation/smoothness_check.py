"""Fields that are piecewise polynomials of too low a degree: their highest derivatives vanish and teach nothing."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from pinnkit.domains import Axis
from pinnkit.jets.evaluation import jets
from pinnkit.problem.problem import Problem

from .collocation_points import generator_of

__all__ = ["refuse_kinks"]

_POINTS = 64


def refuse_kinks(problem: Problem, group: tuple[str, ...], module: nn.Module, axes: Sequence[Axis]) -> None:
    """Refuse a ready module whose derivatives of the order that the equations need are zero wherever one looks.

    A ReLU network is linear between its kinks: u_xx = 0 almost everywhere, and an equation of second order is met, or
    missed, whatever the parameters are.  It shows by derivatives of one order less that differ from place to place
    while those of the order itself vanish; a polynomial of low degree, which a user may want, shows no such thing.

    Raises:
        ValueError: for such a module.
    """
    needed = max(problem.smoothness_needed(name) for name in group)
    if needed < 2:
        return
    like = next((p for p in (*module.parameters(), *module.buffers()) if p.is_floating_point()), None)
    lower, upper = (
        torch.tensor([getattr(a, end) for a in axes for _ in a.columns], dtype=torch.float64)
        for end in ("lower", "upper")
    )
    unit = torch.rand(_POINTS, len(lower), generator=generator_of(0), dtype=torch.float64)
    coords = lower + unit * (upper - lower)
    coords = coords if like is None else coords.to(like)
    columns = range(min(coords.shape[1], 8))  # of a hundred columns a few tell
    try:
        with torch.no_grad():
            below = jets(module, coords, [(c,) * (needed - 1) for c in columns])
            highest = jets(module, coords, [(c,) * needed for c in columns])
    except (RuntimeError, TypeError, NotImplementedError):
        return  # what cannot be differentiated is refused, with its reason, where that is needed
    varies = any(bool((d - d[:1]).abs().max() > 0) for d in below.values())
    if varies and all(not bool(d.any()) for d in highest.values()):
        raise ValueError(
            f"problem '{problem.name}' needs {needed} derivatives of `{group[0]}`, and those of the module "
            f"{type(module).__name__} are zero everywhere, as with ReLU: it cannot meet the equation; "
            "use Siren(...) or smooth activations such as torch.nn.Tanh()"
        )
