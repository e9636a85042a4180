"""Recipes that fit a radiance field to a scene, and their evaluation."""
