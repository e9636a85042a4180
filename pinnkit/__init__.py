"""pinnkit: write an equation once, solve it by a neural field, and check it against finite differences.

A residual is a pointwise function of the jets of the unknowns (their values and partial derivatives at a point).  A
`Problem` holds a domain and the residuals that should vanish on it; `solve` fits a field to them, `reference`
discretises the same residuals with scipy, and `validate` compares the two with error bars.
"""

from importlib.metadata import version as _version

__version__ = _version("pinnkit")
