"""Registries of fields and of their parts; files, the command line and the conformance suites read them."""

from __future__ import annotations

from pinnkit.registry import Registry

from .protocols import FieldSpec, Interpolation

__all__ = ["FIELDS", "INTERPOLATIONS"]

FIELDS: Registry[FieldSpec] = Registry("field")
"""Field specs. Each is registered beside its class; the word is that of ``--field`` on the command line."""

INTERPOLATIONS: Registry[Interpolation] = Registry("interpolation")
"""Interpolations between the nodes of a grid, the parts of specs beside numbers, words and other specs."""
