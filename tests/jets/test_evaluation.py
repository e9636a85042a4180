"""`jets`: choosing the method, gradients of gradients, transforms, compiling, and bad input."""

import logging

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pinnkit.jets.evaluation import compiled as compiling
from pinnkit.jets.evaluation import jets
from pinnkit.jets.evaluation.compiled import compiled
from pinnkit.jets.orders import Operator
from tests.jets.passes import (
    ALL_ORDERS,
    BIHARMONIC,
    DISPERSIVE,
    HEAT,
    LAPLACIAN,
    OPERATORS,
    Function,
    Sine,
    difference,
    network,
    parameter_gradient,
    points,
)

METHODS = ["taylor", "autograd"]


class Softmax(nn.Module):
    """Something that the Taylor pass has no rule for."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 4, dtype=torch.float64)

    def forward(self, x):
        return torch.softmax(self.linear(x), -1)


# Taylor pass and autograd -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("derivatives", METHODS)
def test_derivatives_of_a_polynomial_are_known(derivatives):
    def field(x):
        return torch.stack([x[:, 0] ** 3 * x[:, 1] + x[:, 2], x[:, 1] ** 2], -1)

    x = points()
    a, b, _ = x.unbind(1)
    zero = torch.zeros_like(a)
    operator = Operator(((2.0, (0, 0)), (-1.0, (2,)), (0.5, (0, 0, 1))))
    found = jets(field, x, [(), (0,), (0, 1), (0, 0, 1), (0, 0, 0, 1), (2, 2), operator], derivatives=derivatives)
    expected = {
        (): (a**3 * b + x[:, 2], b**2),
        (0,): (3 * a**2 * b, zero),
        (0, 1): (3 * a**2, zero),
        (0, 0, 1): (6 * a, zero),
        (0, 0, 0, 1): (zero + 6, zero),
        (2, 2): (zero, zero),
        operator: (12 * a * b - 1 + 3 * a, zero),
    }
    for order, columns in expected.items():
        torch.testing.assert_close(found[order], torch.stack(columns, -1), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("derivatives", METHODS)
@pytest.mark.parametrize(
    "field",
    [
        lambda x: torch.ones(x.shape[0], 2, dtype=torch.float64),
        lambda x: x[:, :2] * 0.0 + 1.0,
        lambda x: torch.cat([x[:, :1].detach(), x[:, :1] * 0 + 1], 1),
    ],
)
def test_what_does_not_depend_on_a_coordinate_has_zero_derivatives(field, derivatives):
    found = jets(field, points(), [(), (0,), (1, 2), LAPLACIAN], derivatives=derivatives)
    for order in ((0,), (1, 2), LAPLACIAN):
        assert found[order].shape == found[()].shape
        assert found[order].abs().max() == 0


@pytest.mark.parametrize("derivatives", METHODS)
def test_a_linear_field_has_its_weights_as_derivatives(derivatives):
    field = nn.Linear(3, 2, dtype=torch.float64)
    found = jets(field, points(), [(1,), (1, 1), HEAT], derivatives=derivatives)
    torch.testing.assert_close(found[(1,)], field.weight[:, 1].expand(7, 2))
    torch.testing.assert_close(found[HEAT], field.weight[:, 2].expand(7, 2))
    assert found[(1, 1)].abs().max() == 0
    (slope,) = torch.autograd.grad(found[HEAT].sum(), field.weight)
    torch.testing.assert_close(slope, torch.tensor([[0.0, 0.0, 7.0]] * 2, dtype=torch.float64))


@pytest.mark.parametrize("derivatives", METHODS)
def test_results_without_gradients_equal_those_with(derivatives):
    field = network(nn.Tanh(), Sine(2.0))
    expected = jets(field, points(), ALL_ORDERS, derivatives=derivatives)
    with torch.no_grad():
        found = jets(field, points(), ALL_ORDERS, derivatives=derivatives)
    for order in ALL_ORDERS:
        assert not found[order].requires_grad
        torch.testing.assert_close(found[order], expected[order].detach(), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("derivatives", METHODS)
def test_coordinates_are_left_alone(derivatives):
    coords = points()
    before = coords.clone()
    jets(network(nn.Tanh()), coords, [(0, 0)], derivatives=derivatives)
    assert torch.equal(coords, before)
    assert not coords.requires_grad


@pytest.mark.parametrize("derivatives", METHODS)
def test_results_can_be_differentiated_by_the_coordinates_too(derivatives):
    coords = points().requires_grad_()
    field = network(nn.Tanh(), Sine(2.0))
    second = jets(field, coords, [(0, 0)], derivatives=derivatives)[(0, 0)][:, 0]
    (slope,) = torch.autograd.grad(second.sum(), coords)
    third = jets(field, points(), [(0, 0, 0), (0, 0, 1), (0, 0, 2)])
    torch.testing.assert_close(slope, torch.stack([third[(0, 0, k)][:, 0] for k in range(3)], 1).detach())


def test_both_calls_of_a_field_give_the_same_bits():
    field = network(nn.Tanh(), Sine(2.0))
    first = jets(field, points(), [(0, 0), HEAT])
    jets(field, points(3), [(1,)])
    again = jets(field, points(), [(0, 0), HEAT])
    assert all(torch.equal(first[order], again[order]) for order in first)


# gradients of gradients ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("order", [(), HEAT, DISPERSIVE, BIHARMONIC, (0, 1)], ids=str)
@pytest.mark.parametrize("activation", [Sine(2.0), nn.Tanh(), nn.GELU(), nn.Softplus()], ids=repr)
def test_gradients_of_gradients_equal_nested_autograd(order, activation):
    field = network(activation, nn.Tanh(), width=3)

    def curvature(derivatives):
        residual = jets(field, points(4), [order], derivatives=derivatives)[order]
        options = {"allow_unused": True, "materialize_grads": True}
        parameters = list(field.parameters())
        first = torch.autograd.grad(residual.square().sum(), parameters, create_graph=True, **options)
        return torch.cat(
            [g.flatten() for g in torch.autograd.grad(sum(g.square().sum() for g in first), parameters, **options)]
        )

    assert difference(curvature("taylor"), curvature("autograd")) < 1e-9


def test_torch_confirms_first_and_second_gradients_by_finite_differences():
    field = network(nn.Tanh(), Sine(1.5), width=2, outputs=1)
    parameters = dict(field.named_parameters())

    def function(*values):
        def call(x):
            return torch.func.functional_call(field, dict(zip(parameters, values, strict=True)), (x,))

        found = jets(call, points(2), [HEAT, (0, 1)])
        return found[HEAT], found[(0, 1)]

    assert torch.autograd.gradcheck(function, tuple(parameters.values()))
    assert torch.autograd.gradgradcheck(function, tuple(parameters.values()))


@pytest.mark.parametrize("spoiled", ["elementwise", "affine_elementwise", "linear"])
def test_a_wrong_backward_pass_is_noticed(spoiled, monkeypatch):
    from pinnkit.jets.taylor import fused

    original = getattr(fused, spoiled)

    class Halved(torch.autograd.Function):
        @staticmethod
        def forward(_, x):
            return x.clone()

        @staticmethod
        def backward(_, g):
            return 0.5 * g

    monkeypatch.setattr(fused, spoiled, lambda x, *rest: original(Halved.apply(x), *rest))
    field = network(nn.Tanh(), Sine(2.0))
    found = parameter_gradient(field, points(), [HEAT], "taylor")
    assert difference(found, parameter_gradient(field, points(), [HEAT], "autograd")) > 1e-3


# transforms ---------------------------------------------------------------------------------------------------------
def test_per_point_jacobians_by_vmap_and_jacrev_equal_row_by_row_gradients():
    field = network(Sine(2.0), nn.Tanh(), outputs=1)
    parameters = {name: tensor.detach() for name, tensor in field.named_parameters()}

    def residual(values, point):
        def call(x):
            return torch.func.functional_call(field, values, (x,))

        found = jets(call, point[None], [HEAT, (0, 1), ()])
        return (found[HEAT] + found[(0, 1)] * found[()])[0, 0]

    rows = torch.func.vmap(torch.func.jacrev(residual), in_dims=(None, 0))(parameters, points())
    for index in range(7):
        found = jets(field, points()[index : index + 1], [HEAT, (0, 1), ()], derivatives="autograd")
        value = (found[HEAT] + found[(0, 1)] * found[()])[0, 0]
        expected = torch.autograd.grad(value, list(field.parameters()), materialize_grads=True, allow_unused=True)
        for name, gradient in zip(parameters, expected, strict=True):
            torch.testing.assert_close(rows[name][index], gradient, rtol=1e-10, atol=1e-12)


@pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")  # torch's own, from torch.func.jvp
def test_forward_mode_over_the_pass_gives_the_directional_derivative():
    field = network(Sine(2.0), nn.Tanh(), outputs=1)
    values = {name: tensor.detach() for name, tensor in field.named_parameters()}
    tangents = {name: torch.ones_like(tensor) for name, tensor in values.items()}

    def residual(values):
        return jets(lambda x: torch.func.functional_call(field, values, (x,)), points(), [HEAT])[HEAT].sum()

    _, slope = torch.func.jvp(residual, (values,), (tangents,))
    total = sum(g.sum() for g in torch.func.grad(residual)(values).values())
    torch.testing.assert_close(slope, total)


# falling back -------------------------------------------------------------------------------------------------------
def test_a_field_without_rules_goes_by_autograd_and_says_so_once(caplog):
    field = Softmax()
    with caplog.at_level(logging.WARNING, logger="pinnkit"):
        found = jets(field, points(), [(), HEAT])
        jets(field, points(), [(0,)])
    expected = jets(field, points(), [(), HEAT], derivatives="autograd")
    assert all(torch.equal(found[order], expected[order]) for order in found)
    assert len(caplog.records) == 1
    assert "Softmax goes by nested automatic differentiation" in caplog.text
    assert "softmax" in caplog.text.split(": ", 1)[1]


def test_a_supported_operation_with_foreign_arguments_goes_by_autograd(caplog):
    field = Function(lambda x: torch.sum(x * x, 1, keepdim=True, dtype=torch.float64))
    with caplog.at_level(logging.WARNING, logger="pinnkit"):
        found = jets(field, points(), [(0,)])
    torch.testing.assert_close(found[(0,)], 2 * points()[:, :1])
    assert "dtype" in caplog.text


def test_a_mistake_in_the_field_is_the_users_to_see():
    with pytest.raises(RuntimeError, match="shapes"):
        jets(nn.Linear(4, 2, dtype=torch.float64), points(), [(0,)])


# compiling ----------------------------------------------------------------------------------------------------------
@pytest.fixture
def traced(monkeypatch):
    """Compile with dynamo and autograd's tracing alone, which takes seconds instead of a minute."""
    original = torch.compile
    monkeypatch.setattr(compiling.torch, "compile", lambda f, **options: original(f, backend="aot_eager", **options))
    yield
    torch._dynamo.reset()


