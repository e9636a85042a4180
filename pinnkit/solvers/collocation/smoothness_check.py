"""Check of ready modules for piecewise polynomials of too low a degree, whose highest derivatives vanish."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pinnkit.domains import Axis
from pinnkit.jets.evaluation import jets
from pinnkit.problem.problem import Problem

from .collocation_points import generator_of

__all__ = ["bounds_of", "check_smoothness"]

_POINTS = 64


def bounds_of(axes: Sequence[Axis]) -> tuple[Tensor, Tensor]:
    """Lower and upper bounds of the coordinate columns of some axes, ``(d,)`` each, in float64."""
    lower = [a.lower for a in axes for _ in a.columns]
    upper = [a.upper for a in axes for _ in a.columns]
    return torch.tensor(lower, dtype=torch.float64), torch.tensor(upper, dtype=torch.float64)


def check_smoothness(problem: Problem, group: tuple[str, ...], module: nn.Module, axes: Sequence[Axis]) -> None:
    """Refuse a ready module whose derivatives of the order that the equations need vanish at all test points.

    A ReLU network is piecewise linear: u_xx = 0 almost everywhere, and the residual of an equation of second order does
    not depend on the parameters.  Such a module has derivatives of one order less that vary in space while those of the
    order itself vanish; a polynomial of low degree, which a user may want, has not.

    Raises:
        ValueError: for such a module.
    """
    needed = max(problem.smoothness_needed(name) for name in group)
    if needed < 2:
        return
    like = next((p for p in (*module.parameters(), *module.buffers()) if p.is_floating_point()), None)
    lower, upper = bounds_of(axes)
    unit = torch.rand(_POINTS, len(lower), generator=generator_of(0), dtype=torch.float64)
    coords = lower + unit * (upper - lower)
    coords = coords if like is None else coords.to(like)
    columns = range(min(coords.shape[1], 8))  # a few columns of a hundred suffice
    try:
        with torch.no_grad():
            below = jets(module, coords, [(c,) * (needed - 1) for c in columns])
            highest = jets(module, coords, [(c,) * needed for c in columns])
    except (RuntimeError, TypeError, NotImplementedError):
        return  # a module that cannot be differentiated is refused, with the reason, by the solvers that need it
    varies = any(bool((d - d[:1]).abs().max() > 0) for d in below.values())
    if varies and all(not bool(d.any()) for d in highest.values()):
        raise ValueError(
            f"problem '{problem.name}' needs {needed} derivatives of `{group[0]}`, and those of the module "
            f"{type(module).__name__} are zero everywhere, as with ReLU: it cannot meet the equation; "
            "use Siren(...) or smooth activations such as torch.nn.Tanh()"
        )
