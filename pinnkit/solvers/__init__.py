"""How a loss is lowered: solvers, the one loop that runs them, and `solve`."""

# Points and weights that change as training goes on
from pinnkit.solvers.least_squares.least_squares import LeastSquares as LeastSquares
from pinnkit.solvers.method_of_lines.exponential import ExponentialRK as ExponentialRK
from pinnkit.solvers.method_of_lines.march import March as March
from pinnkit.solvers.method_of_lines.radau import Radau as Radau

# Solvers
from pinnkit.solvers.optimizers.adam import Adam as Adam
from pinnkit.solvers.optimizers.gauss_newton import GaussNewton as GaussNewton
from pinnkit.solvers.optimizers.lbfgs import LBFGS as LBFGS
from pinnkit.solvers.optimizers.library import SOAP as SOAP
from pinnkit.solvers.optimizers.library import Muon as Muon

# Learning rates
from pinnkit.solvers.optimizers.schedules import Constant as Constant
from pinnkit.solvers.optimizers.schedules import Cosine as Cosine
from pinnkit.solvers.optimizers.schedules import Exponential as Exponential

# Quasi-Newton with a dense inverse Hessian
from pinnkit.solvers.optimizers.self_scaled import SSBFGS as SSBFGS
from pinnkit.solvers.optimizers.self_scaled import SSBroyden as SSBroyden

# The verb
from pinnkit.solvers.plans.automatic import Choice as Choice
from pinnkit.solvers.plans.automatic import automatic as automatic

# Several solves in a row
from pinnkit.solvers.plans.curriculum import Stage as Stage
from pinnkit.solvers.plans.curriculum import in_stages as in_stages
from pinnkit.solvers.training.adaptive_points import R3 as R3
from pinnkit.solvers.training.adaptive_points import RAD as RAD
from pinnkit.solvers.training.adaptive_points import Adaptive as Adaptive
from pinnkit.solvers.training.causal_weights import Causal as Causal

# What is measured on the way
from pinnkit.solvers.training.monitor import Monitor as Monitor
from pinnkit.solvers.training.weights import NTK as NTK
from pinnkit.solvers.training.weights import GradientNorm as GradientNorm
from pinnkit.solvers.training.weights import ReLoBRaLo as ReLoBRaLo
from pinnkit.solvers.training.weights import SelfAdaptive as SelfAdaptive

# What solvers see
from .protocols import Evaluation as Evaluation
from .protocols import Objective as Objective
from .protocols import RowObjective as RowObjective
from .protocols import Solver as Solver
from .solving import solve as solve
