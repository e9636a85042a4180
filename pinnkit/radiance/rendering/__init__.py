"""Volume rendering: samplers of rays, quadrature, rendered views and videos."""
