"""The loss at collocation points: the same numbers as written out in torch, whatever the chunks and the derivatives."""

import math

import pytest
import torch

from pinnkit import (
    MLP,
    Coefficient,
    Data,
    Dirichlet,
    Equation,
    Initial,
    Neumann,
    Periodic,
    Problem,
    Robin,
)
from pinnkit.problem.penalties import Absolute, Huber
from pinnkit.solvers.collocation.residual_loss import ResidualLoss
from tests.solvers.cases import (
    ALPHA,
    F64,
    FOURIER,
    LINE,
    ROD,
    cubic,
    fields_of,
    flow,
    heat,
    pair,
    parameters_of,
    points_of,
    poisson,
)

XS = torch.linspace(0, 1, 9, dtype=F64)


def inverse() -> Problem:
    return Problem(
        "inverse",
        ROD,
        "u",
        [
            Equation(lambda u, nu: u.t - nu * u.xx),
            Data(dict(x=XS, t=XS), u=torch.sin(XS), sigma=0.1),
        ],
        coefficients=[Coefficient("nu", 0.3, positive=True)],
    )


def conditions() -> Problem:
    return Problem(
        "conditions",
        ROD,
        "u",
        [
            Equation(lambda u: u.tt - 4 * u.xx, weight=lambda x: 1 + x),
            Neumann(ROD.face(x=0), u=1.0, weight=3.0),
            Robin(ROD.face(x=1), u=(2.0, 1.0, lambda t: t), penalty=Huber(0.5)),
            Periodic("x", order=1),
            Initial(u=lambda x: x, u_t=0.0, penalty=Absolute()),
        ],
    )


def transformed() -> Problem:
    return heat(ansatz={"u": lambda u, x, t: torch.sin(math.pi * x) + t * x * (1 - x) * u}, terms=[heat().terms[0]])


PROBLEMS = {
    "heat": heat(),
    "poisson": poisson(),
    "cubic": cubic(),
    "flow": flow(),
    "inverse": inverse(),
    "conditions": conditions(),
    "transformed": transformed(),
}


def collocation(problem: Problem, spec=FOURIER, *, count: int = 40, chunk: int = 8192, **options) -> ResidualLoss:
    fields = fields_of(problem, spec)
    return ResidualLoss(fields, parameters_of(fields), points_of(problem, count, chunk=chunk), **options)


