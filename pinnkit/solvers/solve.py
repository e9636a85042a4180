"""solve: from a problem to a Solution."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from pinnkit.evaluation import FieldSet
from pinnkit.fields import Additive, Expansion, FieldSpec, RandomFourier, Siren, TotalDegree
from pinnkit.fields.scaling import Scaling
from pinnkit.fields.slabbed import Slabbed, SlabbedField
from pinnkit.history import History, Record
from pinnkit.machine import versions
from pinnkit.problem import Problem
from pinnkit.solution import Solution
from pinnkit.status import Status

from .adaptive import Adaptive
from .automatic import Choice, automatic
from .balance import can_balance, row_norm_weights
from .bandwidth import Attempt, search
from .cloud import CHUNK, Cloud, counts_of
from .collocation import Collocation
from .fingerprint import fingerprint
from .first_order import Adam
from .groups import FieldChoice, Group, build_fields, group_fields, unsettled
from .high_dimension import MANY_COORDINATES, expand
from .least_squares import LeastSquares
from .loop import CHECKPOINT_SECONDS, Callback, Outcome, run
from .objective import Solver
from .parameters import Parameters
from .quasi_newton import LBFGS
from .readout import Readout, readout_of
from .scales import scale_outputs
from .several import several
from .sight import Sight
from .slabs import edges_of, slab, soft_start
from .trained_on import trained_on
from .weights import Weights

__all__ = ["solve"]

_GIVEN = "Field and solver as given."
_ROUNDING = 3e-13
"""A relative residual near which rounding takes over: the search for random sines ends there."""


def solve(
    problem: Problem,
    field: FieldChoice | None = None,
    solvers: Solver | Sequence[Solver] | None = None,
    *,
    seed: int = 0,
    device: str = "auto",
    dtype: torch.dtype | None = None,
    tolerance: float | None = None,
    seconds: float | None = None,
    adaptive: Adaptive | None = None,
    weights: Weights | Sequence[Weights] = (),
    slabs: int | Sequence[float] | None = None,
    start: Solution | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    callbacks: Sequence[Callback] = (),
) -> Solution:
    """Fit a field to a problem.

    Args:
        problem: what should vanish, and where.
        field: a spec (one shared trunk for all unknowns), a ready module, or ``{unknown or (unknowns, ...): spec}``;
            None chooses.
        solvers: one or several, run in sequence; None chooses: Adam then L-BFGS for a given field.
        seed: of the features or weights, and of the points.
        device: "auto" takes CUDA where there is one; else a torch device.
        dtype: of the solve; None takes the problem's.  Least squares always works in float64.
        tolerance: stop once the rms residual of every term is at most this (for a search of random sines: the relative
            residual at held-out points).
        seconds: stop after so long, with what there is.
        adaptive: collocation points that follow the residual, such as RAD() or R3(); None draws them once.
        weights: schemes such as GradientNorm() or Causal() whose factors multiply the row-norm weights; those are the
            default, and need no tuning.
        slabs: solve in so many equal slabs of time, or between these times, each from the end of the one before; a
            hard initial condition becomes a term.
        start: a solution of the same fields, whose state is where this solve starts.
        out: folder for checkpoints; None writes nothing.
        resume: continue from the checkpoint in `out`, bit for bit; without one, begin.  A search of random sines takes
            seconds and writes none.
        checkpoint_seconds: how often a checkpoint is written.
        callbacks: each called with a `Record` after every recorded step; returning True stops the run.

    Raises:
        ValueError, TypeError: for arguments that do not fit the problem, with what was expected.
    """
    began = time.perf_counter()
    if not isinstance(problem, Problem):
        raise TypeError(f"solve: `problem` must be a Problem, got {type(problem).__name__}")
    _check(seed, tolerance, seconds, start, out, resume, checkpoint_seconds, callbacks)
    where = _device(device)
    kind = problem.dtype if dtype is None else dtype
    if kind not in (torch.float32, torch.float64):
        raise ValueError(f"solve: `dtype` must be torch.float32 or torch.float64, got {dtype}")
    if slabs is not None and len(edges := edges_of(problem, slabs)) > 2:
        if start is not None:
            raise ValueError("solve: `slabs` start each from the one before; leave `start` out")
        how = dict(device=device, dtype=dtype, tolerance=tolerance, adaptive=adaptive, weights=weights, resume=resume)
        how |= dict(seed=seed, checkpoint_seconds=checkpoint_seconds)
        folder = None if out is None else Path(out)
        return _in_slabs(soft_start(problem), field, solvers, edges, seconds, folder, callbacks, began, how)
    if field is None and solvers is None:

        def take(choice: Choice, left: float | None) -> Solution:
            how = dict(seed=seed, device=device, dtype=dtype, tolerance=tolerance, seconds=left, callbacks=callbacks)
            rest: dict[str, Any] = dict(out=out, resume=resume, checkpoint_seconds=checkpoint_seconds, start=start)
            if choice.trains:
                rest |= dict(adaptive=adaptive or choice.adaptive, weights=weights)
            found = solve(problem, choice.field, choice.solvers, **how, **rest)  # type: ignore[arg-type]
            searched = found.choice.removeprefix(_GIVEN).strip()
            return replace(found, choice=" ".join((choice.reason, searched)).strip())

        return several(automatic(problem), take, seconds=seconds, began=began, seed=seed)
    field, solvers, reason = _choose(field, solvers)
    specs = group_fields(problem, field)
    schemes = tuple(weights) if isinstance(weights, (list, tuple)) else (weights,)
    _check_schemes(adaptive, schemes, solvers)
    setup = _Setup(problem, specs, tuple(solvers), seed, where, kind, reason, began, adaptive, schemes)
    if isinstance(setup.solvers[0], LeastSquares) and any(unsettled(s) for s in specs.values()):
        if start is not None:
            raise ValueError("solve: `start` needs the same field; a search of random sines has none before it ends")
        return _searched(setup, tolerance, seconds, callbacks)
    saving = _Saving(None if out is None else Path(out), resume, checkpoint_seconds)
    return _trained(setup, tolerance, seconds, start, saving, callbacks)


@dataclass(frozen=True)
class _Setup:
    problem: Problem
    specs: Mapping[Group, FieldSpec | nn.Module]
    solvers: tuple[Solver, ...]
    seed: int
    device: torch.device
    dtype: torch.dtype
    reason: str
    began: float
    adaptive: Adaptive | None = None
    weights: tuple[Weights, ...] = ()


@dataclass(frozen=True)
class _Saving:
    folder: Path | None
    resume: bool
    seconds: float

    def path(self, stage: int) -> Path | None:
        """The checkpoint of a stage; one of an earlier run is none of ours."""
        if self.folder is None:
            return None
        path = self.folder / f"checkpoint{stage or ''}.h5"
        if not self.resume:
            path.unlink(missing_ok=True)
        return path


# roads --------------------------------------------------------------------------------------------------------------
def _searched(setup: _Setup, tolerance: float | None, seconds: float | None, callbacks: Sequence[Callback]) -> Solution:
    """Random sines whose bandwidth, and number, the held-out residual chooses; or polynomials in many coordinates."""
    problem, solver = setup.problem, setup.solvers[0]
    assert isinstance(solver, LeastSquares)
    spec = next(s for s in setup.specs.values() if unsettled(s))
    assert isinstance(spec, RandomFourier | Expansion)
    if any(s != spec for s in setup.specs.values()):
        raise ValueError(
            "solve: RandomFourier(bandwidth=None) is chosen for all unknowns together, and so is Expansion(); "
            "give every unknown the same spec, or each one that is settled, such as RandomFourier(400, bandwidth=8.0)"
        )
    if len(setup.solvers) > 1:
        raise ValueError(
            "solve: random sines with bandwidth=None, and Expansion(), are solved by LeastSquares alone; give a "
            "bandwidth, or TotalDegree(6)"
        )
    records: list[Record] = []
    stopped = False

    def report(attempt: Attempt) -> bool:
        used = time.perf_counter() - setup.began
        terms = {str(t.name): float(c) for t, c in zip(problem.terms, attempt.costs, strict=True)}
        record = Record(len(records) + 1, 0, attempt.words, used, attempt.score**2, terms)
        records.append(record)
        nonlocal stopped
        stopped = any([callback(record) is True for callback in callbacks])
        return stopped or (seconds is not None and used >= seconds)

    how: dict[str, Any] = dict(seed=setup.seed, tolerance=_ROUNDING if tolerance is None else tolerance, report=report)
    if isinstance(spec, Expansion):

        def left() -> float:
            return math.inf if seconds is None else seconds - (time.perf_counter() - setup.began)

        best = expand(problem, tuple(setup.specs), solver, limit=spec.limit, left=left, **how)
        chosen = best.words
    else:
        best = search(problem, tuple(setup.specs), solver, features=spec.features, **how)
        pairs = zip(problem.frame.columns, best.bandwidth, strict=True)
        chosen = f"{best.features} sines with bandwidth {', '.join(f'{column}: {b:.3g}' for column, b in pairs)}"
    used = time.perf_counter() - setup.began
    modules = {g: m.to(device=setup.device, dtype=setup.dtype) for g, m in best.fields.modules.items()}
    reason = (
        f"{setup.reason} Held-out residual chose {chosen} "
        f"in {len(records)} attempt{'s' * (len(records) > 1)} (relative residual {best.score:.1e})."
    )
    met = best.score <= (_ROUNDING if tolerance is None else tolerance)
    status = Status.CONVERGED if met and tolerance is not None else Status.SOLVED
    if not np.isfinite(best.score) or best.score > 0.5:
        status = Status.STALLED
    if stopped or best.interrupted:
        status = Status.INTERRUPTED
    parameters = Parameters(problem, (), device=setup.device, dtype=setup.dtype)
    parameters.start_from(best.parameters.found())
    found = replace(setup, reason=reason)
    specs = {g: getattr(m, "spec", None) for g, m in modules.items()}
    seen = _readout_cloud(setup, solver, best.features)
    return _solution(found, specs, modules, parameters, status, records, used, seen)


def _trained(
    setup: _Setup,
    tolerance: float | None,
    seconds: float | None,
    start: Solution | None,
    saving: _Saving,
    callbacks: Sequence[Callback],
) -> Solution:
    problem = setup.problem
    fields = build_fields(problem, setup.specs, seed=setup.seed, device=setup.device, dtype=setup.dtype)
    scale_outputs(fields, setup.specs, seed=setup.seed)
    modules = fields.modules
    parameters = Parameters(problem, list(modules.values()), device=setup.device, dtype=setup.dtype)
    if start is not None:
        _warm_start(parameters, modules, start)
    if parameters.count == 0:
        raise ValueError("solve: there is nothing to train, the field has no parameter that requires a gradient")
    balance = _balance(setup, fields)
    run_is = fingerprint(
        problem,
        setup.specs,
        setup.solvers,
        seed=setup.seed,
        dtype=setup.dtype,
        device=setup.device,
        balance=balance,
        schemes=(setup.adaptive, *setup.weights),
    )
    paths = [saving.path(stage) for stage, _ in enumerate(_stages(setup.solvers))]
    sight = Sight(
        fields,
        parameters,
        lambda solver, draw: _cloud(setup, solver, draw),
        balance,
        adaptive=setup.adaptive,
        weights=setup.weights,
        seed=setup.seed,
    )
    outcome: Outcome | None = None
    target: Any = None
    records: Sequence[Record] = ()
    for stage, part in enumerate(_stages(setup.solvers)):
        readout = isinstance(part[0], LeastSquares)
        if readout:
            width = sum(readout_of(m).in_features for m in modules.values())
            target = Readout(fields, parameters, _readout_cloud(setup, part[0], width))  # type: ignore[arg-type]
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
        )
        (target if readout else parameters).assign(outcome.theta)
        records = outcome.records
        if not outcome.status.good or outcome.status is Status.CONVERGED:
            break
    assert outcome is not None
    status = outcome.status
    if isinstance(setup.solvers[-1], LeastSquares) and status is Status.STALLED:
        status = Status.SOLVED
    specs = {g: s if not isinstance(s, nn.Module) else getattr(s, "spec", None) for g, s in setup.specs.items()}
    seen = target.cloud if readout else sight.last
    return _solution(setup, specs, modules, parameters, status, outcome.records, outcome.seconds, seen)


def _in_slabs(
    problem: Problem,
    field: FieldChoice | None,
    solvers: Solver | Sequence[Solver] | None,
    edges: Sequence[float],
    seconds: float | None,
    folder: Path | None,
    callbacks: Sequence[Callback],
    began: float,
    how: dict[str, Any],
) -> Solution:
    """Slab after slab, each from the end of the one before, joined in the end."""
    parts: list[Solution] = []
    records: list[Record] = []
    count = len(edges) - 1
    for k, (lower, upper) in enumerate(pairwise(edges)):
        done = records[-1].step if records else 0

        def report(record: Record, callback: Callback, done: int = done) -> object:
            return callback(replace(record, step=record.step + done, steps=record.steps * count))

        used = time.perf_counter() - began
        part = solve(
            slab(problem, lower, upper, parts[-1] if parts else None),
            field,
            solvers,
            start=parts[-1] if parts and _trains(parts[-1]) else None,
            seconds=None if seconds is None else max((seconds - used) / (count - k), 1e-3),
            out=None if folder is None else folder / f"slab{k + 1}",
            callbacks=[partial(report, callback=c) for c in callbacks],
            **how,
        )
        parts.append(part)
        h = part.history
        nothing = dict.fromkeys((str(t.name) for t in problem.terms), float("nan"))  # data of other times
        records += [
            Record(
                int(s) + done,
                0,
                name,
                float(t) + used,
                float(loss),
                nothing | {n: float(v[i]) for n, v in h.terms.items()},
            )
            for i, (s, name, t, loss) in enumerate(zip(h.step, h.solver, h.seconds, h.loss, strict=True))
        ]
        if not part.status.good:
            break
    first = parts[0]
    # A run that was stopped has no field for later times: the last one goes on.
    ends = (*edges[: len(parts)], edges[-1])
    modules: dict[Group, nn.Module] = {}
    specs: dict[Group, FieldSpec | None] = {}
    for group in first.modules:
        own = [part.fields[group] for part in parts]
        if any(spec is None for spec in own):
            raise ValueError("solve: `slabs` need a field spec such as Siren(width=64), which each slab builds anew")
        spec = Slabbed(tuple(own), ends, str(problem.time))  # type: ignore[arg-type]
        column = list(FieldSet(problem, first.modules).columns(group)).index(
            problem.frame.columns.index(str(problem.time))
        )
        modules[group] = SlabbedField(spec, column, [part.modules[group] for part in parts])
        specs[group] = spec
    setup = _Setup(
        problem,
        dict(modules),
        (),
        first.seed,
        torch.device(first.device),
        first.dtype,
        f"{count} slabs of time, each from the end of the one before. {first.choice}",
        began,
    )
    parameters = Parameters(problem, (), device=setup.device, dtype=setup.dtype)
    parameters.start_from(parts[-1].coefficients)
    status = next((p.status for p in reversed(parts) if not p.status.good), parts[-1].status)
    found = _solution(setup, specs, modules, parameters, status, records, time.perf_counter() - began)
    return replace(found, solvers=first.solvers)


def _trains(part: Solution) -> bool:
    """Whether the fields of the next slab have the shapes of this one's: not where a search chose their number."""
    return not any(isinstance(spec, RandomFourier) for spec in part.fields.values())


