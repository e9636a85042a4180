"""Rules of torch operations on Taylor coefficients, by kind of operation.

Linear operations act alike on every channel; elementwise functions follow the chain rule, products the rule of Leibniz;
comparisons return plain tensors of values. Dimension 0 of a `Taylor` counts points, and no operation may mix those. A
new rule is one function with `implements`, or one entry in the table of its module.
"""

from . import arithmetic as arithmetic
from . import elementwise as elementwise
from . import linear_algebra as linear_algebra
from . import selection as selection
from . import shapes as shapes
from . import values as values
