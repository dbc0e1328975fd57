"""The checked reference graph."""

from sysimage.closure.closure import Closure, ClosureError
from sysimage.closure.measures import reference_counts, referrer_counts

__all__ = ["Closure", "ClosureError", "reference_counts", "referrer_counts"]
