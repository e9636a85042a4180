"""Uniqueness checks: trivial solutions, undetermined components, mirror images."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from pinnkit.domains import Axis, Box, Role
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.linearization import Channel, linearise
from pinnkit.references.eikonal.eikonal_detection import medium
from pinnkit.solutions.evaluation import FieldSet

from .context import Context
from .finding import Finding, Kind
from .measures import number, percent
from .residual_checks import IGNORED, MISSED
from .scales import rms
from .term_sample import Sample

__all__ = ["check_mirror_images", "check_trivial", "check_uniqueness"]

_TRIVIAL = 0.02
"""Size of the solution over the expected size, below which it is trivial."""
_ALL = 0.9
"""Share of the prescribed variation that a constant solution lacks."""
_ZERO = 1e-6
"""A size that counts as zero where nothing else gives a scale."""
_DETERMINED = 1e-3
"""Smallest response above which the terms determine the solution; about one for Poisson's equation."""
_OPEN = 1e-5
"""Smallest response below which a component is undetermined; random sines approximate smooth functions to 1e-7."""
_NOTHING = 1e-7
"""The same of a linear problem, whatever a reference says: it may have taken the same one of many solutions."""
_SAME = 1e-9
"""Relative change of a residual that counts as none."""
_AS_GOOD = 2.0
"""Ratio of residuals up to which a mirror image is as good as the solution."""
_OTHER = 0.1
"""Relative distance from which a mirror image is another solution."""


def check_trivial(context: Context) -> Iterator[Finding]:
    """Find solutions that vanish or are constant, although the data ask for more, or because no data exclude it."""
    size, expected = context.size, context.expected
    if expected > 0 and size < _TRIVIAL * expected:
        yield Finding(
            Kind.TRIVIAL,
            f"the solution is trivial: its size is {number(size)}, it should be {number(expected)}",
            size / expected,
        )
        return
    driven = [s for s in context.samples if s.driven]
    if driven and not expected and all(s.from_unknowns < _TRIVIAL * s.given_size for s in driven):
        yield Finding(
            Kind.TRIVIAL,
            f"the solution is trivial: its size is {number(size)}, and it moves no term by more than "
            f"{percent(_TRIVIAL)} of what is prescribed",
            max(s.from_unknowns / s.given_size for s in driven),
        )
        return
    if not driven and not expected and size < _ZERO and not _zero_is_all(context):
        yield Finding(
            Kind.TRIVIAL,
            "the solution is trivial: zero satisfies these equations, as nothing prescribes a value other than zero; "
            "add a condition that excludes it",
            size,
        )
        return
    spread = max(_spread(v) for v in context.values.values())
    missed = [s for s in driven if s.check.relative > IGNORED or _as_varied(s, size)]
    if missed and size > 0 and spread < _TRIVIAL * size:
        yield Finding(
            Kind.TRIVIAL,
            f"the solution is trivial: it is constant, {number(size)}, to within {percent(spread / size)}, "
            f"though '{missed[0].check.name}' asks for more",
            spread / size,
        )


def check_uniqueness(context: Context) -> Iterator[Finding]:
    """Find functions that can be added to the solution without a change of any term."""
    found = context.estimate
    open_anyway = context.problem.linear and found is not None and found.smallest_response < _NOTHING
    if not context.settled or (context.confirmed and (context.confirmed_by_exact or not open_anyway)):
        return
    shifts = [name for name in context.problem.names if not context.problem.ansatz and _unmoved(context, name)]
    for name in shifts:
        yield Finding(
            Kind.UNDETERMINED,
            f"the solution is one of many: a constant can be added to `{name}` and every term is met as before; "
            f"prescribe `{name}` at a point",
            0.0,
            name,
        )
    if not shifts and found is not None and not context.problem.coefficients and found.smallest_response < _OPEN:
        yield Finding(
            Kind.UNDETERMINED,
            f"the solution is one of many: something can be added to `{found.least_determined}` that changes the "
            f"terms by no more than {number(found.smallest_response)} of its size; a condition is missing",
            found.smallest_response,
            found.least_determined,
        )


