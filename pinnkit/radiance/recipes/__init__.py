"""Fitting: the radiance problem, recipes and their training, evaluation on held-out views."""
