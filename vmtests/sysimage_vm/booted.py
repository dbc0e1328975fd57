"""What questions may ask of a booted container, wherever it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from testinfra.host import Host

from sysimage_vm.waiting import Patience

BOOT = Patience(quiet=60.0)
"""For an init until all services are started, beyond what it waits itself for one to be ready."""


@dataclass(frozen=True, slots=True)
class LoadedImage:
    """What the runner of the image has read of it."""

    config: Mapping[str, Any]
    """The ``config`` of the configuration."""
    os: str
    architecture: str
    diff_ids: Sequence[str]
    history: int
    """How many entries its history has."""


class Exec(Protocol):
    """How a command inside has ended."""

    @property
    def status(self) -> int: ...
    @property
    def stdout(self) -> bytes: ...
    @property
    def stderr(self) -> bytes: ...


class Booted(Protocol):
    """A container: what runs in it, its output, and why it is not healthy."""

    @property
    def name(self) -> str: ...

    @property
    def host(self) -> Host:
        """For questions: ``booted.host.file("/etc/passwd")``."""
        ...

    def hostname(self) -> str: ...

    def address(self) -> str | None:
        """Where the machine around it reaches it; None if it does not."""
        ...

    def privileges(self) -> Sequence[str]:
        """What it has been given beyond what every container has."""
        ...

    def exec(self, *words: str) -> Exec:
        """Run a command as an engine's ``exec`` does."""
        ...

    def logs(self) -> str: ...

    def state(self) -> str:
        """An engine's word: created, running, exited, …"""
        ...

    def health(self) -> str:
        """What the image's health check says: starting, healthy or unhealthy; none without one."""
        ...

    def evidence(self) -> str:
        """State and last output, for a message."""
        ...

    def require_running(self) -> None:
        """Raise `InitEndedError` with exit status and output if the first process has ended."""
        ...

    def services(self) -> Mapping[str, str]:
        """Service → state, as ``herd status`` says; empty while nothing answers."""
        ...

    def wait_services(self, expected: Sequence[str], *, patience: Patience = BOOT) -> Mapping[str, str]:
        """Wait until the Shepherd reports every expected service as started (or done); the states of all it knows.

        Raises `InitEndedError` as soon as the container ends, `ServiceNotStartedError` as soon as the Shepherd gives a
        service up, or when nothing moves any more.
        """
        ...

    def check_store(self, store: str, database: str) -> Mapping[str, Any]:
        """Compare the store below ``store`` with ``database``: what `sysimage_vm.store_check.check` returns."""
        ...

    def restart(self, seconds: int) -> None:
        """``restart``, with the patience of that many seconds."""
        ...

    def stop(self, *, seconds: int = 30) -> tuple[int, float]:
        """``stop``: the exit status, and how many seconds it took. After ``seconds`` without progress it is killed."""
        ...

    def start(self) -> None:
        """Start it again."""
        ...
