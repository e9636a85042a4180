"""Time of a residual step by the Taylor pass, eager and compiled, and by nested automatic differentiation."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import torch
from rich.table import Table
from torch import Tensor

from pinnkit.domains import Box, Cube
from pinnkit.fields import Siren
from pinnkit.jets.evaluation import jets
from pinnkit.jets.evaluation.compiled import compiled, missing_compiler
from pinnkit.jets.orders import Channel, Operator
from pinnkit.jets.taylor.channel_plan import make_plan

__all__ = ["CASES", "Case", "Row", "as_json", "product_bound", "run", "table"]


@dataclass(frozen=True)
class Case:
    """Equation: its domain, its constant-coefficient operator as one channel, and its target ratios (dimensionless)."""

    name: str
    domain: Box
    operator: Operator
    eager_target: float = 1.4
    compiled_target: float = 1.8


def _heat(dim: int) -> Operator:
    return Operator(((1.0, (dim,)), *((-0.1, (axis, axis)) for axis in range(dim))))


def _poisson(dim: int) -> Operator:
    return Operator(tuple((-1.0, (axis, axis)) for axis in range(dim)))


CASES: tuple[Case, ...] = (
    Case("heat 1-D", Box(x=(0, 1), t=(0, 1)), _heat(1), eager_target=1.2, compiled_target=1.7),
    Case("heat 2-D", Box(x=(0, 1), y=(0, 1), t=(0, 1)), _heat(2)),
    Case("Poisson 2-D", Box(x=Cube(0, 1, dim=2)), _poisson(2)),
    Case("Poisson 3-D", Box(x=Cube(0, 1, dim=3)), _poisson(3)),
    Case("Poisson 10-D", Box(x=Cube(0, 1, dim=10)), _poisson(10)),
)


@dataclass(frozen=True)
class Row:
    """Result of one case: medians, in seconds, of steps by the methods in turn.

    Attributes:
        products_taylor: products of all points with one hidden weight in a forward Taylor pass: its channels.
        products_nested: the same for nested differentiation, see `product_bound`.
        nested: seconds of a step by nested `torch.autograd.grad`.
        eager: seconds of a step by the Taylor pass.
        compiled: seconds of a step by the compiled Taylor pass; None where it was not compiled.
        compiling: seconds of the first compiled step; None where it was not compiled.
        eager_ratio: time of nested differentiation over time of the eager pass, the median over the rounds; a machine
            that slows down between rounds does not change it.
        compiled_ratio: the same for the compiled pass.
        rate: floating-point operations per second of the matrix product (channels x points, width) @ (width, width).
    """

    case: str
    width: int
    depth: int
    points: int
    dtype: str
    threads: int
    repetitions: int
    products_taylor: int
    products_nested: int
    nested: float
    eager: float
    compiled: float | None
    compiling: float | None
    eager_ratio: float
    compiled_ratio: float | None
    rate: float
    eager_target: float
    compiled_target: float

    @property
    def bound(self) -> float:
        """Ratio of times if only hidden matrix products took time."""
        return self.products_nested / self.products_taylor

    def fraction(self, seconds: float, products: int) -> float:
        """Share of `seconds` that `products` per layer take at `rate`; the rest is elementwise work."""
        # Forward 2 n h^2 a product; the parameter gradient takes two more, for the inputs and for the weight.
        return 3 * 2 * products * self.points * self.width**2 * (self.depth - 1) / self.rate / seconds


def product_bound(operator: Operator) -> tuple[int, int]:
    """Count the hidden matrix products per layer of one forward pass: (Taylor, nested).

    Taylor multiplies the weight by every channel: the value, the first derivatives that second ones are made of, and
    the operator itself, so 2 + f. Nested differentiation multiplies by it once for the value and once more for the
    gradient, which holds all first derivatives; each of the s second derivatives goes back through both: 2 + 2 s.
    The parameter gradient triples either. Heat in 1-D: 4 / 3; Poisson in d dimensions: (2 + 2 d) / (2 + d).
    """
    second = sum(1 for _, order in operator.terms if len(order) == 2)
    return len(make_plan((operator,)).channels), 2 + 2 * second


def run(
    *,
    quick: bool = False,
    compile: bool = True,
    widths: Sequence[int] = (64, 256),
    dtypes: Sequence[torch.dtype] = (torch.float32, torch.float64),
    cases: Sequence[Case] = CASES,
    repetitions: int = 7,
    progress: Callable[[Row], object] | None = None,
) -> list[Row]:
    """Measure every case with every width and dtype: SIREN of 4 layers, 4,096 points, on the CPU as it is.

    A step is forward, residual, mean of squares, gradient of all parameters. The methods take their steps in turn, so
    that other load of the machine affects all of them; the numbers are medians.

    Args:
        quick: 256 points, width 16, float64, two repetitions, nothing compiled: a check that it runs.
        compile: measure the compiled pass as well, where there is a compiler (half a minute per row).
        widths: of the network.
        dtypes: of network and points.
        cases: equations.
        repetitions: steps of each method, after one that is not counted.
        progress: called with each row as it is ready.
    """
    points = 4096
    if quick:
        points, widths, dtypes, repetitions, compile = 256, (16,), (torch.float64,), 2, False
    rows = []
    for dtype in dtypes:
        for width in widths:
            for case in cases:
                row = _measure(case, width, dtype, points=points, repetitions=repetitions, compile=compile)
                rows.append(row)
                if progress is not None:
                    progress(row)
    return rows


def _measure(case: Case, width: int, dtype: torch.dtype, *, points: int, repetitions: int, compile: bool) -> Row:
    depth = 4
    generator = torch.Generator().manual_seed(0)
    field = Siren(width=width, depth=depth).build(case.domain.axes, 1, generator=generator, dtype=dtype, device="cpu")
    coords = case.domain.sample(points, generator).coords.to(dtype)
    orders: list[Channel] = [case.operator]
    taylor, nested = product_bound(case.operator)
    left = torch.randn(taylor * points, width, dtype=dtype, generator=generator)
    right = torch.randn(width, width, dtype=dtype, generator=generator)

    def step(evaluate: Callable[[Tensor], dict[Channel, Tensor]]) -> Callable[[], object]:
        def run_step() -> object:
            loss = (evaluate(coords)[case.operator] - 1).square().mean()
            return torch.autograd.grad(loss, list(field.parameters()), allow_unused=True)

        return run_step

    methods: dict[str, Callable[[], object]] = {
        "nested": step(lambda x: jets(field, x, orders, derivatives="autograd")),
        "eager": step(lambda x: jets(field, x, orders)),
        "product": lambda: torch.mm(left, right),
    }
    if compile and missing_compiler(coords.device) is None:
        methods["compiled"] = step(compiled(field, orders))
    first = {name: _seconds(method) for name, method in methods.items()}
    taken: dict[str, list[float]] = {name: [] for name in methods}
    for _ in range(repetitions):
        for name, method in methods.items():
            taken[name].append(_seconds(method))
    median = {name: statistics.median(times) for name, times in taken.items()}
    ratio = {
        name: statistics.median(nested / own for nested, own in zip(taken["nested"], times, strict=True))
        for name, times in taken.items()
    }
    return Row(
        case=case.name,
        width=width,
        depth=depth,
        points=points,
        dtype=str(dtype).removeprefix("torch."),
        threads=torch.get_num_threads(),
        repetitions=repetitions,
        products_taylor=taylor,
        products_nested=nested,
        nested=median["nested"],
        eager=median["eager"],
        compiled=median.get("compiled"),
        compiling=first.get("compiled"),
        eager_ratio=ratio["eager"],
        compiled_ratio=ratio.get("compiled"),
        rate=2 * left.shape[0] * width**2 / median["product"],
        eager_target=case.eager_target,
        compiled_target=case.compiled_target,
    )


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def table(rows: Sequence[Row]) -> Table:
    """Table of the rows; a ratio below its target, which applies to width 256, is marked."""
    result = Table(title="A residual step by Taylor propagation beside nested automatic differentiation")
    for heading in ("case", "network", "dtype", "nested", "eager", "compiled", "bound"):
        result.add_column(heading, justify="left" if heading in ("case", "network", "dtype") else "right")
    for heading in ("nested", "eager", "compiled"):
        result.add_column(f"products\n{heading}", justify="right")
    result.add_column("GFLOP/s", justify="right")
    for row in rows:
        taylor, nested = row.products_taylor, row.products_nested
        result.add_row(
            row.case,
            f"{row.depth} x {row.width}",
            row.dtype,
            f"{1e3 * row.nested:.1f} ms",
            _cell(row, row.eager, row.eager_ratio, row.eager_target),
            _cell(row, row.compiled, row.compiled_ratio, row.compiled_target),
            f"{row.bound:.2f}x",
            f"{row.fraction(row.nested, nested):.0%}",
            f"{row.fraction(row.eager, taylor):.0%}",
            "" if row.compiled is None else f"{row.fraction(row.compiled, taylor):.0%}",
            f"{row.rate / 1e9:.0f}",
        )
    if rows:
        result.caption = (
            f"{rows[0].points:,} points, {rows[0].threads} threads, medians of {rows[0].repetitions} rounds of "
            f"steps taken in turn. bound: the ratio if only hidden matrix products took time. products: their "
            f"share of the step at the rate in the last column, measured in the same run; the rest is elementwise."
        )
    return result


def _cell(row: Row, seconds: float | None, ratio: float | None, target: float) -> str:
    if seconds is None or ratio is None:
        return "-"
    missed = row.width == 256 and ratio < target
    text = f"{1e3 * seconds:.1f} ms {ratio:.2f}x"
    return f"[red]{text} (target {target:.1f}x)[/red]" if missed else text


def as_json(rows: Sequence[Row]) -> str:
    """JSON of the rows, the bound included."""
    return json.dumps([asdict(row) | {"bound": row.bound} for row in rows], indent=2)
