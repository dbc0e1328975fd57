"""One container: what runs in it, its output, and why it is not healthy."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Any

from testinfra.host import Host

from sysimage.containers.image import is_systemd
from sysimage_vm.backends import container_host
from sysimage_vm.booted import BOOT
from sysimage_vm.channel import COMMAND, Result
from sysimage_vm.engine import Engine, EngineKind
from sysimage_vm.errors import (
    CommandStuckError,
    ImageFaultError,
    InitEndedError,
    WrongArchitectureError,
)
from sysimage_vm.services import QUESTIONS, parse_states, wait_services
from sysimage_vm.shell import Shell
from sysimage_vm.waiting import FAR, Patience

SOCKETS = {False: "/run/shepherd/socket", True: "/run/systemd/private"}
"""Where the Shepherd, and where systemd answers."""


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

    @cached_property
    def systemd(self) -> bool:
        """Whether its init is systemd."""
        config = self.inspect()["Config"]
        entry = config.get("Entrypoint") or []
        # Podman gives the entry point as one text, and signals as numbers.
        return is_systemd([entry] if isinstance(entry, str) else entry, str(config.get("StopSignal")))

    def inspect(self) -> Mapping[str, Any]:
        found: list[Mapping[str, Any]] = json.loads(self.engine.run("inspect", self.name).stdout)
        return found[0]

    def logs(self) -> str:
        return self.engine.run("logs", self.name).output

    def exec(self, *words: str, patience: Patience = COMMAND, accept: Sequence[int] | None = None) -> Result:
        """A real ``exec`` of the engine, with all it costs; `host` is for many questions."""
        return self.engine.run("exec", self.name, *words, patience=patience, accept=accept)

    def state(self) -> str:
        """The engine's word: created, running, restarting, exited, …"""
        if self.engine.kind is EngineKind.DOCKER:  # asked often, so without the costs of the command line
            return str(self.engine.ask(f"/containers/{self.name}/json")["State"]["Status"])
        return self.engine.run("inspect", "-f", "{{.State.Status}}", self.name).text

    def health(self) -> str:
        """The engine's word for what the image's health check says: starting, healthy or unhealthy.

        Docker runs the check by itself. Podman leaves that to systemd's timers, which the guest does not have, so there
        it is run now.
        """
        if self.engine.kind is EngineKind.PODMAN:
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
        def states() -> Mapping[str, str]:
            return self.services() if self._is_up() else {}

        return wait_services(self, self.engine.machine.ask, states, expected, patience)

    def _is_up(self) -> bool:
        """Whether the init's socket is there; the check costs the booting container almost nothing."""
        try:
            return self.shell.run(f"test -S {SOCKETS[self.systemd]}").status == 0
        except ImageFaultError:
            return False  # the container has ended; the next look at its state shows that

    def services(self) -> Mapping[str, str]:
        """Service → state, as ``herd status`` says; empty while nothing answers."""
        try:
            result = self.shell.run(" ".join(QUESTIONS[self.systemd]))
        except ImageFaultError:
            return {}
        return parse_states(result.text, systemd=self.systemd) if result.status == 0 else {}

    def stop(self, *, seconds: int = 30) -> tuple[int, float]:
        """``stop``: the exit status, and how many seconds it took. After ``seconds`` without progress it is killed."""
        self.shell.close()
        began = time.monotonic()
        try:
            self.engine.run("stop", "-t", str(int(FAR)), self.name, patience=Patience(quiet=seconds))
        except CommandStuckError:  # the engine itself would count seconds, however slow the machine is
            self.engine.run("kill", self.name, accept=None)
        return int(self.inspect()["State"]["ExitCode"]), time.monotonic() - began

    def restart(self, seconds: int) -> None:
        """``restart``, with the patience of that many seconds."""
        self.shell.close()
        self.engine.run("restart", "-t", str(seconds), self.name)

    def start(self) -> None:
        """Start it again after it has ended."""
        self.engine.run("start", self.name)

    def hostname(self) -> str:
        return str(self.inspect()["Config"]["Hostname"])

    def address(self) -> str | None:
        """Where the machine around it reaches it."""
        return container_address(self.inspect())

    def privileges(self) -> Sequence[str]:
        """What it has been given beyond what every container has."""
        return privileges(self.inspect())

    def check_store(self, store: str, database: str) -> Mapping[str, Any]:
        """Compare the store with its database, in the guest, which sees the container's files."""
        channel = self.engine.machine.channel
        root = f"/proc/{self.inspect()['State']['Pid']}/root"
        channel.put("/run/store_check.py", resources.files("sysimage_vm").joinpath("store_check.py").read_bytes())
        done = channel.run(["python3", "/run/store_check.py", root, store, database])
        if done.status != 0:
            raise ImageFaultError("cannot compare the store with its database", evidence=done.output)
        report: Mapping[str, Any] = json.loads(done.stdout)
        return report

    def remove(self) -> None:
        self.shell.close()
        self.engine.run("rm", "-f", "-v", self.name, accept=None)


def container_address(inspected: Mapping[str, Any]) -> str | None:
    """The address that an engine's ``inspect`` says a container has."""
    settings = inspected.get("NetworkSettings") or {}
    networks = settings.get("Networks") or {}
    return settings.get("IPAddress") or next((one["IPAddress"] for one in networks.values() if one["IPAddress"]), None)


def privileges(inspected: Mapping[str, Any]) -> list[str]:
    """What an engine's ``inspect`` says that a container has been given."""
    settings = inspected["HostConfig"]
    return [*(["privileged"] if settings["Privileged"] else []), *(settings.get("CapAdd") or [])]


def run(
    engine: Engine, image: str, name: str, *, options: Sequence[str] = (), command: Sequence[str] = ()
) -> Container:
    """``run --detach`` without any privilege; the engine's refusal is diagnosed."""
    engine.run("run", "--detach", "--pull", "never", "--name", name, *options, image, *command)
    return Container(engine, name)