@pytest.mark.usefixtures("traced")
def test_the_compiled_pass_equals_the_eager_one():
    field = network(Sine(2.0), nn.Tanh())
    orders = [(), (0, 1), HEAT]
    evaluate = compiled(field, orders)
    for n in (7, 5, 9):
        found, expected = evaluate(points(n)), jets(field, points(n), orders)
        assert list(found) == orders
        assert max(difference(found[order], expected[order]) for order in orders) < 1e-13
    slopes = torch.autograd.grad(sum(t.square().sum() for t in evaluate(points()).values()), list(field.parameters()))
    expected = torch.autograd.grad(
        sum(t.square().sum() for t in jets(field, points(), orders).values()), list(field.parameters())
    )
    assert all(difference(*pair) < 1e-12 for pair in zip(slopes, expected, strict=True))


@pytest.mark.usefixtures("traced")
def test_compiled_passes_do_not_share_their_recompilations():
    field = network(nn.Tanh(), outputs=1)
    with torch._dynamo.config.patch(recompile_limit=2):
        for order in ((0,), (1,), (2,), (0, 0)):  # one code object would meet its limit at the third
            found = compiled(field, [order])(points())
            assert difference(found[order], jets(field, points(), [order])[order]) < 1e-13


@pytest.mark.usefixtures("traced")
def test_too_many_recompilations_are_an_error_and_not_a_silent_eager_run():
    evaluate = compiled(network(nn.Tanh(), outputs=1), [(0,)])
    evaluate(points())
    evaluate.field.to(torch.float32)
    with torch._dynamo.config.patch(recompile_limit=1), pytest.raises(torch._dynamo.exc.FailOnRecompileLimitHit):
        evaluate(points().to(torch.float32))


