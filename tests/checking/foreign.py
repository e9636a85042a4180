"""Solutions as other programs give them: finite elements, spectral methods, time stepping, noisy tables, networks."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from scipy.integrate import solve_ivp
from scipy.sparse import coo_array
from scipy.sparse.linalg import spsolve
from scipy.spatial import Delaunay
from torch import nn

from pinnkit.domains import Box
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Dirichlet, Equation, Initial, Neumann

PI = math.pi
ROD = Box(x=(0, 1), t=(0, 1))
UNIT = Box(x=(0, 1), y=(0, 1))


# problems -----------------------------------------------------------------------------------------------------------
def heat() -> Problem:
    terms = [
        Equation(lambda u: u.t - u.xx / PI**2),
        Dirichlet(ROD.boundary, u=0.0),
        Initial(u=lambda x: torch.sin(PI * x)),
    ]
    return Problem("heat", ROD, "u", terms)


def poisson() -> Problem:
    terms = [
        Equation(lambda u, x, y: -u.laplacian - 2 * PI**2 * torch.sin(PI * x) * torch.sin(PI * y)),
        Dirichlet(UNIT.boundary, u=0.0),
    ]
    return Problem("poisson", UNIT, "u", terms)


def tilted() -> Problem:
    """A wall at 1, the opposite one at 0, and no symmetry."""
    terms = [
        Equation(lambda u, x: -u.laplacian - 4 * x),
        Dirichlet(UNIT.face(x=0), u=1.0),
        Dirichlet(UNIT.face(x=1), u=0.0),
        Neumann(UNIT.face(y=0), u=0.0),
        Neumann(UNIT.face(y=1), u=0.0),
    ]
    return Problem("tilted", UNIT, "u", terms)


def tilted_values(x):
    return 1 - x / 3 - 2 * x**3 / 3


def insulated_rod() -> Problem:
    terms = [
        Equation(lambda u: u.t - u.xx / PI**2),
        Neumann(ROD.boundary, u=0.0),
        Initial(u=lambda x: 2 + torch.cos(PI * x)),
    ]
    return Problem("insulated", ROD, "u", terms)


def swing() -> Problem:
    box = Box(t=(0, 6))
    terms = [Equation(lambda u, v: (u.t - v, v.t + 4 * torch.sin(u.value))), Initial(u=1.0, v=0.0)]
    return Problem("swing", box, ["u", "v"], terms)


def layer(eps=0.1) -> Problem:
    """Steady Allen-Cahn equation between its phases."""
    box = Box(x=(-1, 1))
    terms = [
        Equation(lambda u: eps**2 * u.xx + u - u**3),
        Dirichlet(box.boundary, u=lambda x: torch.tanh(x / (math.sqrt(2) * eps))),
    ]
    return Problem("layer", box, "u", terms)


def steep() -> Problem:
    """A fast oscillation."""
    box = Box(x=(0, 1))
    f = (12 * PI) ** 2
    terms = [Equation(lambda u, x: -u.xx - f * torch.sin(12 * PI * x)), Dirichlet(box.boundary, u=0.0)]
    return Problem("steep", box, "u", terms)


# other programs -----------------------------------------------------------------------------------------------------
def grid(nx: int, nt: int, noise: float = 0.0) -> dict[str, np.ndarray]:
    """Values of the heat problem on a grid, with noise."""
    x, t = np.linspace(0, 1, nx), np.linspace(0, 1, nt)
    u = np.sin(PI * x)[:, None] * np.exp(-t)[None, :]
    return dict(x=x, t=t, u=u + noise * np.random.default_rng(1).standard_normal(u.shape))


def crank_nicolson(nx: int = 41, nt: int = 81) -> dict[str, np.ndarray]:
    """The heat problem by central differences and the trapezoidal rule."""
    x, t = np.linspace(0, 1, nx), np.linspace(0, 1, nt)
    h, k = x[1] - x[0], t[1] - t[0]
    second = (np.diag(np.ones(nx - 3), -1) - 2 * np.eye(nx - 2) + np.diag(np.ones(nx - 3), 1)) / (h * PI) ** 2
    left, right = np.eye(nx - 2) - k / 2 * second, np.eye(nx - 2) + k / 2 * second
    u = np.zeros((nx, nt))
    u[:, 0] = np.sin(PI * x)
    for i in range(nt - 1):
        u[1:-1, i + 1] = np.linalg.solve(left, right @ u[1:-1, i])
    return dict(x=x, t=t, u=u)


def finite_elements(n: int = 24) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes, triangles and nodal values of the Poisson problem by linear elements on an irregular mesh."""
    side = np.linspace(0, 1, n + 1)
    points = np.stack([m.reshape(-1) for m in np.meshgrid(side, side, indexing="ij")], axis=1)
    wall = ((points == 0) | (points == 1)).any(axis=1)
    points[~wall] += 0.25 / n * np.random.default_rng(0).uniform(-1, 1, (int((~wall).sum()), 2))
    triangles = Delaunay(points).simplices
    rows, columns, entries = [], [], []
    load = np.zeros(len(points))
    for triangle in triangles:
        p = points[triangle]
        edges = np.stack([p[2] - p[1], p[0] - p[2], p[1] - p[0]])
        area = 0.5 * abs(edges[0, 0] * edges[1, 1] - edges[0, 1] * edges[1, 0])
        if area < 1e-12:
            continue
        local = edges @ edges.T / (4 * area)
        for a in range(3):
            middle = (p[a] + p[(a + 1) % 3]) / 2
            f = 2 * PI**2 * np.sin(PI * middle[0]) * np.sin(PI * middle[1]) * area / 3
            load[triangle[a]] += f / 2
            load[triangle[(a + 1) % 3]] += f / 2
            for b in range(3):
                rows.append(triangle[a])
                columns.append(triangle[b])
                entries.append(local[a, b])
    matrix = coo_array((entries, (rows, columns)), shape=(len(points),) * 2).tocsr()
    u = np.zeros(len(points))
    free = np.flatnonzero(~wall)
    u[free] = spsolve(matrix[free][:, free].tocsc(), load[free])
    return points, triangles, u


