"""The checked reference graph."""

from sysimage.closure.closure import Closure, ClosureError
from sysimage.closure.measures import referrer_counts

__all__ = ["Closure", "ClosureError", "referrer_counts"]
