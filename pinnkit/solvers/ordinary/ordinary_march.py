"""March of a problem without space: initial-value problems of ordinary differential equations."""

from __future__ import annotations

from collections.abc import Callable

from pinnkit.ordinary import OrdinarySystem, invariants_of
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.problem import Problem
from pinnkit.solutions.status import Status
from pinnkit.solvers.method_of_lines.exponential import ExponentialRK
from pinnkit.solvers.method_of_lines.implicit import MarchStep
from pinnkit.solvers.method_of_lines.march import March, MarchResult

from .collocation import collocation
from .dense_output import field_of
from .integration import COUPLED, End, Trajectory, integrate

__all__ = ["can_integrate", "march_ordinary"]

_METHOD = "march"
_STAGES = ((13, 300), (9, COUPLED))
"""Numbers of stages, each with the unknowns of all stages up to which it is taken."""
_LARGE = 7
"""Stages where Newton's method cannot take them together."""
_SAID, _TERMS = 4, 6
"""Invariants that are written out, and terms of one at most."""
_STATUS = {
    End.COMPLETE: Status.CONVERGED,
    End.STOPPED: Status.INTERRUPTED,
    End.COLLAPSED: Status.DIVERGED,
    End.MOST: Status.BUDGET,
}


def can_integrate(problem: Problem) -> str | None:
    """Return None where `march_ordinary` solves a problem, else the reason why not: its kind, or a start that fails."""
    try:
        system = OrdinarySystem(problem)
    except Unsupported as reason:
        return str(reason)
    first = integrate(system, collocation(_stages(system.size)), tolerance=1e-8, report=lambda _: True)
    return None if first.steps else _no_step(system)


def march_ordinary(
    problem: Problem, solver: March, *, report: Callable[[MarchStep], bool] | None = None
) -> MarchResult:
    """Solve an initial-value problem of ordinary differential equations by collocation at Radau points.

    Args:
        problem: with time as its only axis.
        solver: the method, None or `Radau(stages)`, and the tolerance of a step between its ends, relative to the size
            of each unknown.
        report: called after every step; returning True stops the march there.

    Raises:
        Unsupported: for other problems, options for problems with a space axis, and where not one step can be taken.
    """
    _check(problem, solver)
    system = OrdinarySystem(problem)
    stages = _stages(system.size) if solver.method is None else solver.method.stages
    found = integrate(system, collocation(stages), tolerance=solver.tolerance, report=report or (lambda _: False))
    if not found.steps:
        raise Unsupported(_METHOD, _no_step(system))
    field = field_of(system, found)
    return MarchResult(
        modules={problem.names: field},
        status=_STATUS[found.end],
        steps=found.steps,
        rejected=found.rejected,
        parameters=field.coefficients.numel(),
        reason=_reason(system, stages, found, solver.tolerance),
        tail=0.0,
        reached=found.times[-1],
    )


def _no_step(system: OrdinarySystem) -> str:
    return (
        f"{system.label}: not a single step could be taken; are the rates and their derivatives finite just after the "
        "start?"
    )


def _check(problem: Problem, solver: March) -> None:
    """Refuse options that mean something with a space axis alone."""
    label = f"problem '{problem.name}'"
    if isinstance(solver.method, ExponentialRK):
        raise Unsupported(
            _METHOD, f"{label}: ExponentialRK() is for periodic problems in space; use March(Radau()) or March()"
        )
    for name, value in (("modes", solver.modes), ("most", solver.most)):
        if value is not None:
            raise Unsupported(
                _METHOD, f"{label}: `{name}` counts modes in space, and there is no space axis; leave it out"
            )


def _stages(size: int) -> int:
    """Stages for a system of a number of rows."""
    return next((stages for stages, most in _STAGES if stages * size <= most), _LARGE)


def _reason(system: OrdinarySystem, stages: int, found: Trajectory, tolerance: float) -> str:
    rows, time = system.size, system.time.name
    text = (
        f"Integrated in time by collocation at {stages} Radau points (order {2 * stages - 1} at the ends of steps, "
        f"{stages + 1} between), {rows} row{'s' if rows > 1 else ''} of the state, to {tolerance:g} of each: "
        f"{found.steps} steps, {found.rejected} repeated."
    )
    if found.end is End.COLLAPSED:
        text += (
            f" The steps shrank to nothing at {time} = {found.times[-1]:.10g}: the solution or its rates grow without "
            "bound there, or are not defined beyond."
        )
    elif found.end is End.MOST:
        text += f" The largest number of steps was taken, up to {time} = {found.times[-1]:.6g}: shorten the time."
    return text + _conserved(system, found)


def _conserved(system: OrdinarySystem, found: Trajectory) -> str:
    """A sentence on the linear and quadratic invariants of the equations, and their changes in the solution."""
    every, states = invariants_of(system), found.states()
    if not every:
        return ""
    said = [f"{one} to {one.drift(states):.1e}" for one in every if len(one.powers) <= _TERMS][:_SAID]
    rest = len(every) - len(said)
    if rest:
        said.append(f"{rest} more to {max(one.drift(states) for one in every):.1e}")
    return f" Conserved by the equations, and in the solution: {', '.join(said)}."
