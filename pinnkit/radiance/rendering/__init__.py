"""Volume rendering: rays, samples along them, quadrature."""
