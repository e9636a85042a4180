"""The problem linearised at a solution: corrections, error estimates, coefficients, other solutions, growth."""
