"""Gets the files of wheels: from the lock file's directory, a directory of wheels, the cache, or pip's index."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.tags import create_compatible_tags_selector
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from sysimage.digest import Digest
from sysimage.errors import IntegrityError, Issue, MachineError, RegistryError, SpecError
from sysimage.files.code_digest import code_digest
from sysimage.files.memo import Memo, forget
from sysimage.files.temporary import scratch_directory
from sysimage.language_packages.fetched_files import FetchedFiles
from sysimage.process import ProcessFailedError, run
from sysimage.wheels.lock_file import LockedWheel
from sysimage.wheels.target import Target

_HINT = 'say "wheels": "DIRECTORY" for wheels in a directory'


def prune_wheels(cache: Path, before: int) -> int:
    """Forget the wheels below ``cache`` that were fetched before a time, in nanoseconds since the epoch, and what they
    were chosen for; the bytes freed. The caller must have the cache for itself."""
    forget(cache / "choices", before)
    return FetchedFiles(cache).prune(before)


@dataclass(frozen=True, slots=True)
class WheelFile:
    """The file of a wheel, known by its hash."""

    wheel: LockedWheel
    file: str
    """Its name."""
    sha256: str


@dataclass(frozen=True, slots=True)
class WheelSource:
    """Where wheels come from."""

    cache: Path
    """A directory in which fetched wheels are kept, by hash."""
    environment: Mapping[str, str]
    """What pip reads: its own variables, proxies, where its configuration is."""
    directory: Path | None = None
    """All wheels, instead of an index."""
    offline: bool = False

    def choose(self, wheels: Sequence[LockedWheel], target: Target) -> tuple[WheelFile, ...]:
        """One file for each; those that only an index can choose from are fetched for it."""
        if self.directory is not None:
            return self._of_directory(wheels, target)
        found: dict[str, WheelFile] = {}
        unknown = []
        memo = Memo(self.cache / "choices", made_by=code_digest(WheelSource), most=None)
        for wheel in wheels:
            if wheel.file is not None:
                found[wheel.name] = WheelFile(wheel, wheel.file, *wheel.hashes)
            elif (text := memo.find(_key(wheel, target))) is not None:
                found[wheel.name] = WheelFile(wheel, *json.loads(text))
            else:
                unknown.append(wheel)
        for file in self._fetched(unknown, target) if unknown else ():
            memo.keep(_key(file.wheel, target), json.dumps([file.file, file.sha256]))
            found[file.wheel.name] = file
        return tuple(found[wheel.name] for wheel in wheels)

    def fetch(self, files: Sequence[WheelFile], target: Target) -> dict[str, Path]:
        """SHA-256 → where each file is, with these very bytes."""
        found: dict[str, Path] = {}
        missing = []
        for file in files:
            place = file.wheel.path or self._place(file)
            if place.is_file():
                found[file.sha256] = _checked(place, file)
            elif file.wheel.path is not None or self.directory is not None:
                raise SpecError(f"cannot find the wheel {place}", hint=f"{file.wheel.where} names it")
            else:
                missing.append(file.wheel)
        for file in self._fetched(missing, target) if missing else ():
            found[file.sha256] = self.files.place(file.sha256, file.file)
        return found

    @property
    def files(self) -> FetchedFiles:
        """What was fetched."""
        return FetchedFiles(self.cache)

    def _place(self, file: WheelFile) -> Path:
        return self.files.place(file.sha256, file.file) if self.directory is None else self.directory / file.file

    def _of_directory(self, wheels: Sequence[LockedWheel], target: Target) -> tuple[WheelFile, ...]:
        directory = self.directory or Path()
        there: dict[tuple[str, str], list[str]] = {}
        for place in sorted(directory.glob("*.whl")):
            try:
                name, version, _, _ = parse_wheel_filename(place.name)
            except InvalidWheelFilename:
                continue
            there.setdefault((name, str(version)), []).append(place.name)
        select = create_compatible_tags_selector(target.tags())
        found, issues = [], []
        for wheel in wheels:
            names = [wheel.file] if wheel.file is not None else there.get((wheel.name, wheel.version), [])
            for file in select((file, parse_wheel_filename(file)[-1]) for file in names):
                place = wheel.path or directory / file
                digest = _sha256(place) if place.is_file() else None
                if digest in wheel.hashes:
                    found.append(WheelFile(wheel, file, digest))
                    break
                if digest is not None:
                    issues.append(Issue(str(place), f"has another SHA-256 than {wheel.where}: {digest}"))
            else:
                issues.append(Issue(wheel.where, f"no wheel of {wheel} for {target} is in {directory}"))
        if issues:
            raise SpecError("cannot find the wheels of the lock file", issues=issues)
        return tuple(found)

    def _fetched(self, wheels: Sequence[LockedWheel], target: Target) -> list[WheelFile]:
        if self.offline:
            raise RegistryError(
                "cannot fetch wheels: the network is off",
                hint=_HINT,
                issues=[Issue(wheel.where, f"{wheel} is not in the cache") for wheel in wheels],
            )
        self.cache.mkdir(parents=True, exist_ok=True)
        with scratch_directory(self.cache, "fetch-") as scratch:
            _download(wheels, target, scratch, self.environment)
            return [self._kept(wheel, scratch) for wheel in wheels]

    def _kept(self, wheel: LockedWheel, scratch: Path) -> WheelFile:
        for place in scratch.glob("*.whl"):
            name, version, _, _ = parse_wheel_filename(place.name)
            if name == wheel.name and str(version) == wheel.version:
                digest = _sha256(place)
                file = WheelFile(wheel, place.name, digest)
                if digest not in wheel.hashes:
                    raise _another(place.name, wheel, digest)
                self.files.keep(place, digest, place.name)
                return file
        raise RegistryError(f"cannot fetch {wheel}: pip did not download it", hint=_HINT)


def _key(wheel: LockedWheel, target: Target) -> str:
    tags = [target.python, list(target.glibc), target.architecture]
    return json.dumps([wheel.name, wheel.version, sorted(wheel.hashes), tags])


def _sha256(place: Path) -> str:
    with place.open("rb") as file:
        return Digest.of_file(file).hex


def _checked(place: Path, file: WheelFile) -> Path:
    digest = _sha256(place)
    if digest != file.sha256:
        raise _another(str(place), file.wheel, digest)
    return place


def _another(place: str, wheel: LockedWheel, digest: str) -> IntegrityError:
    return IntegrityError(
        f"cannot use {place}: it is not what {wheel.where} locks", issues=[Issue(place, f"its SHA-256 is {digest}")]
    )


def _pip() -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    for name in ("pip", "pip3"):
        if (found := shutil.which(name)) is not None:
            return [found]
    raise MachineError("cannot fetch wheels: there is no pip on this machine", hint=f"install pip, or {_HINT}")


def _download(wheels: Iterable[LockedWheel], target: Target, place: Path, environment: Mapping[str, str]) -> None:
    """Let pip bring the best wheel of each for the target; no code of the packages runs."""
    lines = [
        " ".join([f"{wheel.name}=={wheel.version}", *(f"--hash=sha256:{digest}" for digest in sorted(wheel.hashes))])
        for wheel in wheels
    ]
    asked = place / "requirements"
    asked.write_text("\n".join(lines) + "\n")
    tag = f"cp{target.python.replace('.', '')}"
    argv = [
        *_pip(),
        "download",
        *("--no-deps", "--require-hashes", "--only-binary=:all:", "--no-input", "--disable-pip-version-check", "-q"),
        *("--implementation=cp", f"--python-version={target.python}"),
        *(f"--abi={abi}" for abi in (tag, "abi3", "none")),
        *(f"--platform={platform}" for platform in target.platforms),
        *("--dest", str(place), "-r", str(asked)),
    ]
    try:
        run(argv, env={name: value for name, value in environment.items() if not name.startswith("PYTHON")})
    except ProcessFailedError as error:
        raise _failure(error, target) from None


def _failure(error: ProcessFailedError, target: Target) -> Exception:
    said = [
        line.removeprefix("ERROR: ") for line in error.stderr.decode("utf-8", "replace").splitlines() if line.strip()
    ]
    if absent := re.search(r"No matching distribution found for (\S+)", "\n".join(said)):
        name = absent[1]
        return SpecError(
            f"cannot fetch {name}: pip's index has no wheel of it for {target}",
            hint=f"build it once, `pip wheel --no-deps -w wheels {name}`, lock the hash of that file, and say "
            '"wheels": "wheels"',
        )
    return RegistryError(
        "cannot fetch wheels: pip failed", issues=[Issue("pip", line) for line in said[-6:]], hint=_HINT
    )
