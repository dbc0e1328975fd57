"""Package lists, indexed for queries: the versions of a name, and the packages that provide it.

A suite's list has tens of thousands of packages, of which an image needs a few hundred. So a list is read once, cut
down to the fields that sysimage uses, and kept as a small database under the digest of the list; a package is parsed
when it is asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from sysimage.digest import Digest
from sysimage.errors import IntegrityError
from sysimage.files.code_digest import code_digest
from sysimage.notices import notice
from sysimage.suggestions import closest
from sysimage_bootstrap.archive.cache import write_durably
from sysimage_bootstrap.archive.dependencies import parse_targets
from sysimage_bootstrap.archive.package import Package, package_from_fields
from sysimage_bootstrap.archive.package_aliases import PACKAGE_ALIASES
from sysimage_bootstrap.archive.versions import version_key

if TYPE_CHECKING:
    import sqlite3  # imported where a list is opened: a system that did not change opens none

_MISSPELT = 2
"""Letters that a misspelt name has too many or too few, at most."""
_FIELDS = frozenset(
    {
        *("package", "version", "architecture", "source", "essential", "priority", "multi-arch", "installed-size"),
        *("pre-depends", "depends", "recommends", "provides", "conflicts", "breaks", "filename", "size", "sha256"),
    }
)
_SCHEMA = """
create table package (name text not null, version text not null, essential integer not null, fields text not null);
create table provided (name text not null, package text not null);
"""
_INDEXES = "create index package_name on package (name); create index provided_name on provided (name);"


class PackageList:
    """One list of one suite."""

    def __init__(self, suite: str, database: sqlite3.Connection) -> None:
        self.suite = suite
        self._database = database

    @classmethod
    def parse(cls, texts: Iterable[str], suite: str) -> PackageList:
        """Read a Packages file, given as texts of whole paragraphs; an `IntegrityError` if it is malformed."""
        database = _in_memory()
        database.executescript(_SCHEMA)
        provided: list[tuple[str, str]] = []

        def rows() -> Iterator[tuple[str, str, bool, str]]:
            for fields in chain.from_iterable(map(_needed_fields, texts)):
                name = fields["package"]
                provided.extend((target.name, name) for target in parse_targets(fields.get("provides", "")))
                kept = "\n".join(f"{field}\t{value}" for field, value in fields.items())
                yield name, fields["version"], fields.get("essential") == "yes", kept

        try:
            with database:
                database.executemany("insert into package values (?, ?, ?, ?)", rows())
                database.executemany("insert into provided values (?, ?)", provided)
        except (ValueError, KeyError) as error:
            raise IntegrityError(f"cannot use the package list of {suite}: it is malformed: {error}") from None
        database.executescript(_INDEXES)
        return cls(suite, database)

    @classmethod
    def load(cls, directory: Path, list_digest: Digest, suite: str) -> PackageList | None:
        """The kept form of the list with this digest; None if it is absent or damaged."""
        key = _key(list_digest)
        for path in sorted(directory.glob(f"{key}-*.sqlite")):
            data = path.read_bytes()
            if path.name == f"{key}-{hashlib.sha256(data).hexdigest()}.sqlite":
                database = _in_memory()
                database.deserialize(data)
                return cls(suite, database)
            notice(f"{path} was damaged: the list is read again")
            path.unlink(missing_ok=True)
        return None

    @staticmethod
    def damaged(directory: Path) -> tuple[int, tuple[Path, ...]]:
        """How many lists are kept, and the files of those that are damaged."""
        paths = sorted(directory.glob("*.sqlite"))
        wrong = [
            path for path in paths if path.stem.rpartition("-")[2] != hashlib.sha256(path.read_bytes()).hexdigest()
        ]
        return len(paths), tuple(wrong)

    def save(self, directory: Path, list_digest: Digest) -> None:
        """Keep the list; its file's name carries the digest of its content, which is checked when it is loaded."""
        data = self._database.serialize()
        name = f"{_key(list_digest)}-{hashlib.sha256(data).hexdigest()}.sqlite"
        write_durably(directory / name, data)

    @staticmethod
    def prune(directory: Path, named: Iterable[str]) -> None:
        """Remove the lists whose hexadecimal digest is not in ``named``."""
        keys = {_key(Digest(digest)) for digest in named}
        for path in sorted(directory.glob("*.sqlite")):
            if path.name.partition("-")[0] not in keys:
                path.unlink(missing_ok=True)

    def versions(self, name: str) -> list[Package]:
        rows = self._database.execute("select fields from package where name = ?", (name,))
        return [self._package(fields) for (fields,) in rows]

    def providers(self, name: str) -> set[str]:
        rows = self._database.execute("select distinct package from provided where name = ?", (name,))
        return {package for (package,) in rows}

    def essential(self) -> set[str]:
        return {name for (name,) in self._database.execute("select distinct name from package where essential")}

    def names(self) -> set[str]:
        return {name for (name,) in self._database.execute("select name from package union select name from provided")}

    def _package(self, kept: str) -> Package:
        fields = dict(line.split("\t", 1) for line in kept.split("\n"))
        try:
            return package_from_fields(fields, self.suite)
        except (ValueError, KeyError) as error:
            raise IntegrityError(f"cannot use the package list of {self.suite}: {error}") from None


