"""The request for packages: names, versions and preferences, before they are resolved."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from sysimage.digest import Digest
from sysimage.errors import Issue, SpecError
from sysimage_bootstrap.archive.dependencies import DependencyTarget, parse_target
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.archive.sources import DEFAULT_COMPONENTS, DEFAULT_SUITES

_OF_SYSTEMD = frozenset({"systemd", "systemd-sysv", "systemd-sysusers", "systemd-tmpfiles"})
"""Names of systemd itself."""
DEFAULT_PROVIDED = _OF_SYSTEMD | frozenset(
    {
        # Sessions of users are not tracked unless this is asked for.
        "libpam-systemd",
        "default-logind",
        "logind",
        "init-system-helpers",
        "runit-helper",
        # Maintainer scripts are never run, and only they use these.
        "adduser",
        "debconf",
        "debconf-2.0",
        "ucf",
        "update-inetd",
    }
)
"""Names that a system provides without a package, if the Shepherd is its init."""


def provided_names(*, systemd: bool) -> frozenset[str]:
    """Names that a system provides without a package; one with ``systemd`` as its init has that package."""
    return DEFAULT_PROVIDED - _OF_SYSTEMD if systemd else DEFAULT_PROVIDED


DEFAULT_PREFERENCES: Mapping[str, str] = {"awk": "mawk"}
"""Name in a dependency → the package that meets it, where there is a choice."""

_PINNED = re.compile(r"([a-z0-9][a-z0-9+.-]*)=(\S+)")


@dataclass(frozen=True, slots=True)
class PackagePin:
    """One package that was asked for, with the versions that will do."""

    target: DependencyTarget
    pattern: str | None = None
    """A version, in which ``*`` stands for anything."""
    archive: str | None = None
    """The archive that it must come from."""

    @classmethod
    def parse(cls, text: str) -> PackagePin:
        """Read ``name``, ``name=version``, ``name=1.26*`` or ``name (>= 1.26)``, perhaps with ``@archive`` after it; a
        ValueError for anything else."""
        text, _, archive = text.partition("@")
        if archive:
            return replace(cls.parse(text), archive=archive)
        if match := _PINNED.fullmatch(text.strip()):
            return cls(DependencyTarget(match[1]), match[2])
        return cls(parse_target(text))

    @property
    def is_exact(self) -> bool:
        """Whether only the package itself will do, and none that provides its name."""
        return self.pattern is not None or self.archive is not None

    def accepts(self, package: Package) -> bool:
        """Whether ``package``, which has this name or provides it, is a version that was asked for."""
        if package.name != self.target.name:
            return not self.is_exact
        if self.archive is not None and not package.suite.startswith(f"{self.archive}/"):
            return False
        return self.target.accepts(package.version) and (
            self.pattern is None or fnmatch.fnmatchcase(package.version, self.pattern)
        )

    def __str__(self) -> str:
        version = str(self.target) if self.pattern is None else f"{self.target}={self.pattern}"
        return version if self.archive is None else f"{version}@{self.archive}"


OWN = "./"
"""What stands for the suite of packages of the user's own, which no archive lists."""


@dataclass(frozen=True, slots=True)
class OwnPackage:
    """A package that is a file of the user."""

    package: Package
    stanza: str
    """What a package list would say of it."""
    file: Path


@dataclass(frozen=True, slots=True)
class PackageRequest:
    """Everything that decides which packages are chosen, besides the archive itself."""

    architecture: str
    """Debian's name for it."""
    packages: tuple[str, ...]
    """Words in the form that `PackagePin.parse` reads, in any order."""
    suites: tuple[str, ...] = DEFAULT_SUITES
    components: tuple[str, ...] = DEFAULT_COMPONENTS
    prefer: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULT_PREFERENCES))
    exclude: frozenset[str] = frozenset()
    provided: frozenset[str] = DEFAULT_PROVIDED
    essential: bool = True
    """Whether Essential packages are taken without being asked for."""
    on_demand: frozenset[str] = frozenset()
    """Essential packages that are taken only if something needs them."""
    keys: Mapping[str, Digest] = field(default_factory=dict)
    """Name of each archive but Debian's → SHA-256 of the keys that sign it."""
    own: tuple[OwnPackage, ...] = ()
    """Packages beside those of the archive, which come before these where both have a version; ``packages`` say which
    of them are asked for."""

    def pins(self) -> tuple[PackagePin, ...]:
        """The packages asked for, sorted; a `SpecError` that names everything unreadable."""
        pins: set[PackagePin] = set()
        issues: list[Issue] = []
        for text in sorted(set(self.packages)):
            try:
                pins.add(PackagePin.parse(text))
            except ValueError as error:
                issues.append(Issue(text, str(error)))
        if issues:
            raise SpecError(
                "cannot read the packages that are asked for",
                hint="write a name, name=version, or name (>= version)",
                issues=issues,
            )
        return tuple(sorted(pins, key=str))

    def document(self) -> dict[str, object]:
        """The request as JSON values, the same for the same request."""
        own = {one.package.name: str(one.package.digest) for one in self.own}
        return {
            "architecture": self.architecture,
            "components": list(self.components),
            "essential": self.essential,
            "exclude": sorted(self.exclude),
            "on_demand": sorted(self.on_demand),
            "packages": sorted(set(self.packages)),
            "prefer": dict(sorted(self.prefer.items())),
            "provided": sorted(self.provided),
            "suites": list(self.suites),
            **({"keys": {name: str(key) for name, key in sorted(self.keys.items())}} if self.keys else {}),
            **({"own": dict(sorted(own.items()))} if own else {}),
        }

    @property
    def digest(self) -> Digest:
        """Of the document, written in one way."""
        return Digest.of(json.dumps(self.document(), sort_keys=True, separators=(",", ":")).encode())
