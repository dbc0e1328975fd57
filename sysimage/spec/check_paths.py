"""Whether what the spec puts into the image can be there, and whether its sources are where it says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sysimage.errors import Issue
from sysimage.rules.paths import directories_above
from sysimage.spec.base_accounts import BASE_USERS
from sysimage.spec.check_sources import check_source
from sysimage.spec.json_text import pointer
from sysimage.spec.model import SystemSpec
from sysimage.spec.reserved_paths import ReservedPaths, Use

_PROGRAMS = ("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/libexec", "/bin", "/sbin")
_NOT_MADE = ("/nonexistent", "/")
"""Homes of accounts that have none."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """One path of the image and what the spec does with it."""

    where: str
    """JSON pointer."""
    path: str
    use: Use
    mode: int = 0o755
    owner: str = "root"


def check_paths(spec: SystemSpec, beside: Path | None) -> Iterator[Issue]:
    """Every fault of a path of the image or of a source."""
    places = ReservedPaths.of(spec)
    placed = list(_placed(spec))
    homes = list(_homes(spec))
    for claim in (*placed, *homes, *_store(spec), *_shared(spec)):
        yield from _check_made(claim, places)
    for claim in _laid_over(spec):
        yield from _check_followed(claim, places, _links(spec))
    yield from _check_conflicts(placed, homes, spec)
    for path in spec.privileged_programs:
        if not any(PurePosixPath(path).is_relative_to(place) for place in _PROGRAMS):
            yield Issue(
                pointer("privileged-programs", path), "is not a program's place: they are in /usr/bin or /usr/sbin"
            )
    for path in spec.capabilities:
        is_program = spec.from_store is None and any(PurePosixPath(path).is_relative_to(place) for place in _PROGRAMS)
        if path not in spec.files and not is_program:
            yield Issue(pointer("capabilities", path), "is neither a declared file nor a program of a package")
    for path, file in spec.files.items():
        if file.source is not None:
            yield from check_source(pointer("files", path, "source"), file.source, beside, "file", _fault)


def _placed(spec: SystemSpec) -> Iterator[_Claim]:
    for path in spec.files:
        yield _Claim(pointer("files", path), path, Use.FILE)
    for path, directory in spec.directories.items():
        yield _Claim(pointer("directories", path), path, Use.DIRECTORY, directory.mode, directory.owner)
    for path, tree in spec.trees.items():
        yield _Claim(pointer("trees", path), path, Use.DIRECTORY, owner=tree.owner)
    if spec.node is not None:
        yield _Claim("/node/at", f"{spec.node.at}/node_modules", Use.DIRECTORY)
    for path in spec.symlinks:
        yield _Claim(pointer("symlinks", path), path, Use.FILE)
    for path in spec.from_store.links if spec.from_store is not None else ():
        yield _Claim(pointer("from-store", "links", path), path, Use.FILE)


def _homes(spec: SystemSpec) -> Iterator[_Claim]:
    """The homes that the image gets. An account that every image has keeps its own unless the spec says another."""
    for name, user in spec.users.items():
        chosen = None if user.system or name in BASE_USERS else f"/home/{name}"
        home = user.home or chosen
        if home is None or home in _NOT_MADE or (name, home) == ("root", "/root"):
            continue
        where = pointer("users", name) if user.home is None else pointer("users", name, "home")
        yield _Claim(where, home, Use.HOME)


def _store(spec: SystemSpec) -> Iterator[_Claim]:
    if spec.store.directory is not None:
        yield _Claim("/store/directory", spec.store.directory, Use.STORE)


def _shared(spec: SystemSpec) -> Iterator[_Claim]:
    """Directories that may also be declared, or belong to a tree."""
    if spec.java is not None:
        yield _Claim("/java/at", spec.java.at, Use.DIRECTORY)


def _laid_over(spec: SystemSpec) -> Iterator[_Claim]:
    """Paths that are followed when the container runs, links included."""
    for index, path in enumerate(spec.volumes):
        yield _Claim(pointer("volumes", index), path, Use.VOLUME)
    for name, service in spec.services.items():
        if service.log not in ("console", "none"):
            yield _Claim(pointer("services", name, "log"), service.log, Use.LOG)


def _links(spec: SystemSpec) -> dict[str, str]:
    """Image path → target, of the spec's own links."""
    into_store = spec.from_store.links if spec.from_store is not None else {}
    return {**spec.symlinks, **dict.fromkeys(into_store, spec.store.store_dir)}


def _check_made(claim: _Claim, places: ReservedPaths) -> Iterator[Issue]:
    said = places.elsewhere(claim.path)
    refusal = places.refusal(said or claim.path, claim.use, mode=claim.mode, owner=claim.owner)
    if refusal is not None:
        yield Issue(
            claim.where, refusal if said is None else f"is {said} by a link of the system's, and that {refusal}"
        )
    elif said is not None:
        yield Issue(claim.where, f"is {said} by a link of the system's: say {said}")
    if any(part.startswith(".wh.") for part in claim.path.split("/")):
        yield Issue(claim.where, 'a name can\'t begin with ".wh.": layers mark deleted files so')


def _check_followed(claim: _Claim, places: ReservedPaths, links: dict[str, str]) -> Iterator[Issue]:
    final = places.through(claim.path, links)
    refusal = places.refusal(final, claim.use)
    if refusal is not None:
        yield Issue(claim.where, refusal if final == claim.path else f"leads to {final}, and that {refusal}")


def _check_conflicts(placed: list[_Claim], homes: list[_Claim], spec: SystemSpec) -> Iterator[Issue]:
    """One thing at a path, and nothing below what is not a directory."""
    first: dict[str, str] = {}
    for claim in placed:
        if claim.path in first:
            yield Issue(claim.where, f"something else is declared at this path: {first[claim.path]}")
        first.setdefault(claim.path, claim.where)
    closed = {claim.path: claim.where for claim in placed if claim.use is Use.FILE}
    store = list(_store(spec))
    entered = (*homes, *store, *_shared(spec))
    ways = [(claim, above) for claim in (*placed, *entered) for above in directories_above(claim.path)]
    ways += [(claim, claim.path) for claim in entered]
    for claim, way in ways:
        if way in closed:
            yield Issue(claim.where, f"{way} is declared as something else than a directory: {closed[way]}")
    owners: dict[str, str] = {}
    for claim in homes:
        other = owners.setdefault(claim.path, claim.where)
        if other != claim.where and claim.path not in spec.directories:
            yield Issue(claim.where, f'is another user\'s home already: {other}; declare it under "directories"')
    for claim in store:
        for home, where in owners.items():
            if PurePosixPath(claim.path).is_relative_to(home):
                yield Issue(claim.where, f"no other user can enter {home}, a user's home: {where}")


def _fault(place: Path) -> str | None:
    if place.is_dir():
        return 'is a directory; directories belong under "trees"'
    return None if place.is_file() else "is not a file"
