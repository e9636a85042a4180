"""Time of an Adam step: pinnkit, nested automatic differentiation and, where it is installed, DeepXDE.

A step consists of the loss of all terms, its gradient, and the update of the parameters.  Network, points and dtype are
equal for all methods, which take their steps in turn.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from rich.table import Table
from torch.utils.flop_counter import FlopCounterMode

from pinnkit.fields import MLP
from pinnkit.jets.evaluation.compiled import missing_compiler
from pinnkit.jets.taylor.channel_plan import make_plan
from pinnkit.solutions.evaluation import FieldSet
from pinnkit.solvers import Adam, Constant
from pinnkit.solvers.collocation.collocation_points import CollocationPoints, counts_of
from pinnkit.solvers.collocation.parameters import Parameters
from pinnkit.solvers.collocation.residual_loss import ResidualLoss
from pinnkit.solvers.training.compilation import CompiledDerivatives

from .peer import CASES, PeerCase, deepxde_model, has_deepxde, quiet

__all__ = ["Row", "as_json", "run", "table"]

METHODS = ("deepxde", "nested", "eager", "compiled")
RATE_TARGET = 0.5
"""Target for the rate of a step over the measured rate of matrix products, at width 256; dimensionless."""


@dataclass(frozen=True)
class Row:
    """Result of one case.

    Attributes:
        seconds: median time of a step by each method.
        ratios: times of DeepXDE and of nested differentiation over those of the eager and the compiled step, such as
            "deepxde/eager": the median over the rounds; a machine that slows down between rounds does not change it.
        compiling: seconds of the first compiled step; None where there is none.
        flops: floating-point operations of the matrix products of an eager step, forward and backward, counted.
        rate: operations per second of one matrix product (channels x points, width) @ (width, width).
        target: lower bound for "deepxde/eager" with networks of width 50.
    """

    case: str
    width: int
    depth: int
    points: int
    condition_points: int
    dtype: str
    threads: int
    repetitions: int
    seconds: Mapping[str, float]
    ratios: Mapping[str, float]
    compiling: float | None
    flops: int
    rate: float
    target: float

    def fraction(self, method: str) -> float | None:
        """Rate of a step, counting matrix products alone, over the measured rate of one product, dimensionless."""
        return self.flops / self.seconds[method] / self.rate if method in self.seconds else None


def run(
    *,
    quick: bool = False,
    compile: bool = True,
    networks: Sequence[tuple[int, int]] = ((50, 4), (256, 4)),
    dtypes: Sequence[torch.dtype] = (torch.float32, torch.float64),
    cases: Sequence[PeerCase] = CASES,
    peer: bool = True,
    repetitions: int = 15,
    progress: Callable[[Row], object] | None = None,
) -> list[Row]:
    """Measure every case with every network and dtype: 2,048 residual points, 256 of each condition, on the CPU.

    Args:
        quick: few points, a narrow network, two repetitions, nothing compiled, no peer: a check that it runs.
        compile: measure compiled derivatives as well, where there is a compiler (half a minute per row).
        networks: (width, number of hidden layers), tanh.
        dtypes: of network and points.
        cases: problems.
        peer: measure DeepXDE, where it is installed.
        repetitions: rounds, after three steps of each method that are not counted.
        progress: called with each row as it is ready.
    """
    points, condition_points = 2048, 256
    if quick:
        points, condition_points, networks, dtypes = 96, 16, ((12, 2),), (torch.float64,)
        repetitions, compile, peer = 2, False, False
    rows = []
    for dtype in dtypes:
        for width, depth in networks:
            for case in cases:
                setup = _Setup(case, width, depth, points, condition_points, dtype)
                row = _measure(setup, repetitions=repetitions, compile=compile, peer=peer and has_deepxde())
                rows.append(row)
                if progress is not None:
                    progress(row)
    return rows


@dataclass(frozen=True)
class _Setup:
    case: PeerCase
    width: int
    depth: int
    points: int
    condition_points: int
    dtype: torch.dtype


def _measure(setup: _Setup, *, repetitions: int, compile: bool, peer: bool) -> Row:
    methods: dict[str, Callable[[], object]] = {}
    if peer:
        methods["deepxde"] = _deepxde(setup)
    methods["nested"] = _pinnkit(setup, "nested")
    methods["eager"] = _pinnkit(setup, "eager")
    if compile and missing_compiler(torch.device("cpu")) is None:
        methods["compiled"] = _pinnkit(setup, "compiled")
    first = {name: _seconds(method) for name, method in methods.items()}
    with FlopCounterMode(display=False) as counted:
        methods["eager"]()
    methods["product"] = _product(setup)
    for method in methods.values():
        for _ in range(2):
            method()
    taken: dict[str, list[float]] = {name: [] for name in methods}
    for _ in range(repetitions):
        for name, method in methods.items():
            taken[name].append(_seconds(method))
    median = {name: statistics.median(times) for name, times in taken.items()}
    product = median.pop("product")
    ratios = {
        f"{slow}/{fast}": statistics.median(a / b for a, b in zip(taken[slow], taken[fast], strict=True))
        for slow in ("deepxde", "nested")
        for fast in ("eager", "compiled")
        if slow in median and fast in median
    }
    return Row(
        case=setup.case.name,
        width=setup.width,
        depth=setup.depth,
        points=setup.points,
        condition_points=setup.condition_points,
        dtype=str(setup.dtype).removeprefix("torch."),
        threads=torch.get_num_threads(),
        repetitions=repetitions,
        seconds=median,
        ratios=ratios,
        compiling=first.get("compiled"),
        flops=counted.get_total_flops(),
        rate=2 * _products(setup) * setup.points * setup.width**2 / product,
        target=setup.case.step_target,
    )


def _pinnkit(setup: _Setup, method: str) -> Callable[[], object]:
    """Adam step as `solve` takes it."""
    problem = setup.case.problem
    generator = torch.Generator().manual_seed(0)
    spec = MLP(width=setup.width, depth=setup.depth, activation="tanh")
    module = spec.build(problem.axes, 1, generator=generator, dtype=setup.dtype, device="cpu")
    parameters = Parameters(problem, [module], device=torch.device("cpu"), dtype=setup.dtype)
    cloud = CollocationPoints(problem, counts_of(problem, setup.points, setup.condition_points), 0, dtype=setup.dtype)
    derivatives = "autograd" if method == "nested" else "taylor"
    fields = FieldSet(problem, {("u",): module}, CompiledDerivatives() if method == "compiled" else None)
    objective = ResidualLoss(fields, parameters, cloud, derivatives=derivatives)
    adam = Adam(steps=10**6, lr=1e-3, schedule=Constant())
    state = adam.start(parameters.get())

    def step() -> object:
        nonlocal state
        state = adam.step(objective, state)
        return state

    return step


def _deepxde(setup: _Setup) -> Callable[[], object]:
    """Adam step of DeepXDE's `Model.train`, without its tests and callbacks."""
    with quiet():
        model = deepxde_model(
            setup.case,
            width=setup.width,
            depth=setup.depth,
            points=setup.points,
            condition_points=setup.condition_points,
            dtype=setup.dtype,
            seed=0,
        )
        model.compile("adam", lr=1e-3)
        batch: Any = model.data.train_next_batch(None)

    def step() -> object:
        return model.train_step(*batch)

    return step