def written_out(target: ResidualLoss) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss of the heat problem by plain torch, and its gradient."""
    module = target.fields.modules[("u",)]

    def mean_square(name: str, residual) -> torch.Tensor:
        rows = []
        for (points,) in target.collocation.chunks(target.problem.term(name)):
            coords = points.coords.clone().requires_grad_()
            rows.append(residual(coords))
        return torch.cat(rows).square().mean()

    def equation(coords):
        u = module(coords)[:, 0]
        (du,) = torch.autograd.grad(u.sum(), coords, create_graph=True)
        (d2u,) = torch.autograd.grad(du[:, 0].sum(), coords, create_graph=True)
        return du[:, 1] - ALPHA * d2u[:, 0]

    loss = (
        mean_square("equation", equation)
        + mean_square("dirichlet", lambda c: module(c)[:, 0])
        + mean_square("initial", lambda c: module(c)[:, 0] - torch.sin(math.pi * c[:, 0]))
    )
    gradient = torch.autograd.grad(loss, list(module.parameters()))
    return loss.detach(), torch.cat([g.reshape(-1) for g in gradient])


@pytest.mark.parametrize("chunk", [7, 8192])
@pytest.mark.parametrize("derivatives", ["taylor", "autograd"])
def test_loss_and_gradient_equal_plain_torch(derivatives: str, chunk: int) -> None:
    target = collocation(heat(), chunk=chunk, derivatives=derivatives)
    found = target.evaluate(target.parameters.get())
    loss, gradient = written_out(target)
    torch.testing.assert_close(found.loss, loss, rtol=1e-12, atol=0)
    torch.testing.assert_close(found.gradient, gradient, rtol=1e-10, atol=1e-12)
    assert list(found.terms) == ["equation", "dirichlet", "initial"]
    torch.testing.assert_close(sum(found.terms.values()), loss, rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("chunk", [7, 8192])
def test_taylor_equals_autograd_for_every_kind_of_term(name: str, chunk: int) -> None:
    quick, slow = (collocation(PROBLEMS[name], chunk=chunk, derivatives=d) for d in ("taylor", "autograd"))
    theta = quick.parameters.get()
    a, b = quick.evaluate(theta), slow.evaluate(theta)
    torch.testing.assert_close(a.loss, b.loss, rtol=1e-11, atol=0)
    torch.testing.assert_close(a.gradient, b.gradient, rtol=1e-9, atol=1e-11 * float(b.gradient.norm()))


@pytest.mark.parametrize("name", PROBLEMS)
def test_chunks_do_not_change_the_loss(name: str) -> None:
    """The same points, given whole and cut: a point set is the same whatever the chunk."""
    problem = PROBLEMS[name]
    one = collocation(problem, count=30)
    cut = collocation(problem, count=30, chunk=7)
    for term in problem.terms:  # the cut one is handed the points of the whole one
        if term.kind != "data":
            (whole,) = one.collocation.chunks(term)
            for i, start in enumerate(range(0, 30, 7)):
                cut.collocation._kept[str(term.name), i] = tuple(p.rows(start, start + 7) for p in whole)
    theta = one.parameters.get()
    a, b = one.evaluate(theta), cut.evaluate(theta)
    torch.testing.assert_close(a.loss, b.loss, rtol=1e-12, atol=0)
    torch.testing.assert_close(a.gradient, b.gradient, rtol=1e-9, atol=1e-11 * float(a.gradient.norm()))
    for key in a.terms:
        torch.testing.assert_close(a.terms[key], b.terms[key], rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", ["heat", "flow", "inverse", "transformed"])
def test_rows_square_to_the_loss(name: str) -> None:
    target = collocation(PROBLEMS[name], chunk=11)
    theta = target.parameters.get()
    torch.testing.assert_close(target.rows(theta).square().sum(), target.evaluate(theta).loss, rtol=1e-12, atol=0)


def test_rows_are_refused_where_a_penalty_is_no_square() -> None:
    target = collocation(PROBLEMS["conditions"])
    with pytest.raises(TypeError, match=r"term 'robin' has the penalty Huber.*Square\(\).*Adam or LBFGS"):
        target.rows(target.parameters.get())


def test_weights_count_in_the_loss_and_not_in_the_terms() -> None:
    def make(w):
        return collocation(
            heat(terms=[Equation(lambda u: u.t - u.xx), Dirichlet(ROD.boundary, u=0.0, weight=w)]), FOURIER
        )

    plain, number, function = make(1.0), make(5.0), make(lambda x, t: 5.0 + 0 * x * t)
    theta = plain.parameters.get()
    found = [c.evaluate(theta) for c in (plain, number, function)]
    expected = found[0].terms["equation"] + 5 * found[0].terms["dirichlet"]
    for at in found[1:]:
        torch.testing.assert_close(at.loss, expected, rtol=1e-13, atol=0)
        assert torch.equal(at.terms["dirichlet"], found[0].terms["dirichlet"])
    torch.testing.assert_close(found[1].gradient, found[2].gradient, rtol=1e-12, atol=1e-14)


def test_a_row_weight_multiplies_the_loss_of_its_term_only() -> None:
    plain, balanced = collocation(heat()), collocation(heat(), row_weights={"initial": 7.0})
    theta = plain.parameters.get()
    a, b = plain.evaluate(theta), balanced.evaluate(theta)
    torch.testing.assert_close(b.loss, a.loss + 6 * a.terms["initial"], rtol=1e-13, atol=0)
    assert all(torch.equal(a.terms[key], b.terms[key]) for key in a.terms)


def test_the_gradient_equals_central_differences_coefficients_included(generator: torch.Generator) -> None:
    for name in ("inverse", "flow", "transformed"):
        target = collocation(PROBLEMS[name])
        theta = target.parameters.get()
        gradient = target.evaluate(theta).gradient
        chosen = [*torch.randperm(len(theta), generator=generator)[:8].tolist(), len(theta) - 1]
        for i in chosen:
            step = torch.zeros_like(theta)
            step[i] = 1e-6
            ends = [target.evaluate(theta + s * step).loss for s in (1, -1)]
            slope = (ends[0] - ends[1]) / 2e-6
            assert abs(slope - gradient[i]) < 1e-6 * (1 + gradient.abs().max())


def test_fields_on_different_axes_take_part_each_with_its_own_columns() -> None:
    problem = pair()
    fields = fields_of(problem, FOURIER, groups=(("u",), ("kappa",)))
    quick, slow = (
        ResidualLoss(fields, parameters_of(fields), points_of(problem), derivatives=d) for d in ("taylor", "autograd")
    )
    theta = quick.parameters.get()
    a, b = quick.evaluate(theta), slow.evaluate(theta)
    torch.testing.assert_close(a.loss, b.loss, rtol=1e-12, atol=0)
    torch.testing.assert_close(a.gradient, b.gradient, rtol=1e-9, atol=1e-11)
    assert torch.all(a.gradient[-fields.modules[("kappa",)].readout.weight.numel() :].abs() > 0)


def test_a_residual_that_no_parameter_can_change_has_no_gradient() -> None:
    problem = Problem("flat", LINE, "u", [Equation(lambda u: u.xx - 1.0), Dirichlet(LINE.face(x=0), u=0.0)])
    fields = fields_of(problem, MLP(width=4, depth=1, activation="tanh"))
    module = torch.nn.Sequential(torch.nn.Linear(1, 1, dtype=F64))  # u_xx = 0 for every weight
    fields = type(fields)(problem, {("u",): module})
    found = ResidualLoss(fields, parameters_of(fields), points_of(problem)).evaluate(parameters_of(fields).get())
    assert float(found.terms["equation"]) == 1.0
    assert torch.all(torch.isfinite(found.gradient))


def test_one_backward_pass_for_several_chunks_gives_the_same_gradient() -> None:
    problem = heat()
    fields = fields_of(problem)
    parameters = parameters_of(fields)
    found = []
    for chunk in (7, 32, 8192):
        found.append(ResidualLoss(fields, parameters, points_of(problem, 64, chunk=chunk)).evaluate(parameters.get()))
    # Chunks are draws of their own, so that only equal ones can be compared: term by term against one at a time.
    for chunk, at in zip((7, 32, 8192), found, strict=True):
        target = ResidualLoss(fields, parameters, points_of(problem, 64, chunk=chunk))
        gradient = torch.zeros_like(at.gradient)
        for term in problem.terms:
            for i, points in enumerate(target.collocation.chunks(term)):
                gradient += parameters.gradient(target.residual(term, points, chunk=i).square().sum() / 64)
        assert torch.allclose(at.gradient, gradient, rtol=1e-12, atol=1e-14)
