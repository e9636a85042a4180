"""Benchmarks of pinnkit on this machine: time, memory and accuracy of single operations.

| module | measures |
|---|---|
| `derivatives` | time of a residual step by the Taylor pass and by nested automatic differentiation |
| `steps` | time of an Adam step, also of DeepXDE where it is installed |
| `peer` | the problems of `steps` as DeepXDE models |
| `jacobians` | time of the parameter Jacobian of a residual by a recorded pass and by `torch.func` |
| `scaling` | time and memory against points, width and dimension |
| `startup` | time of starting pinnkit, of its short commands and of a small solve |
| `memory` | peak memory of evaluation and training against the number of points |
| `frequency_bands` | error of fields in bands of frequencies |
| `images` | accuracy of fitted images |
| `surface_grids`, `surfaces`, `extraction` | accuracy of reconstructed and extracted surfaces |
| `radiance` | accuracy of radiance fields on generated scenes |

A benchmark that is a command of `pinnkit bench` has `run`, which returns frozen rows, `table` and `as_json`.
"""
