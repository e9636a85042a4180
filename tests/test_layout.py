"""Imports point one way: the table of the design, held against the source of every file in pinnkit/."""

import ast
import functools
from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Literal, NamedTuple

import pytest

import pinnkit

_PROBLEM = {"files", "registry", "meshes", "derivatives", "domains", "fields", "jets", "problem"}
_SOLVED = _PROBLEM | {"solutions", "solvers", "references"}
_REPORTED = _SOLVED | {"reports", "verification", "machine"}
_MEASURE = {"measure.acceptance", "measure.bench", "measure.compare", "measure.publication"}
_BUILDERS = {"images", "surfaces", "radiance"}

# Each part of the package and the other parts that it may import; a new part needs a row.
MAY_IMPORT: dict[str, set[str]] = {
    "machine": set(),
    "interrupts": set(),
    "registry": set(),
    "lazy": set(),
    "files": set(),
    "derivatives": set(),
    "meshes": {"files"},
    "domains": {"registry", "meshes"},
    "fields": {"registry", "derivatives"},
    "jets": {"derivatives"},
    "problem": {"lazy", "registry", "derivatives", "domains", "fields", "jets"},
    "ordinary": _PROBLEM,
    "solutions": _PROBLEM | {"lazy"},
    "solvers": _PROBLEM | {"solutions", "machine", "well_posedness", "ordinary"},
    "references": _PROBLEM | {"ordinary"},
    "well_posedness": _PROBLEM,
    "verification": _SOLVED | {"lazy", "well_posedness", "ordinary"},
    "reports": _SOLVED | {"lazy", "verification", "machine"},
    "measure": set(),
    "measure.bench": _REPORTED | _BUILDERS,
    "measure.acceptance": _REPORTED | {"measure.bench"},
    "measure.compare": _REPORTED,
    "measure.published": {"reports", "solutions"},
    "measure.markdown": {"reports", "measure.published"},
    "measure.publication": _REPORTED | {"measure.published", "measure.markdown"},
    **{builder: _SOLVED | {"machine"} for builder in _BUILDERS},
    "checking": _REPORTED | {"lazy"},
    "exporting": _REPORTED | {"lazy"},
    "cli": _REPORTED | {"checking", "exporting", "interrupts"} | _MEASURE | _BUILDERS,
    "__main__": {"cli", "interrupts"},
}
DIVIDED = {"measure"}  # packages whose sub-packages and modules are parts of their own
ANYWHERE = "__version__"  # set before anything else is imported, so that every part may read it
FIGURES = Path("reports/figures.py")  # the one file that loads matplotlib with itself
PUBLIC = "__init__"  # the public names; nothing inside the package imports them


class Import(NamedTuple):
    """One name that a file of the package imports: where it is written, and what it reaches."""

    path: Path  # relative to the package
    line: int
    target: str  # absolute dotted name
    when: Literal["load", "call", "types"]  # at module level, inside a function, or under TYPE_CHECKING

    @property
    def part(self) -> str:
        return part_of(self.path)

    @property
    def reached(self) -> str | None:
        """The part of the package that is imported, or None for another package."""
        names = self.target.split(".")
        if names[0] != "pinnkit":
            return None
        return part_named(names[1:]) if len(names) > 1 else PUBLIC

    def __str__(self) -> str:
        return f"pinnkit/{self.path.as_posix()}:{self.line} imports {self.target}"


def part_named(names: Sequence[str]) -> str:
    """The part that holds the module `names`, its dotted name below the package."""
    return ".".join(names[: 2 if names[0] in DIVIDED else 1])


def part_of(path: Path) -> str:
    return part_named([name for name in path.with_suffix("").parts if name != PUBLIC] or [PUBLIC])


@functools.cache
def imports_of(path: Path, source: str) -> list[Import]:
    """Every import of one file, at any depth."""
    package = ("pinnkit", *path.parts[:-1])

    def visit(node: ast.AST, when: Literal["load", "call", "types"]) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(path, node.lineno, alias.name, when)
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            base += node.module.split(".") if node.module else []
            for alias in node.names:
                yield Import(path, node.lineno, ".".join([*base, alias.name]), when)
        elif isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            for child in node.body:
                yield from visit(child, "types")
            for child in node.orelse:
                yield from visit(child, when)
        else:
            if when == "load" and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                when = "call"
            for child in ast.iter_child_nodes(node):
                yield from visit(child, when)

    return list(visit(ast.parse(source), "load"))


def complaints(sources: dict[Path, str]) -> list[str]:
    """Violations of the table in the given files, by path relative to the package."""
    found = []
    for path, source in sources.items():
        part = part_of(path)
        if part == PUBLIC:
            continue
        if part not in MAY_IMPORT:
            found.append(f"pinnkit/{path.as_posix()}: `{part}` has no row in MAY_IMPORT")
            continue
        for item in imports_of(path, source):
            reached = item.reached
            if item.target.split(".")[0] == "matplotlib" and item.when == "load" and path != FIGURES:
                found.append(f"{item} at module level; only figures.py may")
            if reached in (None, part, ANYWHERE) or reached in MAY_IMPORT[part]:
                continue
            known = reached in MAY_IMPORT
            found.append(
                f"{item}, " + (f"but `{part}` may not know `{reached}`" if known else "which is no part of it")
            )
    return found