def _products(setup: _Setup) -> int:
    """Number of channels of the residual: the value, the first derivatives, and the operator as one."""
    return len(make_plan((setup.case.operator,)).channels)


def _product(setup: _Setup) -> Callable[[], object]:
    generator = torch.Generator().manual_seed(0)
    left = torch.randn(_products(setup) * setup.points, setup.width, dtype=setup.dtype, generator=generator)
    right = torch.randn(setup.width, setup.width, dtype=setup.dtype, generator=generator)
    return lambda: torch.mm(left, right)


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def table(rows: Sequence[Row]) -> Table:
    """Table of the rows; values that miss their target are marked."""
    result = Table(title="One Adam step: loss, gradient, update", box=None, padding=(0, 1))
    for heading in ("case", "network", "dtype"):
        result.add_column(heading)
    for heading in (*METHODS, "GFLOP/s"):
        result.add_column(heading, justify="right")
    for row in rows:
        cells = [f"{1e3 * row.seconds[method]:.1f} ms" if method in row.seconds else "-" for method in METHODS[:2]]
        cells += [_cell(row, method) for method in METHODS[2:]]
        result.add_row(row.case, f"{row.depth} x {row.width}", row.dtype, *cells, f"{row.rate / 1e9:.0f}")
    if rows:
        result.caption = (
            f"{rows[0].points:,} residual points, {rows[0].condition_points} of each condition, {rows[0].threads} "
            f"threads, medians of {rows[0].repetitions} rounds of steps taken in turn. d, n: time of "
            f"the step of DeepXDE and of the nested step over this one. %: rate of the step, matrix products alone, "
            f"over the rate of one product, given in the last column."
        )
    return result


def _cell(row: Row, method: str) -> str:
    share = row.fraction(method)
    if share is None:
        return "-"
    peer, nested = row.ratios.get(f"deepxde/{method}"), row.ratios.get(f"nested/{method}")
    ratios = " ".join(f"{name} {ratio:.2f}x" for name, ratio in (("d", peer), ("n", nested)) if ratio is not None)
    best = max(row.ratios.get(f"deepxde/{r}", 0.0) for r in METHODS[2:])
    slow = row.width == 50 and peer is not None and best < row.target
    low = row.width == 256 and max(row.fraction(r) or 0.0 for r in METHODS[2:]) < RATE_TARGET
    text = f"{1e3 * row.seconds[method]:.1f} ms {ratios} {share:.0%}"
    return f"[red]{text}[/red]" if slow or low else text


def as_json(rows: Sequence[Row]) -> str:
    """JSON of the rows, with the fractions of the product rate."""
    found = [asdict(row) | {"fractions": {r: row.fraction(r) for r in ("eager", "compiled")}} for row in rows]
    return json.dumps(found, indent=2)
