"""Reading an evolution problem: what has a rate, which equation gives it, what holds on the walls and at the start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnkit.domains import Axis, Box, Faces, Points, Role
from pinnkit.jets.frame import NamedOperator
from pinnkit.problem.conditions import Jump
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.linearization import Channel, linearise
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Term

__all__ = ["Scalar", "Survey", "Wall", "members", "survey"]


@dataclass(frozen=True)
class Scalar:
    """One scalar function of space and time: an unknown, or one component of it.

    Args:
        unknown: its name.
        index: which component; 0 for a scalar.
        rate: the highest time derivative in the equations, 1 or 2.
    """

    unknown: str
    index: int
    rate: int


@dataclass(frozen=True)
class Wall:
    """Row `index` of a condition on the wall at `place`, an end of the space axis."""

    term: Term
    index: int
    place: float
    normal: float


@dataclass(frozen=True)
class Survey:
    """What a march needs to know about a problem.

    Args:
        problem: that is marched.
        space: its one space axis.
        time: its time axis.
        periodic: whether the space axis is.
        scalars: what has a rate.
        equations: the terms that give the rates, as many rows as there are scalars.
        walls: conditions at the two ends of space.
        initial: the terms at the start of time.
    """

    problem: Problem
    space: Axis
    time: Axis
    periodic: bool
    scalars: tuple[Scalar, ...]
    equations: tuple[Term, ...]
    walls: tuple[Wall, ...]
    initial: tuple[Term, ...]

    @property
    def rows(self) -> tuple[tuple[int, int], ...]:
        """Rows of the state, (scalar, level): the values of every scalar, then the rates of those of second order."""
        values = [(i, 0) for i in range(len(self.scalars))]
        return (*values, *((i, 1) for i, s in enumerate(self.scalars) if s.rate == 2))

    @property
    def label(self) -> str:
        """How messages begin."""
        return f"problem '{self.problem.name}'"

    def coords(self, places: Tensor, times: Tensor) -> Tensor:
        """Coordinates (n, 2) in the order of the domain's axes."""
        pair = (places, times) if self.problem.axes[0] == self.space else (times, places)
        return torch.stack(pair, dim=1)

    def scalar_of(self, unknown: str, index: int) -> int:
        """Where a component stands among the scalars."""
        return next(i for i, s in enumerate(self.scalars) if (s.unknown, s.index) == (unknown, index))

    def random_values(self, term: Term, n: int, generator: torch.Generator) -> dict[Channel, Tensor]:
        """Random channels of a term at n points."""
        values = {}
        for channel in self.problem.trace(term, raw=False).channels:
            c = self.problem.unknown(channel.unknown).components
            shape = (n,) if c is None else (n, c)
            values[channel] = torch.randn(shape, generator=generator, dtype=torch.float64)
        return values


def members(channel: Channel, time: str) -> list[tuple[float, int, int]]:
    """What a channel is made of: factors, orders in time and in space of its partial derivatives."""
    parts = channel.order.terms if isinstance(channel.order, NamedOperator) else ((1.0, channel.order),)
    return [(c, sum(k == time for k in names), sum(k != time for k in names)) for c, names in parts]


def survey(problem: Problem) -> Survey:
    """Read the problem.

    Raises:
        Unsupported: for what a march does not cover, with the reason.
    """
    label = f"problem '{problem.name}'"
    space, time = _axes(problem, label)
    _refuse_common(problem, label)
    equations, conditions, initial, periodic = _sort(problem, label, time)
    scalars = _scalars(problem, label, time.name, equations)
    if sum(problem.trace(t, raw=False).rows for t in equations) != len(scalars):
        raise Unsupported(
            "method of lines", f"{label}: the equations do not have one row for each component of the unknowns"
        )
    if periodic and conditions:
        raise Unsupported(
            "method of lines", f"{label}: '{conditions[0][0].name}' sets a condition on a wall that is periodic"
        )
    walls = []
    for term, site in conditions:
        for _, value in site.walls:
            normal = 1.0 if value == space.upper else -1.0
            walls += [Wall(term, j, value, normal) for j in range(problem.trace(term, raw=False).rows)]
    if not periodic and not walls:
        raise Unsupported(
            "method of lines",
            f"{label}: there is no condition on the walls of `{space.name}`; give one, or Periodic(...)",
        )
    found = Survey(problem, space, time, periodic, scalars, equations, tuple(walls), initial)
    _check_walls(found)
    return found


def _axes(problem: Problem, label: str) -> tuple[Axis, Axis]:
    box = problem.domain
    if not isinstance(box, Box):
        raise Unsupported("method of lines", f"{label}: the domain is not a box but {type(box).__name__}")
    times = [a for a in box.axes if a.role is Role.TIME]
    spaces = [a for a in box.axes if a.role is Role.SPACE]
    if not times:
        raise Unsupported("method of lines", f"{label}: there is no time axis to march along")
    if any(a.role is Role.PARAMETER for a in box.axes):
        raise Unsupported("method of lines", f"{label}: there is a parameter axis; fix its value")
    if sum(a.dim for a in spaces) != 1:
        raise Unsupported(
            "method of lines", f"{label}: there are {sum(a.dim for a in spaces)} space dimensions, a march has one"
        )
    return spaces[0], times[0]


