"""Measurements of pinnkit itself, apart from what a user's script needs.

| part | purpose |
|---|---|
| `bench` | benchmarks: time, memory and accuracy of single operations on this machine |
| `acceptance` | targets: a table of rows, each with a measured value and the value to reach |
| `compare` | comparison of methods on a user's problem: error against seconds, over several seeds |
| `published` | the committed tables in results/published: read, merged, written |
| `markdown` | Markdown tables made from the published ones |
| `publication` | accepted runs into the published tables, README.md and docs/measured.md |

`acceptance` uses `bench`, and `publication` uses `published` and `markdown`; the parts are otherwise independent.  Only
the command line and scripts import this package.
"""
