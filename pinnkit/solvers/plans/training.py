"""The road of training: all parameters by the loop, or the read-out of a given field by least squares."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from pinnkit.domains import Points
from pinnkit.fields.scaling import Scaling
from pinnkit.problem.problem import Problem
from pinnkit.solutions.evaluation import FieldSet
from pinnkit.solutions.history import Record
from pinnkit.solutions.solution import Solution
from pinnkit.solutions.status import Status
from pinnkit.solvers.collocation.collocation_points import CHUNK, Cloud, counts_of
from pinnkit.solvers.collocation.field_groups import Group, build_fields
from pinnkit.solvers.collocation.parameters import Parameters
from pinnkit.solvers.collocation.pointwise import pointwise
from pinnkit.solvers.least_squares.least_squares import LeastSquares
from pinnkit.solvers.least_squares.linear_readout import Readout, readout_of
from pinnkit.solvers.least_squares.output_scales import scale_outputs
from pinnkit.solvers.least_squares.row_norm_weights import can_balance, row_norm_weights
from pinnkit.solvers.optimizers.adam import Adam
from pinnkit.solvers.protocols import Solver
from pinnkit.solvers.training.compilation import Compiled, pays
from pinnkit.solvers.training.fingerprint import fingerprint
from pinnkit.solvers.training.loop import Callback, Outcome, run
from pinnkit.solvers.training.training_objective import Sight

from .run_setup import Saving, Setup, differentiates, readout_cloud, solution_of

__all__ = ["trained"]

_MOST_ROWS = 2**18
"""Of a chunk."""


def trained(
    setup: Setup,
    tolerance: float | None,
    seconds: float | None,
    start: Solution | None,
    saving: Saving,
    callbacks: Sequence[Callback],
) -> Solution:
    """Run the solvers in sequence on the fields of the setup, from `start` or from a checkpoint where there is one."""
    problem = setup.problem
    fields = build_fields(problem, setup.specs, seed=setup.seed, device=setup.device, dtype=setup.dtype)
    if setup.balance and all(pointwise(t) for t in problem.soft_terms):
        scale_outputs(fields, setup.specs, seed=setup.seed)
    modules = fields.modules
    parameters = Parameters(problem, list(modules.values()), device=setup.device, dtype=setup.dtype)
    if start is not None:
        _warm_start(parameters, modules, start)
    if parameters.count == 0:
        raise ValueError("solve: there is nothing to train, the field has no parameter that requires a gradient")
    balance = _balance(setup, fields)
    compiles = pays(setup.solvers, parameters.count, lambda solver: _rows(setup, solver), setup.device)
    if setup.compiles is not None:
        compiles = setup.compiles
    if compiles:
        fields = replace(fields, differentiate=Compiled())
    run_is = fingerprint(
        problem,
        setup.specs,
        setup.solvers,
        seed=setup.seed,
        dtype=setup.dtype,
        device=setup.device,
        balance=balance,
        schemes=(setup.adaptive, *setup.weights, "compiled" if compiles else None),
    )
    paths = [saving.path(stage) for stage, _ in enumerate(_stages(setup.solvers))]
    chunk = _chunk(problem, parameters.count)
    sight = Sight(
        fields,
        parameters,
        lambda solver, draw: _cloud(setup, solver, draw, chunk),
        balance,
        adaptive=setup.adaptive,
        weights=setup.weights,
        seed=setup.seed,
    )
    compiling = _warmed_up(sight, setup.solvers[0], parameters.get()) if compiles else None
    outcome: Outcome | None = None
    target: Any = None
    records: Sequence[Record] = ()
    for stage, part in enumerate(_stages(setup.solvers)):
        readout = isinstance(part[0], LeastSquares)
        if readout:
            width = sum(readout_of(m).in_features for m in modules.values())
            cloud = readout_cloud(setup, part[0], width)  # type: ignore[arg-type]
            target = Readout(fields, parameters, cloud, setup.row_scales)
            if saving.resume:  # the scales of its rows are measured where the stage begins, not where it goes on
                target.rows_and_jacobian(target.get())
        outcome = run(
            (lambda *_, target=target: target) if readout else sight.objective,
            (target if readout else parameters).get(),
            part,
            tolerance=tolerance,
            seconds=seconds,
            callbacks=callbacks,
            records=records,
            total=sum(s.steps for s in setup.solvers),
            checkpoint_path=paths[stage],
            checkpoint_seconds=saving.seconds,
            fingerprint=run_is,
            resume=saving.resume,
            every=1 if setup.device.type == "cpu" else 20,
            began=setup.began if outcome is None else time.perf_counter() - outcome.seconds,
            memory=dict if readout else sight.memory,
            measure=None if readout else _measure(setup, fields, parameters),
        )
        (target if readout else parameters).assign(outcome.theta)
        records = outcome.records
        if not outcome.status.good or outcome.status is Status.CONVERGED:
            break
    assert outcome is not None
    status = outcome.status
    if isinstance(setup.solvers[-1], LeastSquares) and status is Status.STALLED:
        status = Status.SOLVED
    if status is Status.BUDGET and tolerance is None and problem.road is not None:
        status = Status.TRAINED  # a fit has no residual to bring to nothing
    specs = {g: s if not isinstance(s, nn.Module) else getattr(s, "spec", None) for g, s in setup.specs.items()}
    seen = target.cloud if readout else sight.last
    if compiling is not None:
        setup = replace(setup, reason=f"{setup.reason} Derivatives were compiled in {compiling:.1f} s.")
    return solution_of(setup, specs, modules, parameters, status, outcome.records, outcome.seconds, seen)


def _warmed_up(sight: Sight, solver: Solver, theta: Tensor) -> float:
    """Compile by one evaluation of the loss; the seconds that it took, less those of another one."""
    target = sight.objective(solver, 0, {"theta": theta})
    begin = time.perf_counter()
    target.evaluate(theta)
    middle = time.perf_counter()
    target.evaluate(theta)
    return max(2 * middle - begin - time.perf_counter(), 0.0)


def _balance(setup: Setup, fields: FieldSet) -> dict[str, float]:
    """How much each term counts, from the fields as they are initialised."""
    if not setup.balanced or not can_balance(fields):
        return {}
    cloud = Cloud(setup.problem, counts_of(setup.problem, 512, 128), setup.seed)
    own = Parameters(setup.problem, (), device=setup.device, dtype=setup.dtype)
    return row_norm_weights(Readout(fields, own, cloud))


def _chunk(problem: Problem, parameters: int) -> int:
    """Rows of a chunk: more of data for a field of very many numbers, all of which every backward pass writes."""
    brought = all(isinstance(term.points, Points) for term in problem.soft_terms)
    return max(CHUNK, min(parameters // 64, _MOST_ROWS)) if brought else CHUNK


def _cloud(setup: Setup, solver: Any, draw: int, chunk: int = CHUNK) -> Cloud:
    like = Adam()  # what a solver that says nothing of points gets
    points, condition_points = (getattr(solver, n, getattr(like, n)) for n in ("points", "condition_points"))
    batch = getattr(solver, "batch", None)
    counts = counts_of(setup.problem, points, condition_points)
    if batch is not None:
        counts = counts_of(setup.problem, batch, batch)
        counts = {name: min(count, batch) for name, count in counts.items()}
    return Cloud(
        setup.problem,
        counts,
        setup.seed,
        draw=draw,
        device=setup.device,
        dtype=setup.dtype,
        sampling=getattr(solver, "sampling", like.sampling),
        chunk=chunk,
        batch=batch,
    )


def _rows(setup: Setup, solver: Solver) -> int:
    """At how many points a step of `solver` differentiates: of each equation its own points, or what it takes."""
    cloud = _cloud(setup, solver, 0)
    terms = (t for t in setup.problem.terms if t.is_equation and differentiates(setup.problem, t))
    return sum(cloud.size(term) for term in terms)


def _stages(solvers: Sequence[Solver]) -> list[tuple[Solver, ...]]:
    """Neighbours that work on the same vector: all parameters, or the read-out alone."""
    stages: list[list[Solver]] = []
    for solver in solvers:
        if stages and isinstance(stages[-1][0], LeastSquares) == isinstance(solver, LeastSquares):
            stages[-1].append(solver)
        else:
            stages.append([solver])
    return [tuple(stage) for stage in stages]


def _measure(
    setup: Setup, fields: FieldSet, parameters: Parameters
) -> Callable[[int, Tensor], Mapping[str, float]] | None:
    monitor = setup.monitor
    if monitor is None:
        return None
    last = sum(s.steps for s in setup.solvers)

    def measure(step: int, theta: Tensor) -> Mapping[str, float]:
        if step % monitor.every and step != last:
            return {}
        parameters.assign(theta)
        return monitor.take(fields)

    return measure


def _warm_start(parameters: Parameters, modules: Mapping[Group, nn.Module], start: Solution) -> None:
    for group, module in modules.items():
        other = start.modules.get(group)
        take_over = getattr(module, "start_from", None)
        if other is not None and callable(take_over):  # a finer grid takes over a coarser one
            take_over(other)
            continue
        mine, theirs = module.state_dict(), {} if other is None else _without_bounds(other)
        mine = {k: v for k, v in mine.items() if k in _without_bounds(module)}
        if {k: v.shape for k, v in mine.items()} != {k: v.shape for k, v in theirs.items()}:
            raise ValueError(f"solve: `start` has no field for {group} of the same shape; solve with the same field")
        module.load_state_dict(theirs, strict=False)
    parameters.start_from(start.coefficients)


def _without_bounds(module: nn.Module) -> dict[str, Any]:
    """The state of a field but for the bounds of its axes, which are those of its own problem."""
    bounds = {f"{name}." for name, part in module.named_modules() if isinstance(part, Scaling)}
    return {k: v for k, v in module.state_dict().items() if not k.startswith(tuple(bounds))}
