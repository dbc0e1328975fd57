"""The archive as the rest sees it: package lists that were proven, and the packages they promise."""

from __future__ import annotations

import difflib
import hashlib
import io
import json
import platform
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sysimage.digest import Digest
from sysimage.errors import IntegrityError, Issue, MachineError, RegistryError, SpecError, SysimageError
from sysimage.files.checksummed_file import read_checksummed, write_checksummed
from sysimage.progress import Progress, silent
from sysimage.workers import threads
from sysimage_bootstrap.archive.cache import FileCache, write_durably
from sysimage_bootstrap.archive.fetch import FetchRequest, fetch_all, raise_together
from sysimage_bootstrap.archive.index import PackageIndex, PackageList
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.archive.package_lists import list_paragraphs, list_request
from sysimage_bootstrap.archive.release import ListedFile, Release, parse_release
from sysimage_bootstrap.archive.signature import verified_text
from sysimage_bootstrap.archive.sources import KEYRING, RELEASES, ArchiveSource
from sysimage_bootstrap.archive.transport import MissingError, Transport, TransportOptions, UnreachableError

_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
_RELEASE_LIMIT = 16 << 20
_SEEN, _OLDER_SEEN = "seen", "seen.json"
"""The file that says which release of a suite was seen last, and its name in older versions."""

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
                [list_request(release, entry) for release, entry in missing], self._cache, self._transport, progress
            )
            for place, (release, entry) in enumerate(listed):
                if lists[place] is None:
                    read = PackageList.parse(list_paragraphs(release, entry, paths[entry.digest]), release.source.label)
                    read.save(directory, entry.digest)
                    lists[place] = read
                    progress("read package lists", place + 1, len(listed))
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
        and ``section/package``, with commas between several. A suite without such lists is passed over."""
        for release in self.releases():
            for text in self._texts(release, release.contents_lists(architecture), b"\n", progress):
                yield release.source.suite, text

    def _texts(
        self, release: Release, entries: Sequence[ListedFile], between: bytes, progress: Progress
    ) -> Iterator[str]:
        """The texts of lists, some whole entries at a time; what is not in the cache is fetched."""
        requests = [list_request(release, entry) for entry in entries]
        paths = fetch_all(requests, self._cache, self._transport, progress)
        for entry in entries:
            yield from list_paragraphs(release, entry, paths[entry.digest], between=between)

    def _named_lists(self) -> set[str]:
        """The digests of everything that any suite in the cache names today, in hexadecimal."""
        named: set[str] = set()
        for path in self.cache_dir.glob("releases/*/*"):
            if path.name not in (_SEEN, _OLDER_SEEN):
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
        seen = _Seen.read(directory)
        signed, validators = self._inrelease(source, seen)
        what = f"the InRelease of {source.label}"
        release = parse_release(verified_text(signed, source.keyring or self._keyring, what), source, Digest.of(signed))
        release.require_current(
            self.options.now,
            seen.newest,
            expired=self.options.allow_expired,
            rollback=self.options.allow_rollback,
        )
        newest = max(release.date, seen.newest) if seen.newest else release.date
        if signed != seen.signed or newest != seen.newest:
            _Seen(signed, newest, validators).write(directory)
        return release

    def _inrelease(self, source: ArchiveSource, seen: _Seen) -> tuple[bytes, dict[str, str]]:
        uri = f"{source.directory}/InRelease"
        if self.options.transport.offline:
            if seen.signed is None:
                raise RegistryError(
                    f"cannot read the suite {source.label}: it is not in the cache, and the network is off",
                    hint="build once without --offline",
                )
            return seen.signed, seen.validators
        attempts = self.options.transport.attempts
        for attempt in range(1, attempts + 1):
            try:
                with self._transport.open(uri, seen.validators if seen.signed else {}) as answer:
                    if answer.status == 304 and seen.signed is not None:
                        return seen.signed, seen.validators
                    data = io.BytesIO()
                    while chunk := answer.body.read1(_RELEASE_LIMIT + 1 - data.tell()):
                        data.write(chunk)
                    if data.tell() > _RELEASE_LIMIT:
                        raise IntegrityError(f"cannot use the suite {source.label}: its InRelease is too long")
                    validators = {
                        asked: answer.headers[given]
                        for asked, given in (("If-None-Match", "etag"), ("If-Modified-Since", "last-modified"))
                        if given in answer.headers
                    }
                    return data.getvalue(), validators
            except MissingError as error:
                where = "the spec's package-sources say" if source.archive else "--archive and --security-archive say"
                near = difflib.get_close_matches(source.suite, sorted(RELEASES), n=1, cutoff=0.7)
                meant = f"did you mean {near[0]}? " if near and near[0] != source.suite else ""
                raise SpecError(
                    f"cannot use the suite {source.label}: {error.message.partition(': ')[2]}",
                    hint=f"{meant}{where} where suites are looked for",
                    issues=[Issue("/package-sources/suites", f"the archive has no suite {source.suite}")],
                ) from None
            except UnreachableError:
                if attempt == attempts:
                    raise
                time.sleep(self.options.transport.backoff)
        raise RegistryError(f"cannot read the suite {source.label}: no attempt was allowed")


def examine_releases(directory: Path) -> tuple[int, tuple[Path, ...]]:
    """How many looks at suites are kept in the archive's cache, and what remembers one that is damaged."""
    found = sorted(path for name in (_SEEN, _OLDER_SEEN) for path in directory.glob(f"releases/*/{name}"))
    return len(found), tuple(path for path in found if _Seen.read(path.parent).signed is None)


def native_architecture() -> str:
    """Debian's name for this machine's architecture; a `MachineError` if it has none."""
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        raise MachineError(f"cannot use this machine's architecture: Debian does not build for {machine}")
    return _ARCHITECTURES[machine]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the last look at a suite left behind; it is verified again whenever it is used."""

    signed: bytes | None = None
    newest: datetime | None = None
    validators: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, directory: Path) -> _Seen:
        try:
            data = read_checksummed(directory / _SEEN)
            state = json.loads(data) if data is not None else _older_state(directory)
            newest = datetime.fromtimestamp(state["newest"], UTC)
            signed = (directory / state["digest"]).read_bytes()
            if Digest.of(signed).hex != state["digest"]:
                return cls(newest=newest)
            validators = {str(name): str(value) for name, value in state["validators"].items()}
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls()
        return cls(signed, newest, validators)

    def write(self, directory: Path) -> None:
        if self.signed is None or self.newest is None:
            return
        digest = Digest.of(self.signed).hex
        write_durably(directory / digest, self.signed)
        state = {"digest": digest, "newest": int(self.newest.timestamp()), "validators": self.validators}
        try:
            write_checksummed(directory / _SEEN, json.dumps(state, sort_keys=True).encode(), durable=True)
        except OSError as error:
            raise MachineError(f"cannot write {directory / _SEEN}: {error.strerror}") from None
        for path in sorted(directory.iterdir()):
            if path.name not in (digest, _SEEN) and not path.name.startswith("."):
                path.unlink(missing_ok=True)


def _older_state(directory: Path) -> dict[str, Any]:
    """What an older version has left, with a digest among the fields instead of a checksum line. Without it an attacker
    could offer lists that are older than those seen before."""
    state: dict[str, Any] = json.loads((directory / _OLDER_SEEN).read_bytes())
    if state.pop("check") != hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest():
        raise ValueError(f"{directory / _OLDER_SEEN} is damaged")
    return state
