"""Training: solvers in sequence on all parameters of the fields, or on the read-out of given fields."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from torch import Tensor, nn

from pinnkit.domains import Points
from pinnkit.fields.protocols import WarmStart, spec_of
from pinnkit.fields.scaling import Scaling
from pinnkit.problem.problem import Problem
from pinnkit.solutions.evaluation import FieldSet
from pinnkit.solutions.history import Record
from pinnkit.solutions.solution import Solution
from pinnkit.solutions.status import Status
from pinnkit.solvers.collocation.collocation_points import CHUNK, CollocationPoints, counts_of
from pinnkit.solvers.collocation.field_groups import Group, build_fields
from pinnkit.solvers.collocation.parameters import Parameters
from pinnkit.solvers.collocation.pointwise import pointwise
from pinnkit.solvers.least_squares.linear_readout import ReadoutObjective, readout_of
from pinnkit.solvers.least_squares.output_scales import scale_outputs
from pinnkit.solvers.least_squares.row_norm_weights import has_row_norms, row_norm_weights
from pinnkit.solvers.protocols import Objective, Solver, State, on_readout
from pinnkit.solvers.training.compilation import CompiledDerivatives, compilation_pays
from pinnkit.solvers.training.deadline import Deadline
from pinnkit.solvers.training.fingerprint import fingerprint
from pinnkit.solvers.training.loop import Outcome
from pinnkit.solvers.training.loop import run as run_loop
from pinnkit.solvers.training.training_objective import TrainingObjective

from .reference_start import fit_values
from .run import Run, differentiates, solution_of

__all__ = ["run_training"]

_OVERRUN = 1.05
"""Part of the time limit at which a step is broken off."""
_ROWS = 2**18
"""Largest number of rows of a chunk."""


@dataclass(frozen=True)
class _Prepared:
    """Fields and objective of a run before its first step."""

    fields: FieldSet
    parameters: Parameters
    objective: TrainingObjective
    fingerprint: str
    compile_seconds: float | None
    deadline: Deadline | None


class _Vector(NamedTuple):
    """Flat vector of a stage, and the objective of it."""

    target: Callable[[Solver, int, State], Objective]
    get: Callable[[], Tensor]
    assign: Callable[[Tensor], None]
    points: Callable[[], CollocationPoints | None]
    memory: Callable[[], State] = dict
    measure: Callable[[int, Tensor], Mapping[str, float]] | None = None


def run_training(run: Run) -> Solution:
    """Run the solvers in sequence, from `start` or from a checkpoint where there is one."""
    prepared = _prepare(run)
    outcome, points = _run_stages(run, prepared)
    status = outcome.status
    if on_readout(run.solvers[-1]) and status is Status.STALLED:
        status = Status.SOLVED
    if status is Status.BUDGET and run.options.tolerance is None and run.problem.plan is not None:
        status = Status.TRAINED  # a fit has no residual that should vanish
    reason = run.candidate.reason
    if prepared.compile_seconds is not None:
        reason = f"{reason} Derivatives were compiled in {prepared.compile_seconds:.1f} s."
    return solution_of(
        run.problem,
        run.options,
        reason=reason,
        solvers=tuple(map(repr, run.solvers)),
        specs={g: spec_of(s) if isinstance(s, nn.Module) else s for g, s in run.specs.items()},
        modules=prepared.fields.modules,
        parameters=prepared.parameters,
        status=status,
        records=outcome.records,
        used=outcome.seconds,
        points=points,
        readout_alone=all(on_readout(s) for s in run.solvers),
    )


# Preparation ---------------------------------------------------------------------------------------------------------
def _prepare(run: Run) -> _Prepared:
    """Fields with their initial values, the weights of the terms, and the compiled derivatives where they pay."""
    problem, options = run.problem, run.options
    fields = build_fields(problem, run.specs, seed=options.seed, device=run.device, dtype=run.dtype)
    if run.balance and all(pointwise(t) for t in problem.soft_terms):
        scale_outputs(fields, run.specs, seed=options.seed)
    parameters = Parameters(problem, list(fields.modules.values()), device=run.device, dtype=run.dtype)
    if options.start is not None:
        start = options.start if isinstance(options.start, Solution) else fit_values(run, options.start, run_training)
        _warm_start(parameters, fields.modules, start)
    if parameters.count == 0:
        raise ValueError("solve: there is nothing to train, the field has no parameter that requires a gradient")
    row_weights = _row_weights(run, fields)
    compiles = options.compiles
    if compiles is None:
        rows = _differentiated_rows(run, parameters.count)
        compiles = compilation_pays(run.solvers, parameters.count, rows, run.device, options.seconds)
    if compiles:
        fields = replace(fields, differentiate=CompiledDerivatives())
    deadline = None
    if options.seconds is not None:
        deadline = Deadline(run.began + _OVERRUN * options.seconds, fields.differentiate)
        fields = replace(fields, differentiate=deadline)
        if run.is_dispensable:
            deadline.arm()
    chunk = _chunk(problem, parameters.count)
    objective = TrainingObjective(
        fields,
        parameters,
        lambda solver, draw: _points(run, solver, parameters.count, draw, chunk),
        row_weights,
        adaptive=run.adaptive,
        weights=options.schemes,
        seed=options.seed,
    )
    identity = fingerprint(
        problem,
        run.specs,
        run.solvers,
        seed=options.seed,
        dtype=run.dtype,
        device=run.device,
        row_weights=row_weights,
        schemes=(run.adaptive, *options.schemes, "compiled" if compiles else None),
    )
    seconds = _compile(objective, run.solvers[0], parameters.get()) if compiles else None
    return _Prepared(fields, parameters, objective, identity, seconds, deadline)


def _row_weights(run: Run, fields: FieldSet) -> dict[str, float]:
    """Row-norm weights of the terms, from the fields as they are initialised; empty where they are declined."""
    if not run.weighs_rows or not has_row_norms(fields):
        return {}
    points = CollocationPoints(run.problem, counts_of(run.problem, 512, 128), run.options.seed)
    coefficients = Parameters(run.problem, (), device=run.device, dtype=run.dtype)
    return row_norm_weights(ReadoutObjective(fields, coefficients, points))


def _compile(objective: TrainingObjective, solver: Solver, theta: Tensor) -> float:
    """Compile by one evaluation of the loss; the seconds that it took, less those of a second evaluation."""
    target = objective.objective(solver, 0, {"theta": theta})
    begin = time.perf_counter()
    target.evaluate(theta)
    middle = time.perf_counter()
    target.evaluate(theta)
    return max(2 * middle - begin - time.perf_counter(), 0.0)


def _warm_start(parameters: Parameters, modules: Mapping[Group, nn.Module], start: Solution) -> None:
    """Copy fields and coefficients of a solution; a grid takes over a coarser one.

    Raises:
        ValueError: for fields of another shape.
    """
    for group, module in modules.items():
        other = start.modules.get(group)
        if other is not None and isinstance(module, WarmStart):
            module.start_from(other)
            continue
        mine, theirs = _state_without_bounds(module), {} if other is None else _state_without_bounds(other)
        if {k: v.shape for k, v in mine.items()} != {k: v.shape for k, v in theirs.items()}:
            raise ValueError(f"solve: `start` has no field for {group} of the same shape; solve with the same field")
        module.load_state_dict(theirs, strict=False)
    parameters.start_from(start.coefficients)


def _state_without_bounds(module: nn.Module) -> dict[str, Tensor]:
    """State of a field except for the bounds of its axes, which are those of its own problem."""
    bounds = {f"{name}." for name, part in module.named_modules() if isinstance(part, Scaling)}
    return {k: v for k, v in module.state_dict().items() if not k.startswith(tuple(bounds))}


# Points --------------------------------------------------------------------------------------------------------------
def _points(run: Run, solver: Solver, unknowns: int, draw: int, chunk: int = CHUNK) -> CollocationPoints:
    return CollocationPoints.planned(
        run.problem,
        solver.sampling_plan(unknowns),
        run.options.seed,
        draw=draw,
        device=run.device,
        dtype=run.dtype,
        chunk=chunk,
    )


def _chunk(problem: Problem, parameters: int) -> int:
    """Rows of a chunk: more for given data and a field of very many parameters, which every backward pass writes.

    Fewer where integrals give every row many nodes.
    """
    nodes = max((integral.node_count for term in problem.soft_terms for _, integral in term.integrals), default=1)
    if nodes > 1:
        return min(CHUNK, max(_ROWS // nodes, 1))
    given = all(isinstance(term.points, Points) for term in problem.soft_terms)
    return max(CHUNK, min(parameters // 64, _ROWS)) if given else CHUNK


def _differentiated_rows(run: Run, unknowns: int) -> Callable[[Solver], int]:
    """Number of points at which a step of a solver differentiates, over all equations."""
    terms = [t for t in run.problem.terms if t.is_equation and differentiates(run.problem, t)]

    def rows(solver: Solver) -> int:
        points = _points(run, solver, unknowns, 0)
        return sum(points.size(term) for term in terms)

    return rows


# Stages --------------------------------------------------------------------------------------------------------------
def _run_stages(run: Run, prepared: _Prepared) -> tuple[Outcome, CollocationPoints | None]:
    """Run all stages until one ends the run; the last outcome and its points."""
    options = run.options
    outcome: Outcome | None = None
    records: Sequence[Record] = ()
    stages = _stages(run.solvers)
    paths = [run.checkpoint(stage) for stage, _ in enumerate(stages)]
    for path, solvers in zip(paths, stages, strict=True):
        vector = _readout(run, prepared, solvers[0]) if on_readout(solvers[0]) else _all_parameters(run, prepared)
        outcome = run_loop(
            vector.target,
            vector.get(),
            solvers,
            tolerance=options.tolerance,
            seconds=options.seconds,
            callbacks=options.callbacks,
            records=records,
            total=sum(s.steps for s in run.solvers),
            checkpoint_path=path,
            checkpoint_seconds=options.checkpoint_seconds,
            fingerprint=prepared.fingerprint,
            resume=options.resume,
            every=1 if run.device.type == "cpu" else 20,
            began=run.began if outcome is None else time.perf_counter() - outcome.seconds,
            memory=vector.memory,
            measure=vector.measure,
        )
        vector.assign(outcome.theta)
        records = outcome.records
        if not outcome.status.good or outcome.status is Status.CONVERGED:
            break
    assert outcome is not None
    return outcome, vector.points()


def _stages(solvers: Sequence[Solver]) -> list[tuple[Solver, ...]]:
    """Consecutive solvers that work on the same vector: all parameters, or the read-out alone."""
    stages: list[list[Solver]] = []
    for solver in solvers:
        if stages and stages[-1][0].scope is solver.scope:
            stages[-1].append(solver)
        else:
            stages.append([solver])
    return [tuple(stage) for stage in stages]


def _all_parameters(run: Run, prepared: _Prepared) -> _Vector:
    objective, parameters = prepared.objective, prepared.parameters

    def memory() -> State:  # called after every step
        if prepared.deadline is not None:
            prepared.deadline.arm()
        return objective.memory()

    return _Vector(
        objective.objective,
        parameters.get,
        parameters.assign,
        lambda: objective.last,
        memory,
        _measure(run, prepared),
    )


def _readout(run: Run, prepared: _Prepared, solver: Solver) -> _Vector:
    widths: dict[object, int] = {}  # of the fields that live together: a piece has points for its own
    for group, module in prepared.fields.modules.items():
        place = run.problem.unknown(group[0]).on
        widths[place] = widths.get(place, 0) + readout_of(module).in_features
    features = max(widths.values())
    points = run.readout_points(solver, features)
    target = ReadoutObjective(prepared.fields, prepared.parameters, points, run.row_scales)
    if run.options.resume:  # the scales of the rows are measured at the beginning of the stage
        target.rows_and_jacobian(target.get())
    return _Vector(lambda *_: target, target.get, target.assign, lambda: points)


def _measure(run: Run, prepared: _Prepared) -> Callable[[int, Tensor], Mapping[str, float]] | None:
    monitor = run.options.monitor
    if monitor is None:
        return None
    last = sum(s.steps for s in run.solvers)

    def measure(step: int, theta: Tensor) -> Mapping[str, float]:
        if step % monitor.every and step != last:
            return {}
        prepared.parameters.assign(theta)
        return monitor.take(prepared.fields)

    return measure
