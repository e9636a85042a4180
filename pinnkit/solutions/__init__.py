"""Solutions: fields evaluated as unknowns, how their solve went, and their files.

Modules: `solution` evaluates at points and on grids, `evaluation` turns fields into unknowns, `history` and `status`
record the solve, `storage` writes and reads solution.h5: `file_content` and `metadata` check what is in it,
`rebuilding` and `bounded_build` make fields of it, `saved` comes back, `hdf5_image` composes it, `sealed` adds a
checksum, `identity` compares terms.  `files` replaces files atomically, `folder_lock` lets one process write a folder,
`residual_values` serves training loops outside pinnkit, `conserved` follows conserved quantities in time.
"""

from typing import TYPE_CHECKING

from pinnkit.lazy import lazy_names

if TYPE_CHECKING:
    from .conserved import Drift as Drift
    from .folder_lock import FolderInUse as FolderInUse
    from .history import History as History
    from .history import Record as Record
    from .residual_values import residuals as residuals
    from .solution import Solution as Solution
    from .status import Status as Status
    from .storage import Saved as Saved
    from .storage import load as load
    from .storage import save as save

_NAMES = {
    "conserved": ("Drift",),
    "folder_lock": ("FolderInUse",),
    "history": ("History", "Record"),
    "residual_values": ("residuals",),
    "solution": ("Solution",),
    "status": ("Status",),
    "storage": ("Saved", "load", "save"),
}
__all__ = ["Drift", "FolderInUse", "History", "Record", "Saved", "Solution", "Status", "load", "residuals", "save"]

_load, __dir__ = lazy_names(__name__, _NAMES)

if not TYPE_CHECKING:  # a type checker would take every misspelt name for an attribute
    __getattr__ = _load