def _solution(
    setup: _Setup,
    specs: Mapping[Group, FieldSpec | None],
    modules: Mapping[Group, nn.Module],
    parameters: Parameters,
    status: Status,
    records: Sequence[Record],
    used: float,
    seen: Cloud | None = None,
) -> Solution:
    fields = FieldSet(setup.problem, modules)
    rows, training = trained_on(fields, parameters, seen)
    fresh = Cloud(
        setup.problem,
        counts_of(setup.problem, 4096, 1024),
        setup.seed,
        draw=2**31,
        device=setup.device,
        dtype=setup.dtype,
    )
    check = Collocation(fields, parameters, fresh)
    with torch.no_grad():
        squares = [float(check.residual(t, p).square().mean()) for t in setup.problem.terms for p in fresh.chunks(t)]
    return Solution(
        problem=setup.problem,
        fields=dict(specs),
        modules=dict(modules),
        coefficients=dict(parameters.found()),
        status=status,
        history=History.of(records),
        seconds=used,
        seed=setup.seed,
        device=str(setup.device),
        dtype=setup.dtype,
        solvers=tuple(repr(s) for s in setup.solvers),
        choice=setup.reason,
        residual_rms=float(np.sqrt(np.mean(squares))),
        steps=records[-1].step if records else 0,
        parameters=sum(p.numel() for m in modules.values() for p in m.parameters()) + len(setup.problem.coefficients),
        versions=versions(),
        rows=rows,
        training_rms=training,
    )


