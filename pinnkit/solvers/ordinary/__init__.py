"""Initial-value problems of ordinary differential equations: implicit collocation with dense output."""
