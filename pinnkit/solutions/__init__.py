"""Solutions: fields evaluated as unknowns, their history and status, and their files."""
