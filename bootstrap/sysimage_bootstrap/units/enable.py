"""From the names under ``enable`` to the services that run: what each takes along, and in which order they start."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import networkx

from sysimage.errors import Issue
from sysimage_bootstrap.units import values
from sysimage_bootstrap.units.calendar import parse_calendar
from sysimage_bootstrap.units.directives import IgnoredDirective, Outcome, not_done
from sysimage_bootstrap.units.read_service import OwnerOf, read_service
from sysimage_bootstrap.units.service_unit import Followers, ServiceUnit, TimerUnit
from sysimage_bootstrap.units.sockets import Listener, read_listeners, without_twins
from sysimage_bootstrap.units.specifiers import UnitName, expand
from sysimage_bootstrap.units.unit_file import UnitFile
from sysimage_bootstrap.units.unit_files import UnitFiles

_JOURNAL = "syslog.socket"
"""Only systemd's journal writes to it: a syslog daemon without one opens /dev/log itself."""
_MOST_SOCKETS = 5
"""The shell that sends a service's output to the console can name descriptors of one digit alone."""
_NOTHING = frozenset({("/bin/true",), ("/usr/bin/true",)})
"""What a service starts that only stands for others."""
_KINDS = ("service", "socket", "timer")
_ABSENT = ("systemd-", "dbus-org.", "dev-", "sys-", "-.")
"""Names of what only a machine under systemd has."""


