"""What the kernel would read of an executable file, gathered while the file goes by in pieces."""

from __future__ import annotations

from sysimage.rules.programs import HEAD, UNKNOWN_PROGRAM, Program, read_program


class ProgramReader:
    """Keeps the beginning of a file, and the one later place that the beginning points to."""

    def __init__(self) -> None:
        self._head = b""
        self._offset = 0
        """Bytes that went by."""
        self._program: Program | None = None
        self._wanted: tuple[int, int] | None = None
        """Offset and size of what is still to come."""
        self._found = b""

    def put(self, piece: bytes) -> None:
        """The next piece of the file."""
        if self._program is None:
            if len(self._head) < HEAD:
                self._head += piece[: HEAD - len(self._head)]
            if self._wanted is not None:
                self._gather(piece, *self._wanted)
            elif len(self._head) >= HEAD:
                self._ask(piece)
        self._offset += len(piece)

    def program(self) -> Program:
        """What the file is, when all of it went by."""
        return self._program if self._program is not None else read_program(self._read)

    def _ask(self, piece: bytes) -> None:
        """The beginning is here: either it is enough, or it says what else is needed."""
        program = read_program(self._read)
        if self._wanted is None:
            self._program = program
        else:
            self._gather(piece, *self._wanted)

    def _gather(self, piece: bytes, start: int, size: int) -> None:
        missing = start + len(self._found)
        if self._offset > missing:  # it went by before it was asked for
            self._program = UNKNOWN_PROGRAM
        elif self._offset + len(piece) > missing:
            at = missing - self._offset
            self._found += piece[at : at + size - len(self._found)]
            if len(self._found) == size:
                self._program = read_program(self._read)

    def _read(self, offset: int, size: int) -> bytes:
        if not offset:
            return self._head[:size]
        if self._wanted is None:
            self._wanted = (offset, size)
        return self._found if self._wanted == (offset, size) else b""