def check_mirror_images(context: Context) -> Iterator[Finding]:
    """Find mirror images, in sign or along an axis, that satisfy every term as well and are another function."""
    if context.problem.ansatz or not context.settled or context.confirmed or context.size < _ZERO:
        return
    if not context.resolved or context.problem.structure.minimised:  # which tell images apart
        return
    first = _first_arrival(context)
    if first is not None:
        later = float(context.values[context.problem.names[0]].mean()) - first
        if later < 0:
            yield Finding(
                Kind.MIRRORED,
                "the solution is a mirror image: arrival times grow from the source, these fall; "
                "use an ansatz such as T = distance * exp(raw), which has one sign",
                later / context.size,
            )
        return
    if not (context.problem.linear and not any(s.driven for s in context.samples)) and _as_good(context, _negated):
        yield Finding(
            Kind.MIRRORED,
            "the solution is one of two: with the opposite sign it meets every term as well; "
            "add a condition that tells them apart",
            1.0,
        )
    for axis in _mirrors(context):
        image = context.unknowns(_reflected(context.inside, axis, context))
        apart = max(rms(image[name] - value) for name, value in context.values.items()) / context.size
        if apart > _OTHER and _as_good(context, lambda s, axis=axis: _image(context, s, axis)):  # type: ignore[misc]
            yield Finding(
                Kind.MIRRORED,
                f"the solution is one of two: its mirror image along {axis.name}, which is {percent(apart)} away, "
                "meets every term as well; add a condition that tells them apart",
                apart,
                axis.name,
            )


def _zero_is_all(context: Context) -> bool:
    """Return whether zero is the only solution: a linear problem that determines every component."""
    if not context.problem.linear:
        return False
    if context.estimate is None:  # too many coordinates to look
        return bool(context.compared)
    return context.estimate.smallest_response > _DETERMINED


def _as_varied(s: Sample, size: float) -> bool:
    """Return whether the data vary and the residual has all of that variation."""
    varies = _spread(s.given)
    return varies > MISSED * size and _spread(s.r) > _ALL * varies


def _spread(values: Tensor) -> float:
    """Root mean square about the mean."""
    return rms(values - values.mean(dim=0))


def _unmoved(context: Context, name: str) -> bool:
    """Return whether adding a constant to an unknown changes no residual."""
    step = context.size or 1.0
    for s in context.samples:
        moved = {c: v + step if c.unknown == name and c.order == () else v for c, v in s.values.items()}
        if rms(_residual(context, s, moved) - s.r) > _SAME * (s.check.scale or 1.0):
            return False
    return True


def _as_good(context: Context, image: Callable[[Sample], dict[Channel, Tensor]]) -> bool:
    for s in context.samples:
        r = rms(_residual(context, s, image(s)))
        if not r <= _AS_GOOD * s.check.rms + _SAME * s.check.scale:
            return False
    return True


def _residual(context: Context, s: Sample, values: dict[Channel, Tensor]) -> Tensor:
    return linearise(context.problem, s.term, s.points, values, context.solution.coefficient_tensors).r


def _negated(s: Sample) -> dict[Channel, Tensor]:
    return {c: -v for c, v in s.values.items()}


def _image(context: Context, s: Sample, axis: Axis) -> dict[Channel, Tensor]:
    """The channels of u(mirror(x)) at x: those of u at the mirror points, odd derivatives with the opposite sign."""
    fields: FieldSet = context.solution.fieldset
    there = tuple(p._replace(coords=_reflected(p.coords, axis, context)) for p in s.points)
    out: dict[Channel, Tensor] = {}
    for c in s.values:
        members = c.derivatives
        wanted = [Channel(c.site, c.unknown, order) for _, order in members]
        with torch.no_grad():
            found = fields.channels(there, wanted)
        parts = [
            factor * (-1.0) ** order.count(axis.name) * found[w]
            for (factor, order), w in zip(members, wanted, strict=True)
        ]
        out[c] = torch.stack(parts).sum(dim=0)
    return out


def _mirrors(context: Context) -> list[Axis]:
    """Axes along which mirror images are defined: space axes of a box, for scalar unknowns."""
    if len(context.problem.pieces) > 1:
        return []
    if not isinstance(context.problem.domain, Box) or any(u.components is not None for u in context.problem.unknowns):
        return []
    return [a for a in context.problem.axes if a.role is Role.SPACE and a.dim == 1]


def _reflected(coords: Tensor, axis: Axis, context: Context) -> Tensor:
    column = context.problem.frame.columns.index(axis.name)
    out = coords.clone()
    out[:, column] = axis.lower + axis.upper - out[:, column]
    return out


def _first_arrival(context: Context) -> float | None:
    """Time at the earliest source of an eikonal problem, after which all arrival times lie; None for other problems."""
    try:
        rays = medium(context.problem)
    except Unsupported:  # sources on walls, where a signed distance may be meant
        return None
    return None if rays is None else float(rays.starts.min())
