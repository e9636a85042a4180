"""Pages of the API reference, written from the packages as they are: one page a package, its public names on it.

The public names of a package are those of its `__all__`, or else the names of pinnkit that its `__init__` binds.  A
package whose `__init__` binds none has its modules on its page, each with its `__all__`.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pinnkit
from sphinx.application import Sphinx

PACKAGES = (
    "domains", "problem", "jets", "fields", "solvers", "solutions", "references", "verification", "reports",
    "images", "surfaces", "radiance", "registry",
)  # fmt: skip


def public_names(module: ModuleType) -> list[str]:
    """Return the names that a module offers, in alphabetical order."""
    names = getattr(module, "__all__", None)
    if names is None:
        names = [
            name
            for name in dir(module)
            if not name.startswith("_")
            and not inspect.ismodule(value := getattr(module, name))
            and str(getattr(value, "__module__", "")).startswith("pinnkit")
        ]
    return sorted(names, key=str.lower)


def modules_of(package: ModuleType) -> list[ModuleType]:
    """Return the modules directly within a package that state their public names."""
    found = [f"{package.__name__}.{info.name}" for info in pkgutil.iter_modules(getattr(package, "__path__", []))]
    modules = [importlib.import_module(name) for name in found]
    return [module for module in modules if getattr(module, "__all__", None)]


def section(module: ModuleType, mark: str) -> str:
    """Return the documentation of the public names of one module."""
    head = f"{module.__name__}\n{mark * len(module.__name__)}\n\n.. py:module:: {module.__name__}\n\n"
    text = inspect.getdoc(module) or ""
    parts = [head + prepared(text)]
    for name in public_names(module):
        value = getattr(module, name)
        kind = "class" if inspect.isclass(value) else "function" if callable(value) else "data"
        options = "   :members:\n" if kind == "class" else ""
        parts.append(f".. auto{kind}:: {module.__name__}.{name}\n{options}")
    return "\n\n".join(parts)


def page(name: str) -> str:
    """Return the page of one package."""
    package = importlib.import_module(f"pinnkit.{name}")
    parts = [section(package, "=")]
    if not public_names(package):
        parts += [section(module, "-") for module in modules_of(package)]
    return "\n\n".join(parts) + "\n"


def overview() -> str:
    """Return the page of the names at the top level: each with the page that describes it."""
    where: dict[int, str] = {}
    for name in PACKAGES:
        package = importlib.import_module(f"pinnkit.{name}")
        for module in [package, *([] if public_names(package) else modules_of(package))]:
            for public in public_names(module):
                where.setdefault(id(getattr(module, public)), f"{module.__name__}.{public}")
    rows, rest = [], []
    for name in public_names(pinnkit):
        value = getattr(pinnkit, name)
        first = (inspect.getdoc(value) or "").split("\n")[0]
        rest += [] if id(value) in where else [name]
        target = where.get(id(value), f"pinnkit.{name}")
        rows.append(f"   * - :py:obj:`{name} <{target}>`\n     - {prepared(first)}")
    table = ".. list-table::\n   :widths: 25 75\n\n" + "\n".join(rows)
    own = "\n\n".join(f".. autofunction:: pinnkit.{name}" for name in rest)
    packages = "\n".join(f"   {name}" for name in PACKAGES)
    return (
        "API reference\n=============\n\nNames that scripts import from ``pinnkit``; packages hold more.\n\n"
        f"{table}\n\n.. py:module:: pinnkit\n\n{own}\n\nPackages\n--------\n\n.. toctree::\n   :maxdepth: 1\n\n{packages}\n"
    )


def prepared(text: str) -> str:
    """Return docstring text in which signs of mathematics are not taken for markup: |r|, x*, x_."""
    parts = re.split(r"(``[^`]*``|`[^`]*`)", text)
    return "".join(part if i % 2 else re.sub(r"(?<!\\)([|*]|_\b)", r"\\\1", part) for i, part in enumerate(parts))


def adapt(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Escape signs of mathematics in a docstring."""
    lines[:] = prepared("\n".join(lines)).split("\n")


def write(app: Sphinx) -> None:
    """Write the pages into docs/api/, each only where it changed."""
    folder = Path(app.srcdir) / "api"
    folder.mkdir(exist_ok=True)
    for name, text in {"index": overview(), **{name: page(name) for name in PACKAGES}}.items():
        target = folder / f"{name}.rst"
        if not target.is_file() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the hooks."""
    app.connect("builder-inited", write)
    app.connect("autodoc-process-docstring", adapt, priority=400)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