# pieces ---------------------------------------------------------------------------------------------------------------
def _choose(
    field: FieldChoice | None, solvers: Solver | Sequence[Solver] | None
) -> tuple[FieldChoice, Sequence[Solver], str]:
    given = None if solvers is None else tuple(solvers) if isinstance(solvers, (list, tuple)) else (solvers,)
    if given is not None and (not given or not all(hasattr(s, "step") and not isinstance(s, type) for s in given)):
        raise TypeError(f"solve: `solvers` must be solvers such as [Adam(steps=2000), LBFGS()], got {solvers!r}")
    if given is None:
        if isinstance(field, RandomFourier):
            return field, (LeastSquares(),), "Least squares for the read-out of the given random sines."
        if isinstance(field, Expansion | Additive | TotalDegree):
            return field, (MANY_COORDINATES,), "Least squares for the read-out of the given polynomials."
        return field, (Adam(), LBFGS()), "The given field by Adam, then L-BFGS."  # type: ignore[return-value]
    if field is None:
        default: FieldSpec = RandomFourier() if isinstance(given[0], LeastSquares) else Siren()
        return default, given, f"{type(default).__name__}, the default field of {type(given[0]).__name__}."
    return field, given, _GIVEN


def _balance(setup: _Setup, fields: FieldSet) -> dict[str, float]:
    """How much each term counts, from the fields as they are initialised."""
    if not can_balance(fields):
        return {}
    cloud = Cloud(setup.problem, counts_of(setup.problem, 512, 128), setup.seed)
    own = Parameters(setup.problem, (), device=setup.device, dtype=setup.dtype)
    return row_norm_weights(Readout(fields, own, cloud))


