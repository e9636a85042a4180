"""Error of fields in bands of frequencies against training steps (spectral bias)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from pinnkit.solutions.evaluation import FieldSet
from pinnkit.solutions.solution import Solution
from pinnkit.solvers import Monitor, solve

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["band_error", "draw_bands"]

Band = tuple[int, int]


def band_error(values: NDArray[Any], truth: NDArray[Any], band: Band) -> float:
    """Relative error in a band of frequencies, ‖F(u) - F(v)‖ / ‖F(v)‖, dimensionless.

    The norms run over the Fourier coefficients from `band[0]` periods to below `band[1]`.

    Args:
        values: u ``(n,)``, at evenly spaced points.
        truth: v ``(n,)``, at the same points.
        band: in periods over the points.
    """
    found, true = (np.fft.rfft(np.asarray(a, dtype=np.float64))[band[0] : band[1]] for a in (values, truth))
    return float(np.linalg.norm(found - true) / np.linalg.norm(true))


def draw_bands(
    solution: Solution, x: NDArray[Any], truth: NDArray[Any], bands: Sequence[Band], every: int = 25
) -> Figure:
    """Figure of the error of every unknown in every band against steps, from a second solve with the same seed.

    Args:
        solution: of a problem along x that states its own field and solver.
        x: evenly spaced points ``(n,)``.
        truth: values there ``(n,)``.
        bands: in periods over the points.
        every: steps between measurements.
    """
    from matplotlib.figure import Figure

    problem, at = solution.problem, torch.as_tensor(x[:, None], dtype=solution.dtype, device=solution.device)
    names = problem.names

    def measure(name: str, band: Band) -> Callable[[FieldSet], float]:
        return lambda fields: band_error(fields.unknowns(at, {})[name].cpu().numpy(), truth, band)

    monitor = Monitor({f"{n} {b}": measure(n, b) for n in names for b in bands}, every=every)
    again = solve(problem, seed=solution.seed, device=solution.device, seconds=solution.seconds * 3, monitor=monitor)
    figure = Figure(figsize=(3.6 * len(names), 3.4), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(names), sharey=True))
    for ax, name in zip(panels, names, strict=True):
        for low, high in bands:
            taken = again.history.measures.get(f"{name} {(low, high)}", np.full_like(again.history.loss, np.nan))
            seen = np.isfinite(taken)
            ax.semilogy(again.history.step[seen], taken[seen], label=f"{low} to {high} periods")
        ax.set(title=name, xlabel="steps")
    panels[0].set_ylabel("relative error in the band")
    panels[0].legend(fontsize=8)
    figure.suptitle(f"measured in a second run of the same seed, {again.steps} steps", fontsize=9, color="0.4")
    return figure
