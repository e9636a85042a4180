"""Method of lines: modes in space whose coefficients advance in time."""
