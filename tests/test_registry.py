"""Registries hand classes back unchanged, refuse clashes, and list names, words and examples."""

from dataclasses import dataclass

import pytest

from pinnkit.registry import Registry


def _filled() -> Registry[object]:
    shapes: Registry[object] = Registry("shape")

    @shapes.register("disk", examples=lambda: {"unit": Disk(1.0)})
    @dataclass(frozen=True)
    class Disk:
        """A disk."""

        radius: float

    @shapes.register()
    class Plain:
        """A shape that the command line does not offer.

        More text.
        """

    return shapes


def test_a_registered_class_is_found_by_name_and_word() -> None:
    shapes = _filled()
    assert [entry.name for entry in shapes] == ["Disk", "Plain"]
    assert shapes.words == {"disk": shapes["Disk"].cls}
    assert shapes["Plain"].summary == "A shape that the command line does not offer."
    assert shapes["Disk"].examples() == {"unit": shapes["Disk"].cls(1.0)}  # type: ignore[call-arg]
    assert shapes.holds(shapes["Plain"].cls())
    assert not shapes.holds(object())
    assert "Disk" in shapes
    assert "Square" not in shapes


def test_clashes_and_unknown_names_are_refused() -> None:
    shapes = _filled()

    class Disk:
        """Another disk."""

    class Square:
        """A square."""

    class Silent:
        pass

    Disk.__module__ = "elsewhere"
    with pytest.raises(ValueError, match="registered already, by tests"):
        shapes.register("round")(Disk)
    with pytest.raises(ValueError, match="the word 'disk' is that of Disk"):
        shapes.register("disk")(Square)
    with pytest.raises(ValueError, match="has no docstring"):
        shapes.register()(Silent)
    with pytest.raises(ValueError, match="no shape 'Square'; there are Disk, Plain"):
        shapes["Square"]


def test_a_module_that_is_loaded_again_replaces_its_own_class() -> None:
    shapes = _filled()
    old = shapes["Plain"].cls
    again = type(old.__name__, (), {"__doc__": "Loaded again.", "__module__": old.__module__})
    again.__qualname__ = old.__qualname__
    shapes.register()(again)
    assert shapes["Plain"].cls is again
