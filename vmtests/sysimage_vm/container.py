"""One container: what runs in it, what it said, and why it is not well."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from testinfra.host import Host

from sysimage_vm.backends import container_host
from sysimage_vm.channel import COMMAND, Result
from sysimage_vm.engine import Engine, Kind
from sysimage_vm.faults import (
    CommandStuckError,
    DeadlineError,
    GuestSilentError,
    ImageFaultError,
    InitEndedError,
    ServiceNotStartedError,
    WrongArchitectureError,
)
from sysimage_vm.shell import Shell
from sysimage_vm.waiting import FAR, NotYet, Patience

BOOT = Patience(quiet=60.0)
"""For an init until all services are started, beyond what it waits itself for one to be ready."""
HERD = "/run/current-system/profile/bin/herd"
SOCKET = "/run/shepherd/socket"
FINE = frozenset({"started", "timer", "one-shot"})
"""States of a service that does what was declared."""


@dataclass(frozen=True)
class Container:
    """A container of an engine, by name."""

    engine: Engine
    name: str

    @cached_property
    def shell(self) -> Shell:
        return Shell(self.engine.machine.channel, self.engine.command("exec", "-i", self.name, "/bin/sh"))

    @cached_property
    def host(self) -> Host:
        """For questions: ``container.host.file("/etc/passwd")``."""
        return container_host(self.name, self.shell)

    def inspect(self) -> Mapping[str, Any]:
        found: list[Mapping[str, Any]] = json.loads(self.engine.run("inspect", self.name).stdout)
        return found[0]

    def logs(self) -> str:
        return self.engine.run("logs", self.name).said

    def exec(self, *words: str, patience: Patience = COMMAND, accept: Sequence[int] | None = None) -> Result:
        """A real ``exec`` of the engine, with all it costs; `host` is for many questions."""
        return self.engine.run("exec", self.name, *words, patience=patience, accept=accept)

    def is_running(self) -> bool:
        """Whether its first process runs, at little cost."""
        return self.state() == "running"

    def state(self) -> str:
        """The engine's word: created, running, restarting, exited, …"""
        if self.engine.kind is Kind.DOCKER:  # asked often, so without the costs of the command line
            return str(self.engine.ask(f"/containers/{self.name}/json")["State"]["Status"])
        return self.engine.run("inspect", "-f", "{{.State.Status}}", self.name).text

    def health(self) -> str:
        """The engine's word for what the image's health check says: starting, healthy or unhealthy.

        Docker runs the check by itself. Podman leaves that to systemd's timers, which the guest does not have, so there
        it is run now.
        """
        if self.engine.kind is Kind.PODMAN:
            ran = self.engine.run("healthcheck", "run", self.name, accept=(0, 1))
            return "healthy" if ran.status == 0 else "unhealthy"
        return str((self.inspect()["State"].get("Health") or {}).get("Status", "none"))

    def evidence(self) -> str:
        """State and last output, for a message."""
        state = self.inspect().get("State", {})
        said = "\n".join(self.logs().splitlines()[-60:])
        return f"state: {json.dumps(state)}\n{said}"

    def require_running(self) -> None:
        """Raise `InitEndedError` with exit status and output if the first process has ended."""
        if self.state() == "running":
            return
        state = self.inspect()["State"]
        said = self.logs()
        if "exec format error" in f"{said} {state.get('Error', '')}".lower():
            raise WrongArchitectureError(
                f"cannot boot {self.name}: its programs are for another architecture", evidence=self.evidence()
            )
        raise InitEndedError(
            f"cannot boot {self.name}: its first process ended with status {state.get('ExitCode')}",
            evidence=self.evidence(),
        )

    def wait_services(self, expected: Sequence[str], *, patience: Patience = BOOT) -> Mapping[str, str]:
        """Wait until Shepherd reports every expected service as started (or done); the states of all it knows.

        Raises `InitEndedError` as soon as the container ends, `ServiceNotStartedError` as soon as Shepherd gives a
        service up, or when nothing moves any more.
        """

        def missing(states: Mapping[str, str], names: Sequence[str]) -> str:
            return ", ".join(f"{name} ({states.get(name, 'unknown to Shepherd')})" for name in names)

        def started() -> Mapping[str, str] | NotYet:
            self.require_running()
            states = self.services() if self._is_up() else {}
            if not states:
                return NotYet("Shepherd did not answer")
            absent = [name for name in expected if states.get(name) not in FINE]
            if failed := [name for name in absent if states.get(name) == "failed"]:
                raise ServiceNotStartedError(
                    f"cannot boot {self.name}: these services did not start: {missing(states, failed)}",
                    evidence=self.evidence(),
                )
            return NotYet(f"these services did not start: {missing(states, absent)}") if absent else states

        try:
            return self.engine.machine.ask(f"the services of {self.name}", started, patience)
        except (GuestSilentError, DeadlineError) as fault:
            raise ServiceNotStartedError(
                f"cannot boot {self.name}: {fault.message}", evidence=self.evidence()
            ) from None

    def _is_up(self) -> bool:
        """Whether Shepherd's socket is there; a question that costs the booting container nothing to speak of."""
        try:
            return self.shell.run(f"test -S {SOCKET}").status == 0
        except ImageFaultError:
            return False  # the container has ended; the next look at its state tells

    def services(self) -> Mapping[str, str]:
        """Service → state, as ``herd status`` says; empty while nothing answers."""
        try:
            result = self.shell.run(f"{HERD} status")
        except ImageFaultError:
            return {}
        return parse_herd_status(result.text) if result.status == 0 else {}

    def stop(self, *, seconds: int = 30) -> tuple[int, float]:
        """``stop``: the exit status, and how many seconds it took. After ``seconds`` without progress it is killed."""
        self.shell.close()
        began = time.monotonic()
        try:
            self.engine.run("stop", "-t", str(int(FAR)), self.name, patience=Patience(quiet=seconds))
        except CommandStuckError:  # the engine itself would count seconds, however slow the machine is
            self.engine.run("kill", self.name, accept=None)
        return int(self.inspect()["State"]["ExitCode"]), time.monotonic() - began

    def remove(self) -> None:
        self.shell.close()
        self.engine.run("rm", "-f", "-v", self.name, accept=None)


_STATES = {
    "started": "started",
    "running timers": "timer",
    "one-shot": "one-shot",
    "starting": "starting",
    "stopping": "stopping",
    "stopped": "stopped",
    "failed to start": "failed",
}


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


def run(
    engine: Engine, image: str, name: str, *, options: Sequence[str] = (), command: Sequence[str] = ()
) -> Container:
    """``run --detach`` without any privilege; the engine's refusal is diagnosed."""
    engine.run("run", "--detach", "--pull", "never", "--name", name, *options, image, *command)
    return Container(engine, name)
