"""What scanners of images read of a package: its stanza, as distroless images keep it.

The stanza is the package's own control file, word for word, with two exceptions: only the first line of the description
is kept, as in a package list, and the status is left out, because only dpkg assigns it.
"""

from __future__ import annotations

from sysimage_bootstrap.archive.deb822 import paragraph

_LEFT_OUT = frozenset({"status"})
_CUT = frozenset({"description"})


def stanza(control: str) -> str:
    """The stanza of a control file; a ValueError if that is malformed."""
    paragraph(control)  # readers differ on what a malformed one says
    lines: list[str] = []
    skipped = False
    for line in control.strip("\n").split("\n"):
        if line.startswith("#"):
            continue
        if line[:1] not in (" ", "\t"):
            name = line.partition(":")[0].lower()
            if name not in _LEFT_OUT:
                lines.append(line.rstrip())
            skipped = name in _LEFT_OUT | _CUT
        elif not skipped:
            lines.append(line.rstrip())
    return "".join(f"{line}\n" for line in lines)
