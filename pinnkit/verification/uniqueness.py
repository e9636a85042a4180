"""Checks of whether the solution is the one that is meant: trivial, one of many, a mirror image."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from pinnkit.domains import Axis, Box, Role
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.linearization import Channel, linearise
from pinnkit.references.eikonal.eikonal_detection import medium
from pinnkit.solutions.evaluation import FieldSet

from .context import Evidence
from .finding import Finding, Kind
from .measures import number
from .residual_checks import IGNORED, MISSED, percent
from .term_sample import Sample, rms

__all__ = ["mirrored", "trivial", "undetermined"]

_TRIVIAL = 0.02
"""Size of the solution, of what it should have."""
_ALL = 0.9
"""Of the variation that is prescribed, what is missing in a constant."""
_ZERO = 1e-6
"""A size that counts as zero where nothing else gives a scale."""
_DETERMINED = 1e-3
"""Freedom above which the terms pin the solution down: that of Poisson's equation is about one."""
_OPEN = 1e-6
"""Freedom below which something is left open: random sines come to 1e-7 of what is smooth."""
_SAME = 1e-9
"""A residual that changes by less than this fraction of its parts did not change."""
_AS_GOOD = 2.0
"""A mirror image whose residuals are at most this many times those of the solution is as good."""
_OTHER = 0.1
"""Relative distance from which a mirror image is another solution."""


def trivial(e: Evidence) -> Iterator[Finding]:
    """Next to nothing, or constant: though something else is prescribed, or since nothing is."""
    size, expected = e.size, e.expected
    if expected > 0 and size < _TRIVIAL * expected:
        yield Finding(
            Kind.TRIVIAL,
            f"the solution is trivial: its size is {number(size)}, it should be {number(expected)}",
            size / expected,
        )
        return
    driven = [s for s in e.samples if s.driven]
    if driven and not expected and all(s.from_unknowns < _TRIVIAL * s.given_size for s in driven):
        yield Finding(
            Kind.TRIVIAL,
            f"the solution is trivial: its size is {number(size)}, and it moves no term by more than "
            f"{percent(_TRIVIAL)} of what is prescribed",
            max(s.from_unknowns / s.given_size for s in driven),
        )
        return
    if not driven and not expected and size < _ZERO and not _zero_is_all(e):
        yield Finding(
            Kind.TRIVIAL,
            "the solution is trivial: zero satisfies these equations, as nothing prescribes a value other than zero; "
            "add a condition that excludes it",
            size,
        )
        return
    spread = max(_spread(v) for v in e.values.values())
    missed = [s for s in driven if s.check.relative > IGNORED or _as_varied(s, size)]
    if missed and size > 0 and spread < _TRIVIAL * size:
        yield Finding(
            Kind.TRIVIAL,
            f"the solution is trivial: it is constant, {number(size)}, to within {percent(spread / size)}, "
            f"though '{missed[0].check.name}' asks for more",
            spread / size,
        )


def undetermined(e: Evidence) -> Iterator[Finding]:
    """Something can be added to the solution that no term notices."""
    if not e.settled or e.confirmed:
        return
    shifts = [name for name in e.problem.names if not e.problem.ansatz and _unmoved(e, name)]
    for name in shifts:
        yield Finding(
            Kind.UNDETERMINED,
            f"the solution is one of many: a constant can be added to `{name}` and every term is met as before; "
            f"prescribe `{name}` at a point",
            0.0,
            name,
        )
    found = e.correction
    if not shifts and found is not None and not e.problem.coefficients and found.freedom < _OPEN:
        yield Finding(
            Kind.UNDETERMINED,
            f"the solution is one of many: something can be added to `{found.open}` that changes the terms by no more "
            f"than {number(found.freedom)} of its size; a condition is missing",
            found.freedom,
            found.open,
        )