def _cloud(setup: _Setup, solver: Any, draw: int) -> Cloud:
    like = Adam()  # what a solver that says nothing of points gets
    points, condition_points = (getattr(solver, n, getattr(like, n)) for n in ("points", "condition_points"))
    batch = getattr(solver, "batch", None)
    counts = counts_of(setup.problem, points, condition_points)
    if batch is not None:
        counts = {name: min(count, batch) for name, count in counts.items()}
    return Cloud(
        setup.problem,
        counts,
        setup.seed,
        draw=draw,
        device=setup.device,
        dtype=setup.dtype,
        sampling=getattr(solver, "sampling", like.sampling),
        chunk=CHUNK,
        batch=batch,
    )


def _readout_cloud(setup: _Setup, solver: LeastSquares, features: int) -> Cloud:
    counts = counts_of(setup.problem, int(solver.ratio * features), max(int(solver.condition_ratio * features), 2))
    return Cloud(setup.problem, counts, setup.seed, sampling=solver.sampling)


def _stages(solvers: Sequence[Solver]) -> list[tuple[Solver, ...]]:
    """Neighbours that work on the same vector: all parameters, or the read-out alone."""
    stages: list[list[Solver]] = []
    for solver in solvers:
        if stages and isinstance(stages[-1][0], LeastSquares) == isinstance(solver, LeastSquares):
            stages[-1].append(solver)
        else:
            stages.append([solver])
    return [tuple(stage) for stage in stages]


