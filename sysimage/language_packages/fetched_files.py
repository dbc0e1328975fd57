"""Files that were fetched from an index or a registry, each kept by the hash that a lock file knows it by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sysimage.files.memo import Memo
from sysimage.store.paths import StorePath


def remember_used(cache: Path, items: Iterable[StorePath]) -> None:
    """Note in a directory of the cache which items a build has used, so that they stay as long as it may be built
    again."""
    text = "\n".join(map(str, items))
    used = Memo(cache / "used", made_by=cache.name, most=256)
    if used.find(text) is None:
        used.keep(text, text)


@dataclass(frozen=True, slots=True)
class FetchedFiles:
    """The files below a directory of the cache."""

    cache: Path

    def place(self, digest: str, name: str) -> Path:
        """Where the file of a hash, in hex, is kept, or will be."""
        return self.cache / "files" / digest / name

    def keep(self, fetched: Path, digest: str, name: str) -> Path:
        """Move a file of the same file system here; where it is then."""
        kept = self.place(digest, name)
        kept.parent.mkdir(parents=True, exist_ok=True)
        fetched.replace(kept)
        kept.touch()  # what fetched it may have kept an older time
        return kept

    def prune(self, before: int) -> int:
        """Forget the files that were fetched before a time, in nanoseconds since the epoch; the bytes freed. The caller
        must have the cache for itself."""
        freed = 0
        for place in sorted((self.cache / "files").glob("*/*")):
            status = place.stat()
            if status.st_mtime_ns < before:
                freed += status.st_blocks * 512
                place.unlink()
                place.parent.rmdir()
        return freed
