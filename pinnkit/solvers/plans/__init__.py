"""Plans: automatic choice of field and solvers, fallbacks, time slabs, curricula, and their execution."""
