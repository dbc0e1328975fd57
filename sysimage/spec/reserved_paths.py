"""Places of an image that are the system's own, as one table: what each is for, and which uses of it are refused.

A spec may put something below most of them, a file into /etc or a home into /var/lib. It may not give such a directory
to a user, put a link in its place, or hide it below a volume. `check_paths` asks for every key of the spec that names a
path in the image.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

from sysimage.spec.model import SystemSpec


class Use(enum.Enum):
    """What a spec does with a path."""

    FILE = "file"
    """A file or a link, which cannot have anything below it."""
    DIRECTORY = "directory"
    """A directory with the owner and mode that the spec gives it."""
    HOME = "home"
    """A directory of one user that no other user can enter."""
    STORE = "store"
    """The store directory."""
    VOLUME = "volume"
    """A directory that a runtime lays over what the image has there."""
    LOG = "log"
    """A file that the init makes, or writes to, as root."""


_MADE = frozenset({Use.FILE, Use.DIRECTORY, Use.HOME, Use.STORE, Use.LOG})
_ALL = frozenset(Use)
_FOLDER = frozenset({Use.FILE, Use.HOME, Use.STORE, Use.LOG})
"""Of a directory that the system has: it stays a directory, root's."""
_STORE_ONLY = frozenset({Use.STORE})
_BUT_FILES = _ALL - {Use.FILE}


@dataclass(frozen=True, slots=True)
class ReservedPath:
    """One place and the uses that are refused."""

    path: str
    why: str
    """What it is for; completes a fault's sentence."""
    at: frozenset[Use]
    """Refused at the place itself."""
    below: frozenset[Use] = frozenset()
    """Refused anywhere below it."""
    mode: int | None = None
    """Of a directory that may be declared in this mode alone; None for one that root may close against writers."""
    is_open: bool = True
    """Whether every user must be able to enter it."""
    group_writes: bool = False
    """Whether a group may write to it, as Debian's mail does."""
    remade: bool = False
    """Whether each boot makes it, whatever is there."""
    key: str | None = None
    """The key of the spec that decides about the path."""


