"""Well-posedness of a problem before it is solved: conditions counted against orders, growth of high frequencies."""

from .concern import Concern as Concern
from .concern import Severity as Severity
from .concerns import concerns_of as concerns_of
from .warning import IllPosedWarning as IllPosedWarning
from .warning import warn_of_concerns as warn_of_concerns
