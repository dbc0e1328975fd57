"""What a system with systemd has in /etc for it: units of the spec, and the links that enable and mask units."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from sysimage.errors import Issue, SpecError
from sysimage.rootfs.accounts import Accounts, WantedGroup, WantedUser
from sysimage.rootfs.tree import Entry, Kind
from sysimage.spec.json_text import pointer
from sysimage.spec.model import SystemSpec
from sysimage.spec.services import Service
from sysimage_bootstrap.debian.container_masks import CONTAINER_MASKS
from sysimage_bootstrap.scripts.declarations import FirstStartProgram
from sysimage_bootstrap.system.service_commands import Exists, owner_issues
from sysimage_bootstrap.system.systemd.declared_services import service_units
from sysimage_bootstrap.system.systemd.enablement import ETC, EnabledUnits, enable_units
from sysimage_bootstrap.system.systemd.first_starts import script_first_starts, unit_first_starts
from sysimage_bootstrap.system.systemd.programs import missing_programs, signals_instead
from sysimage_bootstrap.system.systemd.unit_text import quoted, unit_text
from sysimage_bootstrap.units.presets import Presets
from sysimage_bootstrap.units.specifiers import UnitName, expand
from sysimage_bootstrap.units.unit_files import UnitFiles

MASK = "/dev/null"
_TMPFILES = "/etc/tmpfiles.d/sysimage.conf"
_JOURNAL = "/etc/systemd/journald.conf.d/10-container.conf"
_TRUE = ("1", "yes", "y", "true", "t", "on")
_ALWAYS = frozenset({"/", "/run", "/srv", "/tmp", "/var", "/var/lib", "/var/log", "/var/tmp"})  # noqa: S108 - the image's
"""Directories that every image has."""
_COVERED = ("/run/", "/tmp/", "/var/")  # noqa: S108 - the image's
"""Where a container may find an empty file system, or a volume, in place of the image's directories."""


