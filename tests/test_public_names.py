"""Public names: loaded lazily from where they are defined, documented, and never hiding a module."""

import ast
import importlib
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import entry_points, version
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

import pinnkit
from pinnkit.lazy import lazy_names

ROOT = Path(pinnkit.__file__).parent
SOURCE = Path(pinnkit.__file__).read_text(encoding="utf-8")
LAZY = [
    path for path in sorted(ROOT.rglob("__init__.py")) if "lazy_names(" in path.read_text(encoding="utf-8")
]  # packages whose names are loaded at first use


def for_type_checkers(source: str) -> dict[str, str]:
    """Name -> module, for each `from .module import Name as Name` under TYPE_CHECKING."""
    blocks = [n for n in ast.parse(source).body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"]
    imports = [n for block in blocks for n in block.body if isinstance(n, ast.ImportFrom) and n.module]
    return {alias.asname or "": str(node.module) for node in imports for alias in node.names}


def is_documented(item: object) -> bool:
    """True for a written docstring; dataclasses and named tuples without one get their signature."""
    written = item.__doc__ or ""  # a class does not inherit this one
    generated = isinstance(item, type) and written.startswith(f"{item.__name__}(")
    return len(written.split()) > 1 and not generated


def modules() -> list[str]:
    """Dotted names of all modules of the package."""
    names = [path.relative_to(ROOT.parent).with_suffix("").parts for path in sorted(ROOT.rglob("*.py"))]
    return [".".join(parts).removesuffix(".__init__") for parts in names if parts[-1] != "__main__"]


def hiding(package: Path, source: str) -> list[str]:
    """Names of a package's `__init__` that are those of its modules without being the modules."""
    own = {path.stem for path in package.glob("*.py")} | {path.name for path in package.iterdir() if path.is_dir()}
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            names = [alias.asname or alias.name for alias in node.names]
            found += [name for name in names if name in own and node.module is not None]
        elif isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in own:
            found.append(node.name)
    return found


def output_of(code: str) -> str:
    """Text that Python code prints in a process of its own."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", pinnkit.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    assert is_documented(getattr(pinnkit, name)), f"pinnkit.{name} has no docstring"


@pytest.mark.parametrize("path", LAZY, ids=lambda path: path.parent.name)
def test_type_checkers_see_the_names_that_are_loaded_lazily(path: Path) -> None:
    names = ["pinnkit", *path.parent.relative_to(ROOT).parts]
    package = importlib.import_module(".".join(names))
    loaded = {name: module for module, own in package._NAMES.items() for name in own}
    assert for_type_checkers(path.read_text(encoding="utf-8")) == loaded
    assert set(package.__all__) - {"main"} == set(loaded) - {"__version__"}
    assert set(package.__all__) <= set(dir(package))
    for name in package.__all__:
        getattr(package, name)


def test_the_top_level_has_what_a_script_needs_and_no_more() -> None:
    assert len(pinnkit.__all__) <= 68
    used = set()
    for path in (ROOT.parent / "problems").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "pinnkit":
                used |= {alias.name for alias in node.names}
    assert used <= set(pinnkit.__all__)
    assert {"Problem", "Box", "Equation", "Dirichlet", "solve", "plan", "validate", "Unsupported", "main"} <= set(
        pinnkit.__all__
    )


@pytest.mark.parametrize("name", modules())
def test_every_module_can_be_imported_by_its_name(name: str) -> None:
    """As ``import pinnkit.solvers.training as m`` does: through the attributes of its packages."""
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "pinnkit":
            raise
        pytest.skip(f"needs {error.name}, which is not installed")
    found: object = pinnkit
    for part in name.split(".")[1:]:
        found = getattr(found, part)
    assert isinstance(found, ModuleType)
    assert found is module


@pytest.mark.parametrize("path", sorted(ROOT.rglob("__init__.py")), ids=lambda path: str(path.parent.relative_to(ROOT)))
def test_no_name_of_a_package_hides_one_of_its_modules(path: Path) -> None:
    assert hiding(path.parent, path.read_text(encoding="utf-8")) == []


def test_a_name_that_hides_a_module_is_seen(tmp_path: Path) -> None:
    (tmp_path / "render.py").touch()
    (tmp_path / "solve").mkdir()
    assert hiding(tmp_path, "from .render import render as render") == ["render"]
    assert hiding(tmp_path, "from .other import render") == ["render"]
    assert hiding(tmp_path, "def solve():\n    pass") == ["solve"]
    assert hiding(tmp_path, "from . import render as render") == []


def test_importing_pinnkit_loads_nothing_else() -> None:
    code = "import sys, pinnkit; print(sorted(m for m in sys.modules if m.split('.')[0] in {names}))"
    heavy = {"torch", "numpy", "scipy", "h5py", "matplotlib", "typer", "rich"}
    done = subprocess.run(
        [sys.executable, "-c", code.format(names=heavy)], cwd=ROOT.parent, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_the_names_of_a_script_load_no_scipy() -> None:
    code = (
        "import sys\nfrom pinnkit import Box, Dirichlet, Equation, Initial, Problem, main\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'scipy', 'h5py', 'matplotlib', 'typer', 'rich'}))"
    )
    assert output_of(code) == "[]"


def test_namespaces_are_attributes_of_the_package() -> None:
    code = "import pinnkit; print(pinnkit.fields.HashGrid.__name__, pinnkit.solvers.RAD.__name__)"
    assert output_of(code) == "HashGrid RAD"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'pinnkit' has no attribute 'Dirichlett'"):
        _ = pinnkit.Dirichlett
    with pytest.raises(ImportError, match="cannot import name 'Dirichlett'"):
        exec("from pinnkit import Dirichlett")


def test_a_lazy_name_is_supplied_once() -> None:
    with pytest.raises(ValueError, match="the name `b` is supplied twice"):
        lazy_names("package", {"one": ("a", "b"), "two": ("b",)})
    with pytest.raises(ValueError, match="the name `one` is supplied twice"):
        lazy_names("package", {"two": ("one",)}, ("one",))


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_collection_is_as_before_after_a_name_was_loaded(enabled: bool) -> None:
    code = (
        f"import gc\n(gc.enable if {enabled} else gc.disable)()\nfrom pinnkit import Box\nprint(gc.isenabled())\n"
        "import pinnkit\ntry:\n    pinnkit.nothing\nexcept AttributeError:\n    print(gc.isenabled())"
    )
    assert output_of(code).split() == [str(enabled)] * 2


def test_the_version_is_the_one_that_is_installed() -> None:
    assert pinnkit.__version__ == version("pinnkit")
    assert pinnkit.__doc__


def test_the_console_script_can_be_imported() -> None:
    (script,) = [item for item in entry_points(group="console_scripts") if item.name == "pinnkit"]
    assert callable(getattr(importlib.import_module(script.module), script.attr))


def test_a_generated_docstring_does_not_count() -> None:
    @dataclass(frozen=True)
    class Bare:
        value: float = 0.0

    class Pair(NamedTuple):
        first: float

    @dataclass(frozen=True)
    class Told:
        """A value with a unit."""

        value: float = 0.0

    assert is_documented(Told)
    assert not is_documented(Bare)
    assert not is_documented(Pair)
    assert not is_documented(lambda x: x)


def test_a_name_for_type_checkers_without_its_alias_is_seen() -> None:
    source = "if TYPE_CHECKING:\n    from .problem import Problem\n    from .solve import solve as solve\n"
    assert for_type_checkers(source) == {"": "problem", "solve": "solve"}
