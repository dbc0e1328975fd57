"""Where packages come from: the machine's own apt configuration, or an address the user gives."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from sysimage.digest import Digest
from sysimage.errors import MachineError, SpecError
from sysimage_bootstrap.archive.cache import write_durably
from sysimage_bootstrap.archive.deb822 import paragraphs

DEFAULT_SUITES = ("trixie", "trixie-updates", "trixie-security")
DEFAULT_COMPONENTS = ("main",)
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

RELEASES = frozenset({"stable", "oldstable", "oldoldstable", "testing", "unstable", "sid", "experimental"}) | frozenset(
    {"buster", "bullseye", "bookworm", "trixie", "forky", "duke"}
)
"""Names of Debian's releases: suites begin with them."""
_SCHEMES = ("http", "https", "file")


@dataclass(frozen=True, slots=True)
class ArchiveSource:
    """One suite of one archive."""

    uri: str
    """The archive's address, without a slash at its end; ``http``, ``https`` or ``file``."""
    suite: str
    components: tuple[str, ...] = DEFAULT_COMPONENTS
    archive: str = ""
    """What the archive is called; empty for Debian's."""
    keyring: Path | None = None
    """The keys that sign it; None means the keys that sign Debian's archive."""

    @property
    def label(self) -> str:
        """A label that distinguishes the suite from those of other archives; for Debian's archive, the suite itself."""
        return f"{self.archive}/{self.suite}" if self.archive else self.suite

    @property
    def is_flat(self) -> bool:
        """Whether the suite is a directory with a package list in it."""
        return self.suite.endswith("/")

    @property
    def directory(self) -> str:
        """The address of the directory that holds the suite's Release."""
        if not self.is_flat:
            return f"{self.uri}/dists/{self.suite}"
        return self.uri if self.suite == "./" else f"{self.uri}/{self.suite.rstrip('/')}"

    def __post_init__(self) -> None:
        if urlsplit(self.uri).scheme not in _SCHEMES:
            raise SpecError(f"cannot use the archive {redacted(self.uri)}: its address is not http, https or file")
        if not self.suite or not (self.components or self.is_flat):
            raise SpecError(f"cannot use the archive {redacted(self.uri)}: it needs a suite and a component")


@dataclass(frozen=True, slots=True)
class AptEntry:
    """One address and suite that apt on this machine installs from."""

    uri: str
    suite: str
    components: tuple[str, ...]
    signed_by: str
    """The value of Signed-By, or nothing."""


def default_sources(
    apt_root: Path,
    suites: Sequence[str] = DEFAULT_SUITES,
    components: Sequence[str] = DEFAULT_COMPONENTS,
    *,
    uri: str | None = None,
    security_uri: str | None = None,
) -> tuple[ArchiveSource, ...]:
    """The sources for ``suites``: addresses as given, or else those of the Debian archive that apt is configured for.

    ``apt_root`` is the directory of apt's configuration, usually ``/etc/apt``. Suites that end in ``-security`` come
    from the security archive; where neither a flag nor apt names one, it is looked for beside the main archive, under
    the name that mirrors give it. A `MachineError` if no Debian archive is configured.
    """
    if uri is None:
        entries = [entry for entry in apt_entries(apt_root) if _is_debian(entry)]
        uri = next((entry.uri for entry in entries if not _is_security(entry.suite)), None)
        if uri is None:
            raise MachineError(
                f"cannot find a package archive: no Debian archive is configured in {apt_root}",
                hint="set SYSIMAGE_ARCHIVE or --archive to the address of a Debian mirror, and, where this machine is "
                "not Debian, SYSIMAGE_KEYRING or --keyring to Debian's keys, which debian-archive-keyring has",
            )
        security_uri = security_uri or next((entry.uri for entry in entries if _is_security(entry.suite)), None)
    security_uri = security_uri or f"{uri.rstrip('/')}-security"
    return tuple(
        ArchiveSource((security_uri if _is_security(suite) else uri).rstrip("/"), suite, tuple(components))
        for suite in suites
    )


