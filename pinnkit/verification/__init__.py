"""The verdict on a solution: is anything wrong with it, and what.  Consulted after a solve, never during one."""

from .finding import Finding as Finding
from .finding import Kind as Kind
from .finding import Verdict as Verdict
from .run_checks import verdict as verdict
