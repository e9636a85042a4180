"""References: numerical methods derived from the terms of a problem, with measured error bars."""

from pinnkit.references.spectral.spectral import Spectral as Spectral

from .errors import TooFewConditions as TooFewConditions
from .grid_methods import FiniteDifferences as FiniteDifferences
from .result import Reference as Reference
from .solving import reference as reference
