"""Jets: values of functions together with their partial derivatives.

`Jet` is the view of an equation; `evaluation` computes the derivatives of fields, by a Taylor pass (`taylor`) or by
nested automatic differentiation. `rules` differentiates torch functions of jets, `elementary` has the towers of
derivatives of elementary functions. The rules of jets and of Taylor passes are registered here.
"""

from . import rules as rules
from . import taylor as taylor
from .evaluation import jets as jets
from .frame import Derivative as Derivative
from .frame import Frame as Frame
from .frame import NamedOperator as NamedOperator
from .jet import Jet as Jet

# operators
from .operators import curl as curl
from .operators import div as div
from .operators import grad as grad
from .operators import hessian as hessian
from .operators import laplacian as laplacian
from .operators import normal_derivative as normal_derivative
from .orders import Operator as Operator
from .orders import Order as Order
from .orders import terms_of as terms_of
from .taylor.taylor_pass import UnsupportedOperation as UnsupportedOperation
