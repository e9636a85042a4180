"""Rows and Jacobian, Gram matrix and kernel: equal to torch.func.jacrev for every field, term and dtype."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call, jacrev

from pinnkit import (
    MLP,
    Box,
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
    Siren,
)
from pinnkit.domains import Points
from pinnkit.jets.evaluation.pointwise import nested_jets
from pinnkit.solutions.evaluation import FieldSet
from pinnkit.solvers.collocation import gram as tangent
from pinnkit.solvers.collocation import jacobian_factors as factors
from pinnkit.solvers.collocation import per_sample_jacobian as jacobian_module
from pinnkit.solvers.collocation import tangent_kernel as kernel
from pinnkit.solvers.collocation.residual_loss import ResidualLoss
from tests.solvers.cases import (
    F64,
    ROD,
    SQUARE,
    cubic,
    fields_of,
    flow,
    heat,
    pair,
    parameters_of,
    points_of,
    poisson,
    relative,
)

XS = torch.linspace(0, 1, 9, dtype=F64)
HEAT = heat(terms=[Equation(lambda u: u.t - 0.3 * u.xx), Dirichlet(ROD.boundary, u=0.0, weight=2.0)])


def reference(target: ResidualLoss, theta: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The rows as a function of theta, by nested transforms without operator collapse, and their Jacobian by jacrev."""

    def rows(vector: torch.Tensor) -> torch.Tensor:
        own, at = {}, 0
        for tensor in target.parameters.tensors:
            own[tensor] = vector[at : at + tensor.numel()].view(tensor.shape)
            at += tensor.numel()
        parts = []
        for term in target.problem.soft_terms:
            for chunk, points in enumerate(target.collocation.chunks(term)):
                values = {}
                for each in target.fields.passes(points, target.channels(term, None)):
                    named = {name: own.get(p, p) for name, p in each.module.named_parameters()}

                    def one(x, module=each.module, named=named):
                        return functional_call(module, named, (x[None],))[0]

                    found = torch.func.vmap(lambda x, one=one, each=each: nested_jets(one, x, each.orders))(each.coords)
                    values.update(each.named(found))
                coefficients = target.parameters.coefficients([own[e] for e in target.parameters.entries])
                r = target.combine(term, points, values, coefficients, None)
                weight = torch.as_tensor(target.weight(term, points, chunk) / target.collocation.size(term), dtype=F64)
                parts.append((weight.sqrt() * r).reshape(-1))
        return torch.cat(parts)

    return rows(theta).detach(), jacrev(rows)(theta).detach()


def compare(target: ResidualLoss, *, bound: float = 1e-10) -> None:
    """All that is made of the rows against the reference."""
    theta = target.parameters.get()
    rows, jacobian = reference(target, theta)
    assert float(jacobian.norm()) > 0
    found, own = target.rows_and_jacobian(theta)
    assert relative(found, rows) < bound
    assert relative(own, jacobian) < bound
    zero = jacobian.abs().amax(0) == 0
    assert torch.all(own[:, zero] == 0)
    gram, tangent_kernel, plain = target.gram(theta), target.tangent_kernel(theta), target.evaluate(theta)
    assert relative(gram.matrix, jacobian.T @ jacobian) < bound
    assert torch.equal(gram.matrix, gram.matrix.T)
    assert relative(gram.gradient, jacobian.T @ rows) < bound
    assert relative(2 * gram.gradient, plain.gradient) < bound
    assert relative(gram.loss, plain.loss) < bound
    assert relative(tangent_kernel.rows, rows) < bound
    assert relative(tangent_kernel.matrix, jacobian @ jacobian.T) < bound
    generator = torch.Generator().manual_seed(5)
    v, w = (torch.randn(n, generator=generator, dtype=F64) for n in (len(theta), len(rows)))
    assert relative(tangent_kernel.push(v), jacobian @ v) < bound
    assert relative(tangent_kernel.pull(w), jacobian.T @ w) < bound
    for costs in (gram.terms, tangent_kernel.terms, target.terms(theta)):
        assert list(costs) == list(plain.terms)
        for name, cost in plain.terms.items():
            assert relative(costs[name], cost) < bound


