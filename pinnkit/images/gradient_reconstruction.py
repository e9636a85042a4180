"""Reconstruction of a picture from its gradients as a Poisson problem, with a sparse direct reference solution."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pinnkit.domains import Points, PointSet
from pinnkit.fields import Siren
from pinnkit.problem.problem import Problem, Unknown
from pinnkit.problem.terms import Dirichlet, Equation, Term
from pinnkit.references import Reference
from pinnkit.solutions.solution import Solution
from pinnkit.solvers import Muon, Plan

from .baselines import gradients, integrate_gradients
from .figures import draw_panels
from .picture import KINDS, Picture
from .pixels import Pixels
from .quality import psnr
from .rendering import render

__all__ = ["gradient_problem"]


def gradient_problem(picture: Picture, *, name: str | None = None, plan: Plan | None = None) -> Problem:
    """Reconstruct a picture from the differences of its neighbouring pixels.

    u_x = g halfway between neighbours in a row and u_y = h halfway between neighbours in a column, in the least-squares
    sense: the weak form of laplacian(u) = g_x + h_y with Neumann conditions.  Pixels are points, the outermost on the
    border (`align_corners`).  The constant that gradients leave open is fixed by u = 0 at the first pixel.

    Metrics: `psnr_up_to_constant` in dB after adding the mean of the picture, and `psnr_poisson_up_to_constant`, the
    same for the five-point Poisson equation by a sparse solver, which is also the reference of the problem.

    Args:
        picture: source of the differences; solvers see nothing else of it.
        name: problem name; None takes the name of the picture.
        plan: field and solver; None takes a Siren by Muon.

    Source: Sitzmann et al., Implicit Neural Representations with Periodic Activation Functions, NeurIPS 2020, section
    4.2 (Poisson equation).
    """
    pixels = Pixels(picture.height, picture.width, align_corners=True)
    along_x, along_y = gradients(picture.values)
    kind, components = KINDS[picture.channels], None if picture.channels == 1 else picture.channels
    x, y = pixels.centres()
    constant: dict[str, Any] = {kind: 0.0}

    def sparse(_: Problem, budget: float) -> Reference:  # noqa: ARG001  (a direct solve has no budget)
        began = time.perf_counter()
        found = np.swapaxes(integrate_gradients(along_x, along_y), 0, 1)  # x is the first axis
        found = found - found[0, 0]
        xs, ys = pixels.ticks()
        return Reference(
            values={kind: found[..., 0] if components is None else found},
            grid={"x": xs, "y": ys},
            error_bar={kind: _ROUNDING},
            max_error_bar={kind: _ROUNDING},
            order=2,
            observed_order=2,
            seconds=time.perf_counter() - began,
            kind="five-point Poisson equation of the differences, by a sparse factorisation",
        )

    def up_to_constant(found: NDArray[Any]) -> float:
        truth = picture.values
        return psnr(found - found.mean(axis=(0, 1)) + truth.mean(axis=(0, 1), dtype=np.float64), truth)

    def figure(solution: Solution) -> Any:
        truth, mean = picture.values, picture.values.mean(axis=(0, 1), dtype=np.float64)
        found = _rendered(solution, pixels)
        panels = {"truth": truth, "from its gradients": found - found.mean(axis=(0, 1)) + mean}
        panels["sparse Poisson"] = integrate_gradients(along_x, along_y) + mean
        return draw_panels(panels, difference=("truth", "from its gradients"))

    return Problem(
        name=picture.name if name is None else name,
        domain=pixels.box,
        unknowns=Unknown(kind, components=components),
        terms=[
            _halfway("x", kind, (x[:, :-1] + x[:, 1:]) / 2, y[:, :-1], along_x),
            _halfway("y", kind, x[:-1], (y[:-1] + y[1:]) / 2, along_y),
            Dirichlet(PointSet(x=0.0, y=0.0), name="constant", **constant),
        ],
        reference_solver=sparse,
        metrics={
            "psnr_up_to_constant": lambda s: up_to_constant(_rendered(s, pixels)),
            "psnr_poisson_up_to_constant": lambda _: up_to_constant(integrate_gradients(along_x, along_y)),
        },
        dtype=torch.float32,
        plan=_PLAN if plan is None else plan,
        figures={"fit": figure},
        facts={"image": {"name": picture.name, **pixels.facts}},
    )


_PLAN = Plan.single(
    Siren(128, 3, omega=30.0),
    (Muon(steps=600, lr=1e-3, batch=4096),),
    "A Siren of 128 sines in 3 layers, by Muon.",
)
_ROUNDING = 1e-9
"""Error bar: differences of one picture are consistent, and the factorisation solves them to rounding."""


def _rendered(solution: Solution, pixels: Pixels) -> NDArray[Any]:
    return render(solution, pixels).astype(np.float64)


def _halfway(axis: str, kind: str, x: NDArray[Any], y: NDArray[Any], given: NDArray[Any]) -> Term:
    """Equate the derivative of the unknown along an axis to given values ``(rows, columns, channels)`` at points."""
    coords = torch.as_tensor(np.stack([x.ravel(), y.ravel()], axis=1))
    values = torch.as_tensor(given.reshape(len(coords), -1))
    points = Points(coords, columns={"given": values[:, 0] if values.shape[1] == 1 else values})
    # Residuals are called by argument name, and the name of the unknown depends on the number of channels.
    residuals = {
        "grey": lambda grey, given: grey.d(axis) - given,
        "rgb": lambda rgb, given: rgb.d(axis) - given,
        "rgba": lambda rgba, given: rgba.d(axis) - given,
    }
    return Equation(residuals[kind], name=f"d/d{axis}", points=points)
