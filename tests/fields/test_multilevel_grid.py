from __future__ import annotations

import math
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import pinnkit
from pinnkit import Box, Data, Equation, Problem, solve
from pinnkit.fields import FIELDS, HashGrid, MultilevelGrid, Multilinear, Smoothstep, spec_from_dict, spec_to_dict
from pinnkit.fields.encodings.grid_encoding import GridEncoding
from pinnkit.fields.encodings.lattice import dense_lattice
from pinnkit.jets import jets
from pinnkit.solvers import SolverDefaults

X = SimpleNamespace(name="x", periodic=False, lower=0.0, upper=2.0, dim=1)
Y = SimpleNamespace(name="x", periodic=False, lower=-1.0, upper=4.0, dim=1)
Z = SimpleNamespace(name="x", periodic=False, lower=5.0, upper=6.0, dim=1)
ALL = (X, Y, Z, X)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def build(spec: Any, axes: Any = (X, Y), outputs: int = 3, dtype: torch.dtype = torch.float64) -> Any:
    return spec.build(axes, outputs, generator=seeded(), dtype=dtype, device="cpu")


def encoding(
    resolutions: list[list[int]], interpolation: Any = None, *, centred: bool = True, features: int = 2
) -> GridEncoding:
    """With a table of the size of one, so that nothing hides."""
    grid = GridEncoding(
        dense_lattice(resolutions, centred=centred),
        Multilinear() if interpolation is None else interpolation,
        features=features,
        generator=seeded(),
    )
    with torch.no_grad():
        grid.table.mul_(1e4)
    return grid.double()


def unit_points(n: int, dimension: int, seed: int = 0) -> Tensor:
    return 2 * torch.rand(n, dimension, generator=seeded(seed), dtype=torch.float64) - 1