def collocation(problem: Problem, spec=None, *, module: nn.Module | None = None, count: int = 9, **options):
    fields = fields_of(problem, spec) if module is None else FieldSet(problem, {problem.names: module})
    chunk = options.pop("chunk", 8192)
    return ResidualLoss(fields, parameters_of(fields), points_of(problem, count, chunk=chunk), **options)


# terms --------------------------------------------------------------------------------------------------------------
PERIODIC = Problem(
    "periodic",
    Box(x=(-1, 1), t=(0, 1)),
    "u",
    [
        Equation(lambda u: u.t + u * u.x - 0.1 * u.xx, weight=lambda x: 1.5 + x),
        Periodic("x", order=1),
        Initial(u=lambda x: torch.sin(math.pi * x)),
    ],
)
INVERSE = Problem(
    "inverse",
    ROD,
    "u",
    [Equation(lambda u, nu, c: u.t - nu * u.xx + c), Data(dict(x=XS, t=XS), u=torch.sin(XS), sigma=0.1)],
    coefficients=[Coefficient("nu", 0.3, positive=True), Coefficient("c", -0.2)],
)
ANSATZ = Problem(
    "ansatz",
    ROD,
    "u",
    [Equation(lambda u: u.t - 0.1 * u.xx + u**3)],
    ansatz={"u": lambda u, x, t: torch.sin(math.pi * x) + t * x * (1 - x) * torch.exp(0.3 * u)},
)
PAST = Problem(
    "past",
    ROD,
    "u",
    [
        Equation(
            lambda u, past, c: u.t - 0.1 * u.xx + c * past,
            past=Integral(
                lambda u, u_here, s, t, c: torch.exp(s - t) * u.x * u_here + c * u**2, t=("s", 0, lambda t: t), nodes=3
            ),
            weight=lambda x: 1 + x,
        ),
        Condition(ROD.face(x=1), lambda u, total: (u - total, u.x + 1), total=Integral(lambda u: u, x=(0, 1), nodes=2)),
    ],
    coefficients=[Coefficient("c", -0.2)],
)


def grouped(group: int | torch.Tensor) -> Problem:
    """Weighted sums over groups of given points, with a coefficient, beside an equation."""
    coords = torch.rand(8, 2, generator=torch.Generator().manual_seed(1), dtype=F64)
    points = Points(coords, columns={"w": torch.linspace(1, 2, 8, dtype=F64)}, group=group)
    sums = Condition(
        ROD, lambda u, w, c, row_sums: (row_sums(w * u.x + c * u**2), row_sums(u)), points=points, weight=3.0
    )
    return Problem("grouped", ROD, "u", [HEAT.terms[0], sums], [Coefficient("c", 0.4)])


PROBLEMS = {
    "integrals": PAST,
    "groups": grouped(2),
    "ragged groups": grouped(torch.tensor([3, 0, 4, 1])),
    "heat": HEAT,
    "poisson": poisson(),
    "cubic": cubic(),
    "flow": flow(),
    "periodic": PERIODIC,
    "inverse": INVERSE,
    "ansatz": ANSATZ,
}
SPECS = {
    "mlp": MLP(width=5, depth=2),
    "siren": Siren(width=5, depth=2, omega=4.0),
    "fourier": FourierMLP(features=3, width=4, depth=1, learned=True),
}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())
@pytest.mark.parametrize("name", PROBLEMS)
def test_every_kind_of_term_agrees_with_jacrev(name: str, spec) -> None:
    compare(collocation(PROBLEMS[name], spec, row_weights={"initial": 7.0, "equation": 0.5}))


@pytest.mark.parametrize("name", ["flow", "periodic", "inverse", "integrals", "ragged groups"])
def test_the_slow_method_agrees_with_jacrev_as_well(name: str) -> None:
    compare(collocation(PROBLEMS[name], SPECS["mlp"], derivatives="autograd", count=5))


def test_fields_on_different_axes_have_their_own_columns() -> None:
    problem = pair()
    fields = fields_of(problem, SPECS["mlp"], groups=(("u",), ("kappa",)))
    compare(ResidualLoss(fields, parameters_of(fields), points_of(problem, 9)))


