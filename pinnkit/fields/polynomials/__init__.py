"""Polynomials with a linear read-out: additive, total degree, and adaptively chosen expansions."""
