"""Derivative rules of elementary and torch functions."""
