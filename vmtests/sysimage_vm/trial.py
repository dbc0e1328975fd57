"""One image in one place: brought there once, booted once, then asked many questions."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import testinfra
from testinfra.host import Host

from sysimage_vm.booted import BOOT, Booted, LoadedImage
from sysimage_vm.image import ImageArchive
from sysimage_vm.waiting import USUAL, NotYet, Patience

T = TypeVar("T")
SYSTEM_DOCUMENT = "/run/current-system/system.json"
"""What the system was declared to be; images of other makers do not have it."""


class Trial(ABC):
    """The state that questions share. Everything is done when first asked for, and timed."""

    keeps_health_check = True
    """Whether the image's health check has survived its loading."""

    def __init__(self, image: ImageArchive, seconds: dict[str, float] | None = None) -> None:
        self.image = image
        self.seconds: dict[str, float] = seconds or {}
        """How long each stage took."""

    @abstractmethod
    def load(self) -> str:
        """Bring the image to where it runs; its name there."""

    @abstractmethod
    def read(self) -> LoadedImage:
        """What is known of it there."""

    @abstractmethod
    def run(self) -> Booted:
        """Start a container with nothing but the image's own configuration, and no privilege."""

    @abstractmethod
    def document(self, path: str) -> Mapping[str, Any]:
        """The JSON document at a path of the container; empty if it is absent."""

    @abstractmethod
    def keep(self, directory: Path) -> None:
        """Write logs and state of the container into ``directory``."""

    @abstractmethod
    def ask(
        self, what: str, question: Callable[[], T | NotYet], patience: Patience = USUAL, *, pause: float = 2.0
    ) -> T:
        """Ask until the answer is there, as `sysimage_vm.waiting.ask` does, watching where the container runs."""

    def surroundings(self) -> str:
        """What was last seen around the container: for a failure."""
        return ""

    @cached_property
    def guest(self) -> Host:
        """The machine that the container runs on, for questions."""
        return testinfra.get_host("local://")

    @cached_property
    def reference(self) -> str:
        """The loaded image's name."""
        began = time.monotonic()
        try:
            return self.load()
        finally:
            self.seconds["load"] = self.seconds.get("load", 0.0) + time.monotonic() - began

    @cached_property
    def loaded(self) -> LoadedImage:
        """What the runner of the image has read of it."""
        _ = self.reference
        return self.read()

    @cached_property
    def container(self) -> Booted:
        """The container, started."""
        _ = self.reference
        began = time.monotonic()
        container = self.run()
        self.seconds["run"] = time.monotonic() - began
        return container

    @cached_property
    def booted(self) -> Booted:
        """The same container once every declared service has started."""
        container = self.container
        began = time.monotonic()
        if self.has_init:
            self.wait_services()
        else:
            container.require_running()
        self.seconds["boot"] = time.monotonic() - began
        return container

    def wait_services(self) -> None:
        """Wait until every declared service has started; the init may wait for one as long as it is declared to."""
        declared = [(service.get("ready") or {}).get("timeout", 0) for service in self.services.values()]
        self.container.wait_services(self.expected_services, patience=Patience(BOOT.quiet + max(declared, default=0)))

    @cached_property
    def declared(self) -> Mapping[str, Any]:
        """The normalised system.json in the image; empty if the image has none."""
        self.container.require_running()
        entry = self.image.declared.get("Entrypoint") or []
        # [boot program, SYSTEM]: the system is named on the command line, as in a Guix system; not every engine's `cp`
        # follows the link that leads to it.
        return self.document(f"{entry[1]}/system.json" if len(entry) == 2 else SYSTEM_DOCUMENT)

    @property
    def has_init(self) -> bool:
        return bool(self.declared) and not self.declared.get("entry-point") and not self.declared.get("command")

    @property
    def services(self) -> Mapping[str, Mapping[str, Any]]:
        """Declared services by name."""
        return self.declared.get("services") or {}

    @property
    def expected_services(self) -> Sequence[str]:
        """Names of the services that start by themselves."""
        return sorted(name for name, service in self.services.items() if service.get("auto-start", True))
