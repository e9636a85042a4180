"""How a loss is lowered: solvers, the one loop that runs them, and `solve`."""

# Points and weights that change as training goes on
from .adaptive import R3 as R3
from .adaptive import RAD as RAD
from .adaptive import Adaptive as Adaptive

# The verb
from .automatic import Choice as Choice
from .automatic import automatic as automatic
from .causal import Causal as Causal

# Solvers
from .first_order import Adam as Adam
from .gauss_newton import GaussNewton as GaussNewton
from .least_squares import LeastSquares as LeastSquares
from .library_optimisers import SOAP as SOAP
from .library_optimisers import Muon as Muon
from .march import March as March
from .march_exponential import ExponentialRK as ExponentialRK
from .march_radau import Radau as Radau
from .march_refusal import CannotMarch as CannotMarch

# What is measured on the way
from .monitor import Monitor as Monitor

# What solvers see
from .objective import Evaluation as Evaluation
from .objective import Objective as Objective
from .objective import RowObjective as RowObjective
from .objective import Solver as Solver
from .quasi_newton import LBFGS as LBFGS

# Learning rates
from .schedules import Constant as Constant
from .schedules import Cosine as Cosine
from .schedules import Exponential as Exponential

# Quasi-Newton with a dense inverse Hessian
from .self_scaled import SSBFGS as SSBFGS
from .self_scaled import SSBroyden as SSBroyden
from .solve import solve as solve

# Several solves in a row
from .staged import Stage as Stage
from .staged import in_stages as in_stages
from .weights import NTK as NTK
from .weights import GradientNorm as GradientNorm
from .weights import ReLoBRaLo as ReLoBRaLo
from .weights import SelfAdaptive as SelfAdaptive
