"""Names of a package that are loaded at their first use.

A package's ``__getattr__`` and ``__dir__`` (PEP 562, https://peps.python.org/pep-0562/) make its public names available
without importing the modules that define them.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from sys import modules
from types import ModuleType

__all__ = ["lazy_names"]


def lazy_names(
    package: str, names: Mapping[str, Sequence[str]], submodules: Sequence[str] = ()
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` for a package.

    Args:
        package: the package's `__name__`.
        names: for each module, relative to the package, the public names that it defines.
        submodules: modules that are attributes of the package before anything has imported them.

    Raises:
        ValueError: where two modules supply one name, or a name is that of a module in `submodules`.
    """
    module_of: dict[str, str] = {}
    for module, own in names.items():
        for name in own:
            if name in module_of or name in submodules:
                raise ValueError(f"{package}: the name `{name}` is supplied twice")
            module_of[name] = module

    def load(name: str) -> object:
        if name in submodules:
            return _imported(name, package)
        if name not in module_of:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        value = getattr(_imported(module_of[name], package), name)
        setattr(modules[package], name, value)  # the next use finds it without this function
        return value

    def listed() -> list[str]:
        return sorted({*vars(modules[package]), *module_of, *submodules})

    return load, listed


def _imported(name: str, package: str) -> ModuleType:
    """Import a module without garbage collection, which visits all objects of torch several times and frees nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        return import_module(f".{name}", package)
    finally:
        if enabled:
            gc.enable()
