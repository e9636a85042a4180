"""Pinned versions agree with the ranges of pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PULLED_IN = {"pyparsing"}
"""Packages that pinnkit does not ask for itself."""
TOOLS = {"mypy", "ruff"}
"""Tools whose findings depend on the version, so that their floor is not run."""


def requirements(*extras: str) -> dict[str, tuple[int, ...]]:
    """Lowest version of each package of the run time and of some extras."""
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in PROJECT["optional-dependencies"][extra])]
    found = {}
    for line in lines:
        match = re.match(r"([\w.-]+?)>=([\d.]+)", line)
        if match:
            found[match[1].lower().replace("_", "-")] = tuple(int(n) for n in match[2].split("."))
    return found


def pins(name: str) -> dict[str, tuple[int, ...]]:
    """Versions that a file of constraints pins."""
    text = (ROOT / name).read_text(encoding="utf-8")
    matches = re.findall(r"^([\w.-]+)==(\d+(?:\.\d+)*)", text, re.MULTILINE)
    return {
        package.lower().replace("_", "-"): tuple(int(n) for n in version.split(".")) for package, version in matches
    }


def test_the_minimum_versions_are_the_floors_of_the_ranges() -> None:
    floors = requirements("exchange", "geometry", "optimizers", "images", "radiance", "surfaces", "test")
    lowest = pins("constraints-minimum.txt")
    assert set(lowest) == (set(floors) - TOOLS) | PULLED_IN
    for package in set(lowest) - PULLED_IN:
        version = lowest[package]
        assert version[: len(floors[package])] == floors[package], package


@pytest.mark.parametrize("extra", [name for name in PROJECT["optional-dependencies"] if name != "peers"])
def test_the_tested_versions_are_at_least_the_floors(extra: str) -> None:
    tested = pins("constraints.txt")
    for package, floor in requirements(extra).items():
        assert tested[package] >= floor, package


def test_the_documented_cpu_build_is_the_pinned_version() -> None:
    text = (ROOT / "docs/start.md").read_text(encoding="utf-8")
    found = re.findall(r"torch==([\d.]+) --index-url https://download.pytorch.org/whl/cpu", text)
    assert [tuple(int(n) for n in version.split(".")) for version in found] == [pins("constraints.txt")["torch"]]
