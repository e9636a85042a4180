"""Conditions on walls and at points for finite elements: values, fluxes, and what is refused."""

from __future__ import annotations

import torch

from pinnkit.domains import Points
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.structure import WallCondition
from pinnkit.problem.terms import Term
from pinnkit.references.grid import Array

from .weak_form import METHOD, Jets, Linear, WeakForm, is_value

__all__ = ["at_points", "check_conditions", "prescribed_component", "values_on"]

_MOST = 200_000
"""Single points of one condition."""


def values_on(form: WeakForm, piece: int, component: int, x: Array, normal: Array, time: float | None) -> Array:
    """The values ``(n,)`` that a piece of the boundary prescribes for a component at points ``(n, d)``.

    Raises:
        Unsupported: where the condition does not determine the value at a point.
    """
    wanted = form.structure.components[component]
    condition = next(c for c in form.conditions[piece] if is_value(c) and c.depends_on[0].component == wanted)
    levels = max(c.time_order for c in form.structure.components) + 1
    zero = [Jets.zero(form.components, *x.shape)] * levels
    weights = (1.0, *(0.0,) * (levels - 1))
    linear = form.linearised(condition.term, form.points(x, time, normal), zero, weights)[condition.index]
    slope = linear.c[component]
    if not (slope != 0).all():
        raise Unsupported(
            METHOD,
            f"{form.label}: '{condition.term.name}' does not prescribe `{wanted.unknown}` everywhere on the wall "
            f"'{form.names[piece]}'",
        )
    return linear.f / slope


def check_conditions(form: WeakForm) -> None:
    """Refuse conditions and coefficients that finite elements do not take, before there is a mesh.

    Raises:
        Unsupported: with the first of them.
    """
    for condition in dict.fromkeys(c for found in form.conditions for c in found):
        if is_value(condition):
            prescribed_component(form, condition)
        else:
            _check_natural(form, condition)
    _ = form.second_order


def prescribed_component(form: WeakForm, condition: WallCondition) -> tuple[WallCondition, int]:
    """A condition without derivatives, and the number of the component whose value it prescribes.

    Raises:
        Unsupported: for one that is not linear, or combines components.
    """
    if not condition.linear or len(condition.depends_on) != 1:
        what = "is not linear" if not condition.linear else "combines several unknowns"
        raise Unsupported(
            METHOD,
            f"{form.label}: '{condition.term.name}' has no derivative and {what}; finite elements take the value of "
            f"one unknown",
        )
    component = form.structure.components.index(condition.depends_on[0].component)
    return condition, component


def _check_natural(form: WeakForm, condition: WallCondition) -> None:
    if any(d.space_order > 1 for d in condition.depends_on):
        raise Unsupported(
            METHOD, f"{form.label}: '{condition.term.name}' has derivatives of an order above 1 on a wall"
        )


def at_points(form: WeakForm, term: Term) -> tuple[list[Linear], Array]:
    """A condition at single points, linearised, and the points in space."""
    if not form.problem.trace(term, raw=False).linear:
        raise Unsupported(METHOD, f"{form.label}: term '{term.name}' at single points is not linear")
    (site,) = term.sites
    points: Points = site.sample(_MOST, torch.Generator().manual_seed(0))
    columns = [form.problem.frame.columns.index(c) for c in form.space]
    x = points.coords[:, columns].numpy()
    n = len(x)
    zero = [Jets.zero(form.components, n, x.shape[1])]
    return form.linearised(term, points, zero, (1.0,)), x
