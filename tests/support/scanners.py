"""How scanners of images read one, by the rules in their sources, for those that cannot be run in a test.

Each reads the layers of an archive and says which Debian packages it finds. Rules: trivy dc3c56ee (``os/debian``,
``dpkg``, ``walker/tar``, ``handler/sysfile``), osv-scalibr c2094f2d (``os/dpkg``), claircore 0f12d7bc (``dpkg``,
``debian``, ``linux/coalescer``).
"""

from __future__ import annotations

import functools
import io
import json
import posixpath
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email.parser import HeaderParser
from pathlib import Path

Found = tuple[str, str, str, str, str]
"""Name, version, architecture, source, and the source's version."""
STATUS_D = "var/lib/dpkg/status.d/"
LANGUAGES = re.compile(r"(.*\.(dist-info/METADATA|egg-info/PKG-INFO|egg-info|jar)|(.*/)?package\.json)")
"""What is a package to the analyzers of Python, Node and Java."""


@dataclass(frozen=True)
class Scanned:
    """What a scanner makes of an image."""

    system: tuple[str, ...]
    """How it knows the distribution; empty if it does not."""
    packages: frozenset[Found]
    others: tuple[str, ...] = field(default=())
    """Files that it takes for packages of a language."""


Layer = Mapping[str, tuple[tarfile.TarInfo, bytes]]


@functools.lru_cache(maxsize=1)
def layers(archive: Path) -> tuple[Layer, ...]:
    """The members of each layer by name, bottom first, with the content of those that a scanner reads."""
    return tuple(_layers(archive))


def _layers(archive: Path) -> Iterator[Layer]:
    with tarfile.open(archive) as image:
        (entry,) = json.load(image.extractfile("manifest.json"))  # type: ignore[arg-type]
        for name in entry["Layers"]:
            data = image.extractfile(name).read()  # type: ignore[union-attr]
            with tarfile.open(fileobj=io.BytesIO(data)) as layer:
                yield {
                    posixpath.normpath(member.name): (member, _content(layer, member)) for member in layer.getmembers()
                }


def _content(layer: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    wanted = member.isreg() and (member.name.startswith(("var/lib/dpkg/", "etc/")))
    return layer.extractfile(member).read() if wanted else b""  # type: ignore[union-attr]


def _package(stanza: bytes) -> Found | None:
    fields = HeaderParser().parsestr(stanza.decode())
    if not fields["Package"] or not fields["Version"] or "deinstall" in fields.get("Status", ""):
        return None
    source = re.fullmatch(r"(\S+)(?: \((.+)\))?", fields.get("Source", fields["Package"]))
    if source is None:
        return None
    return fields["Package"], fields["Version"], fields["Architecture"], source[1], source[2] or fields["Version"]


def _is_row(name: str) -> bool:
    return name.startswith(STATUS_D) and not name.endswith(".md5sums")


def trivy(archive: Path) -> Scanned:
    """Regular files only, layer by layer; what a Debian package lists in the same layer is not a language's package."""
    system: tuple[str, ...] = ()
    rows: dict[str, Found] = {}
    others = []
    for layer in layers(archive):
        files = {name: content for name, (member, content) in layer.items() if member.isreg()}
        listed = {
            line.split()[1].decode()
            for name, content in files.items()
            if name.startswith(STATUS_D) and name.endswith(".md5sums")
            for line in content.splitlines()
            if len(line.split()) == 2
        }
        if "etc/debian_version" in files:
            system = (files["etc/debian_version"].decode().splitlines()[0],)
        rows |= {name: found for name in files if _is_row(name) and (found := _package(files[name]))}
        others += [name for name in files if LANGUAGES.fullmatch(name) and name not in listed]
    return Scanned(system, frozenset(rows.values()), tuple(others))


def scalibr(archive: Path) -> Scanned:
    """Regular files of the image as a container shows it."""
    files: dict[str, bytes] = {}
    for layer in layers(archive):
        files |= {name: content for name, (member, content) in layer.items() if member.isreg()}
    release = _os_release(files.get("etc/os-release", b""))
    system = tuple(release[key] for key in ("ID", "VERSION_ID", "VERSION_CODENAME") if key in release)
    return Scanned(system, frozenset(_packages(files[name] for name in files if _is_row(name))))


def claircore(archive: Path) -> Scanned:
    """Every directory called status.d of every layer; of the same file in two layers the upper one."""
    system: tuple[str, ...] = ()
    databases: dict[str, Found] = {}
    for layer in layers(archive):
        release = _os_release(layer["etc/os-release"][1]) if "etc/os-release" in layer else {}
        if release.get("ID") == "debian" and "VERSION_CODENAME" in release and release.get("VERSION_ID", "").isdigit():
            system = (release["VERSION_ID"], release["VERSION_CODENAME"])
        for name, (_, content) in layer.items():
            if posixpath.basename(posixpath.dirname(name)) == "status.d" and (found := _package(content)):
                databases[name] = found
    return Scanned(system, frozenset(databases.values()))


def _packages(stanzas: Iterable[bytes]) -> Iterator[Found]:
    for stanza in stanzas:
        if found := _package(stanza):
            yield found


def _os_release(text: bytes) -> dict[str, str]:
    pairs = (line.partition("=") for line in text.decode().splitlines() if "=" in line)
    return {key: value.strip("\"'") for key, _, value in pairs}
