"""The other road: numerical methods derived from the problem's own terms, with measured error bars."""

from .differences import FiniteDifferences as FiniteDifferences
from .reference import reference as reference
from .refusal import CannotDiscretise as CannotDiscretise
from .refusal import TooFewConditions as TooFewConditions
from .result import Reference as Reference
from .spectral import Spectral as Spectral
