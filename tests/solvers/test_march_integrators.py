"""Integrators of a march: orders of accuracy of Radau and of exponential collocation, digits of their functions."""

import math

import numpy as np
import pytest
import torch

from pinnkit import Box, Equation, Initial, Periodic, Problem
from pinnkit.solvers import ExponentialRK
from pinnkit.solvers.method_of_lines.phi_functions import collocation_weights, lobatto_nodes, phi
from pinnkit.solvers.method_of_lines.radau import radau_step, radau_tableau
from pinnkit.solvers.method_of_lines.semidiscretization import Rates
from pinnkit.solvers.method_of_lines.state_layout import StateLayout

RING = Box(x=(0, 2 * math.pi), t=(0, 1))


class Pendulum:
    """A pendulum's angle and speed beside a stiff component that follows sin t."""

    def rates(self, times, q):
        return np.stack([q[:, 1], -np.sin(q[:, 0]), -50 * (q[:, 2] - np.sin(times)) + np.cos(times)], axis=1)

    def jacobian(self, time, q):
        del time
        return np.array([[0.0, 1.0, 0.0], [-np.cos(q[0]), 0.0, 0.0], [0.0, 0.0, -50.0]])

    def size(self, e):
        return float(np.abs(e).max())


def radau_end(stages: int, steps: int) -> np.ndarray:
    q = np.array([1.0, 0.0, 0.0])
    for i in range(steps):
        found = radau_step(Pendulum(), radau_tableau(stages), 2 * i / steps, q, 2 / steps, None, tolerance=1e-12)
        assert found.converged
        q = found.stages[-1]
    return q


@pytest.mark.parametrize(("stages", "coarse"), [(3, 8), (5, 2)])
def test_radau_has_order_two_s_minus_one(stages: int, coarse: int) -> None:
    end = radau_end(7, 12)
    one, two = (np.abs(radau_end(stages, n) - end)[:2].max() for n in (coarse, 2 * coarse))
    assert math.log2(one / two) == pytest.approx(2 * stages - 1, abs=0.8)
    assert np.abs(end[2] - math.sin(2)) < 1e-9  # the stiff component, without a restriction of the step


def test_the_error_of_a_radau_step_has_order_s_plus_one_and_bounds_the_true_one() -> None:
    q = np.array([1.0, 0.3, 0.1])
    tableau = radau_tableau(3)
    small, large = (radau_step(Pendulum(), tableau, 0.1, q, h, None, tolerance=1e-12) for h in (0.005, 0.01))
    assert 2.5 < math.log2(large.error / small.error) < 4.5
    q2 = q
    for i in range(8):
        q2 = radau_step(Pendulum(), tableau, 0.1 + i * 0.01 / 8, q2, 0.01 / 8, None, tolerance=1e-13).stages[-1]
    assert np.abs(large.stages[-1] - q2).max() < large.error


def test_phi_functions_keep_their_digits_for_small_and_large_arguments() -> None:
    z = np.array([1e-9, -2.9, 3.1j, -40.0, 2 - 2j, 500j])
    found = phi(z, 6)
    nodes, weights = np.polynomial.legendre.leggauss(400)
    s = (nodes + 1) / 2
    for k in range(1, 7):  # phi_k(z) = int_0^1 exp((1 - s) z) s^(k-1) / (k-1)! ds
        integral = (0.5 * weights * np.exp((1 - s) * z[:, None]) * s ** (k - 1) / math.factorial(k - 1)).sum(axis=1)
        assert np.abs(found[k] - integral).max() < 1e-13


def test_exponential_collocation_is_exact_for_polynomial_forcing_whatever_the_stiffness() -> None:
    z = np.array([-1e6, -3.0, 0.0, 20j])
    nodes = lobatto_nodes(6)
    weights = collocation_weights(nodes, z)
    forcing = np.repeat((1 + nodes**4)[:, None], 4, axis=1)
    found = weights.growth[-1] * 1.0 + np.einsum("jz,jz->z", weights.stage[-1], forcing)
    p = phi(z, 5)
    assert np.allclose(found, p[0] + p[1] + 24 * p[5], rtol=1e-12)


@pytest.mark.parametrize("stages", [3, 4])
def test_the_exponential_march_has_order_stages_plus_one(stages: int) -> None:
    def end(steps: int) -> np.ndarray:
        from pinnkit.solvers.method_of_lines.exponential import _March
        from pinnkit.solvers.method_of_lines.spectrum import Spectrum

        problem = Problem(
            "burgers",
            RING,
            "u",
            [Equation(lambda u: u.t + u * u.x - 0.1 * u.xx), Periodic("x"), Initial(u=lambda x: torch.sin(x))],
        )
        found = StateLayout(problem)
        run = _March(found, Spectrum(found, Rates(found), 33), ExponentialRK(stages), 1e-13)
        w = run.spectrum.eigen(run.spectrum.start)
        for i in range(steps):
            rest = run.spectrum.rest(np.array([0.5 * i / steps]), w[None])[0]
            states, *_ = run._step(0.5 * i / steps, w, rest, 0.5 / steps, None)
            w = states[-1]
        return w

    best = end(64)
    one, two = (np.abs(end(n) - best).max() for n in (4, 8))
    assert math.log2(one / two) > stages + 0.7  # superconvergence may add to it
