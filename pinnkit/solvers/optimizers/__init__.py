"""Optimizers: one step each on a flat parameter vector; no knowledge of problems."""
