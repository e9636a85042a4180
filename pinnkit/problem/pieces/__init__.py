"""Problems in pieces: coefficients that jump, interfaces, and the problem with a field of its own for each piece."""
