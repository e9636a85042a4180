"""Pages of the API reference, written from the packages as they are: one page a package, its public names on it.

The public names of a package are those of its `__all__`, or else the names of pinnkit that its `__init__` binds.  A
package whose `__init__` binds none has its modules on its page, each with its `__all__`.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import pkgutil
import re
import sys
from pathlib import Path
from textwrap import indent
from types import ModuleType
from typing import Any

import typer
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer

import pinnkit
from pinnkit.cli import app

PACKAGES = (
    "domains", "problem", "jets", "fields", "solvers", "solutions", "files", "references", "verification", "reports",
    "checking", "exporting",
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
        if inspect.isclass(value):
            parts.append(f".. autoclass:: {module.__name__}.{name}\n   :members:")
        elif inspect.isroutine(value):
            parts.append(f".. autofunction:: {module.__name__}.{name}")
        else:
            parts.append(f".. py:data:: {module.__name__}.{name}\n\n{indent(constant(module, name), '   ')}")
    return "\n\n".join(parts)


def constant(module: ModuleType, name: str) -> str:
    """Return the string below the assignment of a constant, wherever in the package it is."""
    for path, candidate in sorted(sys.modules.items()):
        if path.startswith(module.__name__) and name in vars(candidate):
            found = ModuleAnalyzer.for_module(path).find_attr_docs().get(("", name))
            if found:
                return prepared("\n".join(found))
    return ""


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
    head = "API reference\n=============\n\nNames that scripts import from ``pinnkit``.  Packages hold more."
    contents = f"Packages\n--------\n\n.. toctree::\n   :maxdepth: 1\n\n{packages}\n   command_line"
    return "\n\n".join([head, table, ".. py:module:: pinnkit", own, contents]) + "\n"


def commands() -> str:
    """Return the page of the options of every command, from the application itself."""
    parts = ["Options\n=======\n\nThe options of every command of ``pinnkit``, written from the application itself."]
    root = typer.main.get_command(app)

    def describe(command: Any, path: str) -> None:
        subcommands = getattr(command, "commands", {})
        for name in subcommands:
            describe(subcommands[name], f"{path} {name}")
        if subcommands:
            return
        with contextlib.redirect_stdout(io.StringIO()):  # printing its help fills in the words that it lists
            command.get_help(command.context_class(command, info_name=path))
        rows = [
            f"   * - ``{spelling(parameter)}``\n     - {prepared(parameter.help or '')}{default_of(parameter)}"
            for parameter in command.params
        ]
        table = ".. list-table::\n   :widths: 30 70\n\n" + "\n".join(rows)
        parts.append(f"{path}\n{'-' * len(path)}\n\n{prepared(command.help or '')}\n\n{table}")

    describe(root, "pinnkit")
    return "\n\n".join(parts) + "\n"


def spelling(parameter: Any) -> str:
    """Return the ways to write an option, or the name of an argument."""
    if parameter.param_type_name == "option":
        return ", ".join([*parameter.opts, *parameter.secondary_opts])
    return str(parameter.name).upper()


def default_of(parameter: Any) -> str:
    """Return the default of an option, where it says something."""
    default = parameter.default
    return "" if default is None or isinstance(default, bool) or callable(default) else f"  Default: ``{default}``."


def escaped(text: str) -> str:
    """Return docstring text in which signs of mathematics are no markup (|r|, x*, u_), and names may have a plural."""
    parts = re.split(r"(``[^`]*``|`[^`]*`)", text)
    plain = [part if i % 2 else re.sub(r"(?<!\\)([|*]|_\b)", r"\\\1", part) for i, part in enumerate(parts)]
    return "".join(
        f"{part}\\ " if i % 2 and following[:1].isalnum() else part
        for i, (part, following) in enumerate(zip(plain, [*plain[1:], ""], strict=True))
    )


def joined(lines: list[str]) -> list[str]:
    """Return lines in which a hanging indent belongs to the paragraph above it; literal blocks stay as they are."""
    found: list[str] = []
    literal: int | None = None  # the margin of the text above a literal block
    for line in lines:
        above, margin = found[-1] if found else "", len(line) - len(line.lstrip())
        if literal is not None and line.strip() and margin <= literal:
            literal = None
        of_above = len(above) - len(above.lstrip())
        hangs = literal is None and above.strip() and margin > of_above
        if hangs and not re.match(r"\s*([:*\-]|\\\*|\.\. |\d+\.)", above):
            line = " " * of_above + line.lstrip()
        if literal is None and line.endswith("::"):
            literal = margin
        found.append(line)
    return found


def prepared(text: str) -> str:
    """Return the text of a module's docstring as reStructuredText."""
    return "\n".join(joined(escaped(text).split("\n")))


def before_napoleon(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Escape a docstring; an empty type keeps the first colon of an attribute's text from being taken for one."""
    lines[:] = escaped("\n".join(lines)).split("\n")
    if what in ("property", "attribute", "data"):
        lines[0] = f": {lines[0]}"


def after_napoleon(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Join hanging indents, which are none of the sections by then."""
    lines[:] = joined(lines)


def write(app: Sphinx) -> None:
    """Write the pages into docs/api/, each only where it changed."""
    folder = Path(app.srcdir) / "api"
    folder.mkdir(exist_ok=True)
    for name, text in {
        "index": overview(),
        "command_line": commands(),
        **{name: page(name) for name in PACKAGES},
    }.items():
        target = folder / f"{name}.rst"
        if not target.is_file() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the hooks."""
    app.connect("builder-inited", write)
    app.connect("autodoc-process-docstring", before_napoleon, priority=400)
    app.connect("autodoc-process-docstring", after_napoleon, priority=600)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
