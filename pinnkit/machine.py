"""The machine and the versions that numbers were measured with."""

from __future__ import annotations

import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version

__all__ = ["__version__", "describe", "devices", "versions"]

__version__ = version("pinnkit")
_COMPILERS = ("c++", "g++", "clang++", "cl")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that take part in a solve, from their metadata; none is imported."""
    found = {"python": platform.python_version()}
    for name in ("torch", "numpy", "scipy", "pinnkit"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def describe() -> dict[str, str]:
    """Versions, operating system, processor cores and C++ compiler, as `pinnkit info` prints them; loads no torch."""
    candidates = (os.environ.get("CXX"), *_COMPILERS)
    compiler = next((path for name in candidates if name and (path := shutil.which(name))), None)
    return {
        **versions(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": str(os.cpu_count() or 1),
        "C++ compiler": compiler or "none: training runs uncompiled, which is slower",
    }


def devices() -> dict[str, str]:
    """Devices that a solve can use, and the processor threads that torch uses; loads torch."""
    import torch

    found = ["cpu", *(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))]
    return {"devices": ", ".join(found), "threads": str(torch.get_num_threads())}
