"""Measurements of pinnkit itself, apart from what a user's script needs.

| part | purpose |
|---|---|
| `bench` | benchmarks: time, memory and accuracy of single operations on this machine |
| `acceptance` | targets: a table of rows, each with a measured value and the value to reach |
| `compare` | comparison of methods on a user's problem: error against seconds, over several seeds |
| `publication` | the committed tables in results/published, and the Markdown tables made from them |

`acceptance` uses `bench`; the parts are otherwise independent of each other, and nothing outside this package and the
command line imports them.
"""
