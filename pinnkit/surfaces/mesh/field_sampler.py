"""Evaluation of a scalar field for the extraction: values and gradients of float64 arrays, in chunks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["FieldSampler", "ScalarField"]

ScalarField = Callable[[Tensor], Tensor]
"""Function of points ``(n, 3)`` that returns ``(n,)``; the surface is its zero set, and it is negative inside."""


@dataclass(frozen=True)
class FieldSampler:
    """Evaluates `field` - `level` on NumPy arrays, one chunk at a time.

    Args:
        field: the function.
        level: level set that is the surface.
        chunk: points per evaluation; bounds the memory of the field.
        dtype: type of the points passed to the field.
        device: device of the points passed to the field.
        step: step of central differences, used where the field carries no gradients.
    """

    field: ScalarField
    level: float
    chunk: int
    dtype: torch.dtype
    device: torch.device
    step: float

    def values(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Evaluate points ``(n, 3)``: ``(n,)``.

        Raises:
            ValueError: where the field returns another shape, or values that are not finite.
        """
        out = np.empty(len(points))
        with torch.no_grad():
            for start in range(0, len(points), self.chunk):
                piece = points[start : start + self.chunk]
                out[start : start + self.chunk] = self._call(self._tensor(piece), len(piece)).cpu().numpy()
        _check_finite(out, points)
        return out - self.level

    def values_and_gradients(self, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Values ``(n,)`` and gradients ``(n, 3)``, by automatic differentiation or central differences."""
        values, gradients = np.empty(len(points)), np.empty((len(points), 3))
        for start in range(0, len(points), self.chunk):
            rows = slice(start, start + self.chunk)
            with torch.enable_grad():
                at = self._tensor(points[rows]).requires_grad_()
                found = self._call(at, len(at))
                gradient = torch.autograd.grad(found.sum(), at, allow_unused=True)[0] if found.requires_grad else None
            values[rows] = found.detach().cpu().numpy() - self.level
            if gradient is None:
                gradients[rows] = self._differences(points[rows])
            else:
                gradients[rows] = gradient.detach().cpu().numpy()
        _check_finite(values, points)
        return values, np.nan_to_num(gradients, posinf=0.0, neginf=0.0)  # undefined gradients become zero

    def _differences(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        shifts = np.eye(3) * self.step
        return np.stack([self.values(points + s) - self.values(points - s) for s in shifts], axis=1) / (2 * self.step)

    def _tensor(self, points: NDArray[np.float64]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(points)).to(self.device, self.dtype)

    def _call(self, points: Tensor, rows: int) -> Tensor:
        found = self.field(points)
        if not isinstance(found, Tensor) or found.shape != (rows,):
            what = f"a tensor of shape {tuple(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
            raise ValueError(f"extract: `field` must map points (n, 3) to a tensor (n,), for n = {rows} it gave {what}")
        return found.to(torch.float64)


def _check_finite(values: NDArray[np.float64], points: NDArray[np.float64]) -> None:
    bad = ~np.isfinite(values)
    if bad.any():
        raise ValueError(
            f"extract: the field is not finite at {int(bad.sum()):,} of {len(values):,} points, the first is "
            f"{points[bad.argmax()].tolist()}; a field that diverged has no surface"
        )
