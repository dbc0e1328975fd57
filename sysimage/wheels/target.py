"""For which Python, C library and machine the wheels of an image are, read from the items that the image has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from packaging.markers import Environment
from packaging.tags import Tag, compatible_tags, cpython_tags

from sysimage.errors import SpecError
from sysimage.rules.packages import STANZAS
from sysimage.store.items import StoreItem

_WHOLE = re.compile(r"python3\.\d+(?=-\d)")
_MINIMAL = re.compile(r"python3\.\d+-minimal(?=-\d|$)")
_LIBC = re.compile(r"libc6(?=-\d)")
"""Names of packages, with a version after them where they are those of items."""
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_OLD_NAMES = {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}
"""What manylinux_2_N was called before PEP 600; the first two know x86-64 alone."""


@dataclass(frozen=True, slots=True)
class Target:
    """What runs the wheels."""

    python: str
    """Such as ``3.13``."""
    version: str
    """Python's own, such as ``3.13.5``."""
    package_version: str
    """Of Debian's package, such as ``3.13.5-2``: what its byte code is made by."""
    glibc: tuple[int, int]
    architecture: str
    """Debian's name."""

    @classmethod
    def of(cls, items: Iterable[StoreItem], architecture: str) -> Target:
        """Of a system's items; a `SpecError` where they have no whole Python."""
        versions: dict[str, str] = {}
        for item in items:
            name = item.path.name
            for package in (_MINIMAL, _WHOLE, _LIBC):
                if (found := package.match(name)) is not None:
                    versions[found[0]] = _version_of(found[0], item)
        return cls.of_versions(versions, architecture)

    @classmethod
    def of_versions(cls, versions: Mapping[str, str], architecture: str) -> Target:
        """Of packages by name; a `SpecError` where there is no whole Python among them."""
        minimal = [name for name in versions if _MINIMAL.fullmatch(name) and name.removesuffix("-minimal") in versions]
        libc = re.match(r"(\d+)\.(\d+)", versions.get("libc6", ""))
        if len(minimal) != 1 or libc is None:
            cause = "the image has no Python" if not minimal else "it has several Pythons"
            raise SpecError(f"cannot put Python packages into the image: {cause}", hint='add "python3" to "packages"')
        python, version = minimal[0].removeprefix("python").removesuffix("-minimal"), versions[minimal[0]]
        glibc = int(libc[1]), int(libc[2])
        return cls(python, version.partition("-")[0], version, glibc, architecture)

    @property
    def machine(self) -> str:
        return _MACHINES[self.architecture]

    @property
    def platforms(self) -> list[str]:
        """Names of platforms whose wheels run, the newest first."""
        return list(self._platforms())

    def _platforms(self) -> Iterator[str]:
        major, newest = self.glibc
        oldest = 5 if self.machine == "x86_64" else 17
        for minor in range(newest, oldest - 1, -1):
            yield f"manylinux_{major}_{minor}_{self.machine}"
            if minor in _OLD_NAMES:
                yield f"{_OLD_NAMES[minor]}_{self.machine}"
        yield f"linux_{self.machine}"

    def tags(self) -> list[Tag]:
        """Tags of wheels that run, the best first."""
        major, minor = map(int, self.python.split("."))
        platforms = self.platforms
        own = cpython_tags((major, minor), [f"cp{major}{minor}"], platforms)
        return [*own, *compatible_tags((major, minor), f"cp{major}{minor}", platforms)]

    def environment(self) -> Environment:
        """What markers are about."""
        return Environment(
            implementation_name="cpython",
            implementation_version=self.version,
            os_name="posix",
            platform_machine=self.machine,
            platform_python_implementation="CPython",
            platform_release="",
            platform_system="Linux",
            platform_version="",
            python_full_version=self.version,
            python_version=self.python,
            sys_platform="linux",
        )

    def __str__(self) -> str:
        return f"CPython {self.python} on {self.machine} with glibc {self.glibc[0]}.{self.glibc[1]}"


def _version_of(package: str, item: StoreItem) -> str:
    """The version as its package has it: the name of an item cannot have every letter of that."""
    stanza = None if item.location is None else item.location / STANZAS / package
    if stanza is not None and stanza.is_file():
        for line in stanza.read_text(encoding="utf-8").splitlines():
            if line.startswith("Version: "):
                return line.removeprefix("Version: ")
    return item.path.name.removeprefix(f"{package}-")
