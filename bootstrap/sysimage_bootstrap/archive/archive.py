"""The archive as the rest sees it: package lists that were proven, and the packages they promise."""

from __future__ import annotations

import hashlib
import platform
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import wait
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from sysimage.digest import Digest
from sysimage.errors import MachineError, SpecError, SysimageError
from sysimage.progress import Progress, silent
from sysimage.workers import threads
from sysimage_bootstrap.archive.cache import FileCache
from sysimage_bootstrap.archive.fetch import LISTS, FetchRequest, fetch_all, raise_together
from sysimage_bootstrap.archive.index import PackageIndex, PackageList
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.archive.package_lists import list_paragraphs, list_request
from sysimage_bootstrap.archive.release import ListedFile, Release, parse_release
from sysimage_bootstrap.archive.signature import is_detached, verified_text
from sysimage_bootstrap.archive.signed_release import STATE_FILES, SeenRelease, fetch_signed
from sysimage_bootstrap.archive.sources import KEYRING, ArchiveSource
from sysimage_bootstrap.archive.transport import Transport, TransportOptions

_READ = "read lists"
"""What progress calls it to read package lists that were fetched."""
_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "riscv64": "riscv64", "ppc64le": "ppc64el", "s390x": "s390x"}


@dataclass(frozen=True, slots=True)
class ArchiveOptions:
    """What is trusted, and how the archive is reached."""

    now: datetime
    """The time against which lists are dated."""
    allow_expired: bool = False
    """Take lists that have run out, or that are dated in the future."""
    allow_rollback: bool = False
    """Take lists that are older than those seen before."""
    transport: TransportOptions = field(default_factory=TransportOptions)


