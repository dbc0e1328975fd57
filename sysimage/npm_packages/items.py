"""The tarball of an npm package becomes a store item, as npm unpacks it. None of its scripts runs."""

from __future__ import annotations

import posixpath
import re
import shutil
import tarfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

from sysimage.errors import IntegrityError, Issue
from sysimage.npm_packages.lock_document import NODE_LOCK
from sysimage.npm_packages.lock_file import LockedNpmPackage
from sysimage.store.items import ShownFiles, StoreItem
from sysimage.store.paths import StorePath
from sysimage_bootstrap.store import BuiltItem, ItemStore, Recipe

_FORMAT = 1
"""Increased when the same tarball gives other bytes."""
_OTHER_LETTERS = re.compile(r"[^A-Za-z0-9+._=-]+")
_LONGEST_NAME = 150
_IN_THE_WAY = (FileExistsError, NotADirectoryError, IsADirectoryError)


@dataclass(frozen=True, slots=True)
class PackageItems:
    """Where items of npm packages are made and found."""

    store: ItemStore
    top: str
    """The directory of the application in the image."""

    def recipe(self, package: LockedNpmPackage) -> Recipe:
        """Everything that an item follows from."""
        name = _OTHER_LETTERS.sub("-", f"{package.name.lstrip('@')}-{package.version}")[:_LONGEST_NAME]
        inputs = {
            package.algorithm: package.digest,
            "place": package.place,
            "bin": dict(package.bin),
            "builder": _FORMAT,
        }
        return Recipe(f"node-{name}", "npm", (), inputs)

    def has(self, package: LockedNpmPackage) -> bool:
        """Whether the item of a package is there and whole."""
        return self.store.get(self.path_of(package)) is not None

    def path_of(self, package: LockedNpmPackage) -> StorePath:
        """Where the item is in the store, or will be."""
        return self.store.path_of(self.recipe(package))

    def item(self, package: LockedNpmPackage, tarball: Path | None) -> StoreItem:
        """The item of a package, whose tarball is needed unless the store `has` the item.

        A tarball that is not sound is an `IntegrityError`.
        """

        def build(draft: Path) -> BuiltItem:
            if tarball is None:
                raise IntegrityError(f"cannot make the item of {package}: the tarball is not there")
            place = draft / package.place
            place.mkdir(parents=True)
            _unpack(tarball, package, place)
            _link_programs(package, place)
            facts = {"purl": f"pkg:npm/{package.name.replace('@', '%40')}@{package.version}"}
            return BuiltItem(f"node-{package.name}", (), {package.algorithm: package.digest, **facts}, frozenset())

        made = self.store.realise(self.recipe(package), build)
        return replace(made, shown=ShownFiles(top=self.top))


def _unpack(tarball: Path, package: LockedNpmPackage, top: Path) -> None:
    """As npm does it: without the first directory, regular files alone, each readable for all."""
    try:
        with tarfile.open(tarball, "r:*") as archive:
            for member in archive:
                inside = _inside(member.name)
                if inside is None or not member.isfile():
                    continue
                place = top / inside
                place.parent.mkdir(parents=True, exist_ok=True)
                content = archive.extractfile(member)
                if content is None:
                    raise ValueError(f"{member.name} has no content")
                with content, place.open("wb") as file:
                    shutil.copyfileobj(content, file)
                place.chmod(0o755 if member.mode & 0o100 else 0o644)
    except (tarfile.TarError, zlib.error, EOFError, ValueError, *_IN_THE_WAY) as error:
        raise IntegrityError(
            f"cannot unpack {package}: it is not a sound tarball", issues=[Issue(NODE_LOCK, str(error))]
        ) from None
    if not (top / "package.json").is_file():
        raise IntegrityError(f"cannot unpack {package}: its tarball has no package.json")


def _inside(name: str) -> str | None:
    """The path below the package; None for its own directory."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts or name.startswith("/") or not name.isprintable():
        raise ValueError(f"{name!r} is not a path inside a package")
    return "/".join(parts[1:]) or None


def _link_programs(package: LockedNpmPackage, place: Path) -> None:
    """The links that npm makes in ``.bin``; what they lead to is executable, with a first line that Linux reads."""
    scope = package.place.rpartition("node_modules/")[2]
    links = place.parents[scope.count("/")] / ".bin"
    for program, path in package.bin.items():
        file = place / path
        if not file.is_file():
            continue  # npm makes no link either
        file.chmod(0o755)
        content = file.read_bytes()
        first, end, rest = content.partition(b"\n")
        if first.startswith(b"#!") and first.endswith(b"\r"):
            file.write_bytes(first.rstrip(b"\r") + end + rest)
        links.mkdir(exist_ok=True)
        (links / program).symlink_to(posixpath.join("..", scope, path))