def _warm_start(parameters: Parameters, modules: Mapping[Group, nn.Module], start: Solution) -> None:
    for group, module in modules.items():
        other = start.modules.get(group)
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


def _device(device: str) -> torch.device:
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"solve: `device` must be 'auto', 'cpu' or 'cuda', got {device!r}") from error
    if found.type not in ("cpu", "cuda"):
        raise ValueError(f"solve: `device` must be 'auto', 'cpu' or 'cuda', got {device!r}")
    if found.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"solve: device {device!r} was asked for, but torch sees no CUDA device; use device='cpu'")
    return found


def _check_schemes(adaptive: object, weights: Sequence[object], solvers: Sequence[Solver]) -> None:
    """Whether they are what they are called, and can work with these solvers."""
    if adaptive is not None and (isinstance(adaptive, type) or not hasattr(adaptive, "choose")):
        raise TypeError(f"solve: `adaptive` must be an object such as RAD() or R3(), got {adaptive!r}")
    for scheme in weights:
        if isinstance(scheme, type) or not hasattr(scheme, "update"):
            raise TypeError(f"solve: `weights` must be objects such as GradientNorm() or Causal(), got {scheme!r}")
    named = [n for n, given in (("adaptive", adaptive is not None), ("weights", bool(weights))) if given]
    for solver in solvers if named else ():
        if getattr(solver, "batch", None) is not None:
            raise ValueError(
                f"solve: `{named[0]}` keeps track of points, and {solver!r} draws fresh ones at every step; "
                f"leave `batch` out"
            )
    if named and all(isinstance(s, LeastSquares) for s in solvers):
        raise ValueError(f"solve: `{named[0]}` is for trained fields; LeastSquares solves for the read-out at once")