def test_without_a_compiler_it_runs_eagerly_and_says_so(monkeypatch, caplog):
    monkeypatch.setattr(compiling, "missing_compiler", lambda device: f"nothing compiles for {device}")
    field = network(nn.Tanh())
    with caplog.at_level(logging.WARNING, logger="pinnkit"):
        evaluate = compiled(field, [HEAT])
        found = evaluate(points())[HEAT]
        evaluate(points())
    assert torch.equal(found, jets(field, points(), [HEAT])[HEAT])
    assert [record.getMessage() for record in caplog.records] == [
        "derivatives run without compiling: nothing compiles for cpu"
    ]


def test_a_field_without_rules_is_not_compiled(caplog):
    with caplog.at_level(logging.WARNING, logger="pinnkit"):
        found = compiled(Softmax(), [(0,)])(points())
    assert found[(0,)].shape == (7, 4)
    assert len(caplog.records) == 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")  # torch's own, from inductor
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_pass_compiled_to_machine_code_equals_the_eager_one(dtype):
    field = network(Sine(2.0), nn.Tanh()).to(dtype)
    evaluate = compiled(field, OPERATORS)
    found, expected = evaluate(points().to(dtype)), jets(field, points().to(dtype), OPERATORS)
    tolerance = 1e-4 if dtype == torch.float32 else 1e-12
    assert max(difference(found[order], expected[order]) for order in OPERATORS) < tolerance
    torch._dynamo.reset()


# bad input ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda field: jets(field, points(), []), "at least one derivative"),
        (lambda field: jets(field, points(), [(3,)]), "column 3, but `coords` has only 3 columns"),
        (lambda field: jets(field, points(), [Operator(((1.0, (4, 5)),))]), "column 5"),
        (lambda field: jets(field, points(), [(0,) * 5]), "up to order 4"),
        (lambda field: jets(field, points()[:, 0], [(0,)]), r"shape \(n, d\)"),
        (lambda field: jets(field, points().long(), [(0,)]), "floating-point"),
        (lambda field: jets(field, points(), [(0,)], derivatives="numeric"), "'taylor' or 'autograd', got 'numeric'"),
        (lambda field: compiled(field, [(1, 0)]), "sorted"),
        (lambda field: compiled(field, [(3,)])(points()), "column 3"),
    ],
)
def test_bad_input_is_refused_in_words(call, words):
    with pytest.raises(ValueError, match=words):
        call(F.tanh)
