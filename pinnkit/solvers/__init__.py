"""Solvers: methods that lower the residuals of a problem, plans that choose among them, and `solve`."""

# Plan and execution
from .plans.candidates import Candidate as Candidate
from .plans.candidates import Plan as Plan
from .plans.execution import execute as execute
from .plans.planning import plan as plan
from .plans.run_options import RunOptions as RunOptions
from .solving import solve as solve

# Curricula: several solves in a row
from .plans.curriculum import Stage as Stage
from .plans.curriculum import in_stages as in_stages

# Solvers of the linear read-out
from .least_squares.least_squares import LeastSquares as LeastSquares

# Solvers of all parameters: sums of squares
from .optimizers.gauss_newton import GaussNewton as GaussNewton

# Solvers of all parameters: loss and gradient
from .optimizers.adam import Adam as Adam
from .optimizers.lbfgs import LBFGS as LBFGS
from .optimizers.library import SOAP as SOAP
from .optimizers.library import Muon as Muon
from .optimizers.self_scaled import SSBFGS as SSBFGS
from .optimizers.self_scaled import SSBroyden as SSBroyden

# Method of lines
from .method_of_lines.exponential import ExponentialRK as ExponentialRK
from .method_of_lines.march import March as March
from .method_of_lines.radau import Radau as Radau

# Learning-rate schedules
from .optimizers.schedules import Constant as Constant
from .optimizers.schedules import Cosine as Cosine
from .optimizers.schedules import Exponential as Exponential

# Points and weights that change during training
from .training.adaptive_points import R3 as R3
from .training.adaptive_points import RAD as RAD
from .training.adaptive_points import Adaptive as Adaptive
from .training.causal_weights import Causal as Causal
from .training.weights import NTK as NTK
from .training.weights import GradientNorm as GradientNorm
from .training.weights import ReLoBRaLo as ReLoBRaLo
from .training.weights import SelfAdaptive as SelfAdaptive
from .training.weights import Weights as Weights

# Checkpoints
from .training.checkpoint import CheckpointWarning as CheckpointWarning

# Measurements during training
from .training.monitor import Monitor as Monitor

# Registries: names, words of the command line, examples for the conformance suites
from .optimizers.schedules import SCHEDULES as SCHEDULES
from .protocols import SOLVERS as SOLVERS
from .training.adaptive_points import ADAPTIVE as ADAPTIVE
from .training.weights import WEIGHTS as WEIGHTS

# Contracts
from .protocols import Evaluation as Evaluation
from .protocols import LossObjective as LossObjective
from .protocols import Needs as Needs
from .protocols import Objective as Objective
from .protocols import ReadoutSolver as ReadoutSolver
from .protocols import RowObjective as RowObjective
from .protocols import SamplingPlan as SamplingPlan
from .protocols import Scope as Scope
from .protocols import Solver as Solver
from .protocols import SolverDefaults as SolverDefaults
from .protocols import State as State
from .protocols import theta_of as theta_of
