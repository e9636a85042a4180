"""Several ways to solve, side by side: every way with every seed, errors against seconds, the reference in between."""

from .comparison import Comparison as Comparison
from .comparison import compare as compare
from .run import Moment as Moment
from .run import Run as Run
from .run import Way as Way
