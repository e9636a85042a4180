"""Elementary functions with all their derivatives, for the chain rule of a Taylor pass.

`ELEMENTWISE` holds them by the name of the torch function; a new function is one entry in the table of its module.
"""

from .algebraic import ALGEBRAIC
from .piecewise import PIECEWISE
from .smooth import SMOOTH
from .special import SPECIAL
from .tower import Elementwise as Elementwise

ELEMENTWISE: dict[str, Elementwise] = {**SMOOTH, **ALGEBRAIC, **PIECEWISE, **SPECIAL}
"""The elementwise functions of one argument, by the name of the torch function."""
