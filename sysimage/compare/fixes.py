"""Which security faults an update says it fixes: the CVE numbers in the changelogs of the new packages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from sysimage.compare.compared_contents import HeldPackage
from sysimage.compare.difference import PackageChange
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.debs.changelog import changelog_names, fixed_since
from sysimage_bootstrap.debs.deb import open_deb
from sysimage_bootstrap.debs.tar import Type

Fetch = Callable[[Iterable[Package]], Mapping[Package, Path]]
"""Brings the files of packages to this machine."""


def fixes(
    changes: Iterable[PackageChange], old: Mapping[str, HeldPackage], new: Mapping[str, Package], fetch: Fetch
) -> dict[str, tuple[str, ...]]:
    """The CVE numbers by name of each package of a higher version, as far as a changelog could be read.

    Packages of one source have one changelog, which only some of them carry: the smallest that has it is fetched.
    ``new`` are the packages as the archive, or a lock file, has them.
    """
    sources: dict[str, list[PackageChange]] = {}
    for change in changes:
        if change.change == "up" and change.name in new:
            sources.setdefault(change.source or change.name, []).append(change)
    candidates = {
        source: sorted((new[change.name] for change in group), key=lambda package: (package.size, package.name))
        for source, group in sources.items()
    }
    changelogs: dict[str, bytes] = {}
    while candidates:
        files = fetch([packages[0] for packages in candidates.values()])
        for source, packages in list(candidates.items()):
            changelog = changelog_of(packages[0], files[packages[0]])
            if changelog is not None:
                changelogs[source] = changelog
            if changelog is not None or len(packages) == 1:
                del candidates[source]
            else:
                candidates[source] = packages[1:]
    return {
        change.name: fixed_since(changelogs[source], old[change.name].source_version)
        for source, group in sources.items()
        if source in changelogs
        for change in group
    }


def changelog_of(package: Package, file: Path) -> bytes | None:
    """The compressed changelog of the packaging in a package's file; None if it has only a link to the changelog of
    another package."""
    wanted = [f"usr/{name}".encode() for name in changelog_names(package.name)]
    found: dict[bytes, bytes] = {}
    with open_deb(file, package.digest, str(package)) as deb:
        for member in deb.data:
            name = member.name.removeprefix(b"./")
            if name in wanted and member.type is Type.FILE:
                found[name] = b"".join(deb.data.content())
                if name == wanted[0]:
                    break
    return next((found[name] for name in wanted if name in found), None)
