"""Reads which wheels a lock file asks for: PEP 751's pylock.toml, or pip's requirements with hashes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from packaging.markers import InvalidMarker
from packaging.pylock import PackageWheel, Pylock, PylockSelectError, PylockValidationError
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from sysimage.errors import Issue, SpecError
from sysimage.spec.python import Python
from sysimage.wheels.target import Target

_HASH = re.compile(r"\s--hash[= ]([a-z0-9]+):([0-9A-Fa-f]+)")
PYTHON_LOCK = "/python/lock"


@dataclass(frozen=True, slots=True)
class LockedWheel:
    """One package of a lock file, with all that the lock file says about it."""

    name: str
    """Normalised."""
    version: str
    hashes: frozenset[str]
    """SHA-256 of the files that may be it, in hex: one, or those of all files of this version."""
    file: str | None = None
    """The name of the wheel, where the lock file chooses it."""
    path: Path | None = None
    """Where the wheel is, for one that the lock file says so of."""
    where: str = ""
    """Its place in the lock file, for messages."""

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def read_lock(python: Python, spec_dir: Path, target: Target) -> tuple[LockedWheel, ...]:
    """The wheels for a target, sorted by name, none without a lock file; a `SpecError` with every fault of it."""
    if python.lock is None:
        return ()
    path = spec_dir / python.lock
    text = _text(path)
    issues: list[Issue] = []
    if path.suffix == ".txt":
        found = list(_requirements(text, path, target, issues))
    else:
        found = list(_pylock(text, path, python, target, issues))
    seen: dict[str, LockedWheel] = {}
    for wheel in found:
        if wheel.name in seen:
            issues.append(
                Issue(PYTHON_LOCK, f"{wheel.name} is locked twice: {seen[wheel.name].where} and {wheel.where}")
            )
        seen[wheel.name] = wheel
    if issues:
        raise SpecError(f"cannot use {path}", hint=_hint(issues), issues=issues)
    return tuple(seen[name] for name in sorted(seen))


def check_lock(python: Python, spec_dir: Path) -> None:
    """Refuse a lock file for what is wrong in it on every target; a `SpecError` has every such fault."""
    if python.lock is None:
        return
    path = spec_dir / python.lock
    text, issues = _text(path), list[Issue]()
    if path.suffix == ".txt":
        list(_requirements(text, path, None, issues))
    else:
        _lock_of(text, path, issues)
    if issues:
        raise SpecError(f"cannot use {path}", issues=issues)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"cannot read {path}: {error}") from None


def _lock_of(text: str, path: Path, issues: list[Issue]) -> Pylock | None:
    try:
        return Pylock.from_dict(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        issues.append(Issue(PYTHON_LOCK, f"{path.name} is not TOML: {error}"))
    except (PylockValidationError, InvalidMarker) as error:
        issues.append(Issue(PYTHON_LOCK, f"{path.name} is not a lock file of PEP 751: {error}"))
    return None


def _hint(issues: list[Issue]) -> str | None:
    if any("has no wheel" in issue.message for issue in issues):
        return (
            'build wheels once, `pip wheel --no-deps -w wheels NAME==VERSION`, lock those, and say "wheels": "wheels"'
        )
    return None


def _pylock(text: str, path: Path, python: Python, target: Target, issues: list[Issue]) -> Iterator[LockedWheel]:
    lock = _lock_of(text, path, issues)
    if lock is None:
        return
    try:
        chosen = list(
            lock.select(
                environment=target.environment(),
                tags=target.tags(),
                extras=python.extras,
                dependency_groups=python.groups,
            )
        )
    except PylockSelectError as error:
        message = str(error)
        if found := re.match(r"No wheel found .* for package '([^']+)'", message):
            message = f"{found[1]} has no wheel for {target}"
        issues.append(Issue(PYTHON_LOCK, f"{path.name}: {message}"))
        return
    for package, source in chosen:
        where = f"{path.name}: {package.name}"
        if not isinstance(source, PackageWheel):
            kind = type(source).__name__.removeprefix("Package").lower()
            issues.append(Issue(PYTHON_LOCK, f"{where} has no wheel for {target}, only a {_KINDS.get(kind, kind)}"))
            continue
        digest = source.hashes.get("sha256")
        if digest is None or package.version is None:
            issues.append(Issue(PYTHON_LOCK, f"{where} has no {'version' if digest else 'SHA-256'}"))
            continue
        place = None if source.path is None else path.parent / source.path
        yield LockedWheel(
            canonicalize_name(package.name), str(package.version), frozenset({digest}), source.filename, place, where
        )


_KINDS = {
    "sdist": "source archive, which would have to be built",
    "vcs": "source repository",
    "directory": 'source directory: put your own code under "trees"',
    "archive": "source archive",
}


def _requirements(text: str, path: Path, target: Target | None, issues: list[Issue]) -> Iterator[LockedWheel]:
    """The wheels of a requirements file; without a target, only of lines that are for every one."""
    for number, line in _logical_lines(text):

        def fault(message: str, line_number: int = number) -> None:
            issues.append(Issue("", message, line_number, file=str(path)))

        if line.startswith("-"):
            fault(f"{line.split()[0]} is not read here: pip's own configuration says where packages come from")
            continue
        hashes = _HASH.findall(line)
        words = _HASH.sub("", line)
        try:
            requirement = Requirement(words.strip())
        except InvalidRequirement as error:
            fault(f"is not a requirement: {str(error).splitlines()[0]}")
            continue
        if requirement.marker is not None and not (
            target is not None and requirement.marker.evaluate(cast("dict[str, str]", target.environment()))
        ):
            continue
        pins = [one for one in requirement.specifier if one.operator in ("==", "===") and "*" not in one.version]
        if requirement.url is not None:
            fault(f'{requirement.name} comes from an address; put its wheel into a directory and say "wheels"')
        elif len(pins) != 1 or len(requirement.specifier) != 1:
            fault(f"{requirement.name} is not locked: it needs a version, {requirement.name}==…, and hashes")
        elif not any(kind == "sha256" for kind, _ in hashes):
            fault(f"{requirement.name} has no --hash=sha256:…; `pip-compile --generate-hashes` writes them")
        else:
            digests = frozenset(digest.lower() for kind, digest in hashes if kind == "sha256")
            where = f"{path.name}, line {number}"
            yield LockedWheel(canonicalize_name(requirement.name), pins[0].version, digests, where=where)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with what they continue on, without comments; each with the number of its first."""
    whole, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        start = start if whole else number
        kept = re.sub(r"(?:^|\s)#.*$", "", line)
        if kept.endswith("\\"):
            whole += kept[:-1] + " "
            continue
        whole += kept
        if whole.strip():
            yield start, whole.strip()
        whole = ""
    if whole.strip():
        yield start, whole.strip()
