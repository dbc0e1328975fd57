"""The lock file: exactly which packages a system is made of, so that the same system can be made again.

It is a JSON document. The digests in it take the place of the archive's signature: with a lock, a build reads no
Release and no package list, and asks the archive for nothing but the packages themselves. Addresses are not in it, so
that any mirror will do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from sysimage.digest import Digest
from sysimage.errors import Issue, LockError
from sysimage.formats import NewerFormatError, version_of, written_format
from sysimage.spec.account_ids import NO_IDS, AccountIds
from sysimage_bootstrap.archive.cache import write_durably
from sysimage_bootstrap.archive.package import Package, package_from_fields
from sysimage_bootstrap.archive.release import Release
from sysimage_bootstrap.packages.package_request import OWN, PackageRequest
from sysimage_bootstrap.packages.resolve import Resolution

FORMAT_NAME = "sysimage-lock"
FORMAT_VERSION = 1

LockedInputs = Mapping[str, Mapping[str, str]]
"""Kind (one of `INPUTS`) → name → what it was: its hash, after its version where it has one. Trees are named by their
image paths, wheels by their packages, npm packages by their places, jars by their paths; a kind that the spec does not
have is absent."""
INPUTS = ("trees", "python", "node", "java")
_INPUT = re.compile(r"(?:\S.* )?(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})")

_HINT = "run `sysimage lock` again"
_STALE_HINT = "`sysimage build --update` changes what must change in it, `sysimage lock` makes it from scratch"


@dataclass(frozen=True, slots=True)
class LockedSuite:
    """The state in which a suite was when its packages were chosen."""

    suite: str
    codename: str
    date: datetime
    digest: Digest
    """Of the InRelease file."""


@dataclass(frozen=True, slots=True)
class LockedBase:
    """The image that a system begins with, where that comes from a registry."""

    name: str
    """In the form that the spec gives it."""
    digest: Digest
    """Of the manifest or index that its tag pointed to."""


class InputChange(NamedTuple):
    """Something that a spec takes in one lock and otherwise, or not, in another one."""

    kind: str
    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class LockFile:
    """What was asked for, and what it came to."""

    request: Mapping[str, object]
    """`PackageRequest.document`."""
    suites: tuple[LockedSuite, ...]
    resolution: Resolution
    """Its packages carry no dependencies; the edges say what they came to."""
    base: LockedBase | None = None
    inputs: LockedInputs = field(default_factory=dict)
    """What the spec took besides packages."""
    account_ids: AccountIds = NO_IDS
    """The IDs that were chosen for accounts. An account that is not there any more keeps its own, for when it comes
    back: files in volumes belong to it."""

    @classmethod
    def of(cls, request: PackageRequest, releases: Iterable[Release], resolution: Resolution) -> LockFile:
        """Lock what was just resolved."""
        suites = (
            LockedSuite(release.source.label, release.codename, release.date, release.digest) for release in releases
        )
        return cls(request.document(), tuple(suites), resolution)

    def is_for(self, request: PackageRequest) -> bool:
        """Whether the lock is for ``request``."""
        return not _request_differences(self.request, request.document())

    def require(self, request: PackageRequest) -> None:
        """Check that the lock is for ``request``; a `LockError` names everything that is asked for differently."""
        issues = _request_differences(self.request, request.document())
        if issues:
            raise LockError(
                "cannot use the lock file: something else is asked for now", hint=_STALE_HINT, issues=issues
            )

    def input_changes(self, inputs: LockedInputs) -> tuple[InputChange, ...]:
        """What is different in ``inputs``, by kind and name."""
        return tuple(
            InputChange(kind, name, old.get(name), new.get(name))
            for kind in INPUTS
            for old, new in ((self.inputs.get(kind, {}), inputs.get(kind, {})),)
            for name in sorted(old.keys() | new.keys())
            if old.get(name) != new.get(name)
        )

    def dumps(self) -> str:
        """The document's text, the same for the same lock."""
        document = {
            "format": written_format(FORMAT_NAME, FORMAT_VERSION),
            "request": self.request,
            "suites": [
                {
                    "suite": suite.suite,
                    "codename": suite.codename,
                    "date": suite.date.astimezone(UTC).isoformat().replace("+00:00", "Z"),
                    "inrelease": str(suite.digest),
                }
                for suite in self.suites
            ],
            **{kind: dict(sorted(self.inputs[kind].items())) for kind in INPUTS if kind in self.inputs},
            **_accounts_document(self.account_ids),
            "roots": list(self.resolution.roots),
            "unmet": [list(pair) for pair in self.resolution.unmet],
            **({} if self.base is None else {"base": {"name": self.base.name, "digest": str(self.base.digest)}}),
            "packages": [
                {**_package_document(package), "needs": list(self.resolution.edges[package.name])}
                for package in self.resolution.packages
            ],
        }
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"

    def write(self, path: Path) -> None:
        """Write the document; it is seen whole or not at all."""
        write_durably(path.resolve(), self.dumps().encode())


