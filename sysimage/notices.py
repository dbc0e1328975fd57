"""What people should know although nothing failed; only the command line knows what becomes of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

Listener = Callable[[str], object]
"""Called with one line of text, from any thread."""

_listeners: list[Listener] = []


def notice(text: str) -> None:
    """Tell whoever listens; without a listener nothing happens."""
    for listener in _listeners[-1:]:
        listener(text)


@contextlib.contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """While this is open, ``listener`` alone hears of notices."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
