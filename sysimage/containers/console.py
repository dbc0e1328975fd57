"""What a container says, passed on while it says it: through pipes, as an engine has them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

_CHUNK = 1 << 16
_LAST_SECONDS = 2.0
"""How long something that a container left behind may hold its output open."""


class Console:
    """A pipe whose content goes to ``take``. Its ``descriptor`` is for the container's output.

    The end of the block waits for the end of the output, unless the caller asks not to: it is passed on anyway.
    """

    def __init__(self, take: Callable[[bytes], None], *, waits: bool = True) -> None:
        self._read, self.descriptor = os.pipe()
        self._take = take
        self._waits = waits
        self.left = False
        """Whether the reader of what is passed on has gone away."""
        self._thread = threading.Thread(target=self._pass_on, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def started(self) -> None:
        """The container has its end of the pipe, and ours is not needed any more."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.started()
        if self._waits:
            self._thread.join(_LAST_SECONDS)

    def _pass_on(self) -> None:
        with open(self._read, "rb", buffering=0) as pipe:
            while data := pipe.read(_CHUNK):
                try:
                    self._take(data)
                except (BrokenPipeError, ValueError):
                    self.left = True
                    return
