"""What people should know although nothing failed; only the command line prints it.

A program that uses us as a library finds it in its own log, under the logger ``sysimage``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

Listener = Callable[[str], object]
"""Called with one line of text, from any thread."""

LOGGER = "sysimage"
_listeners: list[Listener] = []


def notice(text: str) -> None:
    """Pass a notice to the listener or, without one, to the log, as a warning of the logger `LOGGER`, which prints
    nothing itself."""
    for listener in _listeners[-1:]:
        listener(text)
    if not _listeners:
        import logging  # imported late: not needed by the command line

        logger = logging.getLogger(LOGGER)
        if not logger.handlers:  # or Python would print warnings of a program that keeps no log
            logger.addHandler(logging.NullHandler())
        logger.warning("%s", text)


@contextlib.contextmanager
def listen_to_notices(listener: Listener) -> Iterator[None]:
    """While this is open, ``listener`` alone gets all notices, whichever thread they come from: for the command line,
    which is alone in its process."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
