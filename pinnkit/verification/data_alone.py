"""Problems of data alone: comparison with the smoothest function through the same values.

Data say nothing between their points.  Radial basis functions through the values that the solution has at them (cubic
in one coordinate, thin plates in two, biharmonic in three) are as good an answer as the solution, so that the distance
between the two measures what the data leave open.

Source: Duchon, Splines minimizing rotation-invariant semi-norms in Sobolev spaces, Lecture Notes in Mathematics 571
(1977) 85.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Term

from .context import Context
from .finding import Finding, Kind
from .measures import FAR
from .residual_checks import percent
from .scales import rms

__all__ = ["check_data_alone", "open_between_data"]

_KERNELS = {1: "cubic", 2: "thin_plate_spline", 3: "linear"}
_MOST = 4000
_NEIGHBOURS = 60
"""Nearest data of each point, where there are more than ten times as many."""
_OPEN = 0.2
"""Distance of the two functions, relative to the size of the unknown, from which the data leave it open."""


def check_data_alone(context: Context) -> Iterator[Finding]:
    """Find unknowns that no equation governs and that the data do not determine between their points."""
    for name, distance in distances(context).items():
        if distance > _OPEN:
            sentence = _sentence(name, distance, "give more data, or an equation")
            yield Finding(Kind.UNDETERMINED, sentence, distance, name)


def open_between_data(context: Context) -> Iterator[str]:
    """Yield a sentence for each unknown that the data determine to some per cent only."""
    for name, distance in distances(context).items():
        if FAR < distance <= _OPEN:
            yield _sentence(name, distance, "the data say no more")


def _sentence(name: str, distance: float, end: str) -> str:
    return (
        f"there are data alone, and the smoothest function through the same values of `{name}` is "
        f"{percent(distance)} away between them: {end}"
    )


def distances(context: Context) -> dict[str, float]:
    """Relative distance of each unknown from the smoothest function through its values at the data."""
    problem = context.problem
    columns = len(problem.frame.columns)
    if problem.plan is not None or problem.structure.equations or not problem.structure.data or columns not in _KERNELS:
        return {}
    if len(problem.structure.data) < len(problem.terms) or problem.ansatz:
        return {}
    out: dict[str, float] = {}
    for name in problem.names:
        terms = [t for t in problem.structure.data if _compares(problem, t, name)]
        at = [t.own_points.coords for t in terms if t.own_points is not None]
        if at:
            out[name] = _distance(context, name, torch.unique(torch.cat(at).double().cpu(), dim=0))
    return out


def _compares(problem: Problem, term: Term, name: str) -> bool:
    """Return whether a term compares values of an unknown."""
    return any(c.unknown == name and c.order == () for c in problem.trace(term, raw=False).channels)


def _distance(context: Context, name: str, at: Tensor) -> float:
    from scipy.interpolate import RBFInterpolator  # takes long to load, and few runs need it

    lower, upper = context.inside.min(dim=0).values, context.inside.max(dim=0).values
    if len(at) > _MOST:
        at = at[torch.linspace(0, len(at) - 1, _MOST).long()]
    fresh = context.inside[:1024]
    known = context.unknowns(at)[name].reshape(len(at), -1)
    wanted = context.unknowns(fresh)[name].reshape(len(fresh), -1)
    dim = at.shape[1]
    if len(at) <= dim + 1:  # too few for a plane: their mean
        smooth = known.mean(dim=0).expand_as(wanted)
    else:
        scaled = [((x - lower) / (upper - lower)).numpy() for x in (at, fresh)]
        few = None if len(at) <= 10 * _NEIGHBOURS else _NEIGHBOURS
        fit = RBFInterpolator(scaled[0], known.numpy(), kernel=_KERNELS[dim], degree=1, neighbors=few)
        smooth = torch.from_numpy(fit(scaled[1]))
    size = max(rms(wanted), context.size)
    return rms(smooth - wanted) / size if size > 0 else 0.0
