"""A spec that is being written, and notes about what does not get into it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sysimage.conversion.ignore_file import excluded_below
from sysimage.errors import SpecError
from sysimage.spec.base_accounts import BASE_USERS
from sysimage.spec.json_text import pointer_keys
from sysimage.spec.parse import spec_of_value

ALREADY_THERE = frozenset({"bash", "coreutils", "dash", "libc6", "tini", "dumb-init", "systemd", "systemd-sysv"})
"""Packages that every system has, or whose work its init does."""
_OF_BUILDS = ("/Dockerfile", "/.dockerignore", "/system*.json", "/*.tar")
"""What a build needs, and writes, in the directory of its spec."""
_ORDER = (
    *(
        "name",
        "packages",
        "python",
        "node",
        "exclude",
        "essential",
        "users",
        "groups",
        "files",
        "trees",
        "directories",
        "symlinks",
    ),
    *("environment", "enable", "services", "entry-point", "command", "user", "working-directory", "exposed-ports"),
)
"""Keys of a finished spec; all others come after these."""


@dataclass(frozen=True, slots=True)
class Note:
    """What was not translated, or not as it was written."""

    text: str
    line: int | None = None
    """1-based, in the file that was read."""


@dataclass(frozen=True, slots=True)
class Converted:
    """A spec without fault and what a reader must know about it."""

    spec: Mapping[str, Any]
    notes: tuple[Note, ...]


@dataclass(slots=True)
class SpecDraft:
    """What is collected while a file is read."""

    directory: Path
    """Of the file that is read: where its sources are."""
    beside: Path
    """The directory of the spec that is written."""
    ignored: tuple[str, ...] = ()
    """What a .dockerignore leaves out of what is copied, in its own form."""
    spec: dict[str, Any] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    def note(self, text: str, line: int | None = None) -> None:
        """Remember what is not translated, once."""
        if all(text != other.text for other in self.notes):
            self.notes.append(Note(text, line))

    def add(self, key: str, values: Iterable[str]) -> None:
        """Add to a list what it does not have."""
        there = self.spec.setdefault(key, [])
        there += [value for value in dict.fromkeys(values) if value not in there]

    def put(self, key: str, name: str, value: Any) -> None:
        """Set one entry of an object."""
        self.spec.setdefault(key, {})[name] = value

    def add_packages(self, names: Iterable[str], line: int | None = None) -> None:
        """Add packages by Debian's names; versions are left to the lock file."""
        for name in names:
            plain, pinned, _ = name.partition("=")
            if pinned:
                self.note(
                    f"version of {name}: not kept, since it is another suite's; `sysimage lock` pins versions", line
                )
            plain = re.sub(r"[:/].*", "", plain)
            if plain not in ALREADY_THERE:
                self.add("packages", [plain])

    def copy(self, source: str, target: str, line: int | None = None, **options: str) -> None:
        """Put a file, a directory or an archive of the user's at a path of the image.

        ``options`` are ``owner``, ``group`` and ``mode``.
        """
        place = self.directory / source.lstrip("/")
        found = self.beside_spec(source.lstrip("/"))
        if found is None:
            self.note(f"{source} for {target}: it is not in the spec's directory", line)
        elif place.is_dir():
            if self._is_of_the_system(target) or target in self.spec.get("trees", {}):
                self._copy_entries(place, target, line, options)
            else:
                exclude = [*excluded_below(self.ignored, posixpath.normpath(source)), *self._not_for(place)]
                more = {"exclude": list(dict.fromkeys(exclude))} if exclude else {}
                self.put("trees", target, {"source": found, **more, **options})
        elif place.is_file():
            self.put("files", target, {"source": found, **options})
        else:
            self.note(f'{source}: there is no such file yet; then it is "{target}": {{"source": "{source}"}}', line)

    def beside_spec(self, source: str) -> str | None:
        """A path of the file's directory as the spec names it; None where it is outside of the spec's directory."""
        try:
            return (self.directory / source).resolve().relative_to(self.beside.resolve()).as_posix()
        except ValueError:
            return None

    def _not_for(self, place: Path) -> list[str]:
        """What is in a directory and is not for an image: history, and what builds read and write."""
        git = ["/.git"] if (place / ".git").exists() else []
        return [*git, *_OF_BUILDS] if place.resolve() == self.beside.resolve() else git

    def _is_of_the_system(self, target: str) -> bool:
        return target.count("/") < 2 and target not in ("/app", "/srv", "/opt", "/data", "/code", "/src", "/workspace")

    def _copy_entries(self, place: Path, target: str, line: int | None, options: Mapping[str, str]) -> None:
        """One by one what goes into a directory of the system."""
        for entry in sorted(place.iterdir()):
            below = posixpath.join(target, entry.name)
            if entry.name == ".git":
                continue  # history
            if entry.is_symlink():
                self.put("symlinks", below, str(entry.readlink()))
            else:
                self.copy(str(entry.relative_to(self.directory)), below, line, **options)

    def declare_user(self, name: str) -> None:
        """An account for a user who is named and not made."""
        if name and not name.isdecimal() and name not in BASE_USERS and name not in self.spec.get("users", {}):
            self.put("users", name, {"system": True})

    def finished(self) -> Converted:
        """The spec in the order in which people read it, without what its checks refuse."""
        self.spec.setdefault("packages", [])
        if (tree := self.spec.get("trees", {}).get(self.spec.get("node", {}).get("at"))) is not None:
            tree["exclude"] = list(dict.fromkeys([*tree.get("exclude", ()), "/node_modules"]))
        kept = {key: value for key, value in self.spec.items() if value or key in ("packages", "essential")}
        spec = _with_dollars({key: kept[key] for key in sorted(kept, key=_rank)})
        if spec.get("essential"):
            del spec["essential"]  # the default
        for _ in range(20):
            try:
                spec_of_value(spec, self.beside)
                break
            except SpecError as error:
                gone = [issue for issue in error.issues if _remove(spec, issue.where)]
                for issue in gone:
                    self.note(f"{issue.where.removeprefix('/')}: {issue.message}")
                if not gone:
                    raise
        return Converted(spec, tuple(self.notes))


def _rank(key: str) -> tuple[int, str]:
    return (_ORDER.index(key) if key in _ORDER else len(_ORDER), key)


def _with_dollars(value: Any) -> Any:
    """Texts in which ``${`` stands for itself and not for an argument of the spec."""
    if isinstance(value, dict):
        return {key: _with_dollars(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_with_dollars(one) for one in value]
    return value.replace("${", "$${") if isinstance(value, str) else value


def _remove(spec: dict[str, Any], where: str) -> bool:
    """Take away the entry at a place, which is at least one key below the whole."""
    steps = pointer_keys(where)
    if not steps or steps[0] in ("name",):
        return False
    if len(steps) > 2 and steps[0] not in ("users", "groups"):
        steps = steps[:2]
    holder: Any = spec
    for step in steps[:-1]:
        holder = holder[int(step)] if isinstance(holder, list) else holder.get(step, {})
    try:
        holder.pop(int(steps[-1]) if isinstance(holder, list) else steps[-1])
    except (LookupError, ValueError):
        return False
    if steps[0] in spec and not spec[steps[0]] and steps[0] != "packages":
        del spec[steps[0]]
    return True


def image_name(directory: Path) -> str:
    """A name for the image of a directory."""
    words = re.findall(r"[a-z0-9]+", directory.resolve().name.lower())
    return "-".join(words) or "system"
