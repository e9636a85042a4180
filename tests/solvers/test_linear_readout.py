"""The read-out as the only unknown: rows and Jacobian in closed form against torch.func.jacrev."""

import math

import pytest
import torch
from torch import nn

from pinnkit import (
    MLP,
    Coefficient,
    Condition,
    Data,
    Dirichlet,
    Equation,
    FourierMLP,
    Initial,
    Integral,
    Periodic,
    Problem,
    RandomFourier,
    Robin,
    Siren,
    Unknown,
)
from pinnkit.domains import Points
from pinnkit.problem.linearization import Channel, residual_rows
from pinnkit.problem.penalties import Huber
from pinnkit.solutions.evaluation import FieldSet
from pinnkit.solvers.collocation.parameters import Parameters
from pinnkit.solvers.least_squares.linear_readout import ReadoutObjective, features, readout_of
from tests.solvers.cases import CPU, F64, ROD, SINES, cubic, fields_of, flow, heat, pair, points_of

XS = torch.linspace(0, 1, 7, dtype=F64)

TWO = Problem(
    "two",
    ROD,
    ["u", "v"],
    [
        Equation(lambda u, v: (u.t - v.x, v.t - u.x + u * v)),
        Periodic("x"),
        Initial(u=lambda x: torch.sin(2 * math.pi * x), v=0.0),
    ],
)
INVERSE = Problem(
    "inverse",
    ROD,
    "u",
    [
        Equation(lambda u, nu, c: u.t - nu * u.xx + c * u.x, weight=lambda x: 1 + x),
        Data(dict(x=XS, t=XS), u=torch.sin(XS), sigma=0.1),
        Robin(ROD.face(x=1), u=(lambda t: t, 2.0, 1.0)),
    ],
    coefficients=[Coefficient("nu", 0.3, positive=True), Coefficient("c", -0.5)],
)
VECTOR = Problem(
    "vector",
    ROD,
    Unknown("v", components=3),
    [
        Equation(lambda v: v.t - v.xx + v * v[0][:, None]),
        Dirichlet(ROD.boundary, v=lambda x, t: torch.stack([x, t, x * t], dim=-1), weight=4.0),
    ],
)
TRANSFORMED = heat(ansatz={"u": lambda u, x, t: torch.exp(-t) * (x + u * u)}, terms=[heat().terms[0]])

XT = torch.rand(8, 2, generator=torch.Generator().manual_seed(1), dtype=F64)


def sums(group) -> Problem:
    """An integral in the equation, and weighted sums over groups of given points."""
    past = Integral(
        lambda u, u_here, s, t, c: torch.exp(s - t) * u.x * u_here + c * u, t=("s", 0, lambda t: t), nodes=3
    )
    points = Points(XT, columns={"w": torch.linspace(1, 2, 8, dtype=F64)}, group=group)
    return Problem(
        "sums",
        ROD,
        "u",
        [
            Equation(lambda u, past, c: u.t + c * past, past=past),
            Condition(ROD, lambda u, w, row_sums: (row_sums(w * u.x), row_sums(u**2)), points=points),
        ],
        coefficients=[Coefficient("c", 0.4)],
    )


CASES = {
    "integral and groups": (sums(2), SINES, None),
    "integral and ragged groups": (sums(torch.tensor([3, 0, 4, 1])), SINES, None),
    "heat": (heat(), SINES, None),
    "cubic": (cubic(), SINES, None),
    "Siren with a bias": (cubic(), Siren(width=7, depth=2), None),
    "FourierMLP": (heat(), FourierMLP(features=4, width=6, depth=1), None),
    "MLP": (heat(), MLP(width=6, depth=2, activation="tanh"), None),
    "two unknowns, one group": (TWO, SINES, None),
    "two unknowns, two groups": (TWO, SINES, (("u",), ("v",))),
    "two groups in another order": (TWO, Siren(width=6, depth=1), (("v",), ("u",))),
    "fields on different axes": (pair(), SINES, (("u",), ("kappa",))),
    "vector": (VECTOR, SINES, None),
    "scalar beside vector": (flow(), Siren(width=6, depth=1), (("v", "p"),)),
    "coefficients": (INVERSE, SINES, None),
    "ansatz": (TRANSFORMED, SINES, None),
}


def readout(name: str, count: int = 25) -> ReadoutObjective:
    problem, spec, groups = CASES[name]
    fields = fields_of(problem, spec, groups=groups)
    return ReadoutObjective(fields, Parameters(problem, (), device=CPU, dtype=F64), points_of(problem, count))