def chebyshev(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes on [-1, 1] and the differentiation matrix (Trefethen, Spectral Methods in MATLAB, program cheb)."""
    x = np.cos(PI * np.arange(n + 1) / n)
    c = np.where(np.isin(np.arange(n + 1), (0, n)), 2.0, 1.0) * (-1.0) ** np.arange(n + 1)
    gaps = x[:, None] - x[None, :] + np.eye(n + 1)
    d = np.outer(c, 1 / c) / gaps
    return x, d - np.diag(d.sum(axis=1))


def spectral_layer(n: int = 64, eps: float = 0.1) -> dict[str, np.ndarray]:
    """The layer problem by Chebyshev collocation and Newton's method."""
    x, d = chebyshev(n)
    second = d @ d
    u = np.tanh(2 * x)
    u[[0, -1]] = np.tanh(x[[0, -1]] / (math.sqrt(2) * eps))
    inner = slice(1, n)
    for _ in range(30):
        r = eps**2 * (second @ u) + u - u**3
        jacobian = eps**2 * second[inner, inner] + np.diag(1 - 3 * u[inner] ** 2)
        u[inner] -= np.linalg.solve(jacobian, r[inner])
    return dict(x=x, u=u)


def spectral_poisson(n: int = 16) -> dict[str, np.ndarray]:
    """The Poisson problem by Chebyshev collocation."""
    x, d = chebyshev(n)
    side = (x + 1) / 2
    second = (4 * d @ d)[1:n, 1:n]
    eye = np.eye(n - 1)
    inside = np.sin(PI * side[1:n])
    u = np.zeros((n + 1, n + 1))
    right = 2 * PI**2 * np.outer(inside, inside).reshape(-1)
    u[1:n, 1:n] = np.linalg.solve(-np.kron(second, eye) - np.kron(eye, second), right).reshape(n - 1, n - 1)
    return dict(x=side, y=side, u=u)


def time_steps(count: int = 200) -> dict[str, np.ndarray]:
    """The pendulum by Runge-Kutta steps."""
    t = np.linspace(0, 6, count)
    found = solve_ivp(lambda _t, y: [y[1], -4 * np.sin(y[0])], (0, 6), [1.0, 0.0], t_eval=t, rtol=1e-9, atol=1e-10)
    return dict(t=t, u=found.y[0], v=found.y[1])


class FNN(nn.Module):
    """The fully connected network of DeepXDE's torch backend, with the names of its weights."""

    def __init__(self, sizes=(2, 120, 1), dtype=torch.float64) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.linears = nn.ModuleList(nn.Linear(a, b, dtype=dtype) for a, b in pairwise(sizes))

    def forward(self, x):
        for linear in self.linears[:-1]:
            x = torch.tanh(linear(x))
        return self.linears[-1](x)


def fitted_network(values: Callable, columns: int = 2, dtype=torch.float64) -> FNN:
    """A network whose last layer is fitted to a function of points in the unit square."""
    network = FNN((columns, 120, 1), dtype=torch.float64)
    with torch.no_grad():
        network.linears[0].weight.mul_(3.0)
        network.linears[0].bias.mul_(3.0)
        at = torch.rand(1500, columns, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        hidden = torch.cat([torch.tanh(network.linears[0](at)), torch.ones(len(at), 1, dtype=torch.float64)], dim=1)
        weights = torch.linalg.lstsq(hidden, values(at)[:, None], rcond=1e-13, driver="gelsd").solution[:, 0]
        network.linears[1].weight.copy_(weights[None, :-1])
        network.linears[1].bias.copy_(weights[-1:])
    return network.to(dtype)


def heat_network(dtype=torch.float64) -> FNN:
    return fitted_network(lambda p: torch.sin(PI * p[:, 0]) * torch.exp(-p[:, 1]), dtype=dtype)


def checkpoint(path: Path, network: nn.Module) -> Path:
    """The file that DeepXDE's `model.save` writes."""
    torch.save({"model_state_dict": network.state_dict(), "optimizer_state_dict": {"state": {}}}, path)
    return path


def write_csv(path: Path, table: dict[str, np.ndarray]) -> Path:
    """One row a point; axes of a grid are spread."""
    *axes, last = table
    if table[last].ndim > 1:
        mesh = np.meshgrid(*(table[a] for a in axes), indexing="ij")
        table = {**{a: m.reshape(-1) for a, m in zip(axes, mesh, strict=True)}, last: table[last].reshape(-1)}
    np.savetxt(path, np.stack(list(table.values()), axis=1), delimiter=",", header=",".join(table), comments="")
    return path
