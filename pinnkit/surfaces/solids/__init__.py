"""Solids whose surface is known exactly, as ground truth for reconstructions."""