def read_lock(path: Path) -> LockFile:
    """Read a lock file; a `LockError` if it is absent, or not what `LockFile.write` wrote."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise LockError(f"cannot read the lock file {path}: it is missing", hint="run `sysimage lock` first") from None
    except (OSError, UnicodeDecodeError) as error:
        raise LockError(f"cannot read the lock file {path}: {error}") from None
    try:
        return parse_lock(text)
    except NewerFormatError as error:
        raise LockError(f"cannot read the lock file {path}: {error}", hint="use that version of sysimage") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        cause = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise LockError(f"cannot read the lock file {path}: it is malformed: {cause}", hint=_HINT) from None


def parse_lock(text: str) -> LockFile:
    """Read the text of a lock file; a ValueError, KeyError or TypeError if it is malformed."""
    document = json.loads(text, object_pairs_hook=_without_duplicates)
    version_of(document, FORMAT_NAME, FORMAT_VERSION)
    packages = tuple(_package(entry) for entry in document["packages"])
    names = [package.name for package in packages]
    if names != sorted(set(names)):
        raise ValueError("its packages are not sorted by name, or one occurs twice")
    edges = {entry["name"]: tuple(_texts(entry["needs"])) for entry in document["packages"]}
    roots = tuple(_texts(document["roots"]))
    strangers = {name for needed in (roots, *edges.values()) for name in needed} - set(names)
    if strangers:
        raise ValueError(f"it needs packages that it does not hold: {', '.join(sorted(strangers))}")
    suites = tuple(
        LockedSuite(
            entry["suite"],
            entry["codename"],
            datetime.fromisoformat(entry["date"]),
            Digest.parse(entry["inrelease"]),
        )
        for entry in document["suites"]
    )
    unknown = {package.suite for package in packages} - {OWN, *(suite.suite for suite in suites)}
    if unknown:
        raise ValueError(f"it has packages of suites that it does not list: {', '.join(sorted(unknown))}")
    unmet = tuple((str(name), str(dependency)) for name, dependency in document["unmet"])
    inputs = {kind: _inputs(kind, document[kind]) for kind in INPUTS if kind in document}
    base = document.get("base")
    locked_base = None if base is None else LockedBase(str(base["name"]), Digest.parse(base["digest"]))
    resolution = Resolution(packages, edges, roots, unmet)
    ids = document.get("accounts", {})
    account_ids = AccountIds(_ids(ids.get("users", {})), _ids(ids.get("groups", {})))
    return LockFile(dict(document["request"]), suites, resolution, locked_base, inputs, account_ids)


def _accounts_document(ids: AccountIds) -> dict[str, object]:
    if not ids:
        return {}
    return {"accounts": {"users": dict(sorted(ids.users.items())), "groups": dict(sorted(ids.groups.items()))}}


def _ids(numbers: Mapping[str, object]) -> dict[str, int]:
    found = {name: number for name, number in numbers.items() if type(number) is int}
    if strange := numbers.keys() - found.keys():
        raise ValueError(f"the ID of {min(strange)} is not a number")
    return found


def _inputs(kind: str, values: Mapping[str, Any]) -> dict[str, str]:
    for name, text in values.items():
        if not _INPUT.fullmatch(text):
            raise ValueError(f"the locked value of {name} in its {kind} is malformed: {text!r}")
    return dict(values)


def _request_differences(locked: Mapping[str, object], asked: Mapping[str, object]) -> list[Issue]:
    issues: list[Issue] = []
    for key in sorted(locked.keys() | asked.keys()):
        old, new = locked.get(key), asked.get(key)
        if old == new:
            continue
        if isinstance(old, list) and isinstance(new, list):
            gone = [f"without {word}" for word in old if word not in new]
            come = [f"with {word}" for word in new if word not in old]
            change = ", ".join(come + gone) or "in another order"
        else:
            change = f"{json.dumps(new, sort_keys=True)}, locked {json.dumps(old, sort_keys=True)}"
        issues.append(Issue(key, f"now {change}"))
    return issues


def _package_document(package: Package) -> dict[str, object]:
    return {
        "name": package.name,
        "version": package.version,
        "architecture": package.architecture,
        "source": package.source,
        "source_version": package.source_version,
        "essential": package.essential,
        "priority": package.priority,
        "multi_arch": package.multi_arch,
        "installed_size": package.installed_size,
        "suite": package.suite,
        "filename": package.filename,
        "size": package.size,
        "sha256": package.digest.hex,
    }


def _package(entry: Mapping[str, Any]) -> Package:
    # Through the same door as a paragraph of a package list, so that the same things are refused.
    fields = {
        "package": entry["name"],
        "version": entry["version"],
        "architecture": entry["architecture"],
        "source": f"{entry['source']} ({entry['source_version']})",
        "essential": "yes" if entry["essential"] is True else "no",
        "priority": entry["priority"],
        "multi-arch": entry["multi_arch"],
        "installed-size": str(entry["installed_size"]),
        "filename": entry["filename"],
        "size": str(entry["size"]),
        "sha256": entry["sha256"],
    }
    return package_from_fields(fields, entry["suite"])


def _texts(values: object) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError("names are not a list of texts")
    return values


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found
