"""Backends for pytest-testinfra, so that ``host.file``, ``host.process`` … work wherever we ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from testinfra.backend.base import BaseBackend, CommandResult
from testinfra.host import Host

from sysimage.process import Completed
from sysimage_vm.channel import Channel
from sysimage_vm.shell import Shell
from sysimage_vm.waiting import Patience

QUESTION = Patience(quiet=300.0)
"""For one command of a question, which may be a question of a user, and sleep."""


class GuestBackend(BaseBackend):  # type: ignore[misc]  # testinfra has no types
    """Commands run in the guest itself."""

    NAME = "guest"

    def __init__(self, channel: Channel) -> None:
        super().__init__("guest")
        self._channel = channel

    def run(self, command: str, *args: str, **_: Any) -> CommandResult:
        line = self.get_command(command, *args)
        result = self._channel.run(["/bin/sh", "-c", line], patience=QUESTION)
        return self.result(result.status, line.encode(), result.stdout, result.stderr)

    def get_encoding(self) -> str:
        return "utf-8"


class ContainerBackend(BaseBackend):  # type: ignore[misc]
    """Commands run in a container, as the engine's ``exec`` would run them."""

    NAME = "container"

    def __init__(self, name: str, shell: Shell) -> None:
        super().__init__(name)
        self._shell = shell

    def run(self, command: str, *args: str, **_: Any) -> CommandResult:
        line = self.get_command(command, *args)
        result = self._shell.run(line, patience=QUESTION)
        return self.result(result.status, line.encode(), result.stdout, result.stderr)

    def get_encoding(self) -> str:
        return "utf-8"


class NamespacesBackend(BaseBackend):  # type: ignore[misc]
    """Commands run in a container of namespaces, as an engine's ``exec`` would run them."""

    NAME = "namespaces"

    def __init__(self, run: Callable[[Sequence[str]], Completed], name: str) -> None:
        super().__init__(name)
        self._run = run

    def run(self, command: str, *args: str, **_: Any) -> CommandResult:
        line = self.get_command(command, *args)
        done = self._run(["/bin/sh", "-c", line])
        return self.result(done.status, line.encode(), done.stdout, done.stderr)

    def get_encoding(self) -> str:
        return "utf-8"


def namespaces_host(run: Callable[[Sequence[str]], Completed], name: str) -> Host:
    return Host(NamespacesBackend(run, name))


def guest_host(channel: Channel) -> Host:
    return Host(GuestBackend(channel))


def container_host(name: str, shell: Shell) -> Host:
    return Host(ContainerBackend(name, shell))
