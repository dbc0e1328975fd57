"""Which units a system enables, and the links in /etc/systemd/system that do it (systemctl(1), ``enable``)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sysimage.errors import Issue
from sysimage.spec.json_text import pointer
from sysimage_bootstrap.units.presets import Presets
from sysimage_bootstrap.units.specifiers import UnitName, expand
from sysimage_bootstrap.units.unit_file import UnitFile
from sysimage_bootstrap.units.unit_files import UnitFiles

ETC = "/etc/systemd/system"
_SHIPPED = "/usr/lib/systemd/system"
_DEPENDENCIES = {"WantedBy": "wants", "RequiredBy": "requires", "UpheldBy": "upholds"}
_TARGETS = {"socket": "sockets.target", "timer": "timers.target", "path": "paths.target"}


@dataclass
class EnabledUnits:
    """The units that are enabled, with what it takes."""

    units: dict[str, UnitFile] = field(default_factory=dict)
    """By whole name, such as ``postgresql@17-main.service``."""
    links: dict[str, str] = field(default_factory=dict)
    """Image path → what the link says."""
    issues: list[Issue] = field(default_factory=list)


def enable_units(
    asked: Sequence[str],
    by_packages: Iterable[str],
    not_started: Iterable[str],
    files: UnitFiles,
    presets: Presets,
    groups: Mapping[str, Sequence[str]],
) -> EnabledUnits:
    """Enable what the spec has ``asked`` for, and what the packages' scripts enable, unless a preset says no.

    Units that are ``not_started`` are known and get no links. ``groups`` are units that stand for others.
    """
    result = EnabledUnits()
    queue = deque((UnitName.of(name).full, pointer("enable", index)) for index, name in enumerate(asked))
    queue.extend((name, "") for name in sorted(by_packages) if presets.enables(name))
    seen: set[str] = set()
    not_started = set(not_started)
    while queue:
        name, where = queue.popleft()
        found = _instance(files, name, where, result.issues)
        if found is None or found[0].full in seen:
            continue
        seen.add(found[0].full)
        unit_name, unit = found
        result.units[unit_name.full] = unit
        queue.extend((UnitName.of(one).full, "") for one in unit.words("Install", "Also"))
        queue.extend((UnitName.of(one).full, where) for one in groups.get(unit_name.stem, ()))
        if unit_name.full not in not_started:
            result.links |= _links(unit_name, unit, files, must=bool(where))
    return result


def _instance(files: UnitFiles, name: str, where: str, issues: list[Issue]) -> tuple[UnitName, UnitFile] | None:
    found = files.find(name)
    if found is None:
        if where:
            issues.append(files.missing(name, where))
        return None
    unit_name, unit = found
    if "@" in unit_name.stem and not unit_name.instance:
        instance = unit.value("Install", "DefaultInstance")
        if instance is None:
            if where:
                message = f"{unit_name.stem} needs an instance, such as {unit_name.prefix}@NAME"
                issues.append(Issue(where, message))
            return None
        return files.find(f"{unit_name.prefix}@{instance}.{unit_name.kind}")
    return found


def _links(name: UnitName, unit: UnitFile, files: UnitFiles, *, must: bool) -> dict[str, str]:
    """The links of one unit; a unit that says nothing of how it is enabled is wanted by the target of its kind if it
    ``must`` start."""
    file = name.template if name.full not in files.texts and name.template else name.full
    target = f"{ETC if file in files.in_etc else _SHIPPED}/{file}"
    links = {}
    for key, suffix in _DEPENDENCIES.items():
        for other in unit.words("Install", key):
            links[f"{ETC}/{expand(other, name)}.{suffix}/{name.full}"] = target
    for alias in unit.words("Install", "Alias"):
        links[f"{ETC}/{expand(alias, name)}"] = target
    if not links and must:
        links[f"{ETC}/{_TARGETS.get(name.kind, 'multi-user.target')}.wants/{name.full}"] = target
    return links
