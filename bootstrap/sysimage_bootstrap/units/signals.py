"""Numbers of Linux's signals, whatever the machine that builds says."""

from __future__ import annotations

import re
import signal

FIRST_REALTIME_SIGNAL, LAST_REALTIME_SIGNAL = 34, 64
"""Of glibc on Linux."""


def signal_number(name: str) -> int:
    """The number of ``SIGTERM`` or ``SIGRTMIN+3``; a ValueError if there is no such signal."""
    match = re.fullmatch(r"SIGRTM(IN|AX)(?:([+-])([0-9]+))?", name)
    if match:
        start = FIRST_REALTIME_SIGNAL if match[1] == "IN" else LAST_REALTIME_SIGNAL
        number = start + int(f"{match[2] or '+'}{match[3] or 0}")
        if FIRST_REALTIME_SIGNAL <= number <= LAST_REALTIME_SIGNAL:
            return number
    elif name in signal.Signals.__members__:
        return signal.Signals[name].value
    raise ValueError(f"not a signal: {name!r}")
