"""Planning: candidates of field and solvers for a problem, by static rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pinnkit.derivatives import terms_of
from pinnkit.fields import MLP, Additive, Expansion, FieldSpec, RandomFourier, Siren, TotalDegree, Trefftz
from pinnkit.jets.gradient_mode import with_gradients
from pinnkit.jets.orders import HIGHEST
from pinnkit.problem.problem import Problem
from pinnkit.solvers.collocation.field_groups import FieldChoice
from pinnkit.solvers.least_squares.least_squares import LeastSquares
from pinnkit.solvers.least_squares.polynomial_search import MANY_COORDINATES
from pinnkit.solvers.method_of_lines.march import March, can_march
from pinnkit.solvers.optimizers.adam import Adam
from pinnkit.solvers.optimizers.gauss_newton import GaussNewton
from pinnkit.solvers.optimizers.lbfgs import LBFGS
from pinnkit.solvers.ordinary.ordinary_march import can_integrate
from pinnkit.solvers.protocols import Method, Scope
from pinnkit.solvers.training.adaptive_points import RAD
from pinnkit.solvers.trefftz.piece_functions import covers_pieces
from pinnkit.solvers.trefftz.search import covers

from .candidates import Candidate, Kind, Plan
from .run_options import RunOptions
from .time_slabs import with_soft_initial

__all__ = ["check_options", "check_orders", "plan", "require_problem"]

_COLUMNS = 4
"""Number of coordinates up to which random sines resolve a smooth function."""
_ACCURATE = 1e-6
"""Held-out relative residual at which the solution of a linear problem by random sines is accepted."""
_MARCHED = 1e-4
"""The same for a march, whose steps and modes were controlled on the way: the rate of a second-order one is rough."""
_ORDINARY = 1e-12
"""Tolerance of a step for ordinary differential equations: at such an order it costs twice the steps of 1e-6."""
_MODERATE = 1e-3
"""The same where a network would have to train for minutes to be more accurate."""


@with_gradients
def plan(
    problem: Problem,
    field: FieldChoice | None = None,
    solvers: Method | Sequence[Method] | None = None,
    options: RunOptions | None = None,
) -> Plan:
    """Candidates for a problem in the order to try, by static rules: never by timing, never by the exact solution.

    A given field or solver leaves one candidate; a problem that brings its own plan keeps it.

    Args:
        problem: to solve.
        field: as in `solve`; None chooses.
        solvers: as in `solve`; None chooses.
        options: of the run; the plan is checked against them.

    Raises:
        TypeError, ValueError: for a field, solvers or options that do not fit.
    """
    require_problem(problem)
    if field is None and solvers is None:
        in_slabs = options is not None and options.slabs is not None
        subject = with_soft_initial(problem) if in_slabs else problem.in_pieces
        chosen = _automatic(subject) if problem.plan is None else problem.plan
        if not isinstance(chosen, Plan):
            raise TypeError(
                f"problem '{problem.name}': `plan` must be a Plan, such as Plan.single(Siren(), Adam(), 'why'), "
                f"got {type(chosen).__name__}"
            )
    else:
        chosen = Plan((_given(field, solvers),))
    check_orders(problem, chosen)
    if options is not None:
        check_options(chosen, options)
    return chosen


def require_problem(problem: object) -> None:
    """Refuse anything but a problem.

    Raises:
        TypeError: with the type that was given.
    """
    if not isinstance(problem, Problem):
        raise TypeError(f"solve: `problem` must be a Problem, got {type(problem).__name__}")


def check_orders(problem: Problem, chosen: Plan) -> None:
    """Refuse derivatives of a higher order than fields have.

    Raises:
        ValueError: with the derivative and the term.
    """
    if all(c.kind is Kind.MARCH for c in chosen.candidates):  # its modes have derivatives of every order
        return
    for term in problem.terms:
        for channel in problem.trace(term, raw=True).channels:
            longest = max((columns for _, columns in terms_of(channel.order)), key=len)
            if len(longest) > HIGHEST:
                single = all(len(column) == 1 for column in longest)
                word = f".{''.join(longest)}" if single else f".d({', '.join(map(repr, longest))})"
                raise ValueError(
                    f"solve: term '{term.name}' of problem '{problem.name}' has the derivative "
                    f"{channel.unknown}{word} of order {len(longest)}, and derivatives up to order {HIGHEST} are "
                    f"supported; introduce an auxiliary unknown for the inner derivative"
                )


def check_options(chosen: Plan, options: RunOptions) -> None:
    """Refuse options that the candidates of a plan cannot use.

    Raises:
        ValueError: for the first of them.
    """
    trained = [c for c in chosen.candidates if c.trains]
    schemes = [n for n, given in (("adaptive", options.adaptive is not None), ("weights", options.weights)) if given]
    named = [*schemes, *(["monitor"] if options.monitor is not None else [])]
    if named and not trained:
        solver = chosen.first.solvers[0]
        name = type(solver).__name__
        own = solver.scope is Scope.OWN_FIELD
        why = f"{name} brings its own field" if own else f"{name} solves for the read-out at once"
        raise ValueError(
            f"solve: `{named[0]}` is for fields that are trained step by step, and this plan has none: {why}; "
            f"leave it out, or choose a field, such as Siren()"
        )
    for each in (s for c in trained for s in c.trained) if schemes else ():
        if each.sampling_plan(1).batch is not None:
            raise ValueError(
                f"solve: `{schemes[0]}` keeps track of points, and {each!r} draws fresh ones at every step; "
                f"leave `batch` out"
            )
    if options.start is None:
        return
    if any(c.kind is Kind.SEARCH for c in chosen.candidates):
        raise ValueError("solve: `start` needs the same field; a search of random sines has none before it ends")
    if any(c.kind is Kind.BOUNDARY for c in chosen.candidates):
        raise ValueError("solve: `start` needs the same field; Trefftz has none before its search ends; leave it out")
    if all(c.kind is Kind.MARCH for c in chosen.candidates):
        raise ValueError("solve: `start` is for a given field; March begins at the initial condition; leave it out")


def _given(field: FieldChoice | None, solvers: Method | Sequence[Method] | None) -> Candidate:
    """Candidate of a given field, given solvers, or both."""
    if solvers is None:
        if isinstance(field, RandomFourier):
            return Candidate(field, (LeastSquares(),), "Least squares for the read-out of the given random sines.")
        if isinstance(field, Trefftz):
            return _exact_functions(field)
        if isinstance(field, Expansion | Additive | TotalDegree):
            return Candidate(field, (MANY_COORDINATES,), "Least squares for the read-out of the given polynomials.")
        return Candidate(field, (Adam(), LBFGS()), "The given field by Adam, then L-BFGS.")
    given: Sequence[Method] = solvers  # type: ignore[assignment]  # a single solver is taken as well
    if field is not None:
        return Candidate(field, given, "Field and solver as given.")
    first = given[0] if isinstance(given, (list, tuple)) and given else given
    scope = first.scope if isinstance(first, Method) else Scope.PARAMETERS
    if scope is Scope.OWN_FIELD:
        return Candidate(None, given, "")
    default: FieldSpec = RandomFourier() if scope is Scope.READOUT else Siren()
    return Candidate(default, given, f"{type(default).__name__}, the default field of {type(first).__name__}.")


def _automatic(problem: Problem) -> Plan:
    if covers_pieces(problem) if len(problem.pieces) > 1 else covers(problem):
        return Plan((_exact_functions(Trefftz()), *_general(problem).candidates))
    return _general(problem)


def _exact_functions(field: Trefftz) -> Candidate:
    reason = "Functions that satisfy the equation exactly, fitted to the conditions on the boundary by least squares."
    return Candidate(field, (LeastSquares(),), reason, accept=_ACCURATE)


def _general(problem: Problem) -> Plan:
    """Candidates for problems of every kind."""
    trained = Siren(), (Adam(), LBFGS())
    curved = [str(t.name) for t in problem.terms if not t.penalty.is_square]
    columns = len(problem.frame.columns)
    if curved:
        reason = f"Siren by Adam, then L-BFGS: the penalty of '{curved[0]}' is not a square."
        return Plan((Candidate(*trained, reason),))
    if all(t.fits_data for t in problem.terms):
        return Plan((Candidate(*trained, "Siren by Adam, then L-BFGS: the problem has data but no equation."),))
    if not problem.frame.space and can_integrate(problem) is None:
        reason = "Ordinary differential equations with an initial state."
        return Plan((Candidate(None, (March(tolerance=_ORDINARY),), reason),))
    if columns > _COLUMNS and not problem.periodic:
        return Plan((_polynomials(problem), _network("polynomials leave a large residual.")))
    if columns > _COLUMNS:
        return Plan((_network(f"{columns} coordinates are too many for random sines."),))
    if can_march(problem) is not None:
        return Plan((_sines(problem), _network("the residual of random sines is still large.")))
    march = Candidate(None, (March(),), "An evolution in one dimension of space.", accept=_MARCHED)
    # Random sines resolve a linear evolution in one solve; a nonlinear one may steepen, which only marching follows.
    if problem.linear:
        return Plan((replace(_sines(problem), accept=_ACCURATE), march))
    network = _network("neither marching nor random sines left a small residual.")
    return Plan((march, _sines(problem), network))


def _sines(problem: Problem) -> Candidate:
    if problem.linear:
        reason = "Random sines by least squares: every term is linear, so one solve gives the read-out."
    else:
        curved = [str(t.name) for t in problem.soft_terms if not problem.trace(t, raw=True).linear]
        why = f"'{curved[0]}' is nonlinear" if curved else "the coefficients are unknown"
        reason = f"Random sines by Newton's method on the read-out: {why}, and every penalty is a square."
    return Candidate(RandomFourier(bandwidth=None), (LeastSquares(),), reason, accept=_MODERATE)


def _polynomials(problem: Problem) -> Candidate:
    columns, method = len(problem.frame.columns), "least squares" if problem.linear else "Newton's method"
    reason = f"Polynomials by {method} on the read-out: {columns} coordinates are too many for random sines."
    return Candidate(Expansion(), (MANY_COORDINATES,), reason, accept=_MODERATE)


def _network(why: str) -> Candidate:
    field = MLP(width=20, depth=3)
    reason = f"A network by Gauss-Newton: {why}"
    return Candidate(field, (GaussNewton(steps=150),), reason, adaptive=RAD(every=20))