_STICKY = 0o1777
EMPTY_AT_START = ("/run", "/tmp", "/var/tmp")  # noqa: S108 - the image's
"""Directories in which a container starts with nothing."""
_EVERYWHERE = (
    ReservedPath("/", "everything is in it", _ALL),
    ReservedPath("/proc", "the kernel shows processes there", _ALL, _ALL),
    ReservedPath("/sys", "the kernel shows devices there", _ALL, _ALL),
    ReservedPath("/dev", "the container's runtime makes devices there", _ALL, _ALL - {Use.LOG}),
    ReservedPath("/etc", "every program's configuration is in it", _FOLDER | {Use.VOLUME}, _STORE_ONLY),
    ReservedPath("/run", "running programs leave sockets and locks in it", _FOLDER, _STORE_ONLY),
    ReservedPath("/tmp", "every program's temporary files are in it", _FOLDER, _STORE_ONLY, _STICKY),  # noqa: S108
    ReservedPath("/var/tmp", "every program's temporary files are in it", _FOLDER, _STORE_ONLY, _STICKY),  # noqa: S108
    ReservedPath("/var", "programs keep their data in it", _FOLDER),
    ReservedPath("/var/lib", "programs keep their data in it", _FOLDER),
    ReservedPath("/var/cache", "programs keep their data in it", _FOLDER - {Use.FILE}),
    ReservedPath("/var/log", "programs keep their logs in it", _FOLDER - {Use.FILE}, group_writes=True),
    ReservedPath("/var/spool", "programs keep their data in it", _FOLDER - {Use.FILE}, group_writes=True),
    ReservedPath("/var/mail", "every user's mail is in it", _FOLDER - {Use.FILE}, group_writes=True),
    ReservedPath("/var/empty", "it is to stay empty and root's", _FOLDER, _MADE),
    ReservedPath("/home", "every user's home is in it", _FOLDER - {Use.FILE}),
    ReservedPath("/root", "it is root's home, which no other user may enter", _FOLDER, frozenset({Use.HOME, Use.STORE}),
          is_open=False),
    ReservedPath("/etc/passwd", "the accounts are in it", _ALL, _ALL, key="users"),
    ReservedPath("/etc/shadow", "the accounts are in it", _ALL, _ALL, key="users"),
    ReservedPath("/etc/group", "the accounts are in it", _ALL, _ALL, key="groups"),
    ReservedPath("/etc/gshadow", "the accounts are in it", _ALL, _ALL, key="groups"),
    ReservedPath("/etc/hosts", "the container's runtime mounts a file there", _BUT_FILES, _ALL),
    ReservedPath("/etc/resolv.conf", "the container's runtime mounts a file there", _BUT_FILES, _ALL),
)  # fmt: skip
_PROGRAMS_AT = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_PROGRAMS_WHY = "every program's files are in it"
_USR_DIRECTORIES = ("bin", "games", "include", "lib", "lib32", "lib64", "libexec", "libx32", "sbin", "share", "src")
_OF_PACKAGES = (
    ReservedPath("/usr", _PROGRAMS_WHY, _FOLDER | {Use.VOLUME}, _STORE_ONLY),
    *(ReservedPath(f"/usr/{name}", _PROGRAMS_WHY, _FOLDER | {Use.VOLUME}) for name in _USR_DIRECTORIES),
    ReservedPath("/etc/hostname", "the container's runtime mounts a file there", _ALL, _ALL, key="host-name"),
    ReservedPath("/etc/localtime", "the time zone is in it", _ALL, _ALL, key="time-zone"),
    ReservedPath("/etc/timezone", "the time zone is in it", _ALL, _ALL, key="time-zone"),
    ReservedPath("/run/lock", "every program's locks are in it", _FOLDER, mode=_STICKY),
    ReservedPath("/usr/local", "it is the administrator's", _FOLDER),
    *(
        ReservedPath(f"/usr/local/{name}", "every user's programs look into it", _FOLDER)
        for name in ("bin", "etc", "games", "include", "lib", "man", "sbin", "share", "src")
    ),
)
_NOT_OF_PACKAGES = (
    *(ReservedPath(path, _PROGRAMS_WHY, _BUT_FILES - {Use.DIRECTORY}, _STORE_ONLY) for path in _PROGRAMS_AT),
    ReservedPath("/etc/hostname", "the container's runtime mounts a file there", _BUT_FILES, _ALL),
)
_OF_SYSTEMS = (
    ReservedPath("/run/current-system", "the system itself is there", _ALL, _ALL, remade=True),
    ReservedPath("/run/booted-system", "the system that was booted is there", _ALL, _ALL, remade=True),
    ReservedPath("/etc/static", "the system's own configuration is there", _ALL, _ALL),
)
_OF_FOREIGN_SYSTEMS = tuple(
    ReservedPath(path, "the system puts its set-user-ID programs there", _ALL, _ALL, remade=True)
    for path in ("/run/privileged", "/run/setuid-programs", "/run/wrappers")
)
_LINKS: Mapping[str, str] = {
    "/var/run": "/run",
    "/var/lock": "/run/lock",
    **{path: f"/usr{path}" for path in _PROGRAMS_AT if path != "/usr"},
}
"""What a system made of packages has links at, and where they lead."""
_MOST_LINKS = 40


