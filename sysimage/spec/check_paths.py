"""Whether what the spec puts into the image can stand there, and whether its sources are where it says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from sysimage.errors import Issue
from sysimage.spec.json_text import pointer
from sysimage.spec.model import SystemSpec

_NOT_IN_AN_IMAGE = {
    "/proc": "the kernel shows processes there",
    "/sys": "the kernel shows devices there",
    "/dev": "the container's runtime makes devices there",
}
_OF_A_SYSTEM = {"/run/current-system": "the system itself stands there"}
_OF_PACKAGES = {
    **_OF_A_SYSTEM,
    "/usr": "it is the system's profile; say which package holds the file",
    "/bin": "it is the system's profile; say which package holds the file",
    "/sbin": "it is the system's profile; say which package holds the file",
    "/lib": "it is the system's profile; say which package holds the file",
    "/lib64": "it is the system's profile; say which package holds the file",
}
_MADE_FROM = {
    "/etc/passwd": "users",
    "/etc/shadow": "users",
    "/etc/group": "groups",
    "/etc/gshadow": "groups",
}
_MADE_FROM_PACKAGES = {
    **_MADE_FROM,
    "/etc/hostname": "host-name",
    "/etc/localtime": "time-zone",
    "/etc/timezone": "time-zone",
}
_PROGRAMS = ("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/libexec", "/bin", "/sbin")
_NO_HOME = "/nonexistent"


def check_paths(spec: SystemSpec, beside: Path | None) -> Iterator[Issue]:
    """Every fault of a path of the image or of a source."""
    placed = [("files", path) for path in spec.files]
    placed += [("directories", path) for path in spec.directories]
    placed += [("symlinks", path) for path in spec.symlinks]
    forbidden = _forbidden(spec)
    made_from = _MADE_FROM_PACKAGES if spec.from_store is None else _MADE_FROM
    for key, path in placed:
        yield from _check_place(pointer(key, path), path, forbidden, is_directory=key == "directories")
        if path in made_from:
            yield Issue(pointer(key, path), f'is made from what "{made_from[path]}" says')
    for name, user in spec.users.items():
        if user.home not in (None, _NO_HOME):
            yield from _check_place(pointer("users", name, "home"), str(user.home), forbidden, is_directory=True)
    yield from _check_conflicts(spec, placed)
    for path in spec.privileged_programs:
        if not any(PurePosixPath(path).is_relative_to(place) for place in _PROGRAMS):
            yield Issue(
                pointer("privileged-programs", path), "is not a program's place: they stand in /usr/bin or /usr/sbin"
            )
    for index, path in enumerate(spec.volumes):
        if path == "/":
            yield Issue(f"/volumes/{index}", "the root itself can't be a volume")
    for path, file in spec.files.items():
        if file.source is not None:
            yield from _check_source(pointer("files", path, "source"), file.source, beside)


def _forbidden(spec: SystemSpec) -> dict[str, str]:
    """Places that are not the spec's to fill → why."""
    own = {spec.store.store_dir: "only store items stand there"}
    if spec.store.database:
        own[spec.store.state_dir] = "the store keeps its database and GC roots there"
    if spec.from_store is None:
        own |= _OF_PACKAGES
    elif spec.from_store.system is not None:
        own |= _OF_A_SYSTEM
    return {**_NOT_IN_AN_IMAGE, **own}


def _check_place(where: str, path: str, forbidden: dict[str, str], *, is_directory: bool) -> Iterator[Issue]:
    if path == "/" and not is_directory:
        yield Issue(where, "is the root itself, a directory")
        return
    for place, why in forbidden.items():
        if PurePosixPath(path).is_relative_to(place):
            yield Issue(where, f"nothing can be put at or below {place}: {why}")
        elif PurePosixPath(place).is_relative_to(path) and not is_directory:
            yield Issue(where, f"must be a directory, because {place} is below it")
    if any(part.startswith(".wh.") for part in path.split("/")):
        yield Issue(where, 'a name can\'t begin with ".wh.": layers mark deleted files so')


def _check_conflicts(spec: SystemSpec, placed: list[tuple[str, str]]) -> Iterator[Issue]:
    """One thing at a path, and nothing below what is no directory."""
    first: dict[str, str] = {}
    for key, path in placed:
        where = pointer(key, path)
        if path in first:
            yield Issue(where, f"something else is declared at this path: {first[path]}")
        first.setdefault(path, where)
    closed = {path: pointer(key, path) for key, path in placed if key != "directories"}
    below = [(pointer(key, path), str(above)) for key, path in placed for above in PurePosixPath(path).parents]
    for name, user in spec.users.items():
        home = PurePosixPath(user.home or _NO_HOME)
        below += [(pointer("users", name, "home"), str(above)) for above in (home, *home.parents)]
    for where, above in below:
        if above in closed:
            yield Issue(where, f"{above} is declared as something else than a directory: {closed[above]}")


def _check_source(where: str, source: str, beside: Path | None) -> Iterator[Issue]:
    """A source is a file in the spec's directory; links that lead out of it would read what was not meant."""
    if PurePosixPath(source).is_absolute() or ".." in PurePosixPath(source).parts:
        yield Issue(where, "must be a path inside the spec's own directory: relative, and without '..'")
        return
    if beside is None:
        return
    file = beside / source
    try:
        if not file.is_file():
            yield Issue(
                where, f"is not a file: {source}" if file.exists() else f"there is no file {source} beside the spec"
            )
        elif not file.resolve().is_relative_to(beside.resolve()):
            yield Issue(where, f"{source} is a link that leads out of the spec's directory")
    except OSError as error:
        yield Issue(where, f"can't be read: {error.strerror}")
