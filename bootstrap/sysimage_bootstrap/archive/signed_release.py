"""The signed statement of a suite as the archive has it, and what is kept of the last one."""

from __future__ import annotations

import hashlib
import io
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sysimage.digest import Digest
from sysimage.errors import IntegrityError, Issue, MachineError, RegistryError, SpecError
from sysimage.files.checksummed_file import read_checksummed, write_checksummed
from sysimage.suggestions import closest
from sysimage_bootstrap.archive.cache import write_durably
from sysimage_bootstrap.archive.sources import RELEASES, ArchiveSource
from sysimage_bootstrap.archive.transport import MissingError, Transport, UnreachableError

_LIMIT = 16 << 20
_SEEN, _OLDER_SEEN = "seen", "seen.json"
"""The file that says which release of a suite was seen last, and its name in older versions."""
STATE_FILES = (_SEEN, _OLDER_SEEN)
"""Names of files in a suite's directory of the cache that are not a signed statement."""


@dataclass(frozen=True, slots=True)
class SeenRelease:
    """What the last look at a suite left behind; it is verified again whenever it is used."""

    signed: bytes | None = None
    newest: datetime | None = None
    validators: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, directory: Path) -> SeenRelease:
        """What is kept in a directory; nothing, where it is damaged."""
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
        """Keep it in a directory, and nothing older."""
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


def fetch_signed(source: ArchiveSource, transport: Transport, seen: SeenRelease) -> tuple[bytes, dict[str, str]]:
    """The signed statement of a suite, and what asks the server whether it is still the same.

    It is the suite's InRelease; without one, its Release.gpg and Release in this order, as one text. Raises a
    `SpecError` for a suite that is not there, a `RegistryError` for an archive that does not answer.
    """
    if transport.options.offline:
        if seen.signed is None:
            raise RegistryError(
                f"cannot read the suite {source.label}: it is not in the cache, and the network is off",
                hint="build once without --offline",
            )
        return seen.signed, seen.validators
    try:
        return _fetched(source, "InRelease", transport, seen)
    except MissingError as error:
        try:
            signature, _ = _fetched(source, "Release.gpg", transport, SeenRelease())
            text, _ = _fetched(source, "Release", transport, SeenRelease())
        except MissingError:
            raise _unknown_suite(source, error) from None
        return signature.rstrip() + b"\n" + text, {}


def _fetched(source: ArchiveSource, name: str, transport: Transport, seen: SeenRelease) -> tuple[bytes, dict[str, str]]:
    attempts = transport.options.attempts
    for attempt in range(1, attempts + 1):
        try:
            with transport.open(f"{source.directory}/{name}", seen.validators if seen.signed else {}) as answer:
                if answer.status == 304 and seen.signed is not None:
                    return seen.signed, seen.validators
                data = io.BytesIO()
                while chunk := answer.body.read1(_LIMIT + 1 - data.tell()):
                    data.write(chunk)
                if data.tell() > _LIMIT:
                    raise IntegrityError(f"cannot use the suite {source.label}: its {name} is too long")
                validators = {
                    asked: answer.headers[given]
                    for asked, given in (("If-None-Match", "etag"), ("If-Modified-Since", "last-modified"))
                    if given in answer.headers
                }
                return data.getvalue(), validators
        except UnreachableError:
            if attempt == attempts:
                raise
            time.sleep(transport.options.backoff)
    raise RegistryError(f"cannot read the suite {source.label}: no attempt was allowed")


def _unknown_suite(source: ArchiveSource, error: MissingError) -> SpecError:
    where = "the spec's package-sources say" if source.archive else "--archive and --security-archive say"
    near = closest(source.suite, RELEASES, cutoff=0.7)
    meant = f"did you mean {near}? " if near and near != source.suite else ""
    return SpecError(
        f"cannot use the suite {source.label}: {error.message.partition(': ')[2]}",
        hint=f"{meant}{where} where suites are looked for",
        issues=[Issue("/package-sources/suites", f"the archive has no suite {source.suite}")],
    )


def examine_releases(directory: Path) -> tuple[int, tuple[Path, ...]]:
    """How many looks at suites are kept in the archive's cache, and what remembers one that is damaged."""
    found = sorted(path for name in STATE_FILES for path in directory.glob(f"releases/*/{name}"))
    return len(found), tuple(path for path in found if SeenRelease.read(path.parent).signed is None)
