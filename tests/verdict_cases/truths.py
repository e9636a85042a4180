"""Numerical truths that share nothing with the package: scipy's integrators, Fourier methods, quadrature."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad, solve_ivp
from scipy.special import roots_hermite

__all__ = ["burgers", "by_quadrature", "on_a_ring", "trajectory"]

Array = NDArray[np.float64]
Coordinates = Mapping[str, Array]


def trajectory(
    rate: Callable[[float, Array], Any],
    start: Sequence[float],
    until: float,
    names: Sequence[str],
    method: str = "DOP853",
    rtol: float = 1e-12,
    atol: float = 1e-13,
) -> Callable[[Coordinates], dict[str, Array]]:
    """Truth of an initial-value problem y' = rate(t, y) from t = 0.

    Args:
        rate: right-hand side.
        start: y(0).
        until: end of time.
        names: unknowns that are the first entries of y.
        method: of `scipy.integrate.solve_ivp`.
        rtol: relative tolerance.
        atol: absolute tolerance.
    """

    @cache
    def dense() -> Any:
        found = solve_ivp(rate, (0, until), start, method=method, rtol=rtol, atol=atol, dense_output=True)
        if not found.success:
            raise RuntimeError(f"truth: {found.message}")
        return found.sol

    return lambda at: {name: dense()(np.ravel(at["t"]))[i] for i, name in enumerate(names)}


def on_a_ring(
    rate: Callable[..., Sequence[Array]],
    start: Sequence[Callable[[Array], Array]],
    span: tuple[float, float],
    until: float,
    names: Sequence[str],
    modes: int = 256,
    method: str = "BDF",
    rtol: float = 1e-9,
) -> Callable[[Coordinates], dict[str, Array]]:
    """Truth of a periodic evolution problem by a Fourier pseudo-spectral method in space.

    Args:
        rate: ``(d, *unknowns) -> rates``, where ``d(u, k)`` is the k-th derivative of values on the grid.
        start: initial states as functions of x.
        span: ends of the ring.
        until: end of time.
        names: unknowns, in the order of `start`.
        modes: number of grid points.
        method: of `scipy.integrate.solve_ivp`.
        rtol: relative tolerance of the integrator.
    """
    length = span[1] - span[0]
    x = span[0] + length * np.arange(modes) / modes
    wave = 2j * np.pi / length * np.fft.rfftfreq(modes, 1 / modes)

    def d(u: Array, order: int) -> Array:
        return np.fft.irfft(wave**order * np.fft.rfft(u), modes)

    @cache
    def dense() -> Any:
        def flat(_: float, y: Array) -> Array:
            return np.concatenate(rate(d, *np.split(y, len(names))))

        y0 = np.concatenate([f(x) for f in start])
        found = solve_ivp(flat, (0, until), y0, method=method, rtol=rtol, atol=rtol * 1e-2, dense_output=True)
        if not found.success:
            raise RuntimeError(f"truth: {found.message}")
        return found.sol

    def truth(at: Coordinates) -> dict[str, Array]:
        states = dense()(np.ravel(at["t"]))  # (unknowns * modes, n)
        phase = np.exp(np.outer(wave, np.ravel(at["x"]) - span[0]))  # (frequencies, n)
        weight = np.full((len(wave), 1), 2.0)
        weight[0] = weight[-1] = 1.0
        return {
            name: ((weight * np.fft.rfft(states[i * modes : (i + 1) * modes], axis=0) * phase).real.sum(axis=0)) / modes
            for i, name in enumerate(names)
        }

    return truth


def burgers(nu: float, nodes: int = 200) -> Callable[[Coordinates], dict[str, Array]]:
    """Truth of u_t + u u_x = nu u_xx from -sin(pi x), by the Cole-Hopf integral and Gauss-Hermite quadrature.

    Source: Basdevant et al., Spectral and finite difference solutions of the Burgers equation, Comput. Fluids 14
    (1986) 23, eq. (2.5).
    """
    z, w = roots_hermite(nodes)

    def truth(at: Coordinates) -> dict[str, Array]:
        x, t = np.ravel(at["x"])[:, None], np.ravel(at["t"])[:, None]
        place = x - np.sqrt(4 * nu * t) * z
        exponent = -np.cos(np.pi * place) / (2 * np.pi * nu)
        factor = w * np.exp(exponent - exponent.max(axis=1, keepdims=True))
        return {"u": -(np.sin(np.pi * place) * factor).sum(axis=1) / factor.sum(axis=1)}

    return truth


def by_quadrature(slope: Callable[[float], float], start: float, end: float, name: str = "u") -> Callable[..., Any]:
    """Truth u(x) = integral of `slope` from `start` to x, adaptively, tabulated by a fine cubic spline."""
    from scipy.interpolate import CubicSpline

    @cache
    def spline() -> Any:
        x = np.linspace(start, end, 2001)
        pieces = [quad(slope, a, b, epsabs=1e-15, epsrel=1e-13)[0] for a, b in pairwise(x)]
        return CubicSpline(x, np.concatenate([[0.0], np.cumsum(pieces)]))

    return lambda at: {name: spline()(np.ravel(at["x"]))}