def mirrored(e: Evidence) -> Iterator[Finding]:
    """A mirror image, in the sign or along an axis, that meets every term as well, and is another function."""
    if e.problem.ansatz or not e.settled or e.confirmed or e.size < _ZERO:
        return
    first = _first_arrival(e)
    if first is not None:
        later = float(e.values[e.problem.names[0]].mean()) - first
        if later < 0:
            yield Finding(
                Kind.MIRRORED,
                "the solution is a mirror image: arrival times grow from the source, these fall; "
                "use an ansatz such as T = distance * exp(raw), which has one sign",
                later / e.size,
            )
        return
    if not (e.problem.linear and not any(s.driven for s in e.samples)) and _as_good(e, _negated):
        yield Finding(
            Kind.MIRRORED,
            "the solution is one of two: with the opposite sign it meets every term as well; "
            "add a condition that tells them apart",
            1.0,
        )
    for axis in _mirrors(e):
        image = e.unknowns(_reflected(e.inside, axis, e))
        apart = max(rms(image[name] - value) for name, value in e.values.items()) / e.size
        if apart > _OTHER and _as_good(e, lambda s, axis=axis: _image(e, s, axis)):  # type: ignore[misc]
            yield Finding(
                Kind.MIRRORED,
                f"the solution is one of two: its mirror image along {axis.name}, which is {percent(apart)} away, "
                "meets every term as well; add a condition that tells them apart",
                apart,
                axis.name,
            )


def _zero_is_all(e: Evidence) -> bool:
    """Whether zero is the only solution: a linear problem that leaves nothing open."""
    if not e.problem.linear:
        return False
    if e.correction is None:  # too many coordinates to look
        return bool(e.compared)
    return e.correction.freedom > _DETERMINED


def _as_varied(s: Sample, size: float) -> bool:
    """Whether what is prescribed varies, and all of that is missing."""
    varies = _spread(s.given)
    return varies > MISSED * size and _spread(s.r) > _ALL * varies


def _spread(values: Tensor) -> float:
    """Root mean square about the mean."""
    return rms(values - values.mean(dim=0))


def _unmoved(e: Evidence, name: str) -> bool:
    """Whether adding a constant to an unknown changes no residual."""
    step = e.size or 1.0
    for s in e.samples:
        moved = {c: v + step if c.unknown == name and c.order == () else v for c, v in s.values.items()}
        if rms(_residual(e, s, moved) - s.r) > _SAME * (s.check.scale or 1.0):
            return False
    return True


def _as_good(e: Evidence, image: Callable[[Sample], dict[Channel, Tensor]]) -> bool:
    for s in e.samples:
        r = rms(_residual(e, s, image(s)))
        if not r <= _AS_GOOD * s.check.rms + _SAME * s.check.scale:
            return False
    return True


def _residual(e: Evidence, s: Sample, values: dict[Channel, Tensor]) -> Tensor:
    return linearise(e.problem, s.term, s.points, values, e.solution.coefficient_tensors).r


def _negated(s: Sample) -> dict[Channel, Tensor]:
    return {c: -v for c, v in s.values.items()}


def _image(e: Evidence, s: Sample, axis: Axis) -> dict[Channel, Tensor]:
    """The channels of u(mirror(x)) at x: those of u at the mirror points, odd derivatives with the opposite sign."""
    fields: FieldSet = e.solution.fieldset
    there = tuple(p._replace(coords=_reflected(p.coords, axis, e)) for p in s.points)
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


def _mirrors(e: Evidence) -> list[Axis]:
    """The axes along which a mirror image makes sense: of space, in a box, for scalars."""
    if not isinstance(e.problem.domain, Box) or any(u.components is not None for u in e.problem.unknowns):
        return []
    return [a for a in e.problem.axes if a.role is Role.SPACE and a.dim == 1]


def _reflected(coords: Tensor, axis: Axis, e: Evidence) -> Tensor:
    column = e.problem.frame.columns.index(axis.name)
    out = coords.clone()
    out[:, column] = axis.lower + axis.upper - out[:, column]
    return out


def _first_arrival(e: Evidence) -> float | None:
    """The time at the earliest source, where the problem asks for first arrivals, which by convention come later."""
    try:
        rays = medium(e.problem)
    except Unsupported:  # sources on walls, where a signed distance may be meant
        return None
    return None if rays is None else float(rays.starts.min())
