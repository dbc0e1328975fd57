"""Reads which packages a package-lock.json asks for: what the application needs, on the image's machine."""

from __future__ import annotations

import base64
import binascii
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sysimage.errors import Issue, SpecError
from sysimage.npm_packages.lock_document import NODE_LOCK, LockEntry, NpmLockDocument, is_place
from sysimage.spec.node import Node

_CPUS = {"amd64": "x64", "arm64": "arm64"}
"""Node's names of Debian's architectures."""
_HASH_SIZES = {"sha512": 64, "sha384": 48, "sha256": 32}
_NAME = re.compile(r"(?:@[A-Za-z0-9~_.-]+/)?[A-Za-z0-9~_][A-Za-z0-9~_.-]*")
_VERSION = re.compile(r"\d+\.\d+\.\d+[0-9A-Za-z.+-]*")


@dataclass(frozen=True, slots=True)
class LockedNpmPackage:
    """One package of a lock file at one place."""

    name: str
    """In the registry."""
    version: str
    place: str
    """Relative to the application, such as ``node_modules/express``."""
    algorithm: str
    """Of the hash: ``sha512``, ``sha384`` or ``sha256``."""
    digest: str
    """Of the tarball, in hex."""
    bin: Mapping[str, str] = field(default_factory=dict)
    """Program → its file, relative to the package."""
    has_install_script: bool = False
    is_prebuilt_beside: bool = False
    """Whether another installed package brings the built files, for this machine alone."""
    path: Path | None = None
    """Where the tarball is, for one that the lock file says so of."""

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def read_lock(node: Node, spec_dir: Path, architecture: str) -> tuple[LockedNpmPackage, ...]:
    """The packages for an architecture, sorted by place; a `SpecError` with every fault of the lock file."""
    path = spec_dir / node.lock
    document = NpmLockDocument.read(path)
    issues: list[Issue] = []
    if document.entries[""].workspaces:
        issues.append(Issue(NODE_LOCK, "has workspaces; lock the application in a directory of its own, without them"))
    else:
        chosen = _chosen(document, node, architecture, issues)
        reader = _Reader(document, path, spec_dir, node.tarballs is not None, chosen, issues)
        found = tuple(package for place in sorted(chosen) if (package := reader.package(place)) is not None)
    if issues:
        raise SpecError(f"cannot use {path}", issues=issues)
    return found


def _chosen(document: NpmLockDocument, node: Node, architecture: str, issues: list[Issue]) -> frozenset[str]:
    """The places of all packages that the application needs, and of optional ones that run on the machine."""
    unfit = document.unfit(_CPUS[architecture])
    chosen: set[str] = set()
    waiting = [""]
    while waiting:
        place = waiting.pop()
        entry = document.entries[place]
        needed = [*entry.required, *(entry.dev_dependencies if node.dev and not place else ())]
        for name in needed:
            found = document.find(place, name)
            if found is None:
                issues.append(Issue(NODE_LOCK, f"{place or 'the application'} needs {name}, which is not locked"))
            elif found in unfit:
                issues.append(Issue(NODE_LOCK, f"{found} is for another machine than linux/{architecture} with glibc"))
        for name in (*needed, *entry.optional_dependencies, *entry.peer_dependencies):
            found = document.find(place, name)
            if found is not None and found not in unfit and found not in chosen:
                chosen.add(found)
                waiting.append(found)
    return frozenset(chosen)


@dataclass(frozen=True, slots=True)
class _Reader:
    document: NpmLockDocument
    path: Path
    spec_dir: Path
    has_directory: bool
    chosen: frozenset[str]
    issues: list[Issue]

    def package(self, place: str) -> LockedNpmPackage | None:
        """None for one that is inside another's tarball, and for one with a fault."""
        entry = self.document.entries[place]
        name = entry.name or place.rpartition("node_modules/")[2]
        faults = list(self._faults(place, entry, name))
        self.issues.extend(Issue(NODE_LOCK, f"{self.path.name}: {place} {fault}") for fault in faults)
        known = _hash_of(entry.integrity or "")
        if faults or entry.in_bundle or known is None:
            return None
        return LockedNpmPackage(
            name,
            entry.version or "",
            place,
            *known,
            bin={program: posixpath.normpath(file) for program, file in sorted(entry.bin.items())},
            has_install_script=entry.has_install_script,
            is_prebuilt_beside=self._is_prebuilt_beside(place, entry),
            path=self._local(entry),
        )

    def _faults(self, place: str, entry: LockEntry, name: str) -> Iterator[str]:
        resolved = entry.resolved or ""
        if entry.link:
            yield (
                f"is a link to {resolved or 'a directory'}: npm pack that directory, and let the application depend on "
                "the file, npm install ./NAME.tgz"
            )
        elif not is_place(place):
            yield "is not a place below node_modules"
        elif entry.in_bundle:
            return
        elif resolved.startswith(("git:", "git+", "github:")):
            yield "comes from a repository: npm pack it, and let the application depend on the file"
        elif not _NAME.fullmatch(name) or not _VERSION.fullmatch(entry.version or ""):
            yield "has no name and version of a registry"
        elif _hash_of(entry.integrity or "") is None:
            yield "has no integrity by SHA-512, SHA-384 or SHA-256"
        elif resolved.startswith("file:"):
            local = self._local(entry)
            if local is None or not local.resolve().is_relative_to(self.spec_dir.resolve()) or not local.is_file():
                yield f"is at {resolved}, which is not a file inside the spec's directory"
        elif resolved.startswith(("http:", "https:")) and "/-/" not in resolved and not self.has_directory:
            yield 'comes from an address outside of a registry; put its tarball into a directory and say "tarballs"'
        for program, file in entry.bin.items():
            if not program.isprintable() or "/" in program or program in ("", ".", ".."):
                yield f"has a program with the name {program!r}"
            if posixpath.normpath(file).split("/")[0] in ("..", "") or not file.isprintable():
                yield f"has a program outside of it: {file!r}"

    def _local(self, entry: LockEntry) -> Path | None:
        resolved = entry.resolved or ""
        return self.path.parent / resolved.removeprefix("file:") if resolved.startswith("file:") else None

    def _is_prebuilt_beside(self, place: str, entry: LockEntry) -> bool:
        found = [self.document.find(place, name) for name in entry.optional_dependencies]
        return any(one in self.chosen and self.document.entries[one].cpu for one in found if one is not None)


def _hash_of(integrity: str) -> tuple[str, str] | None:
    """Algorithm and hex of the strongest hash of a Subresource Integrity text."""
    known = dict(word.partition("?")[0].partition("-")[::2] for word in integrity.split())
    for algorithm, size in _HASH_SIZES.items():
        try:
            raw = base64.b64decode(known.get(algorithm, ""), validate=True)
        except (binascii.Error, ValueError):
            continue
        if len(raw) == size:
            return algorithm, raw.hex()
    return None
