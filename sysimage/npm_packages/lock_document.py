"""npm's package-lock.json as a document: what it says of each package, and where Node looks for another one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from sysimage.errors import Issue, SpecError

NODE_LOCK = "/node/lock"
_PLACE = re.compile(r"node_modules/(?:@[^/\s]+/)?[^/@\s][^/\s]*(?:/node_modules/(?:@[^/\s]+/)?[^/@\s][^/\s]*)*")
_WRITE_AGAIN = "npm install --package-lock-only --lockfile-version 3"

Names = Annotated[tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]
Wanted = Mapping[str, str]


_KEYS = {
    "in_bundle": "inBundle",
    "has_install_script": "hasInstallScript",
    "optional_dependencies": "optionalDependencies",
    "dev_dependencies": "devDependencies",
    "peer_dependencies": "peerDependencies",
}
"""npm's names of fields that have others here."""


class LockEntry(BaseModel):
    """What a lock file says of one place."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=lambda name: _KEYS.get(name, name))

    name: str | None = None
    """Where it is another than that of its directory."""
    version: str | None = None
    resolved: str | None = None
    integrity: str | None = None
    link: bool = False
    in_bundle: bool = False
    """Whether it is inside the tarball of the package above it."""
    has_install_script: bool = False
    os: Names = ()
    cpu: Names = ()
    libc: Names = ()
    bin: Wanted = Field(default_factory=dict)
    """Program → its file in the package."""
    dependencies: Wanted = Field(default_factory=dict)
    optional_dependencies: Wanted = Field(default_factory=dict)
    dev_dependencies: Wanted = Field(default_factory=dict)
    peer_dependencies: Wanted = Field(default_factory=dict)
    workspaces: Any = None

    @property
    def required(self) -> Iterator[str]:
        """Names of the packages that it does not work without."""
        return (name for name in self.dependencies if name not in self.optional_dependencies)

    def runs_on(self, cpu: str) -> bool:
        """Whether it is for Linux with the GNU C library on a processor, by Node's name of that."""
        return _allows(self.os, "linux") and _allows(self.cpu, cpu) and _allows(self.libc, "glibc")


@dataclass(frozen=True, slots=True)
class NpmLockDocument:
    """A lock file."""

    entries: Mapping[str, LockEntry]
    """By place, relative to the application: ``node_modules/a/node_modules/b``; the application itself is ``""``."""

    @classmethod
    def read(cls, path: Path) -> NpmLockDocument:
        """A `SpecError` with every fault."""
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise SpecError(f"cannot read {path}: {error}") from None
        version = document.get("lockfileVersion") if isinstance(document, dict) else None
        packages = document.get("packages") if isinstance(document, dict) else None
        if version == 1:
            raise _refused(
                path, [Issue(NODE_LOCK, "has version 1, which does not say all that is needed")], _WRITE_AGAIN
            )
        if version not in (2, 3) or not isinstance(packages, dict) or "" not in packages:
            raise _refused(path, [Issue(NODE_LOCK, "is not a package-lock.json of version 2 or 3")], _WRITE_AGAIN)
        issues: list[Issue] = []
        entries: dict[str, LockEntry] = {}
        for place, value in packages.items():
            try:
                entries[place] = LockEntry.model_validate(value)
            except ValidationError as error:
                said = error.errors()[0]
                key = ".".join(map(str, said["loc"]))
                issues.append(Issue(NODE_LOCK, f"{path.name}: {place!r}: {key or 'it'}: {said['msg']}"))
        if issues:
            raise _refused(path, issues, None)
        return cls(entries)

    def find(self, place: str, name: str) -> str | None:
        """Where Node finds a package that the one at a place requires; None where it is not locked."""
        while True:
            found = f"{place}/node_modules/{name}" if place else f"node_modules/{name}"
            if found in self.entries:
                return found
            if not place:
                return None
            place = f"/{place}".rpartition("/node_modules/")[0].lstrip("/")

    def unfit(self, cpu: str) -> frozenset[str]:
        """Places of packages that are for other machines, and of those that do not work without such a one."""
        found = {place for place, entry in self.entries.items() if place and not entry.runs_on(cpu)}
        size = -1
        while size != len(found):
            size = len(found)
            for place, entry in self.entries.items():
                if place and any(self.find(place, name) in found for name in entry.required):
                    found.add(place)
        return frozenset(found)


def is_place(place: str) -> bool:
    """Whether a place is a package's below the application, and nowhere else."""
    return _PLACE.fullmatch(place) is not None and not {".", ".."} & set(place.split("/")) and place.isprintable()


def _refused(path: Path, issues: list[Issue], write_again: str | None) -> SpecError:
    hint = None if write_again is None else f"{write_again} writes it again"
    return SpecError(f"cannot use {path}", hint=hint, issues=issues)


def _allows(names: tuple[str, ...], this: str) -> bool:
    """Whether a list of systems allows this one, as npm reads it: a name with an exclamation mark excludes that
    system."""
    refused = [name[1:] for name in names if name.startswith("!")]
    wanted = [name for name in names if not name.startswith("!")]
    return this not in refused and (not wanted or this in wanted or "any" in wanted)