@dataclass(frozen=True)
class SystemdUnits:
    """The units of a system with systemd, before its accounts are settled."""

    spec: SystemSpec
    files: UnitFiles
    enabled: EnabledUnits

    @classmethod
    def of(
        cls,
        spec: SystemSpec,
        files: UnitFiles,
        by_packages: Iterable[str],
        presets: Presets,
        groups: Mapping[str, Sequence[str]],
    ) -> SystemdUnits:
        """Find what is enabled: what the spec asks for, and what the packages' scripts enable."""
        idle = {UnitName.of(name).full for name, one in spec.services.items() if not one.auto_start or one.timer}
        own = {UnitName.of(name).full for name, one in spec.services.items() if _replaces(spec, name, one)}
        by_packages = [name for name in by_packages if name not in own]
        return cls(spec, files, enable_units(spec.enable, by_packages, idle, files, presets, groups))

    def accounts(self) -> tuple[list[WantedUser], list[WantedGroup]]:
        """Those that enabled units run as: maintainer scripts would have made them. systemd makes dynamic users."""
        users: dict[str, WantedUser] = {}
        groups: dict[str, WantedGroup] = {}
        for full, unit in self.enabled.units.items():
            if (unit.value("Service", "DynamicUser") or "").lower() in _TRUE:
                continue
            name, origin = UnitName(full), f"/enable ({full})"
            user, group = (_account(unit.value("Service", key), name) for key in ("User", "Group"))
            more = [_account(word, name) for word in unit.words("Service", "SupplementaryGroups")]
            if user is not None:
                own = group if group != user else None
                users[user] = WantedUser(user, group=own, system=True, make_home=False, origin=origin)
            for one in (group, *more):
                if one is not None and one != user:
                    groups[one] = WantedGroup(one, system=True, origin=origin)
        return list(users.values()), list(groups.values())

    def settled(
        self,
        accounts: Accounts,
        exists: Exists,
        first_starts: Sequence[FirstStartProgram],
        directories: Iterable[Entry],
        made_by_tmpfiles: Collection[str],
    ) -> tuple[Entry, ...]:
        """The entries of /etc. ``directories`` are those of the image, of which a start makes again what a container
        may have covered, except for those ``made_by_tmpfiles``. A `SpecError` names every fault of the spec."""
        issues = list(self.enabled.issues)
        texts: dict[str, str] = {}
        links = dict(self.enabled.links)
        for name, service in self.spec.services.items():
            issues += owner_issues(name, service, accounts)
            texts |= self._service(name, service, exists, links, issues)
        for path, text in script_first_starts(first_starts):
            texts[path] = text
            links[f"{ETC}/basic.target.wants/{path.rpartition('/')[2]}"] = path
        texts |= dict(unit_first_starts(self.enabled.units))
        texts |= dict(signals_instead(self.enabled.units, exists))
        texts |= self._drop_ins(issues)
        if issues:
            raise SpecError("cannot make units of the declarations", issues=issues)
        logs = {str(PurePosixPath(one.log).parent) for one in self.spec.services.values() if one.log.startswith("/")}
        if covered := _tmpfiles(directories, made_by_tmpfiles, logs):
            texts[_TMPFILES] = covered
        texts[_JOURNAL] = unit_text("the journal ends with its container", {"Journal": [("Storage", "volatile")]})
        entries = [Entry.file(path, text.encode(), owner=_origin(path)) for path, text in texts.items()]
        entries += [Entry.symlink(path, target) for path, target in {**self._masks(texts), **links}.items()]
        entries.append(Entry.file("/etc/machine-id", b"", 0o444))
        return tuple(sorted(entries, key=lambda entry: entry.path))

    def notices(self, exists: Exists) -> tuple[str, ...]:
        """What people should know of the enabled units, a line each."""
        return tuple(
            f"{unit}: no package of the image has {program}, so the unit will fail when it starts"
            for unit, program in sorted({*missing_programs(self.enabled.units, exists)})
        )

    def _service(
        self, name: str, service: Service, exists: Exists, links: dict[str, str], issues: list[Issue]
    ) -> dict[str, str]:
        unit = UnitName.of(name)
        new = _replaces(self.spec, name, service)
        if not new and self.files.find(unit.full) is None:
            message = 'needs the key "command": no package of the image has a unit of this name'
            issues.append(Issue(pointer("services", name), message, suggestion=self.files.closest(unit.full)))
            return {}

        def unit_of(required: str) -> str:
            return self._unit_of(required) or ""

        for index, required in enumerate(service.requires):
            if self._unit_of(required) is None:
                where = pointer("services", name, "requires", index)
                issues.append(Issue(where, f'neither a service nor a unit of the packages is called "{required}"'))
        if service.auto_start and service.timer is not None:
            links[f"{ETC}/timers.target.wants/{unit.stem}.timer"] = f"{ETC}/{unit.stem}.timer"
        elif service.auto_start and new:
            links[f"{ETC}/multi-user.target.wants/{unit.full}"] = f"{ETC}/{unit.full}"
        return dict(service_units(name, service, unit_of, exists, changes=not new))

    def _unit_of(self, name: str) -> str | None:
        declared = self.spec.services.get(name)
        if declared is not None and declared.timer is not None:
            return f"{UnitName.of(name).stem}.timer"
        if declared is not None and _replaces(self.spec, name, declared):
            return UnitName.of(name).full
        found = self.files.find(UnitName.of(name).full)
        return None if found is None else found[0].full

    def _drop_ins(self, issues: list[Issue]) -> dict[str, str]:
        """Of ``units``. They come last, as what a person says by hand."""
        texts = {}
        declared = {UnitName.of(name).full for name in self.spec.services}
        for name in self.spec.units:
            full = UnitName.of(name).full
            found = self.files.find(full)
            if found is None and full not in declared:
                issues.append(self.files.missing(full, pointer("units", name)))
                continue
            assignments = self.files.overrides[full].assignments
            sections: dict[str, list[tuple[str, str]]] = {}
            for one in assignments:
                sections.setdefault(one.section, []).append((one.key, one.value))
            own = found[0].full if found is not None else full
            texts[f"{ETC}/{own}.d/30-units.conf"] = unit_text(f"units.{name}", sections)
        return texts

    def _masks(self, texts: Collection[str]) -> dict[str, str]:
        wanted = {*self.enabled.units, *(UnitName.of(name).full for name in (*self.spec.units, *self.spec.services))}
        return {
            f"{ETC}/{name}": MASK
            for name in CONTAINER_MASKS
            if name not in wanted and name in self.files.names and f"{ETC}/{name}" not in texts
        }


def _replaces(spec: SystemSpec, name: str, service: Service) -> bool:
    """Whether a declared service is a unit of its own, and changes none that is enabled."""
    enabled = {UnitName.of(one).full for one in spec.enable}
    return bool(service.command) and UnitName.of(name).full not in enabled


def _account(value: str | None, name: UnitName) -> str | None:
    """A user or a group of a unit, where it is one that must be made: not a number, nor what only a start knows."""
    if value is None:
        return None
    try:
        account = expand(value, name)
    except ValueError:
        return None
    return None if account.isdecimal() or account == "root" else account


def _tmpfiles(directories: Iterable[Entry], known: Collection[str], logs: Collection[str]) -> str:
    directories = tuple(directories)
    there = {entry.path for entry in directories}
    lines = [f"d {quoted(path)} :0755 :root :root -\n" for path in sorted({*logs} - there - {*known} - _ALWAYS)]
    lines += [
        f"d {quoted(entry.path)} :{entry.mode:04o} :{entry.uid} :{entry.gid} -\n"  # a colon: only if it makes it
        for entry in directories
        if entry.kind is Kind.DIRECTORY and entry.path.startswith(_COVERED) and entry.path not in known
    ]
    return "# Directories of the image, made again where a container has covered them.\n" * bool(lines) + "".join(lines)


def _origin(path: str) -> str:
    return f"the unit {path}"
