"""One reader of problems: counts in the source of what there must be once, or not at all."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import pinnkit

PACKAGE = Path(pinnkit.__file__).parent
SOURCES = {p.relative_to(PACKAGE): p.read_text(encoding="utf-8") for p in sorted(PACKAGE.rglob("*.py"))}
TAKES_APART = Path("derivatives.py")
"""The one file that takes operators apart into derivatives."""
FOREIGN = {
    "field.__name__",
    "func.__name__",
    "function.__name__",
    "image.is_animated",
    "made.problem",
    "self.function.__qualname__",
    "torch.Tensor.name",
}
"""Attributes of objects that are not pinnkit's: a user's function, the module of a problem file, an image file."""


parsed = cache(ast.parse)


def operator_loops(source: str) -> Iterator[int]:
    """Lines that ask whether a derivative is an operator and read its `terms` there and then."""
    for node in ast.walk(parsed(source)):
        if not isinstance(node, ast.IfExp):
            continue
        branches = {ast.unparse(branch) for branch in (node.body, node.orelse)}
        plain = any(re.search(r"\(1\.0, [\w.]+\)", b) for b in branches)
        if plain and any(b.rstrip(")").endswith(".terms") for b in branches):
            yield node.lineno


def kind_comparisons(source: str) -> Iterator[int]:
    """Lines that compare the kind of a term with a word."""
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Compare):
            sides = [ast.unparse(side) for side in (node.left, *node.comparators)]
            words = any(isinstance(side, ast.Constant | ast.Set | ast.Tuple) for side in (node.left, *node.comparators))
            if words and any(re.search(r"(\bterm|\bt|\bother|\bcheck)\.kind$", side) for side in sides):
                yield node.lineno


def rule_checks(source: str) -> Iterator[int]:
    """Lines that ask for the type of a residual, a penalty or given points of a term."""
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Call) and re.match(
            r"isinstance\((\w+\.)*(term|t|other)\.(residual|penalty),", ast.unparse(node)
        ):
            yield node.lineno


def defaults(source: str) -> Iterator[str]:
    """Attributes that are read by `getattr` with a default, as `object.attribute`."""
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr" and len(node.args) == 3:
            yield f"{ast.unparse(node.args[0])}.{ast.unparse(node.args[1])}".replace("'", "")


def modules_of(folder: str) -> dict[str, Path]:
    """Dotted names of the modules of a folder."""
    found = {}
    for path in SOURCES:
        if path.is_relative_to(folder):
            name = ".".join(("pinnkit", *path.with_suffix("").parts))
            found[name.removesuffix(".__init__")] = path
    return found


def imports_of(name: str, path: Path, known: dict[str, Path], sources: dict[Path, str]) -> set[str]:
    """Modules among the known ones that a module imports anywhere, under TYPE_CHECKING too."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found = set()
    for node in ast.walk(parsed(sources[path])):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            target = ".".join([*base, *(node.module.split(".") if node.module else [])])
            found |= {f"{target}.{a.name}" if f"{target}.{a.name}" in known else target for a in node.names}
        elif isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
    return {m for m in found if m in known and m != name}


def cycle_of(folder: str, sources: dict[Path, str]) -> None:
    """Raise CycleError where modules of a folder import each other in a circle."""
    known = modules_of(folder)
    graph = {name: imports_of(name, path, known, sources) for name, path in known.items()}
    list(TopologicalSorter(graph).static_order())


def test_operators_are_taken_apart_in_one_place() -> None:
    found = [f"{p}:{line}" for p, s in SOURCES.items() if p != TAKES_APART for line in operator_loops(s)]
    assert found == []
    assert len(list(operator_loops(SOURCES[TAKES_APART]))) == 1


def test_there_is_no_second_reader() -> None:
    assert [str(p) for p, s in SOURCES.items() if re.search(r"^class \w*Survey\b", s, re.MULTILINE)] == []
    readers = [str(p) for p, s in SOURCES.items() if re.search(r"^def structure_of\b", s, re.MULTILINE)]
    assert readers == ["problem/structure.py"]


def test_terms_are_asked_for_what_they_can_do() -> None:
    assert [f"{p}:{line}" for p, s in SOURCES.items() for line in kind_comparisons(s)] == []
    assert [f"{p}:{line}" for p, s in SOURCES.items() for line in rule_checks(s)] == []


def test_declared_attributes_have_no_defaults() -> None:
    assert {a for s in SOURCES.values() for a in defaults(s)} <= FOREIGN


def test_modules_import_each_other_in_one_direction() -> None:
    cycle_of(".", SOURCES)


MUTANTS = {
    "operators": (
        operator_loops,
        "def f(order):\n    return order.terms if isinstance(order, NamedOperator) else ((1.0, order),)",
    ),
    "operators of a channel": (operator_loops, "members = [(1.0, o)] if isinstance(o, tuple) else list(o.terms)"),
    "kinds": (kind_comparisons, "terms = [t for t in problem.terms if t.kind == 'equation']"),
    "several kinds": (kind_comparisons, "hard = term.kind in ('dirichlet', 'initial')"),
    "rules": (rule_checks, "if isinstance(term.residual, Jump):\n    pass"),
    "penalties": (rule_checks, "squares = all(isinstance(t.penalty, Square) for t in terms)"),
    "defaults": (defaults, "hard = getattr(term, 'hard', False)"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_second_way_is_caught(name: str) -> None:
    find, source = MUTANTS[name]
    assert list(find(source))


def test_a_circle_for_types_alone_is_caught() -> None:
    path = Path("problem/names.py")
    added = "\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .problem import Problem\n"
    with pytest.raises(ValueError, match="cycle"):
        cycle_of("problem", {**SOURCES, path: SOURCES[path] + added})
