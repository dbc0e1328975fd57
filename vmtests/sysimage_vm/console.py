"""The guest's console: a file that QEMU writes from the first byte on, and what its lines give away."""

from __future__ import annotations

import re
from pathlib import Path

from sysimage_vm.errors import GuestDiskError, GuestOutOfMemoryError, GuestPanicError, MachineFaultError

_ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>])|\r")

_FATAL: tuple[tuple[re.Pattern[str], type[MachineFaultError], str], ...] = (
    # The order matters: a panic on lack of memory is a lack of memory.
    (
        re.compile(
            r"Kernel panic - not syncing: (Out of memory[^\n]*)|(?<!group )(?<!cgroup )(Out of memory: [^\n]*)", re.I
        ),
        GuestOutOfMemoryError,
        "the guest ran out of memory",
    ),
    (
        re.compile(r"sysimage-initrd: (cannot [^\n]*)"),
        GuestPanicError,
        "the guest's initrd gave up",
    ),
    (re.compile(r"Kernel panic - not syncing: ([^\n]*)"), GuestPanicError, "the guest's kernel panicked"),
    (re.compile(r"(EXT4-fs error[^\n]*|[^\n]*I/O error, dev vd[^\n]*)"), GuestDiskError, "the guest's disk failed"),
)


class Console:
    """Reads the file as it grows. ``tail`` is for people, ``fault`` for decisions."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def size(self) -> int:
        """Bytes written so far; what the progress clock watches."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def text(self) -> str:
        """Everything so far, without carriage returns and escape sequences."""
        try:
            return _ESCAPES.sub("", self.path.read_bytes().decode("utf-8", "replace"))
        except FileNotFoundError:
            return ""

    def tail(self, lines: int = 100) -> str:
        return "\n".join(self.text().splitlines()[-lines:])

    def fault(self) -> MachineFaultError | None:
        """The diagnosis that the console's content itself gives, if any."""
        text = self.text()
        for pattern, kind, message in _FATAL:
            if match := pattern.search(text):
                said = next(group for group in match.groups() if group is not None).strip()
                return kind(f"cannot go on with the machine: {message}: {said}", console=self.tail())
        return None
