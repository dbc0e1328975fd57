"""Whether the init can do what the spec says of it."""

from __future__ import annotations

from collections.abc import Iterator

from sysimage.errors import Issue
from sysimage.spec.json_text import pointer
from sysimage.spec.model import SystemSpec

_OTHER_KINDS = frozenset({"device", "mount", "path", "slice", "socket", "target", "timer"})
"""Kinds of units besides services."""
_STOPS = ("SIGRTMIN+3", "SIGRTMIN+4", "SIGRTMIN+13", "SIGRTMIN+14")
"""What lets systemd halt or power off, in order or at once (systemd(1))."""


def check_init(spec: SystemSpec) -> Iterator[Issue]:
    """Every fault of ``init`` and of what one init alone cannot do."""
    if "init" in spec.model_fields_set and not spec.has_init and spec.from_store is None:
        key = "entry-point" if spec.entry_point else "command"
        yield Issue("/init", f'has no effect with "{key}", which replaces the init')
    if spec.has_systemd:
        yield from _check_variables(spec)
        yield from _check_paths(spec)
        yield from _check_names(spec)
        if spec.stop_signal is not None and spec.stop_signal not in _STOPS:
            yield Issue("/stop-signal", f"does not stop systemd; leave it out, or say {' or '.join(_STOPS)}")


def _check_names(spec: SystemSpec) -> Iterator[Issue]:
    for name in spec.services:
        kind = name.rpartition(".")[2]
        if kind in _OTHER_KINDS:
            message = f'is not supported with "init": "systemd": it names a {kind} unit; "units" changes one'
            yield Issue(pointer("services", name), message)


def _check_paths(spec: SystemSpec) -> Iterator[Issue]:
    """Paths that a unit file cannot hold: the end of such a line is joined to the next."""
    for name, service in spec.services.items():
        for key, path in (("working-directory", service.working_directory), ("log", service.log)):
            if path.rstrip() != path or path.endswith("\\"):
                where = pointer("services", name, key)
                yield Issue(where, 'is not supported with "init": "systemd": the path ends with a backslash or a blank')


def _check_variables(spec: SystemSpec) -> Iterator[Issue]:
    places = [(pointer("environment"), spec.environment)]
    places += [(pointer("services", name, "environment"), one.environment) for name, one in spec.services.items()]
    for where, variables in places:
        for name in variables:
            if not name.replace("_", "").isalnum():
                message = 'is not supported with "init": "systemd", which passes no variable whose name has "-" or "."'
                yield Issue(f"{where}{pointer(name)}", message)
