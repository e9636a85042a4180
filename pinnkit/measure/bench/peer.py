"""The two problems that pinnkit is measured on beside DeepXDE, and the same two as DeepXDE models.

DeepXDE is an extra (`pip install "pinnkit[peers]"`); it is loaded where a model of it is built, and nowhere else.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pinnkit.domains import Box
from pinnkit.jets.orders import Operator
from pinnkit.problem import Problem
from pinnkit.terms import Dirichlet, Equation, Initial

__all__ = ["CASES", "PeerCase", "deepxde_model", "has_deepxde", "quiet", "require_deepxde"]

_ALPHA = 1 / math.pi**2
_SQUARE = Box(x=(0, 1), y=(0, 1))
_ROD = Box(x=(0, 1), t=(0, 1))


def _bump(x: Tensor, y: Tensor) -> Tensor:
    return torch.sin(math.pi * x) * torch.sin(math.pi * y)


def _modes(x: Tensor) -> Tensor:
    return torch.sin(math.pi * x) + 0.5 * torch.sin(3 * math.pi * x)


def _decaying(x: Tensor, t: Tensor) -> Tensor:
    return torch.sin(math.pi * x) * torch.exp(-t) + 0.5 * torch.sin(3 * math.pi * x) * torch.exp(-9 * t)


@dataclass(frozen=True)
class PeerCase:
    """One problem in both languages.

    Args:
        name: of the problem.
        problem: in pinnkit's, with its closed form.
        operator: of its equation, by indices of the axes.
        data: DeepXDE's data object from (deepxde, residual points, points of each condition).
        step_target: how many times faster than DeepXDE's an Adam step should be.
    """

    name: str
    problem: Problem
    operator: Operator
    data: Callable[[Any, int, int], Any]
    step_target: float


def _poisson(dde: Any, points: int, condition_points: int) -> Any:
    def residual(x: Tensor, u: Tensor) -> Tensor:
        u_xx, u_yy = (dde.grad.hessian(u, x, i=i, j=i) for i in range(2))
        return -u_xx - u_yy - 2 * math.pi**2 * _bump(x[:, :1], x[:, 1:])

    geometry = dde.geometry.Rectangle([0, 0], [1, 1])
    walls = dde.icbc.DirichletBC(geometry, lambda _: 0, lambda _, on_boundary: on_boundary)
    inside = points - condition_points  # DeepXDE takes the residual on the walls as well
    return dde.data.PDE(geometry, residual, walls, num_domain=inside, num_boundary=condition_points)


def _heat(dde: Any, points: int, condition_points: int) -> Any:
    def residual(x: Tensor, u: Tensor) -> Tensor:
        u_t = dde.grad.jacobian(u, x, i=0, j=1)
        return u_t - _ALPHA * dde.grad.hessian(u, x, i=0, j=0)

    def start(x: Any) -> Any:
        return np.sin(np.pi * x[:, :1]) + 0.5 * np.sin(3 * np.pi * x[:, :1])

    geometry = dde.geometry.GeometryXTime(dde.geometry.Interval(0, 1), dde.geometry.TimeDomain(0, 1))
    ends = dde.icbc.DirichletBC(geometry, lambda _: 0, lambda _, on_boundary: on_boundary)
    begin = dde.icbc.IC(geometry, start, lambda _, on_initial: on_initial)
    return dde.data.TimePDE(
        geometry,
        residual,
        [ends, begin],
        num_domain=points - 2 * condition_points,
        num_boundary=condition_points,
        num_initial=condition_points,
    )


CASES: tuple[PeerCase, ...] = (
    PeerCase(
        "Poisson 2-D",
        Problem(
            name="poisson",
            domain=_SQUARE,
            unknowns="u",
            terms=[
                Equation(lambda u, x, y: -u.laplacian - 2 * math.pi**2 * _bump(x, y)),
                Dirichlet(_SQUARE.boundary, u=0.0),
            ],
            exact={"u": _bump},
        ),
        Operator(((-1.0, (0, 0)), (-1.0, (1, 1)))),
        _poisson,
        2.0,
    ),
    PeerCase(
        "heat 1-D",
        Problem(
            name="heat",
            domain=_ROD,
            unknowns="u",
            terms=[
                Equation(lambda u: u.t - _ALPHA * u.xx),
                Dirichlet(_ROD.boundary, u=0.0),
                Initial(u=_modes),
            ],
            exact={"u": _decaying},
        ),
        Operator(((1.0, (1,)), (-_ALPHA, (0, 0)))),
        _heat,
        1.5,
    ),
)


def has_deepxde() -> bool:
    """Whether DeepXDE is installed."""
    return importlib.util.find_spec("deepxde") is not None


def require_deepxde() -> Any:
    """DeepXDE on its torch backend, on the CPU, without what it prints when it is loaded.

    Raises:
        ModuleNotFoundError: with the command that installs it.
    """
    if not has_deepxde():
        raise ModuleNotFoundError('DeepXDE is not installed; pip install "pinnkit[peers]" installs it')
    os.environ.setdefault("DDE_BACKEND", "pytorch")
    with quiet():
        import deepxde as dde

    if dde.backend.backend_name != "pytorch":
        raise RuntimeError(f"DeepXDE must run on torch here, its backend is {dde.backend.backend_name}")
    return dde


def deepxde_model(
    case: PeerCase, *, width: int, depth: int, points: int, condition_points: int, dtype: torch.dtype, seed: int
) -> Any:
    """A DeepXDE model of the case: tanh network of `depth` hidden layers, Glorot uniform, Hammersley points.

    DeepXDE takes the residual at the points of its conditions too, so these are among the `points`.  Its float type and
    torch's default dtype are global: wrap what runs the model in `quiet` to have the latter set back.
    """
    dde = require_deepxde()
    with quiet():
        dde.config.set_default_float(str(dtype).removeprefix("torch."))
        dde.config.set_random_seed(seed)
        net = dde.nn.FNN([2] + [width] * depth + [1], "tanh", "Glorot uniform")
        return dde.Model(case.data(dde, points, condition_points), net)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without DeepXDE's messages, and with torch's default dtype as it was afterwards."""
    before = torch.get_default_dtype()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        torch.set_default_dtype(before)
