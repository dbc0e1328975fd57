"""Gets the tarballs of npm packages: from the lock file's directory, a directory of tarballs, the cache, or npm's
registry."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sysimage.errors import IntegrityError, Issue, MachineError, RegistryError, SpecError
from sysimage.files.temporary import scratch_directory
from sysimage.language_packages.fetched_files import FetchedFiles
from sysimage.npm_packages.lock_document import NODE_LOCK
from sysimage.npm_packages.lock_file import LockedNpmPackage
from sysimage.process import ProcessFailedError, run

_HINT = 'say "tarballs": "DIRECTORY" for tarballs in a directory'
_AT_ONCE = 200
"""Packages that one npm is asked for: a command line has an end."""
_NAME = "package.tgz"


@dataclass(frozen=True, slots=True)
class TarballSource:
    """Where tarballs come from."""

    cache: Path
    """A directory in which fetched tarballs are kept, by hash."""
    environment: Mapping[str, str]
    """What npm reads: its own variables, proxies, where its configuration is."""
    project: Path
    """The directory of the lock file; an ``.npmrc`` there counts."""
    directory: Path | None = None
    """All tarballs, instead of a registry."""
    offline: bool = False

    @property
    def files(self) -> FetchedFiles:
        """What was fetched."""
        return FetchedFiles(self.cache)

    def fetch(self, packages: Sequence[LockedNpmPackage]) -> dict[str, Path]:
        """Hash → where each tarball is, with these very bytes."""
        found: dict[str, Path] = {}
        missing: list[LockedNpmPackage] = []
        issues = []
        for package in packages:
            place = package.path or self.files.place(package.digest, _NAME)
            if place.is_file() and _hash(place, package.algorithm) == package.digest:
                found[package.digest] = place
            elif package.path is not None:
                issues.append(Issue(str(place), f"is not the file that is locked as {package}"))
            else:
                missing.append(package)
        if issues:
            raise IntegrityError("cannot use tarballs: they are not what the lock file says", issues=issues)
        if self.directory is not None:
            return found | self._of_directory(self.directory, missing)
        return found | (self._fetched(missing) if missing else {})

    def _of_directory(self, directory: Path, packages: Sequence[LockedNpmPackage]) -> dict[str, Path]:
        found = _by_hash(directory, packages)
        issues = [
            Issue("/node/tarballs", f"no file in {directory} has the hash of {package}")
            for package in packages
            if package.digest not in found
        ]
        if issues:
            raise SpecError(
                "cannot find the tarballs of the lock file",
                hint="npm pack NAME@VERSION fetches one",
                issues=issues,
            )
        return found

    def _fetched(self, packages: Sequence[LockedNpmPackage]) -> dict[str, Path]:
        if self.offline:
            raise RegistryError(
                "cannot fetch npm packages: the network is off",
                hint=_HINT,
                issues=[Issue(NODE_LOCK, f"{package} is not in the cache") for package in packages],
            )
        self.cache.mkdir(parents=True, exist_ok=True)
        asked = sorted({f"{package.name}@{package.version}" for package in packages})
        with scratch_directory(self.cache, "fetch-") as scratch:
            for start in range(0, len(asked), _AT_ONCE):
                self._pack(asked[start : start + _AT_ONCE], scratch)
            brought = _by_hash(scratch, packages)
            issues = [
                Issue(NODE_LOCK, f"the registry has another {package} than the one that is locked")
                for package in packages
                if package.digest not in brought
            ]
            if issues:
                raise IntegrityError("cannot use what npm fetched: it is not what the lock file says", issues=issues)
            return {digest: self.files.keep(place, digest, _NAME) for digest, place in brought.items()}

    def _pack(self, asked: Sequence[str], place: Path) -> None:
        """Let npm bring tarballs; no code of the packages runs."""
        npm = shutil.which("npm")
        if npm is None:
            raise MachineError(
                "cannot fetch npm packages: there is no npm on this machine", hint=f"install npm, or {_HINT}"
            )
        options = ["--ignore-scripts", "--no-update-notifier", "--loglevel=error"]
        try:
            run(
                [npm, "pack", *options, "--pack-destination", place.absolute(), *asked],
                cwd=self.project,
                env=self.environment,
            )
        except ProcessFailedError as error:
            said = [line for line in error.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
            issues = [Issue("npm", line.removeprefix("npm error ").removeprefix("npm ERR! ")) for line in said[-6:]]
            raise RegistryError("cannot fetch npm packages: npm failed", issues=issues, hint=_HINT) from None


def _by_hash(directory: Path, packages: Sequence[LockedNpmPackage]) -> dict[str, Path]:
    """The files of a directory that are what a lock file wants, by hash."""
    wanted = {package.digest for package in packages}
    algorithms = {package.algorithm for package in packages}
    found: dict[str, Path] = {}
    for place in sorted(directory.glob("*.t*gz")):
        for algorithm in algorithms:
            if (digest := _hash(place, algorithm)) in wanted:
                found.setdefault(digest, place)
    return found


def _hash(place: Path, algorithm: str) -> str:
    with place.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
