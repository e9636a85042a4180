"""Shared by the tests of the Taylor pass: derivatives to compare, fields to differentiate, and the comparison."""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pinnkit.jets.evaluation import jets
from pinnkit.jets.orders import Channel, Operator

COLUMNS = 3
ALL_ORDERS: list[Channel] = [
    order for length in range(5) for order in itertools.combinations_with_replacement(range(COLUMNS), length)
]
LAPLACIAN = Operator(((1.0, (0, 0)), (1.0, (1, 1))))
HEAT = Operator(((1.0, (2,)), (-0.3, (0, 0)), (-0.3, (1, 1))))
TRANSPORT = Operator(((1.0, (2,)), (2.0, (0,))))
DISPERSIVE = Operator(((1.0, (2,)), (0.7, (0,)), (-1.5, (0, 0, 0)), (0.4, (0, 1, 1))))
BIHARMONIC = Operator(((1.0, (0, 0, 0, 0)), (2.0, (0, 0, 1, 1)), (1.0, (1, 1, 1, 1)), (-0.5, (0, 1)), (3.0, (1,))))
OPERATORS: list[Channel] = [LAPLACIAN, HEAT, TRANSPORT, DISPERSIVE, BIHARMONIC]


class Function(nn.Module):
    """A module around a function of the coordinates."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Sine(nn.Module):
    def __init__(self, omega):
        super().__init__()
        self.omega = omega

    def forward(self, x):
        return torch.sin(self.omega * x)


def points(n: int = 7, *, seed: int = 1) -> Tensor:
    return torch.rand(n, COLUMNS, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) - 0.4


def network(*activations: nn.Module, width: int = 5, outputs: int = 2, seed: int = 0) -> nn.Sequential:
    """Linear layers with `activations` between them, weights of order one."""
    generator = torch.Generator().manual_seed(seed)
    layers: list[nn.Module] = []
    inputs = COLUMNS
    for activation in activations:
        layers += [_linear(inputs, width, generator), activation]
        inputs = width
    return nn.Sequential(*layers, _linear(inputs, outputs, generator))


def _linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    layer = nn.Linear(inputs, outputs, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(outputs, inputs, dtype=torch.float64, generator=generator) / inputs**0.5)
        layer.bias.copy_(0.3 * torch.randn(outputs, dtype=torch.float64, generator=generator))
    return layer


def difference(found: Tensor, expected: Tensor) -> float:
    """Relative difference in the 2-norm; absolute where the expected tensor vanishes."""
    assert found.shape == expected.shape
    norm = expected.norm().item()
    return (found - expected).norm().item() / (norm if norm > 1e-12 else 1.0)


def worst_difference(field, coords: Tensor, orders: Sequence[Channel]) -> float:
    """The largest difference between Taylor pass and autograd over all channels."""
    found = jets(field, coords, orders)
    expected = jets(field, coords, orders, derivatives="autograd")
    assert list(found) == list(dict.fromkeys(orders))
    return max(difference(found[order], expected[order]) for order in orders)


def parameter_gradient(field: nn.Module, coords: Tensor, orders: Sequence[Channel], derivatives: str) -> Tensor:
    """Gradient of a nonlinear loss of all channels, flat."""
    found = jets(field, coords, orders, derivatives=derivatives)
    loss = sum((tensor.square() + 0.1 * tensor).mean() for tensor in found.values())
    gradients = torch.autograd.grad(loss, list(field.parameters()), allow_unused=True, materialize_grads=True)
    return torch.cat([gradient.flatten() for gradient in gradients])
