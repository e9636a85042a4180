"""pinnkit: write an equation once, solve it by a neural field, and check it against a numerical reference.

A residual is a pointwise function of the jets of the unknowns (their values and partial derivatives at a point).  A
`Problem` holds a domain and the residuals that vanish on it; `solve` fits a field to them, `reference` discretises
the same residuals with scipy, and `validate` compares the two with error bars.

The names below are what a problem script needs.  Further ones live in namespaces:

==========================  ===================================================================================
`pinnkit.domains`           shapes, sampling (`Sobol`, `Chebyshev`, `Uniform`), `Points`, the `Domain` protocol
`pinnkit.fields`            all fields: networks, trained grids, polynomials, random features
`pinnkit.jets`              derivative operators and the Taylor pass
`pinnkit.problem`           problems, terms, penalties, tabulated coefficients, hard conditions
`pinnkit.solvers`           all solvers, schedules, weights, adaptive points, plans
`pinnkit.references`        finite differences, Fourier methods, eikonal and ODE references
`pinnkit.verification`      findings and verdicts
`pinnkit.solutions`         solutions in memory and in files
`pinnkit.reports`           validation, reports, figures
`pinnkit.checking`          checks of solutions from other programs
`pinnkit.exporting`         solutions as ONNX, torch.export, VTK, CSV and NPZ
`pinnkit.images`            pictures as problems
`pinnkit.surfaces`          point clouds, meshes and signed distances
`pinnkit.radiance`          radiance fields from posed pictures
==========================  ===================================================================================

Names and namespaces are loaded at their first use (PEP 562), so that ``import pinnkit`` alone loads nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .lazy import lazy_names

if TYPE_CHECKING:  # the same names for type checkers and editors; a test compares them with the table below
    from . import checking as checking
    from . import domains as domains
    from . import exporting as exporting
    from . import fields as fields
    from . import images as images
    from . import jets as jets
    from . import problem as problem
    from . import radiance as radiance
    from . import references as references
    from . import reports as reports
    from . import solutions as solutions
    from . import solvers as solvers
    from . import surfaces as surfaces
    from . import verification as verification
    from .checking import check as check
    from .domains import Ball as Ball
    from .domains import Box as Box
    from .domains import Capsule as Capsule
    from .domains import Cone as Cone
    from .domains import Cube as Cube
    from .domains import Cylinder as Cylinder
    from .domains import Disk as Disk
    from .domains import Ellipse as Ellipse
    from .domains import Halfspace as Halfspace
    from .domains import MeshRegion as MeshRegion
    from .domains import Parameters as Parameters
    from .domains import PointSet as PointSet
    from .domains import Polygon as Polygon
    from .domains import Region as Region
    from .domains import Time as Time
    from .domains import Torus as Torus
    from .domains import Triangle as Triangle
    from .exporting import export as export
    from .fields import MLP as MLP
    from .fields import FourierMLP as FourierMLP
    from .fields import RandomFourier as RandomFourier
    from .fields import Siren as Siren
    from .fields import Trefftz as Trefftz
    from .jets import curl as curl
    from .jets import div as div
    from .jets import grad as grad
    from .jets import hessian as hessian
    from .jets import laplacian as laplacian
    from .jets import normal_derivative as normal_derivative
    from .files.unreadable import UnreadableFile as UnreadableFile
    from .machine import __version__ as __version__
    from .problem.errors import Unsupported as Unsupported
    from .problem.integrals import Integral as Integral
    from .problem.hardening import hardened as hardened
    from .problem.pieces.interface import Interface as Interface
    from .problem.pieces.piecewise import Piecewise as Piecewise
    from .problem.problem import Coefficient as Coefficient
    from .problem.problem import Problem as Problem
    from .problem.problem import Unknown as Unknown
    from .problem.sections import section as section
    from .problem.tabulated import Tabulated as Tabulated
    from .problem.terms import Condition as Condition
    from .problem.terms import Data as Data
    from .problem.terms import Dirichlet as Dirichlet
    from .problem.terms import Equation as Equation
    from .problem.terms import Initial as Initial
    from .problem.terms import Neumann as Neumann
    from .problem.terms import NormalFlux as NormalFlux
    from .problem.terms import Periodic as Periodic
    from .problem.terms import Robin as Robin
    from .references import reference as reference
    from .reports.validation import validate as validate
    from .solutions.conserved import Drift as Drift
    from .solutions.residual_values import residuals as residuals
    from .solutions.solution import Solution as Solution
    from .solutions.status import Status as Status
    from .solutions.storage import load as load
    from .solvers import LBFGS as LBFGS
    from .solvers import Adam as Adam
    from .solvers import GaussNewton as GaussNewton
    from .solvers import LeastSquares as LeastSquares
    from .solvers import March as March
    from .solvers import Plan as Plan
    from .solvers import plan as plan
    from .solvers import solve as solve
    from .verification import verdict as verdict

# Module -> the public names that it supplies.
_NAMES: dict[str, tuple[str, ...]] = {
    # the domain: axes with roles, shapes, and points that are given
    "domains": (
        "Ball",
        "Box",
        "Capsule",
        "Cone",
        "Cube",
        "Cylinder",
        "Disk",
        "Ellipse",
        "Halfspace",
        "MeshRegion",
        "Parameters",
        "PointSet",
        "Polygon",
        "Region",
        "Time",
        "Torus",
        "Triangle",
    ),
    # derivatives of the unknowns
    "jets": ("curl", "div", "grad", "hessian", "laplacian", "normal_derivative"),
    # the problem: unknowns, coefficients, and terms whose residuals vanish
    "problem.problem": ("Coefficient", "Problem", "Unknown"),
    "problem.tabulated": ("Tabulated",),
    "problem.errors": ("Unsupported",),
    "problem.terms": (
        "Condition",
        "Data",
        "Dirichlet",
        "Equation",
        "Initial",
        "Neumann",
        "NormalFlux",
        "Periodic",
        "Robin",
    ),
    "problem.integrals": ("Integral",),
    "problem.pieces.interface": ("Interface",),
    "problem.pieces.piecewise": ("Piecewise",),
    "problem.hardening": ("hardened",),
    "problem.sections": ("section",),
    # the representation of the unknowns
    "fields": ("FourierMLP", "MLP", "RandomFourier", "Siren", "Trefftz"),
    # the solve
    "solvers": ("Adam", "GaussNewton", "LBFGS", "LeastSquares", "March", "Plan", "plan", "solve"),
    # solutions: in memory, in files, and the residuals of a network of one's own
    "solutions.solution": ("Solution",),
    "solutions.conserved": ("Drift",),
    "solutions.status": ("Status",),
    "solutions.storage": ("load",),
    "solutions.residual_values": ("residuals",),
    "files.unreadable": ("UnreadableFile",),
    # checks: the reference, the verdict, and the report on both
    "references": ("reference",),
    "verification": ("verdict",),
    "reports.validation": ("validate",),
    # other programs: their solutions checked, solutions for them
    "checking": ("check",),
    "exporting": ("export",),
    "machine": ("__version__",),
}
_NAMESPACES = (
    "checking", "domains", "exporting", "fields", "images", "jets", "problem", "radiance", "references", "reports",
    "solutions", "solvers", "surfaces", "verification",
)  # fmt: skip

__all__ = [
    "LBFGS",
    "MLP",
    "Adam",
    "Ball",
    "Box",
    "Capsule",
    "Coefficient",
    "Condition",
    "Cone",
    "Cube",
    "Cylinder",
    "Data",
    "Dirichlet",
    "Disk",
    "Drift",
    "Ellipse",
    "Equation",
    "FourierMLP",
    "GaussNewton",
    "Halfspace",
    "Initial",
    "Integral",
    "Interface",
    "LeastSquares",
    "March",
    "MeshRegion",
    "Neumann",
    "NormalFlux",
    "Parameters",
    "Periodic",
    "Piecewise",
    "Plan",
    "PointSet",
    "Polygon",
    "Problem",
    "RandomFourier",
    "Region",
    "Robin",
    "Siren",
    "Solution",
    "Status",
    "Tabulated",
    "Time",
    "Torus",
    "Trefftz",
    "Triangle",
    "Unknown",
    "UnreadableFile",
    "Unsupported",
    "check",
    "curl",
    "div",
    "export",
    "grad",
    "hardened",
    "hessian",
    "laplacian",
    "load",
    "main",
    "normal_derivative",
    "plan",
    "reference",
    "residuals",
    "section",
    "solve",
    "validate",
    "verdict",
]


def main(problem: Problem) -> None:
    """Run `pinnkit solve` for the script that defines `problem`; the last line of a problem file.

    ``python problems/heat.py --quick`` is ``pinnkit solve problems/heat.py --quick``.  Ends the process with its exit
    code: 0 when the run ended well, 1 when it failed, 2 for bad input, 130 after Ctrl-C.

    Raises:
        TypeError: where `problem` is not a `Problem`.
    """
    from .cli import main as run

    run(problem)


_load, __dir__ = lazy_names(__name__, _NAMES, _NAMESPACES)

if not TYPE_CHECKING:  # a type checker would take every misspelt name for an attribute
    __getattr__ = _load
