"""Functions on a cubic grid: what they reproduce, their gradient, beyond their cube."""

import pytest
import torch

from pinnkit.surfaces import GridField


def nodes(r: int, lower: float = -1.0, upper: float = 1.0) -> tuple[torch.Tensor, ...]:
    axis = torch.linspace(lower, upper, r, dtype=torch.float64)
    return torch.meshgrid(axis, axis, axis, indexing="ij")


def inside(n: int) -> torch.Tensor:
    return 1.5 * torch.rand(n, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 0.75


def test_cubic_interpolation_reproduces_quadratics_and_their_gradient() -> None:
    x, y, z = nodes(17)
    field = GridField(x**2 - 2 * x * y + z * y + 3 * z - 1, (-1, -1, -1), (1, 1, 1))
    p = inside(200)
    a, b, c = p.unbind(1)
    assert torch.allclose(field(p), a**2 - 2 * a * b + c * b + 3 * c - 1, atol=1e-12)
    assert torch.allclose(field.gradient(p), torch.stack([2 * a - 2 * b, -2 * a + c, b + 3], 1), atol=1e-11)


def test_multilinear_interpolation_reproduces_the_products_of_coordinates_but_not_squares() -> None:
    x, y, z = nodes(9)
    p = inside(200)
    a, b, c = p.unbind(1)
    assert torch.allclose(GridField(x * y * z + 2 * y, (-1,) * 3, (1,) * 3, order=1)(p), a * b * c + 2 * b, atol=1e-12)
    assert not torch.allclose(GridField(x**2, (-1,) * 3, (1,) * 3, order=1)(p), a**2, atol=1e-3)


@pytest.mark.parametrize("order", [1, 3])
def test_the_gradient_is_that_of_automatic_differentiation_inside_and_outside(order: int) -> None:
    x, y, z = nodes(12)
    field = GridField(torch.sin(2 * x) * torch.cos(y + z), (-1,) * 3, (1,) * 3, order=order)
    p = (2 * inside(300)).requires_grad_()
    assert ((p.abs() > 1).any(1)).any()
    (slope,) = torch.autograd.grad(field(p).sum(), p)
    assert torch.allclose(slope, field.gradient(p.detach()), atol=1e-12)


def test_cubic_interpolation_is_of_third_order() -> None:
    p = inside(400)
    errors = []
    for r in (17, 33, 65):
        x, y, z = nodes(r)
        field = GridField(torch.sin(3 * x + y) * torch.cos(2 * z), (-1,) * 3, (1,) * 3)
        truth = torch.sin(3 * p[:, 0] + p[:, 1]) * torch.cos(2 * p[:, 2])
        errors.append(float((field(p) - truth).square().mean().sqrt()))
    rates = torch.log2(torch.tensor(errors[:-1]) / torch.tensor(errors[1:]))
    assert (rates > 2.75).all()


def test_a_field_in_the_plane_has_rows_of_two() -> None:
    axis = torch.linspace(0, 2, 9, dtype=torch.float64)
    x, y = torch.meshgrid(axis, axis, indexing="ij")
    field = GridField(x + 10 * y, (0, 0), (2, 2))
    assert torch.allclose(field(torch.tensor([[0.3, 1.7]], dtype=torch.float64)), torch.tensor([17.3]).double())


def test_outside_the_cube_the_distance_to_it_is_added() -> None:
    x, _, _ = nodes(9)
    field = GridField(0 * x + 0.25, (-1,) * 3, (1,) * 3)
    assert field(torch.tensor([[4.0, 5.0, 0.0]])).tolist() == [5.25]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda v: GridField(v[:, :, :3], (-1,) * 3, (1,) * 3), ["cube", "(5, 5, 3)"]),
        (lambda v: GridField(v / 0, (-1,) * 3, (1,) * 3), ["finite"]),
        (lambda v: GridField(v, (-1, -1), (1, 1)), ["3 numbers"]),
        (lambda v: GridField(v, (1,) * 3, (-1,) * 3), ["below"]),
        (lambda v: GridField(v, (-1,) * 3, (1,) * 3, order=2), ["order", "got 2"]),
        (lambda v: GridField(v, (-1,) * 3, (1,) * 3)(torch.zeros(4, 2)), ["(n, 3)", "(4, 2)"]),
    ],
)
def test_what_does_not_fit_is_refused(call, words) -> None:
    with pytest.raises(ValueError, match="GridField") as said:
        call(torch.zeros(5, 5, 5))
    assert all(w in str(said.value) for w in words)
