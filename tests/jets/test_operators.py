"""Operators on jets against formulas worked out by hand, and against identities that hold for every function."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from pinnkit.jets import Frame, Jet, curl, div, grad, hessian, laplacian, normal_derivative
from pinnkit.jets.jet import constant, coordinate

PLANE = Frame(columns=("x", "y", "t"), space=("x", "y"))
SPACE = Frame(columns=("x", "y", "z"), space=("x", "y", "z"))
TIME = Frame(columns=("t",), space=())


def axes(frame: Frame, n: int = 20) -> tuple[Any, ...]:
    generator = torch.Generator().manual_seed(0)
    coords = torch.rand(n, len(frame.columns), generator=generator, dtype=torch.float64)
    return tuple(coordinate(frame, coords, name) for name in frame.columns)


def close(found: Any, expected: Any) -> bool:
    a, b = (v.value if isinstance(v, Jet) else v for v in (found, expected))
    return a.shape == b.shape and bool(((a - b).abs() <= 1e-12 * (1 + b.abs())).all())


def wavy(x: Any, y: Any, z: Any) -> Any:
    return torch.sin(2 * x + y) * torch.exp(z) + x * y * z**3


def test_div_of_k_grad_u_keeps_the_gradient_of_k() -> None:
    x, y, t = axes(PLANE)
    k, u = 1 + x + y**2, torch.sin(x) * torch.exp(y) * t
    expected = k * (u.xx + u.yy) + 1.0 * u.x + 2 * y * u.y
    assert close(div(k * grad(u)), expected)
    assert not close(div(k * grad(u)), k * laplacian(u))


def test_div_grad_is_the_laplacian_and_counts_no_time() -> None:
    x, y, t = axes(PLANE)
    u = torch.sin(x) * y**3 * torch.cos(5 * t)
    assert close(div(grad(u)), laplacian(u))
    assert close(laplacian(u), (-torch.sin(x) * y**3 + 6 * torch.sin(x) * y) * torch.cos(5 * t))


def test_the_biharmonic_operator_is_the_laplacian_twice() -> None:
    x, y, _ = axes(PLANE)
    u = torch.sin(2 * x) * torch.cos(3 * y)
    assert close(laplacian(laplacian(u)), 169 * u)
    assert close(u.xxxx + 2 * u.xxyy + u.yyyy, 169 * u)


def test_the_curl_of_a_gradient_vanishes() -> None:
    assert close(curl(grad(wavy(*axes(SPACE)))), torch.zeros(20, 3, dtype=torch.float64))
    x, y, _ = axes(PLANE)
    assert close(curl(grad(torch.sin(x * y))), torch.zeros(20, dtype=torch.float64))


def test_the_divergence_of_a_curl_vanishes() -> None:
    x, y, z = axes(SPACE)
    flow = torch.stack([wavy(x, y, z), wavy(y, z, x), wavy(z, x, x * y)], dim=-1)
    assert close(div(curl(flow)), torch.zeros(20, dtype=torch.float64))


def test_curl_of_curl_is_grad_div_minus_laplacian() -> None:
    x, y, z = axes(SPACE)
    flow = torch.stack([wavy(x, y, z), wavy(y, z, x), wavy(z, x, x * y)], dim=-1)
    assert close(curl(curl(flow)), grad(div(flow)) - laplacian(flow))


def test_the_curl_of_a_rotation_is_twice_its_rate() -> None:
    x, y, _ = axes(PLANE)
    assert close(curl(torch.stack([-y, x], dim=-1)), 2 * torch.ones(20, dtype=torch.float64))
    x, y, z = axes(SPACE)
    spin = curl(torch.stack([-y, x, 0 * z], dim=-1))
    assert close(spin, torch.tensor([0.0, 0.0, 2.0], dtype=torch.float64).expand(20, 3))


def test_the_hessian_is_symmetric_and_its_trace_is_the_laplacian() -> None:
    u = wavy(*axes(SPACE))
    h = hessian(u).value
    assert h.shape == (20, 3, 3)
    assert torch.allclose(h, h.transpose(1, 2), rtol=1e-13)
    assert close(h.diagonal(dim1=1, dim2=2).sum(-1), laplacian(u))
    assert close(h[:, 0, 2], u.xz)


def test_operators_act_on_each_component_of_a_vector() -> None:
    x, y, z = axes(SPACE)
    flow = torch.stack([wavy(x, y, z), wavy(y, z, x)], dim=-1)
    assert grad(flow).shape == (20, 2, 3)
    assert laplacian(flow).shape == (20, 2)
    assert close(laplacian(flow)[1], laplacian(wavy(y, z, x)))
    assert close(grad(flow)[:, 0], grad(wavy(x, y, z)))


def test_the_normal_derivative_is_the_gradient_times_the_normal() -> None:
    x, y, t = axes(PLANE)
    n: Tensor = torch.tensor([0.6, -0.8], dtype=torch.float64).expand(20, 2)
    u = torch.sin(x) * y * t
    expected = (grad(u).value * n).sum(-1)
    assert close(normal_derivative(u, n), expected)
    assert close(normal_derivative(u, constant(PLANE, n)), expected)
    vector = torch.stack([u, x * y], dim=-1)
    assert close(normal_derivative(vector, n), torch.stack([expected, (grad(x * y).value * n).sum(-1)], dim=-1))


def test_the_p_laplacian_and_the_infinity_laplacian_of_a_cone() -> None:
    """|x| in the plane: its gradient has norm 1 and its level curves have curvature 1/|x|."""
    x, y, _ = axes(PLANE)
    r = torch.sqrt(x**2 + y**2)
    assert close(torch.linalg.vector_norm(grad(r), dim=-1), torch.ones(20, dtype=torch.float64))
    assert close(div(grad(r) / torch.linalg.vector_norm(grad(r), dim=-1)), 1 / r)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x, y, t: div(x * y * t), ValueError, r"div: .*\('x', 'y'\).* got shape \(n\).* grad"),
        (lambda x, y, t: div(torch.stack([x, y, t], dim=-1)), ValueError, r"shape \(n, 2\).*got shape \(n, 3\)"),
        (lambda x, y, t: curl(torch.stack([x, y, t], dim=-1)), ValueError, r"curl: .*\('x', 'y'\).*got shape \(n, 3\)"),
        (lambda x, y, t: curl(x + y + t), ValueError, r"curl: .*got shape \(n\)"),
        (lambda x, y, t: laplacian((x * y * t).detach()), TypeError, "laplacian: expected a jet, got Tensor.*detached"),
        (lambda x, y, t: grad(math.pi * 1.0 + 0 * x.value + y.value + t.value), TypeError, "grad: expected a jet"),
        (lambda x, y, t: normal_derivative(x.value * y * 0 + t, y), ValueError, r"normal_derivative: .*shape \(n, 2\)"),
        (lambda x, y, t: normal_derivative(x.value * y.value + t.value, y), TypeError, "expected a jet"),
    ],
)
def test_operators_say_what_they_expected(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call(*axes(PLANE))


@pytest.mark.parametrize("operator", [grad, laplacian, hessian, div, curl, lambda u: normal_derivative(u, u)])
def test_space_operators_of_a_function_of_time_are_refused(operator: Any) -> None:
    (t,) = axes(TIME)
    with pytest.raises(ValueError, match="no space axes"):
        operator(t * t)