def sources_of_file(text: str, archive: str, keyring: Path | None, keys: Path) -> tuple[ArchiveSource, ...]:
    """The sources that a ``.sources`` file of apt names (deb822), or one with lines as in sources.list.

    ``keyring`` takes the place of its Signed-By; keys that are in the file itself are written below ``keys``. A
    `SpecError` for a file without a source, or without keys.
    """
    entries = list(_deb822_entries(text)) or list(_one_line_entries(text))
    if not entries:
        raise SpecError(f"cannot use the package sources of {archive}: the file names none")
    found = []
    for entry in entries:
        chosen = keyring or _signed_by(entry.signed_by, keys)
        if chosen is None:
            raise SpecError(
                f"cannot use the package sources of {archive}: the file has no Signed-By",
                hint='name the keys with "key"',
            )
        found += [ArchiveSource(uri, entry.suite, entry.components, archive, chosen) for uri in _expanded(entry)]
    return tuple(found)


def _signed_by(value: str, keys: Path) -> Path | None:
    if "-----BEGIN" not in value:
        return Path(value) if value.startswith("/") else None
    text = "\n".join("" if line.strip() == "." else line for line in value.strip().splitlines()) + "\n"
    place = keys / f"{Digest.of(text.encode()).hex}.asc"
    write_durably(place, text.encode())
    return place


def apt_entries(apt_root: Path) -> list[AptEntry]:
    """Every binary source that apt is configured for, in apt's order; unreadable lines are apt's to complain about."""
    files = [apt_root / "sources.list"]
    parts = apt_root / "sources.list.d"
    if parts.is_dir():
        files += sorted(path for path in parts.iterdir() if path.suffix in (".list", ".sources"))
    entries: list[AptEntry] = []
    for path in files:
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            entries += _deb822_entries(text) if path.suffix == ".sources" else _one_line_entries(text)
    return [
        AptEntry(uri, entry.suite, entry.components, entry.signed_by) for entry in entries for uri in _expanded(entry)
    ]


def redacted(uri: str) -> str:
    """The address without the password it may carry; the only form in which addresses are shown."""
    parts = urlsplit(uri)
    if "@" not in parts.netloc:
        return uri
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _one_line_entries(text: str) -> Iterator[AptEntry]:
    for line in text.splitlines():
        kind, _, rest = line.partition("#")[0].strip().partition(" ")
        if kind != "deb":
            continue
        options, rest = "", rest.strip()
        if rest.startswith("["):
            options, _, rest = rest[1:].partition("]")
        words = rest.split()
        if len(words) < 2:
            continue
        named = dict(word.partition("=")[::2] for word in shlex.split(options))
        yield AptEntry(words[0], words[1], tuple(words[2:]), named.get("signed-by", ""))


def _deb822_entries(text: str) -> Iterator[AptEntry]:
    try:
        stanzas = list(paragraphs(text))
    except ValueError:
        return
    for fields in stanzas:
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in ("no", "false"):
            continue
        components = tuple(fields.get("components", "").split())
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield AptEntry(uri, suite, components, fields.get("signed-by", ""))


def _expanded(entry: AptEntry) -> list[str]:
    # Cloud images name a file of mirrors instead of a mirror; the first line of it is the preferred one.
    scheme, _, rest = entry.uri.partition(":")
    if scheme == "mirror+file":
        path = Path("/" + rest.lstrip("/"))
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        return [line.split()[0].rstrip("/") for line in lines if line.strip() and not line.startswith("#")][:1]
    if scheme in ("file", "copy"):
        return ["file:///" + rest.strip("/")]
    return [entry.uri.rstrip("/")] if scheme in _SCHEMES else []


def _is_security(suite: str) -> bool:
    return suite.endswith(("-security", "/updates"))


def _is_debian(entry: AptEntry) -> bool:
    # Other vendors also name their suites after Debian's releases, but they sign with their own key.
    release = entry.suite.partition("-")[0].partition("/")[0]
    ours = not entry.signed_by or "debian-archive-" in entry.signed_by
    return release in RELEASES and "main" in entry.components and ours
