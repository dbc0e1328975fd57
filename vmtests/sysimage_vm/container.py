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
from sysimage_vm.channel import Result
from sysimage_vm.engine import Engine
from sysimage_vm.faults import ImageFaultError, InitEndedError, ServiceNotStartedError, WrongArchitectureError
from sysimage_vm.shell import Shell

BOOT_SECONDS = 180.0
"""How long an init may take until all services are started."""
POLL_SECONDS = 0.5
HERD = "/run/current-system/profile/bin/herd"


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

    def exec(self, *words: str, timeout: float = 120.0, accept: Sequence[int] | None = None) -> Result:
        """A real ``exec`` of the engine, with all it costs; `host` is for many questions."""
        return self.engine.run("exec", self.name, *words, timeout=timeout, accept=accept)

    def is_running(self) -> bool:
        """Whether its first process runs, at little cost."""
        return self.state() == "running"

    def state(self) -> str:
        """Docker's word: created, running, restarting, exited, …"""
        return self.engine.run("inspect", "-f", "{{.State.Status}}", self.name).text

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

    def wait_services(self, expected: Sequence[str], *, seconds: float = BOOT_SECONDS) -> Mapping[str, str]:
        """Wait until Shepherd reports every expected service as started (or done); the states of all it knows.

        Raises `InitEndedError` as soon as the container ends, `ServiceNotStartedError` as soon as Shepherd gives a
        service up, or when the time is over.
        """
        deadline = time.monotonic() + seconds
        while True:
            self.require_running()
            states = self._services()
            missing = [name for name in expected if states.get(name) not in ("started", "one-shot", "done")]
            if states and not missing:
                return states
            failed = [name for name in missing if states.get(name) in ("failed", "disabled")]
            if failed or time.monotonic() > deadline:
                names = ", ".join(f"{name} ({states.get(name, 'unknown to Shepherd')})" for name in failed or missing)
                when = "" if failed else f" within {seconds:.0f} s"
                what = f"these services did not start{when}: {names}" if states else f"Shepherd did not answer{when}"
                raise ServiceNotStartedError(f"cannot boot {self.name}: {what}", evidence=self.evidence())
            time.sleep(POLL_SECONDS)

    def _services(self) -> Mapping[str, str]:
        """What ``herd status`` says; empty while nothing answers."""
        try:
            result = self.shell.run(f"{HERD} status", timeout=60)
        except ImageFaultError:
            return {}  # the container ended, or its shell is not there yet: the next look at its state tells
        return parse_herd_status(result.text) if result.status == 0 else {}

    def stop(self, *, seconds: int = 30) -> tuple[int, float]:
        """``stop``: the exit status, and how many seconds it took."""
        self.shell.close()
        began = time.monotonic()
        self.engine.run("stop", "-t", str(seconds), self.name, timeout=seconds + 60)
        return int(self.inspect()["State"]["ExitCode"]), time.monotonic() - began

    def remove(self) -> None:
        self.shell.close()
        self.engine.run("rm", "-f", "-v", self.name, accept=None)


_HEADINGS = {
    "started": "started",
    "stopped": "stopped",
    "one-shot": "one-shot",
    "failed": "failed",
    "starting": "starting",
}


def parse_herd_status(text: str) -> Mapping[str, str]:
    """Service → state, from the output of ``herd status``: headings, and below each its services with a sign before."""
    states: dict[str, str] = {}
    heading = ""
    for line in text.splitlines():
        if line.rstrip().endswith(":") and not line.startswith(" "):
            heading = line.rstrip(": ").lower().partition(" ")[0]
        elif line.strip() and line.startswith(" "):
            words = line.split()
            name = words[1] if len(words) > 1 and not words[0].isalnum() else words[0]
            states[name] = _HEADINGS.get(heading, heading)
    return states


def run(
    engine: Engine, image: str, name: str, *, options: Sequence[str] = (), command: Sequence[str] = ()
) -> Container:
    """``run --detach`` without any privilege; the engine's refusal is diagnosed."""
    engine.run("run", "--detach", "--pull", "never", "--name", name, *options, image, *command)
    return Container(engine, name)
