"""What can go wrong with a container that is neither the machine's fault nor the program's own."""

from __future__ import annotations

from sysimage.errors import SysimageError


class ProgramNotStartedError(SysimageError):
    """The program is not in the container, or can't be run there. ``status`` is what a shell would say: 127 or 126."""

    def __init__(self, message: str, status: int, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.exit_status = status
