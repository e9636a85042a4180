"""Drift of a conserved quantity along a solution of ordinary differential equations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from pinnkit.domains import Points, Role
from pinnkit.jets.gradient_mode import with_gradients
from pinnkit.jets.jet import Jet
from pinnkit.problem.linearization import scope_of
from pinnkit.problem.names import call

from .solution import Solution

__all__ = ["Drift"]


@dataclass(frozen=True)
class Drift:
    """Largest change of a quantity from its start, relative to its largest magnitude, along a solution in time.

    max_t |I(t) - I(t_0)| / max_t |I(t)|.  A metric of a problem, ``Problem(..., metrics={"energy": Drift(energy)})``,
    or called with a solution, ``Drift(energy)(solution)``.

    Args:
        quantity: function of the names that equations use, such as ``lambda u: u.t**2 / 2 - torch.cos(u)``.
        points: number of times, evenly spaced from end to end.

    Raises:
        TypeError: for anything but a function.
        ValueError: for fewer than 2 points.
    """

    quantity: Callable[..., Any]
    points: int = 4097

    def __post_init__(self) -> None:
        """Check the arguments."""
        if not callable(self.quantity):
            raise TypeError(f"Drift: `quantity` must be a function of the unknowns, got {self.quantity!r}")
        if isinstance(self.points, bool) or not isinstance(self.points, int) or self.points < 2:
            raise ValueError(f"Drift: `points` must be a whole number of at least 2, got {self.points!r}")

    @with_gradients
    def __call__(self, solution: Solution) -> float:
        """Evaluate the drift, dimensionless; NaN where the quantity is not finite.

        Raises:
            ValueError: for a solution with other axes than time, and a quantity that is not a number at each time.
        """
        problem = solution.problem
        others = [axis.name for axis in problem.axes if axis.role is not Role.TIME]
        if others:
            raise ValueError(
                f"Drift: a quantity is followed along time alone, and problem '{problem.name}' has the axis "
                f"`{others[0]}` as well; integrate over it in a metric of your own"
            )
        (time,) = problem.axes
        at = torch.linspace(time.lower, time.upper, self.points, dtype=torch.float64)
        points = (Points(at[:, None].to(solution.dtype).to(solution.device)),)

        def lookup(channel: Any) -> torch.Tensor:
            return solution.fieldset.channels(points, [channel])[channel]

        scope = scope_of(problem, points, lookup, solution.coefficient_tensors, raw=True)
        found = call(self.quantity, scope, "Drift: `quantity`")
        values = found.value if isinstance(found, Jet) else found
        if not isinstance(values, torch.Tensor) or values.shape != (self.points,):
            raise ValueError(
                "Drift: `quantity` must return one number at each time, such as u.t**2 / 2 + u**2 / 2, got "
                f"{type(found).__name__ if not isinstance(values, torch.Tensor) else tuple(values.shape)}"
            )
        values = values.detach().double()
        change, size = float((values - values[0]).abs().max()), float(values.abs().max())
        return change / size if size != 0 else change
