"""Taylor-mode differentiation: one pass of Taylor coefficients through a field yields all derivatives of a plan."""

from . import rules as rules
