"""A binary package as the archive's list describes it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sysimage.digest import Digest
from sysimage.errors import IntegrityError, Issue
from sysimage_bootstrap.archive.deb822 import paragraph
from sysimage_bootstrap.archive.dependencies import (
    PACKAGE_NAME,
    Dependency,
    DependencyTarget,
    parse_dependencies,
    parse_targets,
)
from sysimage_bootstrap.archive.versions import version_key

MAXIMUM_SIZE = 4 << 30
"""Bytes; no .deb may claim to be larger."""

_SOURCE = re.compile(r"(?P<name>\S+)(?:\s+\((?P<version>[^)\s]+)\))?")


@dataclass(frozen=True, slots=True)
class Package:
    """One version of one binary package for one architecture."""

    name: str
    version: str
    architecture: str
    """As its control file says: the architecture's name, or ``all``."""
    suite: str
    """The suite of the source it was listed in; `Archive` knows that source's address."""
    filename: str
    """Where the .deb is, relative to the archive's address."""
    size: int
    """Bytes of the .deb."""
    digest: Digest
    """SHA-256 of the .deb."""
    source: str
    """The source package it was built from."""
    source_version: str
    essential: bool = False
    priority: str = "optional"
    multi_arch: str = "no"
    installed_size: int = 0
    """KiB, as the packager estimated it."""
    pre_depends: tuple[Dependency, ...] = ()
    depends: tuple[Dependency, ...] = ()
    recommends: tuple[Dependency, ...] = ()
    provides: tuple[DependencyTarget, ...] = ()
    conflicts: tuple[DependencyTarget, ...] = ()
    breaks: tuple[DependencyTarget, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    def provided_versions(self, target: DependencyTarget) -> tuple[str | None, ...]:
        """The versions under which this package provides ``target``'s name; None for an unversioned promise."""
        return tuple(given.version for given in self.provides if given.name == target.name)

    def satisfies(self, target: DependencyTarget) -> bool:
        """Whether this package, under its own name or one it provides, is what ``target`` asks for."""
        if target.architecture not in (None, "any", "native", self.architecture):
            return False
        if self.name == target.name and target.accepts(self.version):
            return True
        return any(target.accepts(version) for version in self.provided_versions(target))

    def on(self, architecture: str) -> Package:
        """The package as one on a system of an architecture: what is for ``all`` counts there as that system's own, as
        for dpkg, so that ``foo:amd64`` is just ``foo`` on amd64."""

        def named(targets: tuple[DependencyTarget, ...]) -> tuple[DependencyTarget, ...]:
            return tuple(replace(t, architecture=None) if t.architecture == architecture else t for t in targets)

        def all_named(dependencies: tuple[Dependency, ...]) -> tuple[Dependency, ...]:
            return tuple(Dependency(named(dependency.alternatives)) for dependency in dependencies)

        return replace(
            self,
            pre_depends=all_named(self.pre_depends),
            depends=all_named(self.depends),
            recommends=all_named(self.recommends),
            conflicts=named(self.conflicts),
            breaks=named(self.breaks),
        )


def package_from_fields(fields: Mapping[str, str], suite: str) -> Package:
    """Make a package of one paragraph of a package list; a ValueError says what is wrong with it."""
    name, version = fields["package"], fields["version"]
    if not PACKAGE_NAME.fullmatch(name):
        raise ValueError(f"not a package name: {name!r}")
    version_key(version)
    filename, size = fields["filename"].removeprefix("./"), int(fields["size"])
    if posixpath.normpath(filename) != filename or filename.startswith(("/", "../")):
        raise ValueError(f"{name}: not a path within the archive: {filename!r}")
    if not 0 < size <= MAXIMUM_SIZE:
        raise ValueError(f"{name}: not the size of a package: {size}")
    source = _SOURCE.fullmatch(fields.get("source", name))
    if source is None:
        raise ValueError(f"{name}: not a source package: {fields['source']!r}")
    return Package(
        name=name,
        version=version,
        architecture=fields["architecture"],
        suite=suite,
        filename=filename,
        size=size,
        digest=Digest(fields["sha256"]),
        source=source["name"],
        source_version=source["version"] or version,
        essential=fields.get("essential") == "yes",
        priority=fields.get("priority", "optional"),
        multi_arch=fields.get("multi-arch", "no"),
        installed_size=int(fields.get("installed-size") or 0),
        pre_depends=parse_dependencies(fields.get("pre-depends", "")),
        depends=parse_dependencies(fields.get("depends", "")),
        recommends=parse_dependencies(fields.get("recommends", "")),
        provides=parse_targets(fields.get("provides", "")),
        conflicts=parse_targets(fields.get("conflicts", "")),
        breaks=parse_targets(fields.get("breaks", "")),
    )


def require_control(package: Package, control: str) -> dict[str, str]:
    """Check the control file inside a .deb against the list that led to it, and return its fields.

    An `IntegrityError` names every field that differs: a .deb with the right hash but of another package, version or
    architecture means that the list itself is wrong.
    """
    try:
        fields = paragraph(control)
    except ValueError as error:
        raise IntegrityError(f"cannot use the package {package}: its control file is malformed: {error}") from None
    promised = {"package": package.name, "version": package.version, "architecture": package.architecture}
    issues = [
        Issue(field, f"the list says {value}, the package says {fields.get(field, 'nothing')}")
        for field, value in promised.items()
        if fields.get(field) != value
    ]
    if issues:
        raise IntegrityError(f"cannot use the package {package}: it is not what the list promised", issues=issues)
    return fields
