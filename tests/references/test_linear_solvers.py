"""Linear systems of a grid: fast diagonalisation gives what LU gives, and is left out where it is not exact."""

import math

import numpy as np
import pytest
import torch

from pinnkit.domains import Box
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Dirichlet, Equation, Neumann, Periodic, Robin
from pinnkit.references.finite_differences import linear_solvers
from pinnkit.references.grid_methods import discretise

CELLS = (80, 72)
SQUARE = Box(x=(0, 1), y=(0, 2))


def source(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.exp(x) * torch.sin(3 * y)


def wall(**where: float) -> object:
    return SQUARE.face(**where)


DIRICHLET = [Dirichlet(SQUARE.boundary, u=lambda x, y: x * y)]
EXACT = {
    "Poisson": [Equation(lambda u, x, y: u.laplacian - source(x, y)), *DIRICHLET],
    "anisotropic Helmholtz": [Equation(lambda u, x, y: u.xx + 7 * u.yy + 30 * u - source(x, y)), *DIRICHLET],
    "a flux on one wall": [
        Equation(lambda u, x, y: u.laplacian - source(x, y)),
        Neumann(wall(x=0), u=lambda y: torch.cos(y)),
        Dirichlet(wall(x=1), u=0.0),
        Dirichlet(wall(y=0), u=0.0),
        Dirichlet(wall(y=2), u=lambda x: x),
    ],
    "Robin": [
        Equation(lambda u, x, y: u.laplacian - source(x, y)),
        Robin(wall(x=0), u=(2.0, 1.0, 3.0)),
        Dirichlet(wall(x=1), u=0.0),
        Dirichlet(wall(y=0), u=0.0),
        Neumann(wall(y=2), u=0.0),
    ],
    "periodic": [
        Equation(lambda u, x, y: u.laplacian - torch.sin(2 * math.pi * x) * y),
        Periodic("x"),
        Dirichlet(wall(y=0), u=0.0),
        Dirichlet(wall(y=2), u=1.0),
    ],
}
LEFT_TO_LU = {
    "a coefficient that varies": [Equation(lambda u, x, y: (1 + x) * u.xx + u.yy - source(x, y)), *DIRICHLET],
    "an odd derivative": [Equation(lambda u, x, y: u.laplacian + u.x - source(x, y)), *DIRICHLET],
    "a mixed derivative": [Equation(lambda u, x, y: u.laplacian + u.d("x", "y") - source(x, y)), *DIRICHLET],
}


@pytest.fixture
def factorised(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the systems that LU factorises."""
    sizes: list[int] = []
    original = linear_solvers.splu

    def counted(matrix: object, **options: object) -> object:
        sizes.append(matrix.shape[0])  # type: ignore[attr-defined]
        return original(matrix, **options)

    monkeypatch.setattr(linear_solvers, "splu", counted)
    return sizes


def values_of(terms: list, monkeypatch: pytest.MonkeyPatch, *, diagonal: bool) -> np.ndarray:
    monkeypatch.setattr(linear_solvers, "_SEPARABLE", 0 if diagonal else 10**9)
    return discretise(Problem("plate", SQUARE, "u", terms)).solve(CELLS).values["u"]


@pytest.mark.parametrize("terms", EXACT.values(), ids=EXACT.keys())
def test_fast_diagonalisation_gives_the_values_of_lu(
    terms: list, monkeypatch: pytest.MonkeyPatch, factorised: list[int]
) -> None:
    expected = values_of(terms, monkeypatch, diagonal=False)
    assert max(factorised) > 5000
    factorised.clear()
    found = values_of(terms, monkeypatch, diagonal=True)
    assert max(factorised, default=0) < 500  # the walls' own rows alone
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10 * np.abs(expected).max())


@pytest.mark.parametrize("terms", LEFT_TO_LU.values(), ids=LEFT_TO_LU.keys())
def test_other_operators_are_left_to_lu(terms: list, monkeypatch: pytest.MonkeyPatch, factorised: list[int]) -> None:
    values_of(terms, monkeypatch, diagonal=True)
    assert max(factorised) > 5000


def test_a_singular_system_is_refused_as_by_lu(monkeypatch: pytest.MonkeyPatch) -> None:
    terms = [Equation(lambda u, x, y: u.laplacian - source(x, y)), Neumann(SQUARE.boundary, u=0.0)]
    for diagonal in (False, True):
        with pytest.raises(Unsupported, match="singular"):
            values_of(terms, monkeypatch, diagonal=diagonal)
