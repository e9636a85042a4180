"""Synthetic scenes: an exact ray tracer and generated captures."""
