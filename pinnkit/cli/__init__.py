"""The command line: every command is a thin layer over the functions that scripts call.

One module a command or a group of commands; `application` runs them, `words` translates words to objects, `console`
holds errors and progress, `outcome` the report at the end of a solve.  No module here loads PyTorch when it is
imported: commands import what they need when they run.
"""

from . import exchange as exchange
from . import fit as fit
from . import measuring as measuring
from . import mesh as mesh
from . import radiance as radiance
from . import reconstruct as reconstruct
from . import scene as scene
from . import solving as solving
from .application import app as app
from .application import main as main
from .application import run as run

__all__ = ["app", "main", "run"]
