"""The other road: scipy finite differences derived from the problem's own terms, with measured error bars."""

from .reference import reference as reference
from .refusal import CannotDiscretise as CannotDiscretise
from .refusal import TooFewConditions as TooFewConditions
from .result import Reference as Reference
