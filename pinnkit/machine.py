"""The machine and the versions that numbers were measured with."""

from __future__ import annotations

import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version

import torch

__all__ = ["describe", "versions"]


def versions() -> dict[str, str]:
    """Of Python and of the packages that take part in a solve."""
    found = {"python": platform.python_version()}
    for name in ("torch", "numpy", "scipy", "pinnkit"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def describe() -> dict[str, str]:
    """Versions, devices, threads and the C++ compiler, as `pinnkit info` prints them."""
    devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append("Metal")
    compiler = next(
        (
            path
            for name in (os.environ.get("CXX"), "c++", "g++", "clang++", "cl")
            if name and (path := shutil.which(name))
        ),
        None,
    )
    return {
        **versions(),
        "system": f"{platform.system()} {platform.machine()}",
        "devices": ", ".join(["cpu", *devices]),
        "cores": str(os.cpu_count() or 1),
        "threads": str(torch.get_num_threads()),
        "C++ compiler": compiler or "none: training runs uncompiled, which is slower",
    }
