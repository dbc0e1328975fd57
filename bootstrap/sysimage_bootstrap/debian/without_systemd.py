"""Commands of Debian's units that refuse to run below another init than systemd, and what does the same there."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

INSTEAD: Mapping[tuple[str, str], str] = {
    # Both start the master process and wait until it is ready; `start` checks the directories once more.
    ("postfix", "debian-systemd-start"): "start",
}
"""Program and its first argument → the argument that any init may use. A directory /run/systemd/system would please
them too, and mislead all other programs: jobs of cron leave their work to timers, init scripts call systemctl."""
SILENT = frozenset({"syslog-ng"})
"""Programs that say when they are ready (``Type=notify``) if systemd has started them, and otherwise never."""


def without_systemd(words: tuple[str, ...]) -> tuple[str, ...]:
    """The command of a unit, as another init than systemd can run it."""
    program, *arguments = words
    if not arguments:
        return words
    instead = INSTEAD.get((posixpath.basename(program), arguments[0]), arguments[0])
    return (program, instead, *arguments[1:])
