"""Residuals of a problem's terms for training loops outside pinnkit, differentiable in the parameters of the fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from pinnkit.domains import Points
from pinnkit.problem.linearization import provider, residual_rows
from pinnkit.problem.problem import Problem

from .evaluation import FieldSet

__all__ = ["residuals"]


def residuals(
    problem: Problem,
    fields: nn.Module | Mapping[tuple[str, ...], nn.Module],
    points: Mapping[str, Points | Sequence[Points]],
    coefficients: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Residuals ``(n, k)`` of the terms that `points` names, with a graph to the parameters of the fields.

    ``loss = sum(r.square().mean() for r in residuals(problem, network, points).values())`` is a loss for a training
    loop of one's own.

    Args:
        problem: the problem.
        fields: one module ``(n, d) -> (n, outputs)`` for all unknowns side by side, or one for each group of unknowns.
        points: for each term of interest its points, ``problem.term("equation").sample(512, generator)``; a term with
            two sites takes both sets, and the nodes of integrals are added where single points are given.
        coefficients: 0-d tensors; None takes the problem's initial values.

    Returns:
        For each name in `points` a tensor of n points and k residuals each.

    Raises:
        ValueError: for a name in `points` that is not a term.
    """
    modules = {problem.names: fields} if isinstance(fields, nn.Module) else dict(fields)
    own = FieldSet(problem, modules)
    given = problem.initial_coefficients() if coefficients is None else coefficients
    terms = {str(t.name): t for t in problem.terms}
    out: dict[str, Tensor] = {}
    for name, sampled in points.items():
        if name not in terms:
            raise ValueError(f"residuals: `points` names '{name}', which is no term; they are {tuple(terms)}")
        sites = terms[name].completed(sampled) if isinstance(sampled, Points) else tuple(sampled)
        trace = problem.trace(terms[name], raw=True)
        values = own.channels(sites, trace.channels)
        lookup = provider(problem, values, trace.ignored, sites)
        out[name] = residual_rows(problem, terms[name], sites, lookup, given, raw=True)
    return out