def fill(grid: GridEncoding, level: int, resolution: list[int], centred: bool, function: Callable[[Tensor], Tensor]):
    """Give the nodes of a level the values of a function of v in [-1, 1]^d, by their coordinates."""
    ticks = [
        (torch.arange(r, dtype=torch.float64) + 0.5) / r if centred else torch.arange(r + 1, dtype=torch.float64) / r
        for r in resolution
    ]
    nodes = 2 * torch.cartesian_prod(*ticks).reshape(-1, len(resolution)) - 1
    start = int(grid.starts[level])
    with torch.no_grad():
        grid.table[0, start : start + len(nodes)] = function(nodes)


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("resolution", [[5], [4, 7], [3, 4, 5], [2, 3, 4, 2]])
def test_a_linear_function_is_reproduced_up_to_the_ends(resolution: list[int], centred: bool) -> None:
    dimension = len(resolution)
    slopes = torch.linspace(-1, 2, 2 * dimension, dtype=torch.float64).reshape(dimension, 2)
    grid = encoding([[2] * dimension, resolution], centred=centred)
    for level, each in enumerate(([2] * dimension, resolution)):
        fill(grid, level, each, centred, lambda v: v @ slopes + 0.7)
    points = torch.cat([unit_points(50, dimension), torch.ones(1, dimension), -torch.ones(1, dimension)]).double()
    expected = (points @ slopes + 0.7).repeat(1, 2)
    torch.testing.assert_close(grid(points), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("interpolation", [Multilinear(), Smoothstep()])
def test_corner_weights_are_a_partition_of_unity(interpolation: Any) -> None:
    grid = encoding([[2, 3, 4], [5, 4, 9]], interpolation)
    with torch.no_grad():
        grid.table.fill_(1.0)
    torch.testing.assert_close(grid(unit_points(40, 3)), torch.ones(40, 4, dtype=torch.float64), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("interpolation", [Multilinear(), Smoothstep()])
@pytest.mark.parametrize("centred", [True, False])
def test_at_its_node_the_encoding_is_the_trained_value(interpolation: Any, centred: bool) -> None:
    grid = encoding([[4, 3]], interpolation, centred=centred)
    seen: list[Tensor] = []
    fill(grid, 0, [4, 3], centred, lambda v: seen.append(v) or v.sin())  # type: ignore[func-returns-value]
    torch.testing.assert_close(grid(seen[0]), seen[0].sin(), rtol=1e-12, atol=1e-12)


def test_pixel_centres_of_an_image_that_is_not_square_are_nodes_of_the_last_level() -> None:
    height, width = 5, 8
    spec = MultilevelGrid(levels=2, coarsest=2, finest=(height, width), width=8, depth=1)
    pixels = Box(y=(0, height), x=(0, width))
    field = build(spec, axes=pixels.axes)
    grid = field.hidden[0]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    centres = torch.stack([rows, columns], -1).reshape(-1, 2).double() + 0.5
    last = grid.table[0, int(grid.starts[1]) :].detach()
    assert len(last) == height * width
    torch.testing.assert_close(grid(field.scaling(centres))[:, 2:], last, rtol=0, atol=1e-16)


@pytest.mark.parametrize("align", [True, False])
def test_bilinear_values_are_those_of_torch_grid_sample(align: bool) -> None:
    height, width = 6, 9
    grid = encoding([[height - align, width - align]], centred=not align)
    inside = unit_points(100, 2) * (1.0 if align else 1 - 1 / height)  # torch clamps beyond the outermost centres
    image = grid.table[0].detach().reshape(1, height, width, 2).permute(0, 3, 1, 2)
    expected = F.grid_sample(image, inside.flip(1)[None, None], align_corners=align)[0, :, 0].T
    torch.testing.assert_close(grid(inside), expected, rtol=1e-12, atol=1e-12)


def test_the_gradient_of_the_gather_is_that_of_row_by_row_indexing() -> None:
    grid = encoding([[3, 4], [6, 8]], features=4)
    points = unit_points(200, 2)
    weights = torch.randn(200, grid.width, generator=seeded(1), dtype=torch.float64)
    (fast,) = torch.autograd.grad((grid(points) * weights).sum(), grid.table)

    def slow(table: Tensor) -> Tensor:
        position = grid.shift + grid.scale * points.T[:, None]
        cell = torch.minimum(position.floor().clamp(min=0), grid.last)
        t = (position - cell)[..., None]
        total: Any = [0.0, 0.0]
        for pair in range(2):
            for corner in range(4):
                bits = (corner // 2, corner % 2)
                row = sum((cell[a].long() + bits[a]) * grid.strides[a] for a in range(2)) + grid.starts
                weight = math.prod([t[a] if bits[a] else 1 - t[a] for a in range(2)])
                total[pair] = total[pair] + weight * table[pair][row]
        return torch.cat([part.permute(1, 0, 2).reshape(200, 4) for part in total], 1)

    torch.testing.assert_close(grid(points), slow(grid.table), rtol=1e-12, atol=1e-12)
    (expected,) = torch.autograd.grad((slow(grid.table) * weights).sum(), grid.table)
    torch.testing.assert_close(fast, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_both_ways_through_the_encoding_agree(dtype: torch.dtype) -> None:
    """The one of tensors, levels before points, and the one of anything that behaves like a tensor."""
    grid = encoding([[2, 3], [5, 7], [9, 4]], Smoothstep(), features=4).to(dtype)
    points = (1.2 * unit_points(60, 2)).to(dtype)  # a few beyond the bounds
    torch.testing.assert_close(grid.pass_through(points), grid.encode(points), rtol=1e-4, atol=1e-5)


def test_smoothstep_has_a_continuous_gradient_and_multilinear_has_not() -> None:
    jumps = {}
    for interpolation in (Multilinear(), Smoothstep()):
        grid = encoding([[4, 4]], interpolation, centred=False)
        face = torch.tensor([[0.5, 0.1]], dtype=torch.float64)  # node 3 of 0..4
        step = torch.tensor([[1e-9, 0.0]], dtype=torch.float64)
        below, above = (
            torch.autograd.functional.jacobian(lambda v, grid=grid: grid(v)[0], face + side)[:, 0]
            for side in (-step, step)
        )
        values = grid(face + step) - grid(face - step)
        assert values.abs().max() < 1e-7
        jumps[type(interpolation)] = (above - below).abs().max().item()
    assert jumps[Multilinear] > 0.5
    assert jumps[Smoothstep] < 1e-6


def test_second_derivatives_through_smoothstep_are_those_of_the_cubic() -> None:
    grid = encoding([[4]], Smoothstep(), centred=False)
    values = grid.table[0, :, 0].detach()
    points = torch.tensor([[-0.9], [-0.1], [0.3], [0.77]], dtype=torch.float64)
    found = jets(grid, points, [(0,), (0, 0), (0, 0, 0)])
    for row, v in enumerate(points[:, 0].tolist()):
        k = math.floor(2 * (v + 1))
        t, rise = 2 * (v + 1) - k, (values[k + 1] - values[k]).item()
        for order, expected in (((0,), 12 * t * (1 - t)), ((0, 0), 4 * (6 - 12 * t)), ((0, 0, 0), -96.0)):
            assert math.isclose(found[order][row, 0].item(), expected * rise, rel_tol=1e-9, abs_tol=1e-9)


def test_resolutions_grow_geometrically_and_keep_cells_square() -> None:
    assert MultilevelGrid().resolutions((256, 256)) == [[r, r] for r in (16, 32, 64, 128, 256)]
    assert MultilevelGrid(levels=3, coarsest=8, finest=(32, 64)).resolutions((32, 64)) == [[4, 8], [11, 23], [32, 64]]
    assert MultilevelGrid(levels=1, coarsest=4, finest=4).resolutions((4, 2)) == [[4, 2]]


def test_the_count_of_numbers_is_as_documented() -> None:
    count = sum(parameter.numel() for parameter in build(MultilevelGrid()).parameters())
    assert count == 2 * sum(r * r for r in (16, 32, 64, 128, 256)) + (10 * 64 + 64) + (64 * 64 + 64) + (64 * 3 + 3)


def test_large_batches_are_evaluated_in_pieces_with_the_same_values_and_gradients() -> None:
    field = build(MultilevelGrid(levels=2, coarsest=4, finest=8, width=8, depth=1))
    coords = torch.rand(20_000, 2, generator=seeded(), dtype=torch.float64)
    whole = field.readout(field.trunk(coords))
    torch.testing.assert_close(field(coords), whole, rtol=1e-12, atol=1e-12)
    in_pieces, at_once = (
        torch.autograd.grad(u.square().sum(), list(field.parameters())) for u in (field(coords), whole)
    )
    for one, other in zip(in_pieces, at_once, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "spec", [MultilevelGrid(levels=2, coarsest=2, finest=4), HashGrid(levels=2, rows=8, finest=32)]
)
def test_tables_learn_faster_than_the_network_behind_them(spec: Any) -> None:
    field = build(spec)
    rates = {name: field.learning_rates()[p] for name, p in field.named_parameters()}
    assert rates.pop("hidden.0.table") == spec.table_learning_rate == 2e-2
    assert set(rates.values()) == {spec.learning_rate} == {1e-2}


@pytest.mark.parametrize("axes", [ALL[:1], ALL[:2], ALL[:3], ALL])
@pytest.mark.parametrize("name", ["MultilevelGrid", "HashGrid"])
def test_taylor_derivatives_agree_with_nested_autograd_in_one_to_four_dimensions(
    name: str, axes: Any, caplog: Any
) -> None:
    options = {"levels": 2, "coarsest": 2, "finest": 5, "interpolation": Smoothstep(), "activation": "tanh", "width": 8}
    field = build(FIELDS[name].cls(**options), axes)
    lower = torch.tensor([axis.lower for axis in axes], dtype=torch.float64)
    upper = torch.tensor([axis.upper for axis in axes], dtype=torch.float64)
    coords = lower + (upper - lower) * torch.rand(20, len(axes), generator=seeded(), dtype=torch.float64)
    last = len(axes) - 1
    orders = [(), (0,), (last,), (0, last), (last, last)]
    taylor, slow = jets(field, coords, orders), jets(field, coords, orders, derivatives="autograd")
    assert not caplog.records  # no word of a fallback
    for order in orders:
        torch.testing.assert_close(taylor[order], slow[order], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("spec", "smoothness"),
    [
        (MultilevelGrid(), 1),
        (MultilevelGrid(interpolation=Smoothstep()), 1),
        (MultilevelGrid(activation="tanh"), 1),
        (MultilevelGrid(activation="tanh", interpolation=Smoothstep()), 2),
        (HashGrid(), 1),
        (HashGrid(activation="silu", interpolation=Smoothstep()), 2),
    ],
    ids=repr,
)
def test_an_equation_of_higher_order_than_the_field_is_smooth_is_refused(spec: Any, smoothness: int) -> None:
    assert spec.smoothness == smoothness
    square = Box(x=(0, 1), y=(0, 1))
    equations: list[Callable[..., Any]] = [lambda u: u.x + u.y - 1, lambda u: u.laplacian - 1, lambda u: u.xxx + u.yyy]
    for order, equation in enumerate(equations, start=1):
        problem = Problem("test", square, "u", [Equation(equation)])
        adam = pinnkit.Adam(steps=1, points=16)
        if order <= smoothness:
            solve(problem, spec, [adam])
        else:
            with pytest.raises(
                ValueError, match=rf"problem 'test' needs {order} derivatives of `u`.*has {smoothness}\. Use"
            ):
                solve(problem, spec, [adam])


def test_solve_fits_an_image_by_values_and_one_by_its_gradient() -> None:
    square = Box(y=(0, 1), x=(0, 1))
    ticks = (torch.arange(12, dtype=torch.float64) + 0.5) / 12
    y, x = (grid.reshape(-1) for grid in torch.meshgrid(ticks, ticks, indexing="ij"))
    spec = MultilevelGrid(levels=2, coarsest=4, finest=12, width=16, depth=1)
    truth = torch.sin(3 * x) * torch.cos(4 * y)
    points = {"y": y, "x": x}
    values = Problem("values", square, "u", [Data(points, u=truth)])
    assert solve(values, spec, [pinnkit.Adam(steps=150)]).history.loss[-1] < 1e-3
    slopes = [
        Equation(lambda u, x, y: u.x - 3 * torch.cos(3 * x) * torch.cos(4 * y)),
        Equation(lambda u, x, y: u.y + 4 * torch.sin(3 * x) * torch.sin(4 * y)),
    ]
    gradients = Problem("gradients", square, "u", slopes)
    history = solve(gradients, spec, [pinnkit.Adam(steps=150, points=256)]).history
    assert history.loss[-1] < 0.05 * history.loss[0]


@pytest.mark.parametrize("spec", [MultilevelGrid, HashGrid])
def test_the_jacobian_of_gauss_newton_holds_the_table(spec: Any) -> None:
    seen: list[tuple[Tensor, Tensor]] = []

    class Spy(SolverDefaults):
        """A solver that compares the Jacobian with central differences and is done."""

        steps, points, condition_points, batch, sampling = 1, 20, 20, None, pinnkit.domains.Sobol()

        def draw(self, step: int) -> int:
            return 0 * step

        def start(self, theta: Tensor) -> dict[str, Any]:
            return {"theta": theta, "loss": torch.zeros(()), "done": False}

        def step(self, objective: Any, state: dict[str, Any]) -> dict[str, Any]:
            theta, h = state["theta"] + 0.1, 1e-6
            columns = [
                (objective.rows(theta + e) - objective.rows(theta - e)) / (2 * h) for e in h * torch.eye(len(theta))
            ]
            seen.append((objective.rows_and_jacobian(theta)[1], torch.stack(columns, 1)))
            return {**state, "done": True}

    points = {"x": torch.linspace(0, 1, 20, dtype=torch.float64)}
    problem = Problem("line", Box(x=(0, 1)), "u", [Data(points, u=points["x"].sin())])
    solve(problem, spec(levels=2, coarsest=2, finest=5, width=4, depth=1, activation="tanh"), [Spy()])
    ((exact, differences),) = seen
    assert (exact != 0).any(0).sum() > 15
    torch.testing.assert_close(exact, differences, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    "spec",
    [MultilevelGrid(finest=(64, 32), interpolation=Smoothstep(), centred=False), HashGrid(interpolation=Smoothstep())],
)
def test_the_interpolation_survives_a_file_and_an_unknown_one_is_refused(spec: Any) -> None:
    written = spec_to_dict(spec)
    assert written["interpolation"] == {"part": "Smoothstep"}
    assert spec_from_dict(written) == spec
    with pytest.raises(ValueError, match="'part' must be one of Multilinear, Smoothstep, got 'Cubic'"):
        spec_from_dict({**written, "interpolation": {"part": "Cubic"}})


BAD: list[tuple[Callable[[], object], list[str]]] = [
    (lambda: MultilevelGrid(levels=0), ["MultilevelGrid: `levels`", "at least 1", "got 0"]),
    (lambda: MultilevelGrid(features=3), ["`features` must be even", "got 3"]),
    (lambda: MultilevelGrid(coarsest=300), ["`finest` must be at least `coarsest` = 300", "got 256"]),
    (lambda: MultilevelGrid(finest=(32, 0)), ["MultilevelGrid: `finest`", "got 0", "one for each axis"]),
    (lambda: MultilevelGrid(finest=2.5), ["MultilevelGrid: `finest`", "got 2.5", "pixels"]),  # type: ignore[arg-type]
    (
        lambda: MultilevelGrid(interpolation="linear"),
        ["`interpolation` must be Multilinear() or Smoothstep()", "'linear'"],
    ),  # type: ignore[arg-type]
    (lambda: MultilevelGrid(centred=1), ["`centred` must be True or False", "got 1"]),  # type: ignore[arg-type]
    (lambda: MultilevelGrid(activation="relu6"), ["MultilevelGrid: `activation`", "'relu6'"]),
    (lambda: build(MultilevelGrid(finest=(16, 16, 16))), ["`finest` must be one number or a tuple of 2", "tuple of 3"]),
    (lambda: build(MultilevelGrid(finest=1024), ALL[:3]), ["at most 268,435,456 numbers", "got 1024", "HashGrid"]),
    (lambda: build(MultilevelGrid(finest=(64, 1))), ["at least two nodes", "makes 1 nodes"]),
    (lambda: build(MultilevelGrid(), (*ALL, X)), ["at most 4 coordinate columns", "got 5", "Siren"]),
]


@pytest.mark.parametrize(("call", "words"), BAD)
def test_bad_input_is_refused_with_the_argument_the_expectation_and_a_repair(call: Any, words: list[str]) -> None:
    with pytest.raises(ValueError, match=".*".join(map(re.escape, words))):
        call()


@pytest.mark.requires_cuda
def test_cuda_gives_the_values_and_gradients_of_the_cpu() -> None:
    for spec in (MultilevelGrid(), HashGrid(interpolation=Smoothstep())):
        here = build(spec)
        there = spec.build((X, Y), 3, generator=seeded(), dtype=torch.float64, device="cuda")
        coords = torch.rand(500, 2, generator=seeded(), dtype=torch.float64)
        found = [u.cpu() for u in _values_and_gradients(there, coords.cuda())]
        for one, other in zip(_values_and_gradients(here, coords), found, strict=True):
            torch.testing.assert_close(other, one, rtol=1e-9, atol=1e-12)


def _values_and_gradients(field: nn.Module, coords: Tensor) -> list[Tensor]:
    values = field(coords)
    return [values.detach(), *torch.autograd.grad(values.square().sum(), list(field.parameters()))]
