"""Summary of a solution that was not checked: what the solve itself knows."""

from __future__ import annotations

from typing import Any

from pinnkit.solutions.solution import Solution

__all__ = ["unchecked_summary"]


def unchecked_summary(solution: Solution, reason: str) -> dict[str, Any]:
    """The content of summary.json without errors and without a verdict; the solution does not count as good.

    Args:
        solution: the solution.
        reason: why it was not checked, a clause.
    """
    return {
        "problem": solution.problem.name,
        "field": solution.field_text,
        "solver": ", ".join(solution.solvers),
        "choice": solution.choice,
        "seed": solution.seed,
        "device": solution.device,
        "dtype": str(solution.dtype).removeprefix("torch."),
        "parameters": solution.parameters,
        "status": solution.status.name,
        "status_text": solution.status.value,
        "good": False,
        "warnings": [f"The solution was not checked: {reason}."],
        "failures": [],
        "verdict": None,
        "rel_l2": None,
        "residual_rms": solution.residual_rms,
        "reference": None,
        "no_reference": None,
        "metrics": {},
        "facts": dict(solution.problem.facts),
        "coefficients": dict(solution.coefficients),
        "unknowns": {},
        "terms": {},
        "seconds": solution.seconds,
        "validation_seconds": None,
        "steps": solution.steps,
        "versions": dict(solution.versions),
    }