@dataclass
class Enabled:
    """The services to run, by the names that the Shepherd gives them, and what is wrong with the request."""

    services: dict[str, ServiceUnit] = field(default_factory=dict)
    requires: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Service → those that are started, and ready, before it."""
    issues: list[Issue] = field(default_factory=list)


def enable(wanted: Sequence[str], files: UnitFiles, owner_of: OwnerOf, groups: Mapping[str, Sequence[str]]) -> Enabled:
    """The services of the units that are ``wanted``. ``groups`` are units that stand for others, as ``postgresql`` does
    for its clusters."""
    return _Enabling(files, owner_of, groups).run(wanted)


class _Enabling:
    def __init__(self, files: UnitFiles, owner_of: OwnerOf, groups: Mapping[str, Sequence[str]]) -> None:
        self.files, self.owner_of, self.groups = files, owner_of, groups
        self.result = Enabled()
        self.listeners: dict[str, tuple[Listener, ...]] = {}
        self.lazy: dict[str, bool] = {}
        self.extra: dict[str, list[IgnoredDirective]] = {}
        self.seen: set[str] = set()

    def run(self, wanted: Sequence[str]) -> Enabled:
        asked = [UnitName.of(name) for name in wanted]
        for index, one in enumerate(asked):
            if one.kind not in (*_KINDS, "target"):
                message = f"{one.full} cannot be enabled: only services, sockets, timers and targets can"
                self.result.issues.append(Issue(f"/enable/{index}", message))
        self._take_all((one.full, f"/enable/{index}", True) for index, one in enumerate(asked))
        for one in asked:
            found = self.files.find(one.full)
            if found is not None and found[0].kind == "service":
                self.lazy[found[0].stem] = False  # asked for itself, not for its socket
        started = set(self.result.services)
        while after := [
            (other, "", False)
            for unit in self.result.services.values()
            for other in (*unit.relations.on_failure, *unit.relations.on_success)
            if self._is_new(other)
        ]:
            self._take_all(after)
        for name, unit in self.result.services.items():
            self.result.services[name] = replace(
                unit,
                listeners=self.listeners.get(name, ()),
                lazy=self.lazy.get(name, False),
                undone=tuple(sorted({*unit.undone, *self.extra.get(name, ())})),
                auto_start=name in started,
                followers=self._followers(unit),
            )
        self._check_conflicts()
        self.result.requires = self._order()
        return self.result

    def _take_all(self, wanted: Iterable[tuple[str, str, bool]]) -> None:
        queue = deque(wanted)
        while queue:
            name, where, must = queue.popleft()
            for follower, needed in self._take(name, where, must):
                queue.append((follower, where, needed))

    def _is_new(self, name: str) -> bool:
        found = self.files.find(name)
        return found is not None and found[0].kind == "service" and found[0].full not in self.seen

    def _followers(self, unit: ServiceUnit) -> Followers:
        relations = unit.relations
        told = [
            other
            for other, one in self.result.services.items()
            if unit.name.stem in self._known(one.relations.reload_from)
        ]
        return Followers(
            reload=tuple(sorted({*told, *self._known(relations.reload_to)} - {unit.name.stem})),
            on_failure=self._known_or_named(relations.on_failure),
            on_success=self._known_or_named(relations.on_success),
        )

    def _known_or_named(self, names: Sequence[str]) -> tuple[str, ...]:
        """A unit that the image lacks is reported when it is wanted, as by systemd: Debian's name some of them."""
        return tuple(one for name in names for one in self._known([name]) or [UnitName.of(name).stem])

    def _take(self, name: str, where: str, must: bool) -> list[tuple[str, bool]]:
        """Take a unit; the others that it takes along, and whether each must be there."""
        if UnitName(name).kind == "target":
            found = self.files.find(name)
            return [] if found is None else [(one, False) for one in found[1].words("Unit", "Wants")]
        if UnitName(name).kind not in _KINDS:
            return []  # what a container has anyway, or cannot have
        found = self.files.find(name)
        if name == _JOURNAL:
            return []
        if found is None:
            if must and not name.startswith(_ABSENT):
                self.result.issues.append(self.files.missing(name, where))
            return []
        full, unit = found
        if "@" in full.stem and not full.instance:
            instance = unit.value("Install", "DefaultInstance")
            if instance is None:
                self.result.issues.append(Issue(where, f"{full.stem} needs an instance, such as {full.prefix}@NAME"))
                return []
            full = UnitName(f"{full.prefix}@{instance}.{full.kind}")
        if full.full in self.seen:
            return []
        self.seen.add(full.full)
        match full.kind:
            case "service":
                return self._take_service(full, unit, where)
            case "socket":
                return self._take_socket(full, unit, where, must)
            case _:
                self._take_timer(full, unit, where)
                return []

    def _take_service(self, name: UnitName, unit: UnitFile, where: str) -> list[tuple[str, bool]]:
        if name.stem in self.groups:
            members = [UnitName.of(member).full for member in self.groups[name.stem]]
            if not members:
                self.result.issues.append(Issue(where, f"no package of the image has what {name.stem} starts"))
            return [(member, True) for member in members]
        service = read_service(unit, name, self.owner_of)
        broken = [finding for finding in service.undone if finding.directive.startswith("Exec")]
        if not service.commands.start and (broken or service.type != "oneshot" or not service.commands.stop):
            why = broken[0].meaning if broken else "it has no ExecStart"
            self.result.issues.append(Issue(where, f"{name.full} cannot start: {why}"))
            return []
        self.result.services[name.stem] = service
        relations = service.relations
        along = [(other, True) for other in relations.requires]
        along += [(other, False) for other in (*relations.wants, *relations.also, *relations.sockets)]
        started = {command.words[:1] for command in service.commands.start}
        if started and started <= _NOTHING and unit.words("Install", "WantedBy"):
            # A generator of systemd would do so: tor.service stands for tor@default.service.
            along += [(other, True) for other in self.files.parts_of(name.full)]
        return [(other, must) for other, must in along if not other.endswith(".target")]

    def _take_socket(self, name: UnitName, unit: UnitFile, where: str, must: bool) -> list[tuple[str, bool]]:
        accepts = (unit.value("Socket", "Accept") or "no").lower() in ("yes", "true", "on", "1")
        service = expand(unit.value("Socket", "Service") or f"{name.stem}.service", name)
        stem = UnitName(service).stem
        try:
            every = read_listeners(unit, name)
            listeners = without_twins(unit, every)
            if accepts:
                raise ValueError("it wants a process for each connection")
            if any(one.style == "fifo" for one in listeners):
                raise ValueError("it wants a named pipe")
            if len(listeners) > _MOST_SOCKETS:
                raise ValueError(f"it wants more than {_MOST_SOCKETS} sockets")
        except ValueError as error:
            if must:
                self.result.issues.append(Issue(where, f"{name.full} cannot be enabled: {error}"))
            else:
                self.extra.setdefault(stem, []).append(IgnoredDirective(name.full, f"is not opened: {error}"))
            return []
        if listeners != every:
            self.extra.setdefault(stem, []).append(IgnoredDirective(name.full, "is opened for IPv4 alone"))
        self.listeners[stem] = (*self.listeners.get(stem, ()), *listeners)
        self.extra.setdefault(stem, []).extend(not_done(unit.keys(), Outcome.UNDONE))
        self.lazy.setdefault(stem, stem not in self.result.services)
        return [(service, True)]

    def _take_timer(self, name: UnitName, unit: UnitFile, where: str) -> None:
        service = expand(unit.value("Timer", "Unit") or f"{name.stem}.service", name)
        found = self.files.find(service)
        if found is None:
            self.result.issues.append(self.files.missing(service, where))
            return
        try:
            timer = read_timer(unit)
        except ValueError as error:
            self.result.issues.append(Issue(where, f"{name.full} cannot be enabled: {error}"))
            return
        read = read_service(found[1], found[0], self.owner_of)
        undone = {*read.undone, *not_done(unit.keys(), Outcome.UNDONE)}
        self.result.services[f"{name.stem}.timer"] = replace(read, timer=timer, undone=tuple(sorted(undone)))

    def _check_conflicts(self) -> None:
        started = {name: unit for name, unit in self.result.services.items() if unit.auto_start}
        names = {unit.name.full: name for name, unit in started.items()}
        for name, unit in sorted(started.items()):
            for other in unit.relations.conflicts:
                found = self.files.find(other)
                rival = names.get(found[0].full if found else other)
                if rival is not None and rival != name:
                    self.result.issues.append(Issue("/enable", f"{name} and {rival} cannot both be enabled"))

    def _order(self) -> dict[str, tuple[str, ...]]:
        """Service → those that it waits for. An order that would make a circle gives way, as in systemd."""
        graph = networkx.DiGraph()
        graph.add_nodes_from(self.result.services)
        strong, weak = [], []
        for name, unit in sorted(self.result.services.items()):
            relations = unit.relations
            strong += [(name, other) for other in self._known(relations.requires)]
            weak += [(name, other) for other in self._known(relations.after)]
            weak += [(other, name) for other in self._known(relations.before)]
        for later, earlier in [*strong, *weak]:
            if later != earlier and not networkx.has_path(graph, earlier, later):
                graph.add_edge(later, earlier)
        return {name: tuple(sorted(graph.successors(name))) for name in self.result.services}

    def _known(self, names: Sequence[str]) -> list[str]:
        found = []
        for name in names:
            unit = self.files.find(name) if name.endswith((".service", ".socket")) else None
            if unit is None:
                continue
            stem = unit[0].stem
            found += [UnitName.of(one).stem for one in self.groups.get(stem, [stem])]
        return [name for name in found if name in self.result.services]


def read_timer(unit: UnitFile) -> TimerUnit:
    """When a timer's service runs; a ValueError for what cannot be read."""
    spans = {
        key: tuple(span for value in unit.values("Timer", key) if (span := values.seconds(value)) is not None)
        for key in ("OnBootSec", "OnStartupSec", "OnActiveSec", "OnUnitActiveSec", "OnUnitInactiveSec")
    }
    return TimerUnit(
        tuple(parse_calendar(value) for value in unit.values("Timer", "OnCalendar")),
        tuple(sorted((*spans["OnBootSec"], *spans["OnStartupSec"], *spans["OnActiveSec"]))),
        tuple(sorted((*spans["OnUnitActiveSec"], *spans["OnUnitInactiveSec"]))),
    )