def straight(target: ReadoutObjective, theta: torch.Tensor) -> torch.Tensor:
    """The scaled rows as a function of theta by plain torch, one feature matrix after the other."""
    problem, at, blocks = target.fields.problem, 0, {}
    for group, module in target.fields.modules.items():
        width = readout_of(module).in_features + (readout_of(module).bias is not None)
        outputs = readout_of(module).out_features
        block = theta[at : at + outputs * width].reshape(outputs, width)
        at += outputs * width
        for unknown, where in target.fields.slices(group).items():
            blocks[unknown] = module, target.fields.columns(group), block[where]
    coefficients = {
        c.name: torch.exp(theta[at + i]) if c.positive else theta[at + i] for i, c in enumerate(problem.coefficients)
    }
    rows = []
    for term in problem.terms:
        points = target.collocation.whole(term)

        def lookup(channel: Channel, points=points) -> torch.Tensor:
            module, columns, weights = blocks[channel.unknown]
            names = [problem.frame.columns[c] for c in columns]
            order = tuple(sorted(names.index(name) for name in channel.order))
            phi = features(module, points[channel.site].coords[:, list(columns)], [order])[order]
            return phi @ (weights if weights.ndim == 1 else weights.T)

        r = residual_rows(problem, term, points, lookup, coefficients, raw=True)
        weight = term.weight(points[0].coords[:, 0])[:, None] if callable(term.weight) else term.weight
        rows.append((target.scales[term.name] / math.sqrt(len(r)) * weight**0.5 * r).reshape(-1))
    return torch.cat(rows)


@pytest.mark.parametrize("name", CASES)
def test_rows_and_jacobian_equal_jacrev_of_the_rows_written_out(name: str) -> None:
    target = readout(name)
    theta = target.get() + 0.1 * torch.randn(len(target.get()), dtype=F64)
    r, jacobian = target.rows_and_jacobian(theta)
    torch.testing.assert_close(r, straight(target, theta), rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(target.rows(theta), r, rtol=1e-13, atol=1e-14)
    exact = torch.func.jacrev(lambda c: straight(target, c))(theta)
    torch.testing.assert_close(jacobian, exact, rtol=1e-10, atol=1e-11 * float(exact.abs().max()))


@pytest.mark.parametrize("name", CASES)
def test_get_and_assign_are_inverse(name: str) -> None:
    target = readout(name)
    theta = torch.randn(len(target.get()), dtype=F64)
    target.assign(theta)
    torch.testing.assert_close(target.get(), theta, rtol=1e-15, atol=0)


def test_what_is_assigned_is_what_the_field_gives() -> None:
    target = readout("Siren with a bias")
    module = target.fields.modules[("u",)]
    coords = torch.rand(9, 2, dtype=F64)
    theta = torch.randn(len(target.get()), dtype=F64)
    target.assign(theta)
    phi = features(module, coords, [()])[()]
    assert phi.shape == (9, 8)  # seven hidden features and the bias
    torch.testing.assert_close(phi @ theta[:, None], module(coords).detach(), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("spec", [SINES, Siren(width=6, depth=2), FourierMLP(features=3, width=5, depth=1)], ids=repr)
def test_features_are_derivatives_of_the_hidden_layer(spec) -> None:
    module = fields_of(heat(), spec).modules[("u",)]
    coords = torch.rand(6, 2, dtype=F64)
    orders = [(), (0,), (1,), (0, 0), (0, 1)]
    found = features(module, coords, orders)

    def value(x: torch.Tensor) -> torch.Tensor:
        return module.trunk(x[None])[0]

    first = torch.vmap(torch.func.jacrev(value))(coords)
    second = torch.vmap(torch.func.jacrev(torch.func.jacrev(value)))(coords)
    exact = {(): module.trunk(coords), (0,): first[..., 0], (1,): first[..., 1]}
    exact |= {(0, 0): second[..., 0, 0], (0, 1): second[..., 0, 1]}
    for order in orders:
        n = exact[order].shape[1]
        torch.testing.assert_close(found[order][:, :n], exact[order].detach(), rtol=1e-9, atol=1e-10)
        if found[order].shape[1] > n:  # the bias
            assert torch.all(found[order][:, n] == (0.0 if order else 1.0))


def test_scales_make_rows_of_unit_size_and_stay_where_they_were_measured() -> None:
    target = readout("cubic")
    theta = target.get()
    assert target.scales is None
    _, jacobian = target.rows_and_jacobian(theta)
    sizes = [block.square().sum().sqrt() for block in jacobian.split([25, 25, 25])]
    torch.testing.assert_close(torch.stack(sizes), torch.tensor([1.0, 3.0, 3.0], dtype=F64), rtol=1e-12, atol=0)
    scales = dict(target.scales)
    target.rows_and_jacobian(3 * theta)
    assert target.scales == scales


def test_rows_do_not_depend_on_the_unit_of_a_term() -> None:
    def rows(factor: float) -> torch.Tensor:
        problem = heat(terms=[Equation(lambda u: factor * (u.t - u.xx)), *heat().terms[1:]])
        fields = fields_of(problem, SINES)
        return ReadoutObjective(fields, Parameters(problem, (), device=CPU, dtype=F64), points_of(problem)).rows(
            fields.modules[("u",)].readout.weight.detach()[0]
        )

    torch.testing.assert_close(rows(1.0), rows(1e6), rtol=1e-11, atol=1e-13)


def test_an_exactly_met_condition_has_zero_rows_and_no_trouble() -> None:
    problem = heat(ansatz={"u": lambda u, x: x * (1 - x) * u})
    fields = fields_of(problem, SINES)
    target = ReadoutObjective(fields, Parameters(problem, (), device=CPU, dtype=F64), points_of(problem))
    r, jacobian = target.rows_and_jacobian(target.get())
    assert torch.all(torch.isfinite(r))
    assert torch.all(torch.isfinite(jacobian))
    assert torch.all(jacobian[40:80] == 0)


def test_terms_are_plain_mean_squares() -> None:
    target = readout("coefficients")
    theta = target.get()
    found = target.terms(theta)
    r = target.rows(theta)
    size = 7
    data = r[25 : 25 + size].square().sum() / target.scales["data"] ** 2
    torch.testing.assert_close(found["data"], data, rtol=1e-12, atol=0)
    assert list(found) == ["equation", "data", "robin"]


def test_the_relative_residual_is_dimensionless_and_vanishes_for_the_solution() -> None:
    def judged(factor: float, wrong: float) -> float:
        problem = Problem("line", ROD, "u", [Equation(lambda u: factor * (u.t - u.x))])
        spec = RandomFourier(1, bandwidth=1.0)
        module = spec.build(problem.axes, 1, generator=torch.Generator().manual_seed(0), dtype=F64, device="cpu")
        module.frequencies.copy_(torch.tensor([[1.0, 1.0 + wrong]]))
        target = ReadoutObjective(
            FieldSet(problem, {("u",): module}), Parameters(problem, (), device=CPU, dtype=F64), points_of(problem)
        )
        return target.relative_residual(torch.ones(1, dtype=F64))[0]

    assert judged(1.0, 0.0) < 1e-15
    assert judged(1.0, 0.1) == pytest.approx(0.1 / 2.1, rel=0.1)
    assert judged(1e5, 0.1) == pytest.approx(judged(1.0, 0.1), rel=1e-10)


def test_fields_in_single_precision_are_solved_for_in_double() -> None:
    problem = heat()
    fields = fields_of(problem, Siren(width=8, depth=1), dtype=torch.float32)
    target = ReadoutObjective(fields, Parameters(problem, (), device=CPU, dtype=torch.float32), points_of(problem))
    r, jacobian = target.rows_and_jacobian(target.get())
    assert r.dtype == jacobian.dtype == F64
    double = fields_of(problem, Siren(width=8, depth=1))
    other = ReadoutObjective(double, Parameters(problem, (), device=CPU, dtype=F64), points_of(problem), target.scales)
    torch.testing.assert_close(r, other.rows(other.get()), rtol=1e-3, atol=1e-5)


def test_a_field_without_a_linear_readout_is_refused() -> None:
    problem = heat()
    fields = FieldSet(problem, {("u",): nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))})
    target = ReadoutObjective(fields, Parameters(problem, (), device=CPU, dtype=F64), points_of(problem))
    with pytest.raises(TypeError, match=r"LeastSquares: the field Sequential has no linear read-out.*RandomFourier"):
        target.rows_and_jacobian(torch.zeros(4, dtype=F64))


