"""Reports: figures, tables and validation of a solution."""
