"""The units of a system: those of its packages, and those that the spec puts into /etc/systemd/system."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from pathlib import Path

from sysimage.rootfs.accounts import WantedGroup, WantedUser
from sysimage.spec.model import SystemSpec
from sysimage.spec.services import UnitSections
from sysimage_bootstrap.debian.first_starts import unit_groups
from sysimage_bootstrap.system.installed_packages import Installed
from sysimage_bootstrap.units.enable import Enabled, enable
from sysimage_bootstrap.units.presets import Presets
from sysimage_bootstrap.units.read_service import OwnerOf
from sysimage_bootstrap.units.specifiers import Owner, UnitName
from sysimage_bootstrap.units.unit_file import UnitFile
from sysimage_bootstrap.units.unit_files import UnitFiles

_OWN = "/etc/systemd/system/"
_PLACES = ("lib/systemd/system", "etc/systemd/system")
_MASKED = "/dev/null"


def find_units(packages: Sequence[Installed], spec: SystemSpec, spec_dir: Path) -> UnitFiles:
    """All units; a unit that the spec declares as a file replaces that of a package, as in Debian."""
    texts: dict[str, str] = {}
    links: dict[str, str] = {}
    drop_ins: dict[str, dict[str, str]] = {}
    in_etc: set[str] = set()
    for place, name, target, text in (*_packaged(packages), *_declared(spec, spec_dir)):
        folder, _, last = name.rpartition("/")
        if folder.endswith(".d") and target is None and last.endswith(".conf"):
            drop_ins.setdefault(folder.removesuffix(".d"), {})[last] = text
        elif folder:
            continue
        elif target is None:
            texts[name] = text
            links.pop(name, None)
            (in_etc.discard if place == _PLACES[0] else in_etc.add)(name)
        else:
            texts.pop(name, None)
            links[name] = posixpath.basename(target)
    return UnitFiles(
        texts,
        {name: target for name, target in links.items() if target not in (name, posixpath.basename(_MASKED))},
        {name: tuple(parts[last] for last in sorted(parts)) for name, parts in drop_ins.items()},
        {UnitName.of(name).full: UnitFile.of(_texts(sections)) for name, sections in spec.units.items()},
        frozenset(in_etc),
        frozenset(name.rpartition("/")[2] for package in packages for name, _ in package.walk("etc/init.d")),
    )


def find_presets(packages: Sequence[Installed], spec: SystemSpec, spec_dir: Path) -> Presets:
    """Which units are enabled unasked; a file in /etc takes the place of a package's of the same name."""
    texts: dict[str, str] = {}
    for place in ("lib/systemd/system-preset", "etc/systemd/system-preset"):
        for package in packages:
            for relative, file in package.walk(place):
                if relative.endswith(".preset") and file.is_file():
                    texts[relative.rpartition("/")[2]] = file.read_text(encoding="utf-8", errors="replace")
    for path, text in _declared_texts(spec, spec_dir, "/etc/systemd/system-preset/"):
        texts[path] = text
    return Presets.parse(texts)


def _packaged(packages: Sequence[Installed]) -> Iterator[tuple[str, str, str | None, str]]:
    """Directory of units, path below it, what a link says, and what a file says."""
    for place in _PLACES:
        for package in packages:
            for relative, file in package.walk(place):
                name = relative.removeprefix(f"{place}/")
                if file.is_symlink():
                    yield place, name, str(file.readlink()), ""
                elif file.is_file():
                    yield place, name, None, file.read_text(encoding="utf-8", errors="replace")


def _declared(spec: SystemSpec, spec_dir: Path) -> Iterator[tuple[str, str, str | None, str]]:
    for name, text in _declared_texts(spec, spec_dir, _OWN):
        yield _PLACES[1], name, None, text
    for path, target in sorted(spec.symlinks.items()):
        if path.startswith(_OWN):
            yield _PLACES[1], path.removeprefix(_OWN), target, ""


def _declared_texts(spec: SystemSpec, spec_dir: Path, top: str) -> Iterator[tuple[str, str]]:
    """Path below ``top`` and text of the files that the spec declares there."""
    for path, file in sorted(spec.files.items()):
        if path.startswith(top):
            text = file.text
            if text is None and file.source is not None and (spec_dir / file.source).is_file():
                text = (spec_dir / file.source).read_text(encoding="utf-8", errors="replace")
            yield path.removeprefix(top), text or ""


def _texts(sections: UnitSections) -> dict[str, dict[str, list[str]]]:
    return {
        section: {
            key: [_text(one) for one in (value if isinstance(value, tuple) else (value,))]
            for key, value in keys.items()
        }
        for section, keys in sections.items()
    }


def _text(value: bool | int | float | str) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def enabled_units(spec: SystemSpec, packages: Sequence[Installed], files: UnitFiles, owner_of: OwnerOf) -> Enabled:
    """The services of what ``spec`` enables."""
    return enable(spec.enable, files, owner_of, unit_groups(package.name for package in packages))


def accounts_of_units(
    spec: SystemSpec, packages: Sequence[Installed], files: UnitFiles
) -> tuple[list[WantedUser], list[WantedGroup]]:
    """The accounts that enabled units run as: Debian's maintainer scripts, or systemd, would have made them."""
    enabled = enabled_units(
        spec, packages, files, lambda user, group: Owner(user or "root", group=group or user or "root")
    )
    users: dict[str, WantedUser] = {}
    groups: dict[str, WantedGroup] = {}
    for unit in enabled.services.values():
        execution, origin = unit.execution, f"/enable ({unit.name.stem})"
        if execution.user is not None and not execution.user.isdecimal():
            own = execution.group if execution.group != execution.user else None
            users[execution.user] = WantedUser(execution.user, group=own, system=True, make_home=False, origin=origin)
        for group in (execution.group, *execution.supplementary_groups):
            if group is not None and group != execution.user and not group.isdecimal():
                groups[group] = WantedGroup(group, system=True, origin=origin)
    return list(users.values()), list(groups.values())


def notices_of_units(enabled: Enabled) -> tuple[str, ...]:
    """What of the units' directives is not done, each meaning once, with the units and directives that it concerns."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for name, unit in enabled.services.items():
        for finding in (*unit.undone, *unit.contained):
            names, directives = found.setdefault(finding.meaning, (set(), set()))
            names.add(name)
            directives.add(finding.directive)
    return tuple(
        f"{', '.join(sorted(names))}: {', '.join(sorted(directives))}: {meaning}"
        for meaning, (names, directives) in sorted(found.items())
    )