def test_a_penalty_that_is_no_square_is_refused_by_the_name_of_its_term() -> None:
    problem = heat(terms=[heat().terms[0], Dirichlet(ROD.boundary, u=0.0, penalty=Huber(), name="wall")])
    with pytest.raises(TypeError, match=r"term 'wall' has the penalty Huber"):
        ReadoutObjective(fields_of(problem, SINES), Parameters(problem, (), device=CPU, dtype=F64), points_of(problem))


def test_the_loss_and_gradient_of_a_readout_are_those_of_its_rows() -> None:
    fields = fields_of(cubic(), SINES)
    target = ReadoutObjective(fields, Parameters(cubic(), (), device=CPU, dtype=F64), points_of(cubic(), 60))
    theta = target.get()
    target.rows_and_jacobian(theta)  # measures the scales of the rows
    found = target.evaluate(theta)
    rows = target.rows(theta)
    assert float(found.loss) == pytest.approx(float(rows @ rows))
    step = 1e-6 * torch.randn(theta.shape, generator=torch.Generator().manual_seed(0), dtype=F64)
    ahead, behind = (float(target.rows(theta + s * step).square().sum()) for s in (1, -1))
    assert float(found.gradient @ step) == pytest.approx((ahead - behind) / 2, rel=1e-5)
    assert target.readout.tolist() == list(range(len(theta)))
    kernel = target.tangent_kernel(theta)
    assert torch.allclose(kernel.pull(rows), found.gradient / 2)
