"""How things vary: jets of unknowns, their operators, and the passes that supply the numbers."""

# What an equation sees
# What fields supply
from pinnkit.jets.taylor.taylor_pass import UnsupportedOperation as UnsupportedOperation

from .evaluation import jets as jets
from .frame import Derivative as Derivative
from .frame import Frame as Frame
from .frame import NamedOperator as NamedOperator
from .jet import Jet as Jet

# Operators
from .operators import curl as curl
from .operators import div as div
from .operators import grad as grad
from .operators import hessian as hessian
from .operators import laplacian as laplacian
from .operators import normal_derivative as normal_derivative
from .orders import Operator as Operator
from .orders import Order as Order