def _refuse_common(problem: Problem, label: str) -> None:
    if problem.coefficients:
        raise Unsupported(
            "method of lines", f"{label}: `{problem.coefficients[0].name}` is an unknown coefficient, to be found"
        )
    if problem.ansatz and any(not getattr(t, "hard", False) for t in problem.terms) and not _hard(problem):
        raise Unsupported("method of lines", f"{label}: there is an ansatz; give its conditions as terms instead")
    for u in problem.unknowns:
        if problem.columns_of(u.name) != frozenset(problem.frame.columns):
            raise Unsupported("method of lines", f"{label}: `{u.name}` is an unknown on fewer axes than the domain has")


def _hard(problem: Problem) -> bool:
    """Whether the ansatz comes from conditions marked `hard`, which are terms all the same and are met exactly here."""
    return any(getattr(t, "hard", False) for t in problem.terms)


def _sort(
    problem: Problem, label: str, time: Axis
) -> tuple[tuple[Term, ...], tuple[tuple[Term, Faces], ...], tuple[Term, ...], bool]:
    equations: list[Term] = []
    conditions: list[tuple[Term, Faces]] = []
    initial: list[Term] = []
    periodic = False
    for term in problem.terms:
        if isinstance(term.residual, Jump):
            periodic = True
            continue
        if term.kind == "data":
            raise Unsupported(
                "method of lines", f"{label}: '{term.name}' is a Data term, which is fitted and not solved"
            )
        if isinstance(term.points, Points):
            raise Unsupported("method of lines", f"{label}: term '{term.name}' holds at its own points only")
        site = term.sites[0]
        if len(term.sites) == 1 and term.kind == "equation" and site == problem.domain:
            equations.append(term)
        elif len(term.sites) != 1 or not isinstance(site, Faces):
            raise Unsupported(
                "method of lines", f"{label}: term '{term.name}' holds neither in the domain nor on one of its walls"
            )
        elif any(column == time.name for column, _ in site.walls):
            if any(value == time.upper for _, value in site.walls):
                raise Unsupported("method of lines", f"{label}: term '{term.name}' is a condition at the end of time")
            initial.append(term)
        else:
            conditions.append((term, site))
    if not equations:
        raise Unsupported("method of lines", f"{label}: there is no equation in the inside of the domain")
    return tuple(equations), tuple(conditions), tuple(initial), periodic


def _scalars(problem: Problem, label: str, time: str, equations: Sequence[Term]) -> tuple[Scalar, ...]:
    names = [(u.name, i) for u in problem.unknowns for i in range(u.components or 1)]
    rates = dict.fromkeys(names, 0)
    pure: dict[tuple[str, int], int] = dict.fromkeys(names, 0)
    for term in equations:
        for channel in problem.trace(term, raw=False).channels:
            for _, m, k in members(channel, time):
                if k > 4:
                    raise Unsupported(
                        "method of lines", f"{label}: {k} derivatives of `{channel.unknown}` in space; 4 is the highest"
                    )
                for name in names:
                    if name[0] == channel.unknown:
                        rates[name] = max(rates[name], m)
                        pure[name] = max(pure[name], m if k == 0 else 0)
    for (unknown, _), rate in rates.items():
        if rate == 0:
            raise Unsupported("method of lines", f"{label}: no equation has a time derivative of `{unknown}`")
        if rate > 2:
            raise Unsupported(
                "method of lines", f"{label}: a time derivative of order {rate} of `{unknown}`; 2 is the highest"
            )
        if any(
            m == rate and (k > 0 or isinstance(channel.order, NamedOperator))
            for term in equations
            for channel in problem.trace(term, raw=False).channels
            if channel.unknown == unknown
            for _, m, k in members(channel, time)
        ):
            raise Unsupported(
                "method of lines",
                f"{label}: the highest time derivative of `{unknown}` is differentiated in space as well",
            )
    return tuple(Scalar(unknown, index, rates[unknown, index]) for unknown, index in names)


def _check_walls(found: Survey) -> None:
    """Conditions on walls must be affine with coefficients that do not change in time, and free of rates."""
    problem, time = found.problem, found.time
    generator = torch.Generator().manual_seed(0)
    for term in {w.term.name: w.term for w in found.walls}.values():
        trace = problem.trace(term, raw=False)
        if not trace.linear:
            raise Unsupported(
                "method of lines", f"{found.label}: the condition '{term.name}' is not affine in the unknowns"
            )
        for channel in trace.channels:
            if any(m for _, m, _ in members(channel, time.name)):
                raise Unsupported(
                    "method of lines", f"{found.label}: the condition '{term.name}' holds a time derivative"
                )
        for wall in [w for w in found.walls if w.term is term and w.index == 0]:
            times = torch.linspace(time.lower, time.upper, 7, dtype=torch.float64)
            places = torch.full_like(times, wall.place)
            normal = torch.full((7, 1), wall.normal, dtype=torch.float64)
            points = Points(found.coords(places, times), normal=normal)
            slopes = linearise(problem, term, (points,), found.random_values(term, 7, generator)).d
            if any(not torch.allclose(s, s[:1].expand_as(s), rtol=1e-12, atol=1e-14) for s in slopes.values()):
                raise Unsupported(
                    "method of lines", f"{found.label}: the coefficients of the condition '{term.name}' change in time"
                )
