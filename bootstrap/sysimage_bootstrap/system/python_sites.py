"""Python's ``sitecustomize``, which Debian keeps in /etc.

Debian's own sitecustomize only looks for a crash reporter, which images lack; Python would compile it, into the store,
as soon as root runs it without the image's environment. So the image has none, and the place where Python looks leads
to /etc, for a system.json to put one there.
"""

from __future__ import annotations

import os
from pathlib import Path

_NAME = "sitecustomize.py"


def sites(directory: Path) -> list[str]:
    """The files of that name in the Pythons' directories below ``directory``, relative to it; links count."""
    # Not a glob of the whole path: that would skip links which lead nowhere on this machine.
    found = [python / _NAME for python in sorted(directory.glob("python3*"))]
    return [f"{file.parent.name}/{_NAME}" for file in found if os.path.lexists(file)]
