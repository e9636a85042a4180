"""Verification of solutions: residual, uniqueness and comparison checks, error estimates, and their verdict."""

from .finding import Finding as Finding
from .finding import Kind as Kind
from .finding import Verdict as Verdict
from .run_checks import verdict as verdict
