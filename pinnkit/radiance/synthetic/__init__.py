"""Synthetic scenes: solids, an exact ray tracer, generated scenes and captures."""
