"""Comparison of methods on one problem: relative error against seconds, for several seeds.

| module | content |
|---|---|
| `run` | `Method`, a named pair of field and solvers; `Run`, one method with one seed; `Measurement` |
| `comparison` | `Comparison`, the frozen record of all runs, with its table |
| `figure` | the figure of a `Comparison` |
| `driver` | `compare`, which runs every method with every seed and writes the files |
"""

from .comparison import Comparison as Comparison
from .driver import compare as compare
from .run import Measurement as Measurement
from .run import Method as Method
from .run import Run as Run
