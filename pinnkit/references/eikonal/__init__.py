"""Eikonal equations: detection and the factored upwind scheme."""
