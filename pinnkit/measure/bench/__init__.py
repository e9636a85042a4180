"""Measurements of the package itself, each a function that returns rows."""
