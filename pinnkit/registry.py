"""Registries: named collections of classes that files, the command line and the conformance suites share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Entry", "Registry"]

Class = TypeVar("Class", bound=type)
Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Entry(Generic[Kind]):
    """One registered class.

    Args:
        name: the name in files; the name of the class.
        cls: the class itself.
        word: the word of the command line, or None where the command line does not offer the class.
        summary: one line of help: the first line of the docstring.
        examples: small instances, on which the conformance suites run.
    """

    name: str
    cls: type[Kind]
    word: str | None
    summary: str
    examples: Callable[[], Mapping[str, Kind]]


class Registry(Generic[Kind]):
    """Classes of one kind, by the name of the class and by the word of the command line.

    Example::

        FIELDS: Registry[FieldSpec] = Registry("field")


        @FIELDS.register("siren", examples=lambda: {"small": Siren(width=8, depth=2)})
        @dataclass(frozen=True)
        class Siren: ...

    Args:
        kind: what is registered, as error messages name it.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Entry[Kind]] = {}

    def register(
        self, word: str | None = None, *, examples: Callable[[], Mapping[str, Kind]] | None = None
    ) -> Callable[[Class], Class]:
        """Return a class decorator that adds the class, which must have a docstring, and hands it back unchanged.

        Args:
            word: the word of the command line; None leaves the class out of it.
            examples: makes named small instances for the conformance suites; by default one without arguments.

        Raises:
            ValueError: where the class or the word is registered already, or the class has no docstring.
        """

        def add(cls: Class) -> Class:
            known = self._entries.get(cls.__name__)
            if known is not None and _origin(known.cls) != _origin(cls):
                raise ValueError(
                    f"{self.kind} '{cls.__name__}' is registered already, by {known.cls.__module__}; "
                    f"choose another name for the class in {cls.__module__}"
                )
            taken = next((e.name for e in self if word is not None and e.word == word), cls.__name__)
            if taken != cls.__name__:
                raise ValueError(f"{self.kind} '{cls.__name__}': the word '{word}' is that of {taken}; choose another")
            if not (cls.__doc__ or "").strip():
                raise ValueError(f"{self.kind} '{cls.__name__}' has no docstring; its first line is the help text")
            summary = (cls.__doc__ or "").strip().splitlines()[0]
            made = examples or (lambda: {"default": cls()})
            self._entries[cls.__name__] = Entry(cls.__name__, cls, word, summary, made)
            return cls

        return add

    def __iter__(self) -> Iterator[Entry[Kind]]:
        """Entries in the order of registration."""
        return iter(tuple(self._entries.values()))

    def __contains__(self, name: object) -> bool:
        """Return whether a class of this name is registered."""
        return name in self._entries

    def __getitem__(self, name: str) -> Entry[Kind]:
        """Return the entry of a class name.

        Raises:
            ValueError: for an unknown name, with the known ones.
        """
        if name not in self._entries:
            raise ValueError(f"there is no {self.kind} '{name}'; there are {', '.join(self._entries)}")
        return self._entries[name]

    def holds(self, value: object) -> bool:
        """Return whether `value` is an instance of exactly one of the registered classes."""
        known = self._entries.get(type(value).__name__)
        return known is not None and known.cls is type(value)

    @property
    def words(self) -> Mapping[str, type[Kind]]:
        """Classes by the word of the command line, in the order of registration."""
        return {entry.word: entry.cls for entry in self if entry.word is not None}


def _origin(cls: type) -> tuple[str, str]:
    return cls.__module__, cls.__qualname__
