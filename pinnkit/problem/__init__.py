"""Problems: a domain, unknowns, and the terms whose residuals vanish."""

from typing import TYPE_CHECKING

from pinnkit.lazy import lazy_names

if TYPE_CHECKING:
    from .errors import Unsupported as Unsupported
    from .hardening import hardened as hardened
    from .integrals import Integral as Integral
    from .penalties import PENALTIES as PENALTIES
    from .penalties import Absolute as Absolute
    from .penalties import CrossEntropy as CrossEntropy
    from .penalties import Energy as Energy
    from .penalties import Huber as Huber
    from .penalties import Square as Square
    from .pieces.interface import Interface as Interface
    from .pieces.piecewise import Piecewise as Piecewise
    from .problem import Coefficient as Coefficient
    from .problem import Problem as Problem
    from .problem import Unknown as Unknown
    from .script import ProblemFileError as ProblemFileError
    from .script import load_problem as load_problem
    from .structure import Structure as Structure
    from .tabulated import Tabulated as Tabulated
    from .terms import Condition as Condition
    from .terms import Data as Data
    from .terms import Dirichlet as Dirichlet
    from .terms import Equation as Equation
    from .terms import Initial as Initial
    from .terms import Neumann as Neumann
    from .terms import NormalFlux as NormalFlux
    from .terms import Periodic as Periodic
    from .terms import Robin as Robin
    from .terms import Term as Term

_NAMES = {
    "problem": ("Coefficient", "Problem", "Unknown"),
    "terms": (
        "Condition",
        "Data",
        "Dirichlet",
        "Equation",
        "Initial",
        "Neumann",
        "NormalFlux",
        "Periodic",
        "Robin",
        "Term",
    ),
    "penalties": ("PENALTIES", "Absolute", "CrossEntropy", "Energy", "Huber", "Square"),
    "tabulated": ("Tabulated",),
    "hardening": ("hardened",),
    "errors": ("Unsupported",),
    "integrals": ("Integral",),
    "pieces.interface": ("Interface",),
    "pieces.piecewise": ("Piecewise",),
    "structure": ("Structure",),
    "script": ("ProblemFileError", "load_problem"),
}
__all__ = [
    "PENALTIES",
    "Absolute",
    "Coefficient",
    "Condition",
    "CrossEntropy",
    "Data",
    "Dirichlet",
    "Energy",
    "Equation",
    "Huber",
    "Initial",
    "Integral",
    "Interface",
    "Neumann",
    "NormalFlux",
    "Periodic",
    "Piecewise",
    "Problem",
    "ProblemFileError",
    "Robin",
    "Square",
    "Structure",
    "Tabulated",
    "Term",
    "Unknown",
    "Unsupported",
    "hardened",
    "load_problem",
]

_load, __dir__ = lazy_names(__name__, _NAMES)

if not TYPE_CHECKING:  # a type checker would take every misspelt name for an attribute
    __getattr__ = _load
