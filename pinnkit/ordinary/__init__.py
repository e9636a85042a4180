"""Initial-value problems of ordinary differential equations: explicit first-order form, initial state, invariants."""

from .initial_state import ContradictoryState as ContradictoryState
from .initial_state import OpenState as OpenState
from .invariants import Invariant as Invariant
from .invariants import invariants_of as invariants_of
from .system import Evaluation as Evaluation
from .system import OrdinarySystem as OrdinarySystem
