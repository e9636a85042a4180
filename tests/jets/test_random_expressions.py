"""Random expressions of products, quotients, powers, functions and shapes, by jets and Taylor passes, against autograd.

Expressions are drawn by hypothesis from a fixed seed, so that every run tests the same ones. Their parts stay of
moderate size and away from singularities: denominators and bases are at least 1/2, arguments of exp at most 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from torch import Tensor

from pinnkit.jets import Frame, Jet
from pinnkit.jets.dispatch import RULES
from pinnkit.jets.evaluation.autograd import autograd_jets
from pinnkit.jets.evaluation.evaluate import named, taylor_pass
from pinnkit.jets.jet import coordinate
from pinnkit.jets.rules.kinds import Elementwise, Linear, Own
from pinnkit.jets.taylor.channel_plan import make_plan
from pinnkit.jets.taylor.taylor_pass import RULES as TAYLOR_RULES

FRAME = Frame(columns=("x", "y"), space=("x", "y"))
ORDERS = [(), (0,), (1,), (0, 1), (1, 1), (0, 0, 1)]
POINTS = torch.rand(5, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
MATRIX = torch.tensor([[0.5, -0.3, 0.2], [0.1, 0.4, -0.6], [-0.2, 0.7, 0.3]], dtype=torch.float64)
DEPTH = 3


@dataclass(frozen=True)
class Expression:
    """A function of two coordinates, as one reads it and as one calls it."""

    text: str
    function: Callable[[Any, Any], Any]

    def __repr__(self) -> str:
        return self.text


X, Y = Expression("x", lambda x, _: x), Expression("y", lambda _, y: y)

UNARY: dict[str, Callable[[Any], Any]] = {
    "sin({})": torch.sin,
    "cos({})": torch.cos,
    "tanh({})": torch.tanh,
    "sigmoid({})": torch.sigmoid,
    "exp(sin({}))": lambda a: torch.exp(torch.sin(a)),
    "log(1 + {}^2)": lambda a: torch.log(1 + a * a),
    "sqrt(1 + {}^2)": lambda a: torch.sqrt(1 + a * a),
    "rsqrt(1 + {}^2)": lambda a: torch.rsqrt(1 + torch.square(a)),
    "atan({})": torch.atan,
    "asin(sin({}) / 2)": lambda a: torch.asin(0.5 * torch.sin(a)),
    "sinh(cos({}))": lambda a: torch.sinh(torch.cos(a)),
    "erf({})": torch.erf,
    "softplus({})": F.softplus,
    "silu({})": F.silu,
    "gelu({})": F.gelu,
    "sinc(sin({}))": lambda a: torch.sinc(torch.sin(a)),
    "-{}": lambda a: -a,
    "{}^3": lambda a: a**3,
    "(2 + sin({}))^-1.5": lambda a: (2 + torch.sin(a)) ** -1.5,
    "1.5^sin({})": lambda a: 1.5 ** torch.sin(a),
    "abs({})": torch.abs,
    "clamp({}, -0.3, 0.7)": lambda a: torch.clamp(a, -0.3, 0.7),
}
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "({} + {})": lambda a, b: a + b,
    "({} - {})": lambda a, b: a - b,
    "{} * {}": lambda a, b: a * b,
    "{} / (1.5 + cos({}))": lambda a, b: a / (1.5 + torch.cos(b)),
    "(2 + cos({}))^sin({})": lambda a, b: (2 + torch.cos(a)) ** torch.sin(b),
    "atan2({}, 2 + sin({}))": lambda a, b: torch.atan2(a, 2 + torch.sin(b)),
    "maximum({}, {})": torch.maximum,
    "where({0} > {1}, {0}, sin({1}))": lambda a, b: torch.where(a > b, a, torch.sin(b)),
    "addcmul({}, {}, sin)": lambda a, b: torch.addcmul(a, b, torch.sin(b), value=0.5),
    "lerp({}, {}, 0.3)": lambda a, b: torch.lerp(a, b, 0.3),
}
OF_A_VECTOR: dict[str, Callable[[Any], Any]] = {
    "{}[0]": lambda v: v[:, 0],
    "{}[2]": lambda v: v[:, 2],
    "sum {}": lambda v: v.sum(-1),
    "mean {}": lambda v: torch.mean(v, -1),
    "|1 + {}^2|": lambda v: torch.linalg.vector_norm(1 + v * v, dim=-1),
    "cumsum {}[2]": lambda v: torch.cumsum(v, 1)[:, 2],
}
VECTORS: dict[str, Callable[[Any], Any]] = {
    "{} M": lambda v: v @ MATRIX,
    "linear {}": lambda v: F.linear(v, MATRIX, MATRIX[0]),
    "tanh {}": torch.tanh,
    "[{}, {}][1:4]": lambda v: torch.cat([v, v], dim=1)[:, 1:4],
    "reshaped {}": lambda v: v.reshape(v.shape[0], 3, 1).squeeze(-1),
    "{}[2, 0, 1]": lambda v: torch.index_select(v, 1, torch.tensor([2, 0, 1])),
    "outer {}": lambda v: (v[:, :, None] * v[:, None, :]).sum(1),
}
OF_JETS_ALONE: dict[str, Callable[[Any], Any]] = {
    "flipped {}": lambda v: torch.flip(v, (1,)),
    "cross {}": lambda v: torch.linalg.cross(v, torch.sin(v)),
    "rolled {}": lambda v: torch.roll(v, 1, 1),
}
"""Operations without a rule for Taylor coefficients."""


def applied(text: str, function: Callable[..., Any], *parts: Expression) -> Expression:
    return Expression(
        text.format(*(part.text for part in parts)), lambda x, y: function(*(part.function(x, y) for part in parts))
    )


@st.composite
def scalars(draw: st.DrawFn, depth: int, *, jets_alone: bool) -> Expression:
    """An expression of shape (n,)."""
    if depth == 0:
        return draw(st.sampled_from([X, Y]))
    kind = draw(st.sampled_from(["unary", "binary", "vector", "number"]))
    below = scalars(depth - 1, jets_alone=jets_alone)
    if kind == "unary":
        text, function = draw(st.sampled_from(list(UNARY.items())))
        return applied(text, function, draw(below))
    if kind == "binary":
        text, binary = draw(st.sampled_from(list(BINARY.items())))
        return applied(text, binary, draw(below), draw(below))
    if kind == "vector":
        text, function = draw(st.sampled_from(list(OF_A_VECTOR.items())))
        return applied(text, function, draw(vectors(depth - 1, jets_alone=jets_alone)))
    number = draw(st.floats(-2, 2).map(lambda c: round(c, 3)))
    return applied(f"({number} * {{}} + 1)", lambda a: number * a + 1, draw(below))


@st.composite
def vectors(draw: st.DrawFn, depth: int, *, jets_alone: bool) -> Expression:
    """An expression of shape (n, 3)."""
    if depth < 1 or draw(st.booleans()):
        parts = [draw(scalars(max(depth - 1, 0), jets_alone=jets_alone)) for _ in range(3)]
        return applied("[{}, {}, {}]", lambda *p: torch.stack([p[0] * p[1], p[1], torch.sin(p[2])], dim=-1), *parts)
    table = VECTORS | (OF_JETS_ALONE if jets_alone else {})
    text, function = draw(st.sampled_from(list(table.items())))
    inner = draw(vectors(depth - 1, jets_alone=jets_alone))
    return applied(text.replace("{}, {}", "{0}, {0}"), function, inner)


def field_of(expression: Expression) -> Callable[[Any], Any]:
    """The expression as a field: (n, 2) -> (n, outputs)."""

    def field(coords: Any) -> Any:
        value = expression.function(coords[:, 0], coords[:, 1])
        return value[:, None] if value.ndim == 1 else value

    return field


def by_autograd(expression: Expression) -> dict[tuple[int, ...], Tensor]:
    return {order: value.detach() for order, value in autograd_jets(field_of(expression), POINTS, ORDERS).items()}


def by_jets(expression: Expression) -> dict[tuple[int, ...], Tensor]:
    jet = expression.function(coordinate(FRAME, POINTS, "x"), coordinate(FRAME, POINTS, "y"))
    assert isinstance(jet, Jet)
    values = {order: jet.d(*(FRAME.columns[column] for column in order)).value for order in ORDERS}
    return {order: value.reshape(len(POINTS), -1) for order, value in values.items()}


def by_taylor(expression: Expression) -> dict[tuple[int, ...], Tensor]:
    plan = make_plan(tuple(ORDERS))
    return named(plan, taylor_pass(field_of(expression), POINTS, plan))  # type: ignore[return-value]


def assert_equal(found: dict[tuple[int, ...], Tensor], expected: dict[tuple[int, ...], Tensor]) -> None:
    for order in ORDERS:
        assert found[order].shape == expected[order].shape, order
        assert bool(expected[order].isfinite().all()), order
        scale = 1 + float(expected[order].norm())
        assert float((found[order] - expected[order]).norm()) <= 1e-9 * scale, (order, found[order], expected[order])


def hold_for_random_expressions(
    method: Callable[[Expression], dict[tuple[int, ...], Tensor]], *, examples: int, phases: tuple[Phase, ...]
) -> None:
    """Compare a method with autograd on `examples` expressions, half of them vectors."""
    alone = method is by_jets
    drawn = st.one_of(scalars(DEPTH, jets_alone=alone), vectors(DEPTH, jets_alone=alone))

    @settings(
        derandomize=True,
        deadline=None,
        max_examples=examples,
        phases=phases,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn)
    def compare(expression: Expression) -> None:
        assert_equal(method(expression), by_autograd(expression))

    compare()


EVERY = (Phase.generate, Phase.shrink)


def test_jets_of_random_expressions_equal_nested_autograd() -> None:
    hold_for_random_expressions(by_jets, examples=30, phases=EVERY)


def test_taylor_passes_through_random_expressions_equal_nested_autograd() -> None:
    hold_for_random_expressions(by_taylor, examples=50, phases=EVERY)


@pytest.mark.parametrize("text", [*UNARY, *OF_A_VECTOR, *VECTORS, *OF_JETS_ALONE])
def test_every_operation_is_right_on_its_own(text: str) -> None:
    """Each operation once, whatever hypothesis draws."""
    three = applied("[{}, {}, {}]", lambda *p: torch.stack([p[0] * p[1], p[1], torch.sin(p[2])], dim=-1), X, Y, X)
    inner = applied("{} * {}", lambda a, b: 1.3 * a * b + torch.sin(a), X, Y) if text in UNARY else three
    expression = applied(
        text.replace("{}, {}", "{0}, {0}"), (UNARY | OF_A_VECTOR | VECTORS | OF_JETS_ALONE)[text], inner
    )
    assert_equal(by_jets(expression), by_autograd(expression))
    if text not in OF_JETS_ALONE:
        assert_equal(by_taylor(expression), by_autograd(expression))


@pytest.mark.parametrize("text", BINARY)
def test_every_operation_of_two_is_right_on_its_own(text: str) -> None:
    first = applied("sin({})", lambda a: torch.sin(2 * a), X)
    second = applied("{} * {}", lambda a, b: a * b, X, Y)
    expression = applied(text, BINARY[text], first, second)
    assert_equal(by_jets(expression), by_autograd(expression))
    assert_equal(by_taylor(expression), by_autograd(expression))


class WithoutDerivative(Linear):
    """A linear function whose derivative is left out."""

    def jet(self, frame: Frame, func: Any, args: Any, kwargs: Any) -> Jet:
        return Jet(frame, lambda: func(args[0].value, *args[1:], **kwargs), lambda _: None)


def quotient_without_its_denominator(frame: Frame, a: Any, b: Any) -> Jet:
    """d(a / b) = da / b, which leaves out a term."""
    values = [side.value if isinstance(side, Jet) else side for side in (a, b)]
    return Jet(frame, lambda: values[0] / values[1], lambda column: a.d(column) / b if isinstance(a, Jet) else None)


MUTANTS: dict[str, Any] = {
    "the slope of a cosine": ("cos", Elementwise(torch.cos, torch.sin)),
    "a quotient": ("div", Own(quotient_without_its_denominator)),
    "a sum": ("sum", WithoutDerivative()),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_rule_of_jets_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    function, rule = MUTANTS[name]
    monkeypatch.setitem(RULES, function, rule)
    with pytest.raises(AssertionError):
        hold_for_random_expressions(by_jets, examples=30, phases=(Phase.generate,))


@pytest.mark.parametrize(("name", "wrong"), [("cos", "sin"), ("sub", "add"), ("cumsum", "clone")])
def test_a_wrong_rule_of_taylor_passes_is_found(name: str, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = TAYLOR_RULES[wrong]
    monkeypatch.setitem(TAYLOR_RULES, name, lambda x, *rest: rule(x, *rest) if wrong == "add" else rule(x))
    with pytest.raises(AssertionError):
        hold_for_random_expressions(by_taylor, examples=50, phases=(Phase.generate,))