class Archive:
    """The package archive at ``sources``, with its files cached in ``cache_dir``."""

    def __init__(
        self, sources: Sequence[ArchiveSource], cache_dir: Path, options: ArchiveOptions, keyring: Path = KEYRING
    ) -> None:
        suites = [source.label for source in sources]
        if len(set(suites)) != len(suites):
            raise SpecError("cannot use the package sources: a suite is named twice")
        self.sources = tuple(sources)
        self.options = options
        self._keyring = keyring
        self.cache_dir = cache_dir
        self._cache = FileCache(cache_dir)
        self._transport = Transport(options.transport)
        self._releases: tuple[Release, ...] | None = None
        self._indexes: dict[str, PackageIndex] = {}

    def releases(self) -> tuple[Release, ...]:
        """The statement of every source, in their order: fetched, signature and dates checked.

        An `IntegrityError` says what cannot be trusted, a `RegistryError` what cannot be reached.
        """
        if self._releases is None:
            with threads(max(1, len(self.sources)), "release") as pool:
                futures = [pool.submit(self._release, source) for source in self.sources]
                wait(futures)
            errors = [error for future in futures if isinstance(error := future.exception(), SysimageError)]
            raise_together(errors, "suites")
            self._releases = tuple(future.result() for future in futures)
        return self._releases

    def packages(self, architecture: str, progress: Progress = silent) -> PackageIndex:
        """Every package for ``architecture`` (Debian's name for it) in the sources."""
        if architecture not in self._indexes:
            listed = [(release, entry) for release in self.releases() for entry in release.package_lists(architecture)]
            directory = self.cache_dir / "lists"
            lists: list[PackageList | None] = [
                PackageList.load(directory, entry.digest, release.source.label) for release, entry in listed
            ]
            missing = [pair for pair, found in zip(listed, lists, strict=True) if found is None]
            paths = fetch_all(
                [list_request(release, entry) for release, entry in missing],
                self._cache,
                self._transport,
                progress,
                stage=LISTS,
            )
            done = 0
            for place, (release, entry) in enumerate(listed):
                if lists[place] is None:
                    progress(_READ, done, len(missing), unit="lists", at=release.source.label)
                    read = PackageList.parse(list_paragraphs(release, entry, paths[entry.digest]), release.source.label)
                    read.save(directory, entry.digest)
                    lists[place] = read
                    done += 1
                    progress(_READ, done, len(missing), unit="lists")
            if missing:
                PackageList.prune(directory, self._named_lists())
            self._indexes[architecture] = PackageIndex(architecture, [found for found in lists if found is not None])
        return self._indexes[architecture]

    def descriptions(self, architecture: str, progress: Progress = silent) -> Iterator[tuple[str, str]]:
        """Suite and text of every paragraph of the package lists; of a package in several suites, each."""
        for release in self.releases():
            for text in self._texts(release, release.package_lists(architecture), b"\n\n", progress):
                for paragraph in text.split("\n\n"):
                    yield release.source.suite, paragraph

    def contents(self, architecture: str, progress: Progress = silent) -> Iterator[tuple[str, str]]:
        """Suite and lines, many in one text, of the lists of files in packages: a path without its first slash, blanks,
        and ``section/package``, with commas between several. A suite without such lists is skipped."""
        for release in self.releases():
            for text in self._texts(release, release.contents_lists(architecture), b"\n", progress):
                yield release.source.suite, text

    def _texts(
        self, release: Release, entries: Sequence[ListedFile], between: bytes, progress: Progress
    ) -> Iterator[str]:
        """The texts of lists, some whole entries at a time; lists that the cache lacks are fetched."""
        requests = [list_request(release, entry) for entry in entries]
        paths = fetch_all(requests, self._cache, self._transport, progress, stage=LISTS)
        for entry in entries:
            yield from list_paragraphs(release, entry, paths[entry.digest], between=between)

    def _named_lists(self) -> set[str]:
        """The digests of everything that any suite in the cache names today, in hexadecimal."""
        named: set[str] = set()
        for path in self.cache_dir.glob("releases/*/*"):
            if path.name not in STATE_FILES:
                named.update(_DIGEST.findall(path.read_text(encoding="utf-8", errors="replace")))
        return named

    def fetch(self, packages: Iterable[Package], progress: Progress = silent) -> dict[Package, Path]:
        """The .deb of every package, fetched where it is not in the cache, its size and digest checked."""
        uris = {source.label: source.uri for source in self.sources}
        chosen = tuple(packages)
        strangers = sorted({package.suite for package in chosen} - set(uris))
        if strangers:
            raise SpecError(
                f"cannot fetch packages: they come from {', '.join(strangers)}, which is not among the sources",
                hint="name these suites as package sources too",
            )
        paths = fetch_all(
            (
                FetchRequest(
                    str(package), package.digest, package.size, (f"{uris[package.suite]}/{quote(package.filename)}",)
                )
                for package in chosen
            ),
            self._cache,
            self._transport,
            progress,
        )
        return {package: paths[package.digest] for package in chosen}

    def _release(self, source: ArchiveSource) -> Release:
        name = hashlib.sha256(f"{source.uri}\n{source.suite}".encode()).hexdigest()[:32]
        directory = self.cache_dir / "releases" / name
        seen = SeenRelease.read(directory)
        signed, validators = fetch_signed(source, self._transport, seen)
        what = f"the Release of {source.label}" if is_detached(signed) else f"the InRelease of {source.label}"
        release = parse_release(verified_text(signed, source.keyring or self._keyring, what), source, Digest.of(signed))
        release.require_current(
            self.options.now,
            seen.newest,
            expired=self.options.allow_expired,
            rollback=self.options.allow_rollback,
        )
        newest = max(release.date, seen.newest) if seen.newest else release.date
        if signed != seen.signed or newest != seen.newest:
            SeenRelease(signed, newest, validators).write(directory)
        return release


def native_architecture() -> str:
    """Debian's name for this machine's architecture; a `MachineError` if it has none."""
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        raise MachineError(f"cannot use this machine's architecture: Debian does not build for {machine}")
    return _ARCHITECTURES[machine]
