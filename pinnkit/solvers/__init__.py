"""How a loss is lowered: solvers, the one loop that runs them, and `solve`."""

# The verb
from .automatic import automatic as automatic

# Solvers
from .first_order import Adam as Adam
from .least_squares import LeastSquares as LeastSquares

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
from .solve import solve as solve
