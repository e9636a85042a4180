"""Problems of data alone: comparison with the smoothest function through the same values.

Data say nothing between their points.  Radial basis functions through the values that the solution has at them (cubic
in one coordinate, thin plates in two, biharmonic in three) are as good an answer as the solution, so that the distance
between the two measures what the data leave open.

Source: Duchon, Splines minimizing rotation-invariant semi-norms in Sobolev spaces, Lecture Notes in Mathematics 571
(1977) 85.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor

from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Term

from .finding import Finding, Kind
from .measures import FAR, percent
from .scales import rms

__all__ = ["check_data_alone", "data_distances", "open_between_data"]

Values = Callable[[Tensor], Mapping[str, Tensor]]
"""Values of the unknowns at points ``(n, d)``."""

_KERNELS = {1: "cubic", 2: "thin_plate_spline", 3: "linear"}
_MOST = 4000
_NEIGHBOURS = 60
"""Nearest data of each point, where there are more than ten times as many."""
_OPEN = 0.2
"""Distance of the two functions, relative to the size of the unknown, from which the data leave it open."""


def check_data_alone(found: Mapping[str, float]) -> Iterator[Finding]:
    """Find unknowns that no equation governs and that the data do not determine between their points."""
    for name, distance in found.items():
        if distance > _OPEN:
            sentence = _sentence(name, distance, "give more data, or an equation")
            yield Finding(Kind.UNDETERMINED, sentence, distance, name)


def open_between_data(found: Mapping[str, float]) -> Iterator[str]:
    """Yield a sentence for each unknown that the data determine to some per cent only."""
    for name, distance in found.items():
        if FAR < distance <= _OPEN:
            yield _sentence(name, distance, "the data say no more")


def _sentence(name: str, distance: float, end: str) -> str:
    return (
        f"there are data alone, and the smoothest function through the same values of `{name}` is "
        f"{percent(distance)} away between them: {end}"
    )


def data_distances(problem: Problem, inside: Tensor, unknowns: Values, size: float) -> dict[str, float]:
    """Relative distance of each unknown from the smoothest function through its values at the data.

    Empty for problems that are more than data.

    Args:
        problem: the problem.
        inside: points of the domain ``(n, d)``.
        unknowns: values of the unknowns at points.
        size: largest root mean square over the unknowns.
    """
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
            places = torch.unique(torch.cat(at).double().cpu(), dim=0)
            out[name] = _distance(unknowns, name, places, inside, size)
    return out


def _compares(problem: Problem, term: Term, name: str) -> bool:
    """Return whether a term compares values of an unknown."""
    return any(c.unknown == name and c.order == () for c in problem.trace(term, raw=False).channels)


def _distance(unknowns: Values, name: str, at: Tensor, inside: Tensor, size: float) -> float:
    from scipy.interpolate import RBFInterpolator  # takes long to load, and few runs need it

    lower, upper = inside.min(dim=0).values, inside.max(dim=0).values
    if len(at) > _MOST:
        at = at[torch.linspace(0, len(at) - 1, _MOST).long()]
    fresh = inside[:1024]
    known = unknowns(at)[name].reshape(len(at), -1)
    wanted = unknowns(fresh)[name].reshape(len(fresh), -1)
    dim = at.shape[1]
    if len(at) <= dim + 1:  # too few for a plane: their mean
        smooth = known.mean(dim=0).expand_as(wanted)
    else:
        scaled = [((x - lower) / (upper - lower)).numpy() for x in (at, fresh)]
        few = None if len(at) <= 10 * _NEIGHBOURS else _NEIGHBOURS
        fit = RBFInterpolator(scaled[0], known.numpy(), kernel=_KERNELS[dim], degree=1, neighbors=few)
        smooth = torch.from_numpy(fit(scaled[1]))
    size = max(rms(wanted), size)
    return rms(smooth - wanted) / size if size > 0 else 0.0
