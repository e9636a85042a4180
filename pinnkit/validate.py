"""Validation: a solution against the closed form, against the reference, and against its own equations."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .domains import Points, Sobol
from .evaluation import FieldSet, natural_rate
from .jets.frame import NamedOperator
from .linearise import Channel, linearise
from .problem import Problem
from .report import Comparison, Report, TermCheck, number
from .solution import Solution, exact_values
from .status import Status
from .terms import Term

if TYPE_CHECKING:
    from .reference import Reference

__all__ = ["reference_error", "validate"]

TEST_POINTS = 2**14
TEST_SEED = 1_618_033_988  # of points that no solve has seen: solves take their points from seeds that users type
_FRESH = 4096  # points per term for residuals
_GRID = 2**16  # points of the reference's grid that are compared at most
_ROUNDING = 8 * float(np.finfo(np.float64).eps)  # what is claimed for a closed form in float64, relative

# What counts as wrong; each is a fraction.
_IGNORED = 0.3  # residual of a condition, of the parts that should cancel
_MISSED = 0.05  # the same, for a condition that counts, but too little
_NOISY = 0.5  # the same for data, which are never met exactly
_UNSOLVED = 0.1  # residual of an equation
_UNCONVERGED = 0.01  # any residual, after a run that stopped early
_FAR = 0.05  # relative error
_TRIVIAL = 0.02  # size of the solution, of what it should have


def validate(solution: Solution, *, reference: Reference | None = None, budget: float = 5.0) -> Report:
    """Measure a solution and say in plain words what is wrong with it.

    Errors are relative L2, ‖u - v‖₂ / ‖v‖₂, and the greatest |u - v|: against `problem.exact` on 2^14 fixed Sobol
    points, and against the reference on its grid.  Where a difference is below the error bar of what it was measured
    against, the report claims `<= difference + bar` and never less.  Residuals are taken on points that the solve has
    not seen.

    Args:
        solution: what to examine.
        reference: values by finite differences; None has them made from the problem.
        budget: seconds to spend on that; 0 for no reference.

    Raises:
        ValueError: for a reference that does not have the problem's axes.
    """
    if not isinstance(solution, Solution):
        raise TypeError(f"validate: `solution` must be a Solution, what solve() gives, got {type(solution).__name__}")
    problem = solution.problem
    why_not = "not asked for" if budget <= 0 else ""
    open_ended = False
    if reference is None and budget > 0:
        reference, why_not, open_ended = _make_reference(problem, budget)
    start = time.perf_counter()
    exact = _against_exact(solution)
    discretised = () if reference is None else _against_reference(solution, reference)
    error = () if reference is None else reference_error(problem, reference, solution.coefficients)
    checks = tuple(_Check.of(solution, term) for term in problem.terms)
    size = _size(solution)
    return Report(
        solution=solution,
        exact=exact,
        discretised=discretised,
        reference_error=error,
        terms=tuple(c.result for c in checks),
        reference=reference,
        no_reference="" if reference is not None else why_not,
        warnings=(
            *((f"the solution is one of many. {why_not}",) if open_ended else ()),
            *_warnings(solution, exact, discretised, error, checks, size),
        ),
        metrics={name: float(metric(solution)) for name, metric in problem.metrics.items()},
        seconds=time.perf_counter() - start,
    )


def reference_error(
    problem: Problem, reference: Reference, coefficients: Mapping[str, float]
) -> tuple[Comparison, ...]:
    """The reference against the closed form on the whole of its grid: its true error."""
    ticks = {a.name: np.asarray(reference.axes[a.name], dtype=np.float64) for a in problem.axes}
    mesh = np.meshgrid(*ticks.values(), indexing="ij")
    coords = torch.from_numpy(np.stack([m.ravel() for m in mesh], axis=1))
    out = []
    for name, value in exact_values(problem, coords, coefficients).items():
        if name in reference.values:
            found = np.asarray(reference.values[name])
            true = value.numpy().reshape(found.shape)
            out.append(_compare(name, "exact solution", found, true, _ROUNDING, None))
    return tuple(out)


def _make_reference(problem: Problem, budget: float) -> tuple[Reference | None, str, bool]:
    """The reference, or why there is none, and whether that is because the terms leave the solution open."""
    from .reference import TooFewConditions
    from .reference import reference as discretise

    try:
        return discretise(problem, budget=budget), "", False
    except (ValueError, NotImplementedError) as error:
        # An ansatz may hold what no term says.
        return None, str(error), isinstance(error, TooFewConditions) and not problem.ansatz


def _against_exact(solution: Solution) -> tuple[Comparison, ...]:
    problem = solution.problem
    if not problem.exact:
        return ()
    generator = torch.Generator().manual_seed(TEST_SEED)
    coords = problem.domain.sample(TEST_POINTS, generator, sampling=Sobol()).coords
    inside = coords.to(solution.device, solution.dtype)
    found = solution.fieldset.unknowns(inside, solution.coefficient_tensors)
    true = exact_values(problem, coords, solution.coefficients)
    return tuple(
        _compare(name, "exact solution", found[name].double().cpu().numpy(), value.numpy(), _ROUNDING, None)
        for name, value in true.items()
    )


def _against_reference(solution: Solution, reference: Reference) -> tuple[Comparison, ...]:
    names = [a.name for a in solution.problem.axes]
    if set(reference.axes) != set(names):
        raise ValueError(f"validate: `reference` has the axes {tuple(reference.axes)}, the problem has {tuple(names)}")
    ticks = [np.asarray(reference.axes[name], dtype=np.float64) for name in names]
    keep = [_spread(len(t), max(int(_GRID ** (1 / len(ticks))), 2)) for t in ticks]
    found = solution.on_grid(**{name: t[k] for name, t, k in zip(names, ticks, keep, strict=True)})
    out = []
    for name, values in reference.values.items():
        part = np.asarray(values)[np.ix_(*keep)]
        bar, bar_max = reference.bars(name)
        out.append(_compare(name, reference.kind, found[name].astype(np.float64), part, bar, bar_max))
    return tuple(out)


def _spread(length: int, count: int) -> NDArray[np.int64]:
    """At most `count` indices out of `length`, both ends among them."""
    return np.unique(np.linspace(0, length - 1, min(length, count)).round().astype(np.int64))


def _compare(
    name: str, against: str, found: NDArray[Any], true: NDArray[Any], bar: float, bar_max: float | None
) -> Comparison:
    """Differences where both are known; `bar_max` None means the relative `bar` of the greatest |true|."""
    known = ~np.isnan(true)
    gap, v = (found - true)[known], true[known]
    size = float(np.sqrt(np.mean(v**2))) if v.size else 0.0
    rms = float(np.sqrt(np.mean(gap**2))) if v.size else float("nan")
    greatest = float(np.abs(v).max()) if v.size else 0.0
    return Comparison(
        unknown=name,
        against=against,
        measured_l2=rms / size if size > 0 else rms,
        measured_max=float(np.abs(gap).max()) if v.size else float("nan"),
        l2_bar=bar,
        max_bar=bar * greatest if bar_max is None else bar_max,
        points=int(v.size),
        scale=size,
    )


@dataclass(frozen=True)
class _Check:
    """One term's residual on fresh points, split into what comes from the unknowns and what is given.

    To first order r = Σ_c ∂r/∂c · c + given: `given` is the forcing, the prescribed value, the initial state.
    """

    result: TermCheck
    from_unknowns: float
    given: float

    @classmethod
    def of(cls, solution: Solution, term: Term) -> _Check:
        problem, fields = solution.problem, solution.fieldset
        trace = problem.trace(term, raw=False)
        generator = torch.Generator().manual_seed(TEST_SEED)
        points = tuple(p.to(solution.dtype, solution.device) for p in term.sample(_FRESH, generator, Sobol()))
        values = _channels(solution, fields, points, trace.channels)
        at = linearise(problem, term, points, values, solution.coefficient_tensors)
        inside = problem.domain.sample(_FRESH // 4, generator, sampling=Sobol()).to(solution.dtype, solution.device)
        everywhere = _channels(solution, fields, (inside,) * len(points), trace.channels)
        whole = fields.unknowns(inside.coords, solution.coefficient_tensors)
        sizes = {name: _rms(value) for name, value in whole.items()}
        remainder, scale, unknowns = at.r, 0.0, 0.0
        for channel, slope in at.d.items():
            value = values[channel] if values[channel].ndim == 2 else values[channel][:, None]
            part = (slope * value[:, None, :]).sum(dim=-1)
            remainder = remainder - part
            here = _rms(part)
            # A condition such as u = 0 compares u with nothing: its size is that of u elsewhere.
            natural = natural_rate(problem, channel.order) * sizes[channel.unknown]
            scale += max(here, _rms(slope) * max(_rms(everywhere[channel]), natural))
            unknowns += here
        given = _rms(remainder)
        check = TermCheck(str(term.name), term.kind, _rms(at.r), scale + given)
        return cls(check, unknowns, given)


def _channels(
    solution: Solution, fields: FieldSet, points: tuple[Points, ...], channels: tuple[Channel, ...]
) -> dict[Channel, Tensor]:
    """Derivatives of the unknowns, through the ansatz where there is one."""
    if not solution.problem.ansatz:
        with torch.no_grad():
            return {c: v.detach() for c, v in fields.channels(points, channels).items()}
    found: dict[tuple[int, tuple[str, ...]], dict[str, Tensor]] = {}

    def value(site: int, name: str, order: tuple[str, ...]) -> Tensor:
        if (site, order) not in found:
            found[site, order] = fields.unknowns(points[site].coords, solution.coefficient_tensors, order)
        return found[site, order][name]

    out = {}
    for c in channels:
        if isinstance(c.order, NamedOperator):
            parts = [factor * value(c.site, c.unknown, order) for factor, order in c.order.terms]
            out[c] = torch.stack(parts).sum(dim=0)
        else:
            out[c] = value(c.site, c.unknown, c.order)
    return out


def _rms(values: Tensor) -> float:
    return float(values.double().square().mean().sqrt())


def _size(solution: Solution) -> float:
    """Root mean square of the greatest unknown inside the domain."""
    generator = torch.Generator().manual_seed(TEST_SEED)
    coords = solution.problem.domain.sample(_FRESH, generator, sampling=Sobol()).coords
    values = solution.fieldset.unknowns(coords.to(solution.device, solution.dtype), solution.coefficient_tensors)
    return max(_rms(v) for v in values.values())


def _warnings(
    solution: Solution,
    exact: tuple[Comparison, ...],
    discretised: tuple[Comparison, ...],
    error: tuple[Comparison, ...],
    checks: tuple[_Check, ...],
    size: float,
) -> list[str]:
    out = []
    status = solution.status
    worst = max((c.result for c in checks), key=lambda t: _finite_or_inf(t.relative))
    if not status.good:
        out.append(f"the run did not end well. {status.value}")
    elif status in (Status.BUDGET, Status.TIME, Status.STALLED) and not worst.relative <= _UNCONVERGED:
        out.append(
            f"not converged: the residual of '{worst.name}' is still {_percent(worst.relative)} of the parts that "
            f"should cancel in it. {status.value}"
        )
    trivial = _trivial(checks, (*exact, *discretised), size)
    if trivial:
        out.append(trivial)
    for check in (c.result for c in checks):
        limit = {"equation": _UNSOLVED, "data": _NOISY}.get(check.kind, _MISSED)
        if not check.relative <= limit and not trivial:
            said = "the equation" if check.kind == "equation" else "the condition"
            verb = "is hardly met" if check.relative < _IGNORED else "is ignored"
            verb = "is not solved" if check.kind == "equation" else verb
            out.append(
                f"{said} '{check.name}' {verb}: its residual (rms {number(check.rms)}) is {_percent(check.relative)} "
                f"of the parts that should cancel in it; give it more weight, more points or a larger field"
            )
    for c in exact or discretised:
        if not c.measured_l2 <= _FAR:
            out.append(f"`{c.unknown}` is {_percent(c.measured_l2)} away from the {c.against}")
    bars = {c.unknown: c.l2_bar for c in discretised}
    for c in error:
        bar = bars[c.unknown] + c.l2_bar
        if not c.measured_l2 <= 2 * bar:
            out.append(
                f"the exact solution and the {discretised[0].against} of `{c.unknown}` disagree by "
                f"{number(c.measured_l2)}, more than twice their error bars together ({number(bar)}): "
                "is the closed form that of this problem?"
            )
    return out


def _trivial(checks: tuple[_Check, ...], compared: tuple[Comparison, ...], size: float) -> str:
    """A sentence where the solution is next to nothing: though something is prescribed, or since nothing is."""
    expected = max((c.scale for c in compared), default=0.0)
    if expected > 0 and size < _TRIVIAL * expected:
        return f"the solution is trivial: its size is {number(size)}, it should be {number(expected)}"
    driven = [c for c in checks if c.given > 1e-6 * c.result.scale]  # not by rounding alone
    if driven and not expected and all(c.from_unknowns < _TRIVIAL * c.given for c in driven):
        return (
            f"the solution is trivial: its size is {number(size)}, and it moves no term by more than "
            f"{_percent(_TRIVIAL)} of what is prescribed"
        )
    if not driven and not expected and size < 1e-6:
        return (
            "the solution is trivial: zero satisfies these equations, as nothing prescribes a value other than zero; "
            "add a condition that excludes it"
        )
    return ""


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.3g} %"


def _finite_or_inf(value: float) -> float:
    return value if math.isfinite(value) else math.inf