@dataclass(frozen=True)
class ReservedPaths:
    """The places of one spec's image."""

    places: tuple[ReservedPath, ...]
    links: Mapping[str, str] = field(default_factory=dict)
    """Image path → where the system's own link there leads."""

    @classmethod
    def of(cls, spec: SystemSpec) -> ReservedPaths:
        """Those of the image that ``spec`` describes."""
        own = _ALL - {Use.STORE}  # the store directory itself is judged by all other places
        places = [*_EVERYWHERE, ReservedPath(spec.store.store_dir, "only store items are there", own, own)]
        if spec.store.database:
            why = "the store keeps its database and GC roots there"
            places.append(ReservedPath(spec.store.state_dir, why, _ALL, _ALL))
        if spec.from_store is None:
            return cls((*places, *_OF_PACKAGES, *_OF_SYSTEMS), _LINKS)
        places += _NOT_OF_PACKAGES
        if spec.from_store.system is not None:
            places += (*_OF_SYSTEMS, *_OF_FOREIGN_SYSTEMS)
        return cls(tuple(places))

    def refusal(self, path: str, use: Use, *, mode: int = 0o755, owner: str = "root") -> str | None:
        """Why ``use`` of a path is refused, None if it is not; ``mode`` and ``owner`` are those of a directory."""
        *above, _ = _ways(path)
        reasons = [_refused_at(place, use, mode, owner) for place in self._at.get(path, ())]
        reasons += [
            f"nothing can be put at or below {place.path}: {place.why}"
            for way in above
            for place in self._at.get(way, ())
            if use in place.below
        ]
        reasons += [_refused_above(place, use, mode, owner) for place in self._below.get(path, ())]
        return next(filter(None, reasons), None)

    @cached_property
    def _at(self) -> Mapping[str, list[ReservedPath]]:
        found: dict[str, list[ReservedPath]] = {}
        for place in self.places:
            found.setdefault(place.path, []).append(place)
        return found

    @cached_property
    def _below(self) -> Mapping[str, list[ReservedPath]]:
        """Path → the places below it."""
        found: dict[str, list[ReservedPath]] = {}
        for place in self.places:
            for way in _ways(place.path)[:-1]:
                found.setdefault(way, []).append(place)
        return found

    def elsewhere(self, path: str) -> str | None:
        """The path to specify instead of one at or below a system link."""
        is_there = any(way in self.links for way in _ways(path))
        return self.through(path, {}) if is_there else None

    def through(self, path: str, links: Mapping[str, str]) -> str:
        """Where a path leads when ``links`` (path → target) and the system's own are followed, as far as they do."""
        known = {**self.links, **links}
        for _ in range(_MOST_LINKS):
            link = next((above for above in _ways(path) if above in known), None)
            if link is None:
                break
            target = str(PurePosixPath(link).parent / known[link])
            path = _normalised(f"{target}/{path.removeprefix(link)}")
        return path


def refusal_in_any_image(path: str, use: Use) -> str | None:
    """Why a use of a path is refused in every image, for paths that only a base image's links lead to."""
    return ReservedPaths((*_EVERYWHERE, *_NOT_OF_PACKAGES)).refusal(path, use)


def _refused_at(place: ReservedPath, use: Use, mode: int, owner: str) -> str | None:
    if use in place.at and place.key is not None:
        return f'is made from what "{place.key}" says'
    if use in place.at and use in place.below and Use.FILE in place.at:
        return f"nothing can be put at or below {place.path}: {place.why}"
    if use in place.at:
        return f"is the system's own: {place.why}"
    if use is not Use.DIRECTORY:
        return None
    if place.mode is None:
        return _taken(place, mode, owner, is_open=place.is_open)
    if (mode, owner) == (place.mode, "root"):
        return None
    return f"must be root's, with the mode {place.mode:04o}: {place.why}"


def _refused_above(place: ReservedPath, use: Use, mode: int, owner: str) -> str | None:
    """For a directory that ``place`` is below of."""
    if use is Use.DIRECTORY:
        return _taken(place, mode, owner, is_open=True)
    if use is Use.VOLUME:
        hides = Use.VOLUME in place.at and not place.remade
        return f"a volume would hide {place.path}: {place.why}" if hides else None
    why = f"because {place.path} is below it"
    return {
        Use.FILE: f"must be a directory, {why}",
        Use.LOG: f"is a directory, {why}",
        Use.HOME: f"can't be a user's home, {why}",
        Use.STORE: f"can't be a store, {why}: {place.why}",
    }[use]


def _taken(place: ReservedPath, mode: int, owner: str, *, is_open: bool) -> str | None:
    """The fault in the owner and mode of a directory above ``place``."""
    writers = 0o002 if place.group_writes else 0o022
    if owner == "root" and not mode & writers and (not is_open or mode & 0o111 == 0o111):
        return None
    entered = " and every user able to enter it" if is_open else ""
    return f"must be root's, with no other user able to write to it{entered}, for {place.path}: {place.why}"


def _ways(path: str) -> list[str]:
    """Every parent of ``path``, from the top, and ``path`` itself."""
    if path == "/":
        return [path]
    return ["/", *(path[:end] for end in range(1, len(path)) if path[end] == "/"), path]


def _normalised(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)
