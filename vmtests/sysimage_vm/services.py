"""What the init says of its services, and the wait until all of them have started."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from sysimage_vm.booted import Booted
from sysimage_vm.errors import DeadlineError, GuestSilentError, ServiceNotStartedError
from sysimage_vm.waiting import Ask, NotYet, Patience

HERD = "herd"
SYSTEMCTL = "systemctl"
_UNITS = ("list-units", "--all", "--full", "--no-pager", "--type=service,timer", "--output=json")
QUESTIONS: Mapping[bool, tuple[str, ...]] = {False: (HERD, "status"), True: (SYSTEMCTL, *_UNITS)}
"""What the states are asked with, of the Shepherd and, where it is the init, of systemd."""
FINE = frozenset({"started", "timer", "one-shot"})
"""States of a service that does what was declared."""
_STATES = {
    "started": "started",
    "running timers": "timer",
    "one-shot": "one-shot",
    "starting": "starting",
    "stopping": "stopping",
    "stopped": "stopped",
    "failed to start": "failed",
}
_UNIT_STATES = {
    ("active", "running"): "started",
    ("active", "exited"): "one-shot",
    ("activating", "auto-restart"): "failed",
}
_ACTIVE_STATES = {"active": "started", "activating": "starting", "deactivating": "stopping", "failed": "failed"}
States = Mapping[str, str]
"""Service → state; empty while nothing answers."""


def wait_services(
    booted: Booted, ask: Ask, states: Callable[[], States], expected: Sequence[str], patience: Patience
) -> States:
    """Wait until every expected service has started (or is done), and return the states of all."""

    def missing(found: States, names: Sequence[str]) -> str:
        return ", ".join(f"{name} ({found.get(name, 'unknown to the init')})" for name in names)

    def started() -> States | NotYet:
        booted.require_running()
        found = states()
        if not found:
            return NotYet("the init did not answer")
        absent = [name for name in expected if found.get(name) not in FINE]
        if failed := [name for name in absent if found.get(name) == "failed"]:
            raise ServiceNotStartedError(
                f"cannot boot {booted.name}: these services did not start: {missing(found, failed)}",
                evidence=booted.evidence(),
            )
        return NotYet(f"these services did not start: {missing(found, absent)}") if absent else found

    try:
        return ask(f"the services of {booted.name}", started, patience)
    except (GuestSilentError, DeadlineError) as fault:
        raise ServiceNotStartedError(
            f"cannot boot {booted.name}: {fault.message}", evidence=booted.evidence()
        ) from None


def parse_states(text: str, *, systemd: bool) -> States:
    """Service → state, from the answer to one of `QUESTIONS`."""
    return parse_units(text) if systemd else parse_herd_status(text)


def parse_units(text: str) -> States:
    """Service → state, from what ``systemctl list-units --output=json`` prints; a timer stands for its service."""
    try:
        units = json.loads(text)
    except ValueError:
        return {}
    states: dict[str, str] = {}
    for unit in sorted(units, key=lambda one: str(one["unit"])):  # a timer comes after its service
        name, _, kind = unit["unit"].rpartition(".")
        if unit["load"] != "loaded":
            continue
        if kind == "timer" and unit["active"] == "active":
            states[name] = "timer"
        elif kind == "service":
            known = _UNIT_STATES.get((unit["active"], unit["sub"]))
            states[name] = known or _ACTIVE_STATES.get(unit["active"], "stopped")
    return states


def parse_herd_status(text: str) -> Mapping[str, str]:
    """Service → state, from what ``herd status`` prints: headings, and below each its services with a sign before."""
    states: dict[str, str] = {}
    state = ""
    for line in text.splitlines():
        if line.endswith(":") and not line.startswith(" "):
            heading = line.removesuffix(":").lower()
            state = _STATES.get(heading, heading)
        elif line.startswith(" ") and line.split():
            states[line.split()[-1 if len(line.split()) == 1 else 1]] = state
    return states
