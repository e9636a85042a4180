"""Problems for the comparison with DeepXDE, each for pinnkit and as a DeepXDE model.

DeepXDE is an extra (`pip install "pinnkit[peers]"`); it is imported only where a model is built.
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
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Dirichlet, Equation, Initial

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
    """Problem for both libraries.

    Args:
        name: of the problem.
        problem: for pinnkit, with its closed form.
        operator: of its equation, by indices of the axes.
        data: function of (deepxde, residual points, points of each condition) that returns the data object of DeepXDE.
        step_target: target for the time of an Adam step of DeepXDE over that of pinnkit.
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
    inside = points - condition_points  # DeepXDE evaluates the residual on the boundary as well
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
    """True if DeepXDE is installed."""
    return importlib.util.find_spec("deepxde") is not None


def require_deepxde() -> Any:
    """Import DeepXDE with its torch backend, without its messages.

    Raises:
        ModuleNotFoundError: with the command that installs it.
        RuntimeError: where DeepXDE was loaded with a different backend.
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
    """DeepXDE model of a case: tanh network with `depth` hidden layers, Glorot uniform, Hammersley points.

    DeepXDE evaluates the residual at the points of its conditions too, so these count among the `points`.  It changes
    torch's default dtype: run the model within `quiet`, which restores it.
    """
    dde = require_deepxde()
    with quiet():
        dde.config.set_default_float(str(dtype).removeprefix("torch."))
        dde.config.set_random_seed(seed)
        net = dde.nn.FNN([2] + [width] * depth + [1], "tanh", "Glorot uniform")
        return dde.Model(case.data(dde, points, condition_points), net)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Suppress the messages of DeepXDE, and restore torch's default dtype."""
    before = torch.get_default_dtype()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        torch.set_default_dtype(before)
