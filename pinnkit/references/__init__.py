"""References: numerical methods derived from the terms of a problem, with measured error bars."""

from pinnkit.references.spectral.spectral import Spectral as Spectral

from .errors import BudgetSpent as BudgetSpent
from .errors import NotWellPosed as NotWellPosed
from .errors import TooFewConditions as TooFewConditions
from .errors import TooManyConditions as TooManyConditions
from .errors import Unresolved as Unresolved
from .grid_methods import FiniteDifferences as FiniteDifferences
from .initial_value import InitialValue as InitialValue
from .result import Reference as Reference
from .solving import reference as reference
