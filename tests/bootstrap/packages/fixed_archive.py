"""An archive on paper: what its lists say, as far as choosing packages and looking for them asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sysimage.digest import Digest
from sysimage_bootstrap.archive.index import PackageIndex, index_of
from sysimage_bootstrap.archive.release import Release, parse_release
from sysimage_bootstrap.archive.sources import ArchiveSource


class FixedArchive:
    """An archive with one list, whose state is that list's."""

    def __init__(self, top: Path, *stanzas: str, files: str = "") -> None:
        self.cache_dir = top / "archive"
        self.opened = 0
        """How often its list of packages was asked for."""
        self._text = "\n".join(stanzas)
        self._files = files

    def packages(self, architecture: str, progress: object = None) -> PackageIndex:
        self.opened += 1
        return index_of(self._text, architecture)

    def descriptions(self, architecture: str, progress: object = None) -> Iterator[tuple[str, str]]:
        for part in (*self._text.split("\n\n"), "\n"):
            text = part.replace("Suite: ", "X-Suite: ")
            yield ("security" if "X-Suite: security" in text else "trixie"), text

    def contents(self, architecture: str, progress: object = None) -> Iterator[tuple[str, str]]:
        yield "trixie", self._files
        yield "backports", "".join(line for line in self._files.splitlines(keepends=True) if "twice" in line)

    def releases(self) -> tuple[Release, ...]:
        source = ArchiveSource("https://example.org/debian", "trixie")
        text = (
            "Suite: stable\nCodename: trixie\nDate: Tue, 30 Jun 2026 12:00:00 UTC\nArchitectures: amd64\n"
            f"Components: main\nSHA256:\n {'0' * 64} 1 main/binary-amd64/Packages\n"
        )
        return (parse_release(text.encode(), source, Digest.of(self._text.encode())),)


def archive_of(top: Path, *stanzas: str, files: str = "") -> Any:
    return FixedArchive(top, *stanzas, files=files)
