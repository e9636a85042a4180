"""Weights that change during training."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from pinnkit import Adam, Siren, solve
from pinnkit.solvers import NTK, Causal, GradientNorm, ReLoBRaLo, SelfAdaptive
from pinnkit.solvers.collocation.residual_loss import ResidualLoss
from pinnkit.solvers.training.training_objective import TrainingObjective, _View
from tests.solvers.cases import SMALL, cubic, fields_of, heat, parameters_of, points_of, poisson

SCHEMES = [GradientNorm(every=3), NTK(every=3), ReLoBRaLo(every=3), SelfAdaptive(every=3), Causal(every=3)]


def numbers(*values: float) -> dict[str, Tensor]:
    return {name: torch.tensor(v, dtype=torch.float64) for name, v in zip("abc", values, strict=False)}


class Given:
    """A view of given numbers."""

    def __init__(self, **given: Any) -> None:
        self.given = given

    def __getattr__(self, name: str) -> Any:
        return lambda: self.given[name]


def floats(memory: dict[str, Any]) -> dict[str, list[float]]:
    return {name: f.reshape(-1).tolist() for name, f in memory["factor"].items()}


def test_gradient_norm_factors_level_the_gradients() -> None:
    found = GradientNorm().update(Given(gradient_norms=numbers(1.0, 4.0)), {})
    f = floats(found)
    assert f["a"][0] * 1.0 == pytest.approx(f["b"][0] * 4.0)
    assert f["a"][0] + f["b"][0] == pytest.approx(2.0)


def test_averaged_factors_keep_their_momentum() -> None:
    first = GradientNorm(momentum=0.75).update(Given(gradient_norms=numbers(1.0, 1.0)), {})
    then = GradientNorm(momentum=0.75).update(Given(gradient_norms=numbers(1.0, 3.0)), first)
    assert floats(then)["a"][0] == pytest.approx(0.75 * 1.0 + 0.25 * 1.5)


def test_ntk_factors_level_the_traces() -> None:
    f = floats(NTK().update(Given(kernel_traces=numbers(2.0, 6.0, 3.0)), {}))
    assert f["a"][0] * 2 == pytest.approx(f["b"][0] * 6) == pytest.approx(f["c"][0] * 3)


def test_relobralo_raises_the_term_that_fell_less() -> None:
    scheme = ReLoBRaLo(alpha=0.0, rho=1.0, temperature=1.0)
    memory = scheme.update(Given(costs=numbers(1.0, 1.0)), {})
    assert floats(memory) == {"a": [1.0], "b": [1.0]}
    f = floats(scheme.update(Given(costs=numbers(0.1, 1.0)), memory))
    share = torch.softmax(torch.tensor([0.1, 1.0], dtype=torch.float64), 0)
    assert [f["a"][0], f["b"][0]] == pytest.approx((2 * share).tolist())


def test_self_adaptive_factors_grow_where_the_cost_is_and_keep_a_mean_of_one() -> None:
    costs = {"a": torch.tensor([0.0, 0.0, 6.0], dtype=torch.float64)}
    memory: dict[str, Any] = {}
    for _ in range(3):
        memory = SelfAdaptive(rate=0.5).update(Given(point_costs=costs), memory)
    f = memory["factor"]["a"]
    assert f[2] > 2 * f[0]
    assert f[0] == f[1]
    assert float(f.mean()) == pytest.approx(1.0)


def test_causal_weights_fall_with_the_cost_of_the_past() -> None:
    t = torch.tensor([0.1, 0.4, 0.6, 0.9], dtype=torch.float64)
    costs = {"a": torch.tensor([4.0, 0.0, 2.0, 2.0], dtype=torch.float64)}
    f = Causal(slices=2, tolerance=1.5).update(Given(times={"a": t}, point_costs=costs), {})["factor"]["a"]
    # The mean cost is 2, the first slice's is 2, so that the second slice weighs exp(-1.5 * 2 / 2).
    assert f.tolist() == pytest.approx([1.0, 1.0, math.exp(-1.5), math.exp(-1.5)])


def test_the_view_measures_what_it_says() -> None:
    problem = cubic()
    fields = fields_of(problem)
    target = ResidualLoss(fields, parameters_of(fields), points_of(problem, 300))
    view = _View(target, torch.Generator().manual_seed(0))
    found = target.evaluate(target.parameters.get())
    assert sum(float(c) for c in view.costs().values()) == pytest.approx(float(found.loss))
    norms, traces = view.gradient_norms(), view.kernel_traces()
    for term in problem.terms:
        name = str(term.name)
        (points,) = target.collocation.chunks(term)
        rows = target.residual(term, points)[:, 0]
        gradient = target.parameters.gradient(rows.square().mean())
        assert float(norms[name]) == pytest.approx(float(gradient.norm()))
        rows = target.residual(term, points)[:, 0]
        each = [torch.autograd.grad(r, target.parameters.tensors, retain_graph=True, allow_unused=True) for r in rows]
        trace = sum(float(g.square().sum()) for gs in each for g in gs if g is not None)
        assert float(traces[name]) == pytest.approx(trace / len(rows), rel=0.5)  # estimated by four random vectors
    times = view.times()
    assert list(times) == [str(problem.terms[0].name)]
    assert 0 <= float(times[str(problem.terms[0].name)].min()) < 0.01


def test_factors_multiply_the_cost_of_their_points() -> None:
    problem = cubic()
    fields = fields_of(problem)
    parameters, collocation = parameters_of(fields), points_of(problem, 30, chunk=8)
    name = str(problem.terms[0].name)
    factor = torch.arange(30.0, dtype=torch.float64)
    plain, weighted = (ResidualLoss(fields, parameters, collocation, factors=f) for f in ({}, {name: factor}))
    theta = parameters.get()
    rows, expected = plain.rows(theta), weighted.rows(theta)
    assert torch.allclose(expected[:30], rows[:30] * factor.sqrt())
    assert torch.equal(expected[30:], rows[30:])
    assert float(weighted.evaluate(theta).loss) == pytest.approx(float(expected.square().sum()))


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda s: type(s).__name__)
def test_every_scheme_changes_the_training_and_is_reproducible(scheme: Any) -> None:
    solvers = [Adam(steps=10, points=64, condition_points=16)]
    runs = [solve(heat(), SMALL, solvers, weights=w).history.loss for w in (scheme, [scheme], ())]
    assert (runs[0] == runs[1]).all()
    assert (runs[0] != runs[2]).any()


def test_what_is_seen_changes_its_number_with_the_factors_only() -> None:
    problem = heat()
    fields = fields_of(problem)
    training = TrainingObjective(
        fields, parameters_of(fields), lambda *_: points_of(problem), {}, weights=[GradientNorm(every=3)]
    )
    theta, solver = training.parameters.get(), Adam()
    state: dict[str, Any] = {"theta": theta}
    draws = []
    for step in range(7):
        draws.append(training.objective(solver, step, state).version)
        state = {"theta": theta, **training.memory()}
    assert draws == [1, 1, 1, 2, 2, 2, 3]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: GradientNorm(every=0), "`every` must be a whole number of at least 1"),
        (lambda: NTK(momentum=2.0), "`momentum` must lie between 0 and 1"),
        (lambda: ReLoBRaLo(temperature=0.0), "`temperature` must be positive"),
        (lambda: SelfAdaptive(rate=-1.0), "`rate` must be positive"),
        (lambda: Causal(slices=0), "`slices` must be a whole number"),
        (lambda: Causal(tolerance=0.0), "`tolerance` must be positive"),
        (lambda: solve(heat(), Siren(), Adam(steps=1), weights=Causal), "objects such as GradientNorm"),  # type: ignore
        (lambda: solve(heat(), Siren(), Adam(steps=1, batch=9), weights=NTK()), "leave `batch` out"),
        (lambda: solve(poisson(), SMALL, Adam(steps=1), weights=Causal()), "no equation that depends on time"),
    ],
)
def test_bad_arguments_are_refused(make: Any, words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        make()
