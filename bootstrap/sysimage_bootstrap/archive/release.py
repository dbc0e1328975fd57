"""Release: the signed statement of what a suite holds today."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from sysimage.digest import Digest
from sysimage.errors import IntegrityError, SpecError
from sysimage_bootstrap.archive.deb822 import paragraph
from sysimage_bootstrap.archive.sources import ArchiveSource

CLOCK_TOLERANCE = timedelta(minutes=10)
"""How far ahead of this machine's clock an archive's may be."""

_LISTED = re.compile(r"([0-9a-f]{64})\s+(\d+)\s+(\S+)")


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file that a Release vouches for."""

    path: str
    """Relative to the suite's directory."""
    size: int
    """Bytes."""
    digest: Digest


@dataclass(frozen=True, slots=True)
class Release:
    """What a suite says of itself, once its signature has been checked."""

    source: ArchiveSource
    digest: Digest
    """Of the InRelease file's bytes."""
    origin: str
    suite: str
    codename: str
    date: datetime
    valid_until: datetime | None
    architectures: tuple[str, ...]
    components: tuple[str, ...]
    by_hash: bool
    """Whether its files can be fetched under their digests, so that an update under way does no harm."""
    separate_all: bool
    """Whether the lists of the architectures leave ``Architecture: all`` to a list of its own."""
    files: Mapping[str, ListedFile]

    @property
    def what(self) -> str:
        return f"the suite {self.source.label}"

    def require_current(self, now: datetime, newest_seen: datetime | None, *, expired: bool, rollback: bool) -> None:
        """Check the dates; ``expired`` and ``rollback`` say which faults are allowed.

        An `IntegrityError` if the statement has run out or is dated in the future (unless ``expired``), or is older
        than one that was seen before (unless ``rollback``): an attacker may be holding back updates.
        """
        if not expired and self.valid_until is not None and self.valid_until < now:
            raise IntegrityError(
                f"cannot trust {self.what}: its lists were valid until {_shown(self.valid_until)}",
                hint="use a mirror that is up to date, or --allow-expired",
            )
        if not expired and self.date > now + CLOCK_TOLERANCE:
            raise IntegrityError(
                f"cannot trust {self.what}: its lists are dated {_shown(self.date)}, which is in the future",
                hint="set this machine's clock, or use --allow-expired",
            )
        if not rollback and newest_seen is not None and self.date < newest_seen:
            raise IntegrityError(
                f"cannot trust {self.what}: its lists are of {_shown(self.date)}, older than those of "
                f"{_shown(newest_seen)} that were seen before",
                hint="use a mirror that is up to date, or --allow-rollback",
            )

    def package_lists(self, architecture: str) -> tuple[ListedFile, ...]:
        """The package lists of the source's components, in the compression that is fetched.

        A `SpecError` for a component or architecture that the suite does not have.
        """
        if self.source.is_flat:
            listed = self._compressed("Packages")
            if listed is None:
                raise IntegrityError(f"cannot use {self.what}: it does not list its packages")
            return (listed,)
        if architecture not in self.architectures:
            raise SpecError(
                f"cannot use {self.what}: it has no packages for {architecture}",
                hint=f"it has packages for {', '.join(self.architectures)}",
            )
        found: list[ListedFile] = []
        for component in self.source.components:
            # The security archive lists its components with a prefix, as in "updates/main".
            if component not in {name.rpartition("/")[2] for name in self.components}:
                raise SpecError(
                    f"cannot use {self.what}: it has no component {component}",
                    hint=f"it has {', '.join(self.components)}",
                )
            for name in (architecture, "all") if self.separate_all else (architecture,):
                listed = self._compressed(f"{component}/binary-{name}/Packages")
                if listed is None and name == architecture:
                    raise IntegrityError(
                        f"cannot use {self.what}: it does not list the packages of {component} for {architecture}"
                    )
                if listed is not None:
                    found.append(listed)
        return tuple(found)

    def contents_lists(self, architecture: str) -> tuple[ListedFile, ...]:
        """The lists of the files in packages, of the source's components; those that the suite does not have are left
        out."""
        found = (
            self._compressed(f"{component}/Contents-{name}")
            for component in self.source.components
            for name in (architecture, "all")
        )
        return tuple(listed for listed in found if listed is not None)

    def _compressed(self, path: str) -> ListedFile | None:
        return next((self.files[path + end] for end in (".xz", ".gz", "") if path + end in self.files), None)


def parse_release(text: bytes, source: ArchiveSource, digest: Digest) -> Release:
    """Read the verified ``text`` of a Release; an `IntegrityError` if it is malformed or of another suite."""
    what = f"the suite {source.label}"
    try:
        fields = paragraph(text.decode("utf-8"))
        release = Release(
            source=source,
            digest=digest,
            origin=fields.get("origin", ""),
            suite=fields.get("suite", ""),
            codename=fields.get("codename", ""),
            date=_date(fields["date"]),
            valid_until=_date(fields["valid-until"]) if "valid-until" in fields else None,
            architectures=tuple(name for name in fields.get("architectures", "").split() if name != "all"),
            components=tuple(fields.get("components", "").split()),
            by_hash=fields.get("acquire-by-hash") == "yes",
            separate_all="all" in fields.get("architectures", "").split()
            and "Packages" not in fields.get("no-support-for-architecture-all", "").split(),
            files=_files(fields.get("sha256", "")),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"cannot trust {what}: its Release is malformed: {error}") from None
    said = {release.suite, release.codename} - {""}
    if not source.is_flat and source.suite not in said and (said or not source.archive):
        raise IntegrityError(
            f"cannot trust {what}: what is there calls itself {release.codename or 'nothing'}"
            f" ({release.suite or 'no suite'})"
        )
    if not release.files:
        raise IntegrityError(f"cannot trust {what}: its Release lists no SHA-256 digests")
    return release


def _files(text: str) -> dict[str, ListedFile]:
    files: dict[str, ListedFile] = {}
    for line in text.split("\n"):
        if not line:
            continue
        match = _LISTED.fullmatch(line)
        if match is None:
            raise ValueError(f"not a digest, size and path: {line!r}")
        if match[3] in files:
            raise ValueError(f"{match[3]} is listed twice")
        files[match[3]] = ListedFile(match[3], int(match[2]), Digest(match[1]))
    return files


def _date(text: str) -> datetime:
    # Policy wants UTC; parsedate_to_datetime gives a naive value for "-0000" and an aware one otherwise.
    date = parsedate_to_datetime(text.replace(" UTC", " +0000"))
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _shown(date: datetime) -> str:
    return f"{date.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
