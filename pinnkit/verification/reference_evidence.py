"""Reference of a problem as evidence: its values, or the findings that follow from its failure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pinnkit.problem.problem import Problem

from .finding import Finding, Kind

if TYPE_CHECKING:
    from pinnkit.references import Reference

__all__ = ["Absent", "find_reference"]


@dataclass(frozen=True)
class Absent:
    """The reason why there is no reference, and what follows from it.

    Args:
        reason: a sentence; empty where there is one.
        findings: evidence against the solution; empty where a method only does not cover the problem.
    """

    reason: str
    findings: tuple[Finding, ...] = ()


def find_reference(problem: Problem, budget: float) -> tuple[Reference | None, Absent]:
    """Compute the reference of a problem; without one, tell apart failure, faults of the problem, and lack of a method.

    A method that does not cover the problem, or whose budget ends, says nothing about the solution.  Missing or surplus
    conditions say that no solution is the right one; Newton iterations without a solution, values that are not finite
    and singular matrices on every grid say that there may be none.

    Args:
        problem: the problem.
        budget: nominal seconds of work; 0 for none.
    """
    if problem.plan is not None and problem.reference_solver is None:
        return None, Absent("the problem brings its own plan and is scored by its metrics")
    if budget <= 0:
        return None, Absent("not asked for")
    from pinnkit.references import BudgetSpent, TooFewConditions, TooManyConditions, Unresolved
    from pinnkit.references import reference as compute

    try:
        return compute(problem, budget=budget), Absent("")
    except BudgetSpent as error:
        return None, Absent(str(error))
    except TooFewConditions as error:
        finding = Finding(Kind.UNDETERMINED, f"the solution is one of many. {error}", 1.0)
        return None, Absent(str(error), _stated(problem, finding))
    except TooManyConditions as error:
        finding = Finding(Kind.ILL_POSED, f"more is prescribed than the equations take. {error}", 1.0)
        return None, Absent(str(error), _stated(problem, finding))
    except Unresolved as error:
        return None, Absent(
            str(error), (Finding(Kind.NO_REFERENCE, f"a numerical method fails on this problem. {error}", 1.0),)
        )
    except (ValueError, NotImplementedError) as error:
        return None, Absent(str(error))


def _stated(problem: Problem, finding: Finding) -> tuple[Finding, ...]:
    """The finding, where the terms state every condition: an ansatz may hold conditions that no term states."""
    return () if problem.ansatz else (finding,)
