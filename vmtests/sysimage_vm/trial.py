"""One image in one place: brought there once, booted once, then asked many questions."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
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
    """The state that questions share. What a method brings about, it does once, and its time is taken."""

    keeps_health_check = True
    """Whether the image's health check has survived its loading."""

    def __init__(self, image: ImageArchive, seconds: dict[str, float] | None = None) -> None:
        self.image = image
        self.seconds: dict[str, float] = seconds or {}
        """How long each stage took."""
        self._reference: str | None = None
        self._loaded: LoadedImage | None = None
        self._container: Booted | None = None
        self._is_booted = False
        self._declared: Mapping[str, Any] | None = None

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

    def guest(self) -> Host:
        """The machine that the container runs on, for questions."""
        return testinfra.get_host("local://")

    def reference(self) -> str:
        """The image's name where it runs; it is loaded when this is called first."""
        if self._reference is None:
            began = time.monotonic()
            try:
                self._reference = self.load()
            finally:
                self.seconds["load"] = self.seconds.get("load", 0.0) + time.monotonic() - began
        return self._reference

    def loaded(self) -> LoadedImage:
        """What the program that runs the image has read of it."""
        if self._loaded is None:
            self.reference()
            self._loaded = self.read()
        return self._loaded

    def container(self) -> Booted:
        """The container, which is started when this is called first."""
        if self._container is None:
            self.reference()
            began = time.monotonic()
            self._container = self.run()
            self.seconds["run"] = time.monotonic() - began
        return self._container

    def booted(self) -> Booted:
        """The same container once every declared service has started."""
        container = self.container()
        if not self._is_booted:
            began = time.monotonic()
            if self.has_init():
                self.wait_services()
            else:
                container.require_running()
            self.seconds["boot"] = time.monotonic() - began
            self._is_booted = True
        return container

    def wait_services(self) -> None:
        """Wait until every declared service has started; the init may wait for one as long as it is declared to."""
        declared = [(service.get("ready") or {}).get("timeout", 0) for service in self.services().values()]
        patience = Patience(BOOT.quiet + max(declared, default=0))
        self.container().wait_services(self.expected_services(), patience=patience)

    def declared(self) -> Mapping[str, Any]:
        """The normalised system.json in the image, asked of the container; empty if the image has none."""
        if self._declared is None:
            self.container().require_running()
            entry = self.image.declared.get("Entrypoint") or []
            # [boot program, SYSTEM], as in a Guix system, or SYSTEM/systemd: the command line names the system; not
            # every engine's `cp` follows the link that leads to it.
            system = entry[1] if len(entry) == 2 else entry[0].removesuffix("/systemd") if entry else ""
            is_named = system.endswith("-system")
            self._declared = self.document(f"{system}/system.json" if is_named else SYSTEM_DOCUMENT)
        return self._declared

    def has_init(self) -> bool:
        """Whether the image starts an init, and not a program of its own."""
        declared = self.declared()
        return bool(declared) and not declared.get("entry-point") and not declared.get("command")

    def has_systemd(self) -> bool:
        """Whether that init is systemd."""
        return self.has_init() and self.declared().get("init") == "systemd"

    def services(self) -> Mapping[str, Mapping[str, Any]]:
        """Declared services by name."""
        return self.declared().get("services") or {}

    def expected_services(self) -> Sequence[str]:
        """Names of the services that start by themselves."""
        return sorted(name for name, service in self.services().items() if service.get("auto-start", True))