class PackageIndex:
    """All lists for one architecture as one: of a name in several suites, the highest version comes first."""

    def __init__(
        self, architecture: str, lists: Sequence[PackageList], kept: Mapping[str, Package] = MappingProxyType({})
    ) -> None:
        """``kept`` are packages by name that come before every other version."""
        self.architecture = architecture
        self._lists = tuple(lists)
        self._kept = kept
        self._versions: dict[str, tuple[Package, ...]] = {}
        self._providers: dict[str, tuple[str, ...]] = {}

    def after(self, first: PackageList) -> PackageIndex:
        """These lists after another one, which counts where both have a version."""
        return PackageIndex(self.architecture, (first, *self._lists), self._kept)

    def keeping(self, packages: Iterable[Package]) -> PackageIndex:
        """The same lists, where some packages come before every other version of theirs."""
        return PackageIndex(self.architecture, self._lists, {package.name: package for package in packages})

    def versions(self, name: str) -> tuple[Package, ...]:
        """Every version of the package ``name``: one that is kept, then the highest; nothing without such a package."""
        if name not in self._versions:
            found: dict[str, Package] = {}
            for packages in self._lists:
                for package in packages.versions(name):
                    if package.architecture in (self.architecture, "all"):
                        found.setdefault(package.version, package.on(self.architecture))
            kept = self._kept.get(name)
            if kept is not None:
                found.setdefault(kept.version, kept)
            best_last = sorted(found.values(), key=lambda package: (version_key(package.version), package.version))
            if kept is not None:
                best_last.sort(key=lambda package: package.version == kept.version)
            self._versions[name] = tuple(best_last[::-1])
        return self._versions[name]

    def providers(self, name: str) -> tuple[str, ...]:
        """The names of the packages that provide ``name``, sorted; whether a version still does is theirs to say."""
        if name not in self._providers:
            self._providers[name] = tuple(sorted(set().union(*(packages.providers(name) for packages in self._lists))))
        return self._providers[name]

    def essential(self) -> tuple[str, ...]:
        """The names of the packages whose newest version is Essential, sorted."""
        names = set().union(*(packages.essential() for packages in self._lists))
        return tuple(name for name in sorted(names) if (found := self.versions(name)) and found[0].essential)

    def alike(self, name: str) -> tuple[str, ...]:
        """The packages that were probably meant, the likeliest first: by Debian's name for a package of another
        distribution, with a usual beginning or end, or with a similar spelling. Empty if nothing is similar enough."""
        names: set[str] = set().union(*(packages.names() for packages in self._lists))
        known = [*PACKAGE_ALIASES.get(name, ()), f"default-{name}", f"{name}3", f"{name}-server", f"{name}-common"]
        found = [one for one in dict.fromkeys(known) if one in names]
        if found:
            return tuple(found[:2])
        near = closest(
            name,
            (one for one in names if one[:1] == name[:1] and abs(len(one) - len(name)) <= _MISSPELT),
            cutoff=0.78,
        )
        return () if near is None else (near,)


def index_of(text: str, architecture: str, suite: str = "trixie") -> PackageIndex:
    """The index of one Packages file that is in the cache."""
    return PackageIndex(architecture, [PackageList.parse([text], suite)])


def _in_memory() -> sqlite3.Connection:
    import sqlite3

    return sqlite3.connect(":memory:", check_same_thread=False)


def _key(list_digest: Digest) -> str:
    return hashlib.sha256(f"package list\n{code_digest(PackageList)}\n{list_digest}".encode()).hexdigest()[:32]


def _needed_fields(text: str) -> Iterator[dict[str, str]]:
    # Lists are long, so this does what deb822.paragraphs does for the fields that count, and skips the others' text.
    start = 0
    while start < len(text):
        end = text.find("\n\n", start)
        paragraph = text[start:] if end < 0 else text[start:end]
        start = len(text) if end < 0 else end + 2
        fields: dict[str, str] = {}
        current = ""
        for line in paragraph.split("\n"):
            if line[:1] in (" ", "\t"):
                if current in _FIELDS:
                    fields[current] += " " + line.strip()
                continue
            name, colon, value = line.partition(":")
            if not colon:
                if line:
                    raise ValueError(f"not a field: {line[:80]!r}")
                continue
            current = name.lower()
            if current in _FIELDS:
                if current in fields:
                    raise ValueError(f"the field {current} occurs twice in the paragraph of {fields.get('package')}")
                fields[current] = value.strip()
        if fields:
            yield fields
