"""Dense output of an integration as a field: one polynomial in time for every component and step."""

from __future__ import annotations

import numpy as np
import torch
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from pinnkit.fields import PiecewisePolynomial, PiecewisePolynomialField
from pinnkit.ordinary import OrdinarySystem

from .integration import Trajectory

__all__ = ["field_of"]

Array = NDArray[np.float64]


def field_of(system: OrdinarySystem, trajectory: Trajectory) -> PiecewisePolynomialField:
    """Build the field of all components from a trajectory of at least one step.

    For a component u of order m the highest row u^(m-1) keeps its polynomial of degree s, and the rows below are its
    integrals from their states at the start of each step: then u, ..., u^(m-1) are derivatives of each other exactly,
    and join at the ends of the steps, where the collocation integrates these polynomials exactly as well.
    """
    times = np.array(trajectory.times)
    every = np.stack(trajectory.coefficients)  # (K, s + 1, n)
    starts = np.einsum("m,kmn->kn", (-1.0) ** np.arange(every.shape[1]), every)
    half = np.diff(times)[:, None] / 2
    orders = [c.time_order for c in system.components]
    degree = every.shape[1] - 1 + max(orders) - 1
    out = np.zeros((len(every), degree + 1, len(orders)))
    for i, order in enumerate(orders):
        row = system.rows.index((i, order - 1))
        found = every[:, :, row]
        for level in range(order - 2, -1, -1):
            state = starts[:, system.rows.index((i, level))]
            found = chebyshev.chebint(found, lbnd=-1, axis=1) * half
            found[:, 0] += state
        out[:, : found.shape[1], i] = found
    spec = PiecewisePolynomial(steps=len(every), degree=degree)
    field = spec.build(
        list(system.problem.axes), len(orders), generator=torch.Generator(), dtype=torch.float64, device="cpu"
    )
    field.times.copy_(torch.from_numpy(times))
    field.coefficients.copy_(torch.from_numpy(out))
    return field
