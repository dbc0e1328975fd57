"""What people ask of the archive: packages by words, one package, and the package that has a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sysimage.progress import Progress, silent
from sysimage_bootstrap.archive.archive import Archive
from sysimage_bootstrap.archive.deb822 import paragraph
from sysimage_bootstrap.archive.versions import version_key


@dataclass(frozen=True, slots=True)
class Listing:
    """A package as its list describes it."""

    name: str
    version: str
    suite: str
    summary: str
    """The first line of the description."""
    fields: Mapping[str, str]
    """All that the list says, by lower-case name."""


@dataclass(frozen=True, slots=True)
class FileOwner:
    """A package that has a file."""

    path: str
    package: str
    suite: str


def search(archive: Archive, architecture: str, words: Sequence[str], progress: Progress = silent) -> list[Listing]:
    """Packages in whose name or summary every word occurs, in any case: those with exactly this name first, then those
    whose name has all words, then by name; the highest version of each."""
    lowered = [word.lower() for word in words]
    found = _newest(
        listing
        for listing in _listings(archive, architecture, progress, lambda text: all(w in text.lower() for w in lowered))
        if all(word in f"{listing.name} {listing.summary}".lower() for word in lowered)
    )

    def rank(one: Listing) -> tuple[int, str]:
        if [one.name] == lowered:
            return 0, one.name
        return (1 if all(word in one.name for word in lowered) else 2), one.name

    return sorted(found.values(), key=rank)


def show(archive: Archive, architecture: str, name: str, progress: Progress = silent) -> Listing | None:
    """The highest version of a package; None where the archive has none of this name."""
    start = re.compile(rf"^Package: {re.escape(name)}$", re.MULTILINE)
    return _newest(_listings(archive, architecture, progress, lambda text: start.search(text) is not None)).get(name)


def owners(archive: Archive, architecture: str, path: str, progress: Progress = silent) -> list[FileOwner]:
    """The packages that have a file. ``path`` is absolute, or a name, which then is looked for in every directory.

    Debian has merged ``/bin``, ``/sbin`` and ``/lib`` into ``/usr``; either way of writing finds both.
    """
    if path.startswith("/"):
        plain = path.strip("/")
        below = re.sub(r"^usr/(?=s?bin/|lib)", "", plain)
        merged = re.match(r"s?bin/|lib(32|64|x32)?/", below) is not None
        pattern = rf"^((?:usr/)?{re.escape(below)}|{re.escape(plain)})" if merged else rf"^({re.escape(plain)})"
    else:
        pattern = rf"^((?:[^\n]*/)?{re.escape(path)})"
    line = re.compile(pattern + r"[ \t]+(\S+)$", re.MULTILINE)
    found = {
        FileOwner(f"/{match[1]}", one.rpartition("/")[2], suite)
        for suite, text in archive.contents(architecture, progress)
        for match in line.finditer(text)
        for one in match[2].split(",")
    }
    first = {(one.path, one.package): one for one in sorted(found, key=lambda one: one.suite, reverse=True)}
    return sorted(first.values(), key=lambda one: (one.path.count("/"), one.path, one.package))


def _listings(
    archive: Archive, architecture: str, progress: Progress, wanted: Callable[[str], bool]
) -> Iterator[Listing]:
    for suite, text in archive.descriptions(architecture, progress):
        if not text.strip() or not wanted(text):
            continue
        fields = paragraph(text)
        summary = fields.get("description", "").partition("\n")[0]
        yield Listing(fields["package"], fields["version"], suite, summary, fields)


def _newest(listings: Iterator[Listing]) -> dict[str, Listing]:
    found: dict[str, Listing] = {}
    for one in listings:
        if one.name not in found or version_key(one.version) > version_key(found[one.name].version):
            found[one.name] = one
    return found
