"""No import cycles: neither between files, imports for types and inside functions included, nor between subpackages."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.test_layout import imports_of, package_sources

PARTS = ("fields", "jets")
"""Parts of the package without cycles."""
LIGHT = {"numpy", "torch", "pinnkit"}
"""What these parts may load beside the standard library: `import pinnkit` costs little more than `import torch`."""


def files_of(part: str | None) -> dict[str, tuple[Path, str]]:
    """Modules of one part, or of the whole package, by their dotted names, as (path, source)."""
    found = {}
    for path, source in package_sources().items():
        if part in (None, path.parts[0].removesuffix(".py")):
            names = [*path.parts[:-1], *([] if path.name == "__init__.py" else [path.stem])]
            found[".".join(["pinnkit", *names])] = (path, source)
    return found


def file_graph(files: Mapping[str, tuple[Path, str]]) -> dict[str, set[str]]:
    """For every module the modules of the same part that it imports."""
    graph: dict[str, set[str]] = {}
    for name, (path, source) in files.items():
        targets = (item.target for item in imports_of(path, source))
        reached = {t if t in files else t.rpartition(".")[0] for t in targets}
        graph[name] = (reached & files.keys()) - {name}
    return graph


def package_graph(files: Mapping[str, tuple[Path, str]]) -> dict[str, set[str]]:
    """For every subpackage those that its modules import; an `__init__` collects and does not count."""
    packages = {name for name, (path, _) in files.items() if path.name == "__init__.py"}
    graph: dict[str, set[str]] = {name: set() for name in packages}
    for name, reached in file_graph(files).items():
        if name not in packages:
            own = name.rpartition(".")[0]
            graph[own] |= {t if t in packages else t.rpartition(".")[0] for t in reached} - {own}
    return graph


def cycle(graph: Mapping[str, set[str]]) -> list[str]:
    """One cycle of a graph; empty where there is none."""
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_file_of_the_package_is_in_a_cycle() -> None:
    files = files_of(None)
    assert len(files) > 300
    assert cycle(file_graph(files)) == []


@pytest.mark.parametrize("part", PARTS)
def test_files_and_subpackages_import_in_one_direction(part: str) -> None:
    files = files_of(part)
    assert len(files) > 20
    assert cycle(file_graph(files)) == []
    assert cycle(package_graph(files)) == []


@pytest.mark.parametrize("part", PARTS)
def test_nothing_heavy_is_loaded(part: str) -> None:
    for path, source in files_of(part).values():
        for item in imports_of(path, source):
            top = item.target.split(".")[0]
            assert item.when != "load" or top in LIGHT or top in sys.stdlib_module_names, str(item)


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("pinnkit.fields.protocols", "from .base import Network"),
        ("pinnkit.fields.base", "from pinnkit.fields.mlp.siren import Siren"),
        ("pinnkit.jets.jet", "def f():\n    from pinnkit.jets.rules import arithmetic"),
        ("pinnkit.jets.taylor.weight_record", "if TYPE_CHECKING:\n    from .taylor_pass import Taylor"),
    ],
)
def test_a_cycle_is_found(module: str, line: str) -> None:
    files = files_of(module.split(".")[1])
    path, source = files[module]
    assert cycle(file_graph({**files, module: (path, f"{source}\n{line}")}))


def test_a_cycle_of_subpackages_is_found() -> None:
    files = files_of("fields")
    path, source = files["pinnkit.fields.modes"]
    changed = {**files, "pinnkit.fields.modes": (path, f"{source}\nfrom pinnkit.fields.encodings import lattice")}
    assert cycle(file_graph(changed)) == []
    assert cycle(package_graph(changed))
