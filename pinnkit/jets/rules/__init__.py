"""Derivative rules of torch functions on jets, by kind of function.

One table (`pinnkit.jets.dispatch.RULES`) serves every order: a rule is written in terms of jets, and differentiating
twice applies it twice. A new rule is one entry in the table of its module.

Sources: Abramowitz & Stegun, chapters 3, 4, 7, 9.
"""

from . import arithmetic as arithmetic
from . import elementwise as elementwise
from . import linear_algebra as linear_algebra
from . import selection as selection
from . import shapes as shapes
from . import values as values
