"""The checked reference graph."""

from sysimage.closure.closure import Closure, ClosureError

__all__ = ["Closure", "ClosureError"]
