"""One image in one machine: loaded once, booted once, then asked many questions."""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from testinfra.host import Host

from sysimage_vm.backends import guest_host
from sysimage_vm.container import BOOT, Container, run
from sysimage_vm.engine import Engine
from sysimage_vm.faults import ImageFaultError, WrongArchitectureError
from sysimage_vm.image import ImageArchive
from sysimage_vm.machine import Machine
from sysimage_vm.waiting import Patience

SYSTEM_DOCUMENT = "/run/current-system/system.json"
"""What the system was declared to be; images of other makers do not have it."""
CONTAINER_NAME = "under-test"
GUEST_ARCHITECTURE = "amd64"


@dataclass
class Trial:
    """The state that questions share. Everything is done when first asked for, and timed."""

    machine: Machine
    engine: Engine
    image: ImageArchive
    seconds: dict[str, float] = field(default_factory=dict)
    """How long each stage took."""

    @cached_property
    def reference(self) -> str:
        """The loaded image's name in the engine."""
        architecture = self.image.config.get("architecture")
        if architecture != GUEST_ARCHITECTURE:
            raise WrongArchitectureError(
                f"cannot boot the image: it is for {architecture}, and the machine is {GUEST_ARCHITECTURE}",
                hint=f'build it with "architecture": "{GUEST_ARCHITECTURE}", or test it on such a machine',
            )
        began = time.monotonic()
        device = self.machine.plug(self.image.path)
        try:
            return self.engine.load(device, self.image.size)
        finally:
            self.machine.unplug(device)
            self.seconds["load"] = time.monotonic() - began

    @cached_property
    def container(self) -> Container:
        """A container that runs with nothing but the image's own configuration, and no privilege."""
        reference = self.reference
        began = time.monotonic()
        container = run(self.engine, reference, CONTAINER_NAME)
        self.seconds["run"] = time.monotonic() - began
        return container

    @cached_property
    def booted(self) -> Container:
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
        result = self.machine.channel.run([*self.engine.command("cp", f"{CONTAINER_NAME}:{self._document_path}", "-")])
        if result.status != 0:
            return {}
        return _only_file(result.stdout)

    @cached_property
    def _document_path(self) -> str:
        """The document's path for the engine's ``cp``, which does not follow links to other places: in the store."""
        self.container.require_running()
        entry = self.image.declared.get("Entrypoint") or []
        # [boot program, SYSTEM]: the system is named on the command line, as in a Guix system.
        return f"{entry[1]}/system.json" if len(entry) == 2 else SYSTEM_DOCUMENT

    @cached_property
    def guest(self) -> Host:
        """The machine itself, for questions."""
        return guest_host(self.machine.channel)

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

    def require_declared(self) -> Mapping[str, Any]:
        """The document; an `ImageFaultError` for an image that has none although it should."""
        if not self.declared:
            raise ImageFaultError(f"cannot ask the image about itself: it has no {SYSTEM_DOCUMENT}")
        return self.declared

    def keep(self, directory: Path) -> None:
        """Write what tells about the container into ``directory``."""
        directory.mkdir(parents=True, exist_ok=True)
        if "container" in self.__dict__:
            (directory / "container.log").write_text(self.container.logs() + "\n")
            (directory / "inspect.json").write_text(json.dumps(self.container.inspect(), indent=2) + "\n")


def _only_file(archive: bytes) -> Mapping[str, Any]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        for member in opened:
            file = opened.extractfile(member)
            if file is not None:
                document: Mapping[str, Any] = json.load(file)
                return document
    return {}