def _check(
    seed: int,
    tolerance: float | None,
    seconds: float | None,
    start: Solution | None,
    out: str | Path | None,
    resume: bool,
    checkpoint_seconds: float,
    callbacks: Sequence[Callback],
) -> None:
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(f"solve: `seed` must be a whole number from 0, got {seed!r}")
    for name, value in (("tolerance", tolerance), ("seconds", seconds)):
        if value is not None and (not isinstance(value, (int, float)) or not value > 0):
            raise ValueError(f"solve: `{name}` must be a positive number, got {value!r}")
    if not isinstance(checkpoint_seconds, (int, float)) or not checkpoint_seconds >= 0:
        raise ValueError(f"solve: `checkpoint_seconds` must be a number of at least 0, got {checkpoint_seconds!r}")
    if start is not None and not isinstance(start, Solution):
        raise TypeError(f"solve: `start` must be a Solution, what `solve` or `load` gives, got {type(start).__name__}")
    if resume and out is None:
        raise ValueError("solve: `resume` needs the folder of the run, out='results/name'")
    if out is not None and Path(out).exists() and not Path(out).is_dir():
        raise ValueError(f"solve: `out` must be a folder, and {str(out)!r} is a file")
    if not isinstance(callbacks, (list, tuple)) or not all(map(callable, callbacks)):
        raise TypeError(f"solve: `callbacks` must be a list of functions of a Record, got {callbacks!r}")