def package_sources() -> dict[Path, str]:
    package = Path(pinnkit.__file__).parent
    return {path.relative_to(package): path.read_text(encoding="utf-8") for path in sorted(package.rglob("*.py"))}


def test_the_tests_see_the_code_of_this_checkout(root: Path) -> None:
    assert Path(pinnkit.__file__).resolve().parent == root / "pinnkit"


def test_imports_of_the_package_point_one_way() -> None:
    assert complaints(package_sources()) == []


def test_the_table_itself_has_no_way_back() -> None:
    order = list(TopologicalSorter(MAY_IMPORT).static_order())  # raises CycleError, with the cycle
    assert order[-1] == "__main__"
    assert set(order) == set(MAY_IMPORT)


MUTANTS = {
    "a domain that knows fields": (
        "domains/box.py",
        "from pinnkit.fields import Siren",
        "`domains` may not know `fields`",
    ),
    "a field that knows domains": (
        "fields/mlp/siren.py",
        "from ...domains.box import Box",
        "`fields` may not know `domains`",
    ),
    "a field that knows jets": ("fields/base.py", "import pinnkit.jets.jet", "`fields` may not know `jets`"),
    "a part named after `from ..`": ("jets/jet.py", "from .. import problem", "`jets` may not know `problem`"),
    "a problem that knows solvers": (
        "problem/problem.py",
        "from pinnkit.solvers import solve",
        "`problem` may not know `solvers`",
    ),
    "an import inside a function": (
        "problem/terms.py",
        "def term():\n    from pinnkit.references import grid",
        "`problem` may not know `references`",
    ),
    "an import for types alone": (
        "jets/trace.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pinnkit.problem.terms import Term",
        "`jets` may not know `problem`",
    ),
    "a reference that knows solvers": ("references/grid.py", "import pinnkit.solvers as s", "may not know `solvers`"),
    "a report that knows the command line": ("reports/report.py", "from pinnkit.cli import main", "may not know `cli`"),
    "a use of the public names": ("solvers/training/loop.py", "from pinnkit import Problem", "is no part of it"),
    "a part without a row": ("helpers.py", "", "`helpers` has no row"),
    "figures loaded by everyone": ("reports/report.py", "import matplotlib.pyplot as plt", "only figures.py may"),
    "figures loaded in a try": (
        "reports/validation.py",
        "try:\n    from matplotlib import pyplot\nexcept ImportError:\n    pyplot = None",
        "only figures.py may",
    ),
}


@pytest.mark.parametrize(("path", "source", "words"), MUTANTS.values(), ids=MUTANTS.keys())
def test_an_import_against_the_table_is_caught(path: str, source: str, words: str) -> None:
    found = complaints({**package_sources(), Path(path): source})
    assert any(words in line for line in found), found


def test_imports_that_the_table_allows_pass() -> None:
    allowed = {
        Path("reports/figures.py"): "import matplotlib.pyplot as plt\nfrom pinnkit.solutions.solution import Solution",
        Path("reports/report.py"): "def draw():\n    import matplotlib.pyplot as plt\nfrom pinnkit import __version__",
        Path("jets/taylor/taylor_pass.py"): "import math\nfrom . import rules\nfrom ... import derivatives",
        Path("solvers/training/loop.py"): "from pinnkit.problem.problem import Problem\nfrom .weights import Weights",
        Path("__init__.py"): "from .cli import main as main",
    }
    assert complaints(allowed) == []


def modules_of(sources: dict[Path, str], folder: str) -> dict[str, set[str]]:
    """Each module below a folder and the modules there that it imports, at any depth and also for types."""
    names = {path: ".".join(("pinnkit", *path.with_suffix("").parts)).removesuffix(".__init__") for path in sources}
    mine = {path: name for path, name in names.items() if path.parts[0] == folder}
    known = set(mine.values())

    def module(target: str) -> str | None:
        while target and target not in known:
            target = target.rpartition(".")[0]
        return target or None

    return {
        name: {found for item in imports_of(path, sources[path]) if (found := module(item.target)) not in (None, name)}
        for path, name in mine.items()
    }


def test_the_modules_of_measure_have_no_cycle_not_even_for_types() -> None:
    sources = package_sources()
    order = list(TopologicalSorter(modules_of(sources, "measure")).static_order())  # raises CycleError
    assert order.index("pinnkit.measure.compare.comparison") < order.index("pinnkit.measure.compare.figure")
    mutant = Path("measure/compare/comparison.py")
    back = "\nif TYPE_CHECKING:\n    from .figure import figure\n"
    with pytest.raises(CycleError, match=r"compare\.figure"):
        TopologicalSorter(modules_of({**sources, mutant: sources[mutant] + back}, "measure")).prepare()
