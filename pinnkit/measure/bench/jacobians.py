"""Time of the parameter Jacobian of a residual at every point: a recorded pass and three variants by `torch.func`."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import torch
from rich.table import Table
from torch import Tensor, nn
from torch.func import functional_call, grad, jacrev, vmap

from pinnkit.domains import Box
from pinnkit.fields import MLP, FieldSpec, Siren
from pinnkit.jets.evaluation.pointwise import point_jets
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Equation
from pinnkit.solutions.evaluation import FieldSet
from pinnkit.solvers.collocation.collocation_points import CollocationPoints, generator_of
from pinnkit.solvers.collocation.parameters import Parameters
from pinnkit.solvers.collocation.residual_loss import ResidualLoss

__all__ = ["CASES", "Case", "Row", "as_json", "run", "table"]

_NU = 0.1
_ORDERS = ((), (0,), (1,), (0, 0))


@dataclass(frozen=True)
class Case:
    """Equation on (x, t): for pinnkit, and as a function of u, u_x, u_t and u_xx at one point."""

    name: str
    equation: Callable[..., object]
    residual: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


CASES = (
    Case("heat", lambda u: u.t - _NU * u.xx, lambda u, ux, ut, uxx: ut - _NU * uxx),  # noqa: ARG005
    Case("Burgers", lambda u: u.t + u * u.x - _NU * u.xx, lambda u, ux, ut, uxx: ut + u * ux - _NU * uxx),
)
NETWORKS: tuple[FieldSpec, ...] = (MLP(width=31, depth=3), Siren(width=25, depth=4, omega=4.0))
MAPPED_TARGET, NESTED_TARGET = 1.2, 5.0


@dataclass(frozen=True)
class Row:
    """Result of one case: median seconds of the methods, measured in turn; each fills one matrix (N, P).

    Attributes:
        recorded: residual rows and their Jacobian from one recorded pass, into a reused buffer.
        mapped: Jacobian by vmap of reverse mode over the same Taylor pass.
        hessian: Jacobian by vmap of reverse mode over `jacrev` and `jacrev(jacrev)`, the common form.
        gradients: Jacobian by vmap of reverse mode over nested `torch.func.grad`, with the needed derivatives alone.
        gram: J^T J and J^T r, a part of the Jacobian at a time.
        kernel: J J^T, a block at a time.
        mapped_ratio, hessian_ratio, gradients_ratio: time of each variant over that of the recorded pass, the median
            over the rounds; dimensionless.
        difference: largest relative difference (Frobenius norm) between the recorded Jacobian and the variants.
    """

    case: str
    network: str
    points: int
    parameters: int
    threads: int
    repetitions: int
    recorded: float
    mapped: float
    hessian: float
    gradients: float
    gram: float
    kernel: float
    mapped_ratio: float
    hessian_ratio: float
    gradients_ratio: float
    difference: float


def run(
    *,
    quick: bool = False,
    points: int = 4000,
    repetitions: int = 5,
    cases: Sequence[Case] = CASES,
    networks: Sequence[FieldSpec] = NETWORKS,
    progress: Callable[[Row], object] = lambda _: None,
) -> list[Row]:
    """Measure every case with every network, in float64 on the CPU as it is.

    Args:
        quick: 64 points, small networks, two repetitions: a check that it runs.
        points: N.
        repetitions: rounds, after one that is not counted.
        cases: equations.
        networks: fields.
        progress: called with each row as it is ready.
    """
    if quick:
        points, repetitions, networks = 64, 2, (MLP(width=6, depth=2), Siren(width=6, depth=2, omega=4.0))
    rows = []
    for case in cases:
        for spec in networks:
            rows.append(_measure(case, spec, points, repetitions))
            progress(rows[-1])
    return rows


def _measure(case: Case, spec: FieldSpec, points: int, repetitions: int) -> Row:
    rod = Box(x=(-1, 1), t=(0, 1))
    problem = Problem("rod", rod, "u", [Equation(case.equation, name="equation")])
    device = torch.device("cpu")
    module = spec.build(rod.axes, 1, generator=generator_of(0), dtype=torch.float64, device=device)
    parameters = Parameters(problem, [module], device=device, dtype=torch.float64)
    target = ResidualLoss(
        FieldSet(problem, {("u",): module}), parameters, CollocationPoints(problem, {"equation": points}, 0)
    )
    theta = parameters.get()
    ((sampled,),) = target.collocation.chunks(problem.terms[0])
    out = torch.empty(points, parameters.count, dtype=torch.float64)
    methods: dict[str, Callable[[], object]] = {
        "recorded": lambda: target.rows_and_jacobian(theta, out=out),
        "mapped": _mapped(module, sampled.coords, _by_taylor(case)),
        "hessian": _mapped(module, sampled.coords, _by_hessian(case)),
        "gradients": _mapped(module, sampled.coords, _by_gradients(case)),
        "gram": lambda: target.gram(theta),
        "kernel": lambda: target.tangent_kernel(theta),
    }
    target.rows_and_jacobian(theta, out=out)
    difference = 0.0
    for name in ("mapped", "hessian", "gradients"):
        other = methods[name]()
        assert isinstance(other, Tensor)
        difference = max(difference, float((other - out).norm() / out.norm()))
    taken: dict[str, list[float]] = {name: [] for name in methods}
    for method in methods.values():
        method()
    for _ in range(repetitions):
        for name, method in methods.items():
            taken[name].append(_seconds(method))
    ratio = {
        name: statistics.median(other / own for other, own in zip(times, taken["recorded"], strict=True))
        for name, times in taken.items()
    }
    return Row(
        case=case.name,
        network=f"{type(spec).__name__} {spec.depth} x {spec.width}",  # type: ignore[attr-defined]
        points=points,
        parameters=parameters.count,
        threads=torch.get_num_threads(),
        repetitions=repetitions,
        **{name: statistics.median(times) for name, times in taken.items()},
        **{f"{name}_ratio": ratio[name] for name in ("mapped", "hessian", "gradients")},
        difference=difference,
    )


# variants by torch.func ----------------------------------------------------------------------------------------------
AtPoint = Callable[[Callable[[Tensor], Tensor], Tensor], Tensor]
"""Residual at one point (d,), given a function (n, d) -> (n, 1)."""


def _mapped(module: nn.Module, coords: Tensor, residual: AtPoint) -> Callable[[], Tensor]:
    """Jacobian (N, P) of the rows residual / sqrt(N), by vmap of reverse mode."""
    given = {name: p.detach() for name, p in module.named_parameters()}
    out = coords.new_empty(coords.shape[0], sum(p.numel() for p in given.values()))

    def one(values: dict[str, Tensor], point: Tensor) -> Tensor:
        return residual(lambda x: functional_call(module, values, (x,)), point) * coords.shape[0] ** -0.5

    rows = vmap(grad(one), in_dims=(None, 0))

    def jacobian() -> Tensor:
        return torch.cat([part.flatten(1) for part in rows(given, coords).values()], dim=1, out=out)

    return jacobian


def _by_taylor(case: Case) -> AtPoint:
    def residual(field: Callable[[Tensor], Tensor], point: Tensor) -> Tensor:
        found = point_jets(field, point, _ORDERS)
        return case.residual(*(found[order][0] for order in _ORDERS))

    return residual


def _by_hessian(case: Case) -> AtPoint:
    def residual(field: Callable[[Tensor], Tensor], point: Tensor) -> Tensor:
        def u(x: Tensor) -> Tensor:
            return field(x[None])[0, 0]

        first, second = jacrev(u)(point), jacrev(jacrev(u))(point)
        return case.residual(u(point), first[0], first[1], second[0, 0])

    return residual


def _by_gradients(case: Case) -> AtPoint:
    def residual(field: Callable[[Tensor], Tensor], point: Tensor) -> Tensor:
        def slope(x: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
            first, value = torch.func.grad_and_value(lambda y: field(y[None])[0, 0])(x)
            return first[0], (first, value)

        second, (first, value) = grad(slope, has_aux=True)(point)
        return case.residual(value, first[0], first[1], second[0])

    return residual


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def table(rows: Sequence[Row]) -> Table:
    """Table of the rows; a ratio below its target is marked."""
    result = Table(title="Parameter Jacobian of every point, by a recorded pass and by torch.func")
    for heading in ("case", "network"):
        result.add_column(heading)
    for heading in ("N x P", "recorded", "vmap of jets", "of hessian", "of grad", "differ by", "J'J", "JJ'"):
        result.add_column(heading, justify="right")
    for row in rows:
        result.add_row(
            row.case,
            row.network,
            f"{row.points:,} x {row.parameters:,}",
            f"{1e3 * row.recorded:.1f} ms",
            _cell(row.mapped, row.mapped_ratio, MAPPED_TARGET),
            _cell(row.hessian, row.hessian_ratio, NESTED_TARGET),
            _cell(row.gradients, row.gradients_ratio, 0.0),
            f"{row.difference:.0e}",
            f"{1e3 * row.gram:.0f} ms",
            f"{1e3 * row.kernel:.0f} ms",
        )
    if rows:
        result.caption = (
            f"float64, {rows[0].threads} threads, medians of {rows[0].repetitions} rounds of methods taken in turn; "
            f"every method fills one reused matrix. Targets: {MAPPED_TARGET:g}x vmap over the same jets, "
            f"{NESTED_TARGET:g}x vmap over nested derivatives as commonly written, with jacrev once and twice. "
            f"of grad: nested grad with the needed derivatives alone. J'J, JJ': without the whole Jacobian."
        )
    return result


def _cell(seconds: float, ratio: float, target: float) -> str:
    text = f"{1e3 * seconds:.1f} ms {ratio:.2f}x"
    return f"[red]{text} (target {target:g}x)[/red]" if ratio < target else text


def as_json(rows: Sequence[Row]) -> str:
    """JSON of the rows."""
    return json.dumps([asdict(row) for row in rows], indent=2)