def test_unknowns_that_share_a_layer_add_up() -> None:
    problem = Problem(
        "shared", SQUARE, ["p", "q"], [Equation(lambda p, q: p.xx - q * q.y), Dirichlet(SQUARE.boundary, p=0.0, q=1.0)]
    )
    fields = fields_of(problem, SPECS["mlp"], groups=(("p",), ("q",)))
    one, other = fields.modules.values()
    other.hidden[2] = one.hidden[2]
    target = ResidualLoss(fields, parameters_of(fields), points_of(problem, 9))
    assert target.parameters.count < sum(p.numel() for m in fields.modules.values() for p in m.parameters())
    compare(target)


@pytest.mark.parametrize("name", ["flow", "periodic", "integrals", "groups", "ragged groups"])
def test_chunks_and_tiles_change_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = collocation(PROBLEMS[name], SPECS["siren"], count=20)
    theta = whole.parameters.get()
    rows, jacobian = whole.rows_and_jacobian(theta)
    gram = whole.gram(theta)
    monkeypatch.setattr(tangent, "_ROWS", 3)
    monkeypatch.setattr(factors, "_TILE_BYTES", 1)
    monkeypatch.setattr(tangent, "_COLUMNS", 4)
    again, other = whole.rows_and_jacobian(theta)
    torch.testing.assert_close(again, rows, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(other, jacobian, rtol=1e-12, atol=1e-13)
    assert relative(whole.gram(theta).matrix, gram.matrix) < 1e-12
    compare(collocation(PROBLEMS[name], SPECS["siren"], count=20, chunk=7))


@pytest.mark.parametrize("short", [0, 1e9])
def test_the_kernel_is_the_same_from_factors_and_from_blocks(short: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "_SHORT", short)
    monkeypatch.setattr(kernel, "_ROWS", 4)
    for name, module in (("flow", None), ("periodic", None), ("heat", Skips()), ("heat", FIELDS["three heads"]())):
        compare(collocation(PROBLEMS[name], SPECS["siren"], module=module))


def test_the_gram_matrix_is_gathered_from_many_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    target = collocation(flow(), SPECS["mlp"], count=700)
    theta = target.parameters.get()
    _, jacobian = target.rows_and_jacobian(theta)
    monkeypatch.setattr(tangent, "_BUFFER_BYTES", 1)  # the least: 256 rows at a time
    assert relative(target.gram(theta).matrix, jacobian.T @ jacobian) < 1e-12


def test_factors_of_points_scale_their_rows() -> None:
    factors = {"equation": torch.linspace(0, 2, 9, dtype=F64), "dirichlet": torch.tensor(3.0, dtype=F64)}
    compare(collocation(HEAT, SPECS["mlp"], factors=factors))
    compare(collocation(HEAT, SPECS["mlp"], factors=factors, chunk=4))


def test_single_precision_agrees_to_its_digits() -> None:
    fine = collocation(HEAT, SPECS["mlp"])
    fields = fields_of(HEAT, SPECS["mlp"], dtype=torch.float32)
    coarse = ResidualLoss(fields, parameters_of(fields, dtype=torch.float32), points_of(HEAT, 9, dtype=torch.float32))
    rows, jacobian = coarse.rows_and_jacobian(coarse.parameters.get())
    assert rows.dtype == jacobian.dtype == torch.float32
    expected = fine.rows_and_jacobian(fine.parameters.get())
    assert relative(rows.double(), expected[0]) < 1e-5
    assert relative(jacobian.double(), expected[1]) < 1e-5
    assert relative(coarse.gram(coarse.parameters.get()).matrix.double(), expected[1].T @ expected[1]) < 1e-5
    assert coarse.tangent_kernel(coarse.parameters.get()).matrix.dtype == torch.float32


@pytest.mark.requires_cuda
def test_a_gpu_gives_the_same_numbers() -> None:
    slow = collocation(HEAT, SPECS["siren"])
    fields = FieldSet(HEAT, {("u",): fields_of(HEAT, SPECS["siren"]).modules[("u",)].to("cuda")})
    device = torch.device("cuda")
    parameters = type(slow.parameters)(HEAT, list(fields.modules.values()), device=device, dtype=F64)
    fast = ResidualLoss(fields, parameters, points_of(HEAT, 9, device=device))
    theta = slow.parameters.get()
    for a, b in zip(slow.rows_and_jacobian(theta), fast.rows_and_jacobian(theta.cuda()), strict=True):
        assert relative(b.cpu(), a) < 1e-10
    assert relative(fast.gram(theta.cuda()).matrix.cpu(), slow.gram(theta).matrix) < 1e-10
    assert relative(fast.tangent_kernel(theta.cuda()).matrix.cpu(), slow.tangent_kernel(theta).matrix) < 1e-10


def test_rows_that_no_parameter_can_change_have_zero_derivatives() -> None:
    problem = Problem("flat", ROD, "u", [Equation(lambda u: u.xx - 1.0), Dirichlet(ROD.face(x=0), u=0.0)])
    module = nn.Sequential(nn.Linear(2, 1, dtype=F64))  # u_xx = 0 for every weight
    target = collocation(problem, module=module)
    rows, jacobian = target.rows_and_jacobian(target.parameters.get())
    assert torch.all(jacobian[:9] == 0)
    torch.testing.assert_close(rows[:9], torch.full((9,), -1 / 3, dtype=F64))
    compare(target)


def test_a_buffer_is_written_in_place_and_one_that_does_not_fit_is_refused() -> None:
    target = collocation(HEAT, SPECS["mlp"])
    theta = target.parameters.get()
    expected = target.rows_and_jacobian(theta)[1]
    out = torch.full_like(expected, torch.nan)
    assert target.rows_and_jacobian(theta, out=out)[1] is out
    assert torch.equal(out, expected)
    with pytest.raises(ValueError, match=r"`out` must be torch.float64 of shape \(18, \d+\).*got torch.float32"):
        target.rows_and_jacobian(theta, out=out.float())


def test_the_jacobian_is_refused_where_a_penalty_is_no_square() -> None:
    from pinnkit.problem.penalties import Huber

    problem = heat(terms=[Equation(lambda u: u.t - u.xx, penalty=Huber(0.5))])
    target = collocation(problem, SPECS["mlp"])
    for verb in (target.rows_and_jacobian, target.gram, target.tangent_kernel):
        with pytest.raises(TypeError, match=r"term 'equation' has the penalty Huber"):
            verb(target.parameters.get())


def test_a_residual_that_uses_a_weight_directly_is_refused() -> None:
    module = Field(lambda _, h: h)
    problem = heat(terms=[Equation(lambda u: u.t - module.inner.bias[0] * u.xx)])
    target = collocation(problem, module=module)
    with pytest.raises(ValueError, match=r"term 'equation' uses parameters of a field other than through.*Coefficient"):
        target.gram(target.parameters.get())


# fields -------------------------------------------------------------------------------------------------------------
def parameter(*shape: int, seed: int, scale: float = 0.6) -> nn.Parameter:
    generator = torch.Generator().manual_seed(seed)
    return nn.Parameter(scale * torch.randn(*shape, generator=generator, dtype=F64))


class Field(nn.Module):
    """Two inputs, five features, one output, and whatever `middle` does to the features."""

    def __init__(self, middle=None, **parameters):
        super().__init__()
        self.first, self.inner, self.last = (nn.Linear(i, o, dtype=F64) for i, o in ((2, 5), (5, 5), (5, 1)))
        with torch.no_grad():
            for i, p in enumerate(self.parameters()):
                p.copy_(parameter(*p.shape, seed=i))
        for name, p in parameters.items():
            self.register_parameter(name, p)
        self.middle = middle

    def forward(self, x):
        h = torch.tanh(self.first(x))
        return self.last(self.middle(self, h))


class Skips(Field):
    def forward(self, x):
        h = torch.tanh(self.first(x))
        h = h + torch.sin(self.inner(h)) + F.linear(x, self.first.weight)
        return self.last(h * self.first(x)) + self.last(h)


class Parametrised(Field):
    """Weights of the inner layer computed from others, as weight normalisation does."""

    def __init__(self):
        super().__init__(None, gain=parameter(5, 1, seed=7))

    def forward(self, x):
        direction = self.inner.weight / self.inner.weight.norm(dim=1, keepdim=True)
        h = torch.tanh(self.first(x))
        return self.last(torch.tanh(F.linear(h, self.gain * direction, 2 * self.inner.bias)))


class Fixed(Field):
    def __init__(self):
        super().__init__(lambda f, h: torch.tanh(f.inner(h)))
        self.first.requires_grad_(False)
        self.inner.weight.requires_grad_(False)


FIELDS = {
    "a layer used three times": lambda: Field(lambda f, h: f.inner(torch.tanh(f.inner(torch.sin(f.inner(h)))))),
    "skips, and two uses of three layers": Skips,
    "a trained scale of the activation": lambda: Field(
        lambda f, h: torch.tanh(f.a * f.inner(h)), a=nn.Parameter(torch.tensor(1.3, dtype=F64))
    ),
    "a computed scale, one for each feature": lambda: Field(
        lambda f, h: torch.sin(10 * torch.exp(f.a) * f.inner(h)), a=parameter(5, seed=1, scale=0.2)
    ),
    "a trained shift": lambda: Field(
        lambda f, h: torch.tanh(h) + f.b - f.a, a=parameter(1, 5, seed=2), b=parameter(5, seed=3)
    ),
    "matrix products": lambda: Field(
        lambda f, h: torch.addmm(f.b, torch.tanh(h @ f.w), f.w.t() + 1.0),
        w=parameter(5, 5, seed=2),
        b=parameter(5, seed=4),
    ),
    "a vector": lambda: Field(lambda f, h: h * torch.tanh(h @ f.w)[:, None], w=parameter(5, seed=2)),
    "a scaled number": lambda: Field(
        lambda f, h: h + f.a * torch.sin(f.a * h[:, 0])[:, None], a=nn.Parameter(torch.tensor(0.7, dtype=F64))
    ),
    "computed weights": Parametrised,
    "three heads": lambda: Field(
        lambda f, h: torch.tanh(F.linear(torch.stack([h, h * h, torch.sin(h)], 1), f.inner.weight, f.inner.bias)).sum(1)
    ),
    "a parameter in a choice": lambda: Field(lambda f, h: torch.maximum(f.inner(h), f.a), a=parameter(5, seed=2)),
    "a weight that is also chosen": lambda: Field(lambda f, h: torch.maximum(f.inner(h), f.inner.bias)),
    "a weight that scales as well": lambda: Field(lambda f, h: torch.tanh(f.inner(h)) * f.inner.weight[0]),
    "a power": lambda: Field(lambda f, h: (1.5 + h) ** f.a, a=parameter(5, seed=2)),
    "no rule": lambda: Field(lambda f, h: torch.softmax(f.inner(h), dim=-1)),
    "an unused layer": lambda: Field(lambda _, h: h),
    "frozen layers": Fixed,
}


@pytest.mark.parametrize("name", FIELDS)
def test_every_use_of_a_parameter_agrees_with_jacrev(name: str) -> None:
    compare(collocation(HEAT, module=FIELDS[name](), count=7))


def test_a_use_without_a_record_is_differentiated_by_transforms(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    real = jacobian_module._transformed

    def noted(each, slopes, others, **options):
        asked.append([name for name, p in each.module.named_parameters() if any(p is o for o in others)])
        return real(each, slopes, others, **options)

    monkeypatch.setattr(jacobian_module, "_transformed", noted)
    problem = heat(terms=HEAT.terms[:1])

    def names(field: str) -> list[str]:
        asked.clear()
        target = collocation(problem, module=FIELDS[field](), count=5)
        target.rows_and_jacobian(target.parameters.get())
        return asked[0] if asked else []

    assert names("a trained scale of the activation") == []
    assert names("three heads") == []
    assert names("a parameter in a choice") == ["a"]
    assert names("a weight that is also chosen") == ["inner.bias"]
    assert names("no rule") == ["first.weight", "first.bias", "inner.weight", "inner.bias", "last.weight"]


def test_the_comparison_notices_a_use_that_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    real = jacobian_module._through
    monkeypatch.setattr(
        jacobian_module, "_through", lambda *args: list(real(*args))[:0] if args[0].ndim == 1 else real(*args)
    )
    with pytest.raises(AssertionError):
        compare(collocation(HEAT, SPECS["mlp"]))
