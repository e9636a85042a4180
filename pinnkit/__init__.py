"""pinnkit: write an equation once, solve it by a neural field, and check it against finite differences.

A residual is a pointwise function of the jets of the unknowns (their values and partial derivatives at a point).  A
`Problem` holds a domain and the residuals that should vanish on it; `solve` fits a field to them, `reference`
discretises the same residuals with scipy, and `validate` compares the two with error bars.
"""

from importlib.metadata import version as _version

__version__ = _version("pinnkit")

# Where: domains, their axes, and the points that are drawn from them
from .domains import Ball as Ball
from .domains import Box as Box
from .domains import Chebyshev as Chebyshev
from .domains import Cube as Cube
from .domains import Interval as Interval
from .domains import Parameters as Parameters
from .domains import Points as Points
from .domains import PointSet as PointSet
from .domains import Region as Region
from .domains import Sobol as Sobol
from .domains import Time as Time
from .domains import Uniform as Uniform

# How it varies: operators on what an equation sees
from .jets import curl as curl
from .jets import div as div
from .jets import grad as grad
from .jets import hessian as hessian
from .jets import laplacian as laplacian
from .jets import normal_derivative as normal_derivative

# What should vanish: terms and how much they count
from pinnkit.problem.terms import Condition as Condition
from pinnkit.problem.terms import Data as Data
from pinnkit.problem.terms import Dirichlet as Dirichlet
from pinnkit.problem.terms import Equation as Equation
from pinnkit.problem.terms import Initial as Initial
from pinnkit.problem.terms import Neumann as Neumann
from pinnkit.problem.terms import Periodic as Periodic
from pinnkit.problem.terms import Robin as Robin
from pinnkit.problem.terms import Term as Term
from pinnkit.problem.tabulated import Tabulated as Tabulated
from pinnkit.problem.penalties import Absolute as Absolute
from pinnkit.problem.penalties import CrossEntropy as CrossEntropy
from pinnkit.problem.penalties import Energy as Energy
from pinnkit.problem.penalties import Huber as Huber
from pinnkit.problem.penalties import Square as Square

# The problem: a domain, its unknowns, and the terms
from pinnkit.problem.hard_conditions import hardened as hardened
from pinnkit.problem.problem import Coefficient as Coefficient
from pinnkit.problem.problem import Problem as Problem
from pinnkit.problem.problem import Unknown as Unknown

# What is fitted: fields
from .fields import Additive as Additive
from .fields import MLP as MLP
from .fields import Expansion as Expansion
from .fields import FourierMLP as FourierMLP
from .fields import HashGrid as HashGrid
from .fields import MultilevelGrid as MultilevelGrid
from .fields import PlanesAndLines as PlanesAndLines
from .fields import Multilinear as Multilinear
from .fields import PositionalMLP as PositionalMLP
from .fields import RandomFourier as RandomFourier
from .fields import Siren as Siren
from .fields import Smoothstep as Smoothstep
from .fields import TotalDegree as TotalDegree

# How it is solved: solvers, their schedules, and the verb
from .solvers import LBFGS as LBFGS
from .solvers import SOAP as SOAP
from .solvers import SSBFGS as SSBFGS
from .solvers import SSBroyden as SSBroyden
from .solvers import NTK as NTK
from .solvers import R3 as R3
from .solvers import RAD as RAD
from .solvers import Adam as Adam
from .solvers import Causal as Causal
from .solvers import Constant as Constant
from .solvers import Cosine as Cosine
from .solvers import Exponential as Exponential
from .solvers import GaussNewton as GaussNewton
from .solvers import GradientNorm as GradientNorm
from .solvers import LeastSquares as LeastSquares
from .solvers import CannotMarch as CannotMarch
from .solvers import ExponentialRK as ExponentialRK
from .solvers import March as March
from .solvers import Radau as Radau
from .solvers import ReLoBRaLo as ReLoBRaLo
from .solvers import SelfAdaptive as SelfAdaptive
from .solvers import Muon as Muon
from .solvers import Candidate as Candidate
from .solvers import Plan as Plan
from .solvers import RunOptions as RunOptions
from .solvers import plan as plan
from .solvers import Monitor as Monitor
from .solvers import Stage as Stage
from .solvers import in_stages as in_stages
from .solvers import solve as solve
from pinnkit.solutions.residual_values import residuals as residuals

# The other road: Fourier series or finite differences of the same problem
from .references import CannotDiscretise as CannotDiscretise
from .references import FiniteDifferences as FiniteDifferences
from .references import Reference as Reference
from .references import Spectral as Spectral
from .references import reference as reference

# What comes of it: the solution, in memory and in files, and what is wrong with it
from pinnkit.reports.report import Report as Report
from pinnkit.solutions.solution import Solution as Solution
from pinnkit.solutions.status import Status as Status
from pinnkit.solutions.storage import load as load
from pinnkit.reports.validation import validate as validate
from .verification import Finding as Finding
from .verification import Verdict as Verdict
from .verification import verdict as verdict


__all__ = [
    "LBFGS",
    "MLP",
    "NTK",
    "R3",
    "RAD",
    "SOAP",
    "SSBFGS",
    "Absolute",
    "Adam",
    "Additive",
    "Ball",
    "Box",
    "Candidate",
    "CannotDiscretise",
    "CannotMarch",
    "Causal",
    "Chebyshev",
    "Coefficient",
    "Condition",
    "Constant",
    "Cosine",
    "CrossEntropy",
    "Cube",
    "Data",
    "Dirichlet",
    "Energy",
    "Equation",
    "Expansion",
    "Exponential",
    "ExponentialRK",
    "Finding",
    "FiniteDifferences",
    "FourierMLP",
    "GaussNewton",
    "GradientNorm",
    "HashGrid",
    "Huber",
    "Initial",
    "Interval",
    "LeastSquares",
    "March",
    "Monitor",
    "MultilevelGrid",
    "Multilinear",
    "Muon",
    "Neumann",
    "Parameters",
    "Periodic",
    "Plan",
    "PlanesAndLines",
    "PointSet",
    "Points",
    "PositionalMLP",
    "Problem",
    "Radau",
    "RandomFourier",
    "ReLoBRaLo",
    "Reference",
    "Region",
    "Report",
    "Robin",
    "RunOptions",
    "SSBroyden",
    "SelfAdaptive",
    "Siren",
    "Smoothstep",
    "Sobol",
    "Solution",
    "Spectral",
    "Square",
    "Stage",
    "Status",
    "Tabulated",
    "Term",
    "Time",
    "TotalDegree",
    "Uniform",
    "Unknown",
    "Verdict",
    "curl",
    "div",
    "grad",
    "hardened",
    "hessian",
    "in_stages",
    "laplacian",
    "load",
    "main",
    "normal_derivative",
    "plan",
    "reference",
    "residuals",
    "solve",
    "validate",
    "verdict",
]


def main(problem: Problem) -> None:
    """Run the command line of `pinnkit solve` for the script that defines `problem`; the last line of a problem file.

    ``python problems/heat.py --quick`` is ``pinnkit solve problems/heat.py --quick``.  Ends the process with its exit
    code: 0 when the run ended well, 1 when it failed, 2 for bad input, 130 after Ctrl-C.
    """
    from .cli import main as run  # the command line is loaded by those who use it

    run(problem)
