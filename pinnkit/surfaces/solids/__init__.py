"""Solids with exactly known surfaces, as ground truth for reconstructions."""
