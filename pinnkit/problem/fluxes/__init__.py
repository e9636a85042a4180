"""Fluxes of equations in divergence form, and the natural conditions that prescribe them."""
