"""What urllib3's errors say to people: without the representation of a connection, and without numbers of errors."""

from __future__ import annotations

import re

_CONNECTION = re.compile(r"^<[^>]*>: |^.*?>: |^\w+\([^)]*\): ")
_BOILERPLATE = re.compile(r"^Failed to establish a new connection: |\[Errno -?\d+\] ")


def connection_cause(error: BaseException) -> str:
    """Why a request failed."""
    return _BOILERPLATE.sub("", _CONNECTION.sub("", str(error)))
