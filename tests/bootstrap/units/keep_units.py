"""Keeps the units of unpacked packages as the test data beside this file.

    python -m tests.bootstrap.units.keep_units DIRECTORY

DIRECTORY has a directory for each package, named so, with what its .deb has below usr/lib/systemd/system, as
`dpkg-deb --fsys-tarfile PACKAGE.deb | tar x -C DIRECTORY/PACKAGE` leaves it. Comments, documentation links and
descriptions are left out; a link is kept as what it says.
"""

from __future__ import annotations

import json
import lzma
import re
import sys
from pathlib import Path

KEPT = Path(__file__).with_name("debian-units.json.xz")
_LEFT_OUT = re.compile(r"^\s*(?:[#;].*|Documentation=.*|Description=.*|)$\n?", re.MULTILINE)


def keep(directory: Path) -> dict[str, dict[str, str]]:
    """Package → name of a unit → its text, or ``-> NAME`` for a link."""
    found: dict[str, dict[str, str]] = {}
    for package in sorted(directory.iterdir()):
        for file in sorted(package.rglob("systemd/system/*")):
            if file.is_symlink():
                found.setdefault(package.name, {})[file.name] = f"-> {file.readlink().name}"
            elif file.is_file():
                text = file.read_text(encoding="utf-8", errors="replace")
                found.setdefault(package.name, {})[file.name] = _LEFT_OUT.sub("", text)
    return found


if __name__ == "__main__":
    document = json.dumps(keep(Path(sys.argv[1])), sort_keys=True, ensure_ascii=False)
    KEPT.write_bytes(lzma.compress(document.encode(), preset=9))
