"""Problems: a domain, unknowns, and the terms whose residuals vanish."""
