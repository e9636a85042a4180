"""The command line: every command is a thin layer over the functions that scripts call.

One module a command or a group of commands; `app` runs them, `words` translates words to objects, `console` holds
errors and progress, `outcome` the report at the end of a solve.  No module here loads PyTorch when it is imported:
commands import what they need when they run.
"""

from . import fit as fit
from . import measuring as measuring
from . import mesh as mesh
from . import radiance as radiance
from . import reconstruct as reconstruct
from . import scene as scene
from . import solving as solving
from .app import app as app
from .app import main as main
from .app import run as run

__all__ = ["app", "main", "run"]
