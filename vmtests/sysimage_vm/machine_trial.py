"""One image in one virtual machine."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from testinfra.host import Host

from sysimage.containers.engine import systemd_flags
from sysimage.containers.image import is_systemd
from sysimage_vm.backends import guest_host
from sysimage_vm.booted import LoadedImage
from sysimage_vm.container import Container, run
from sysimage_vm.engine import Engine, EngineKind
from sysimage_vm.errors import WrongArchitectureError
from sysimage_vm.image import ImageArchive
from sysimage_vm.machine import Machine
from sysimage_vm.trial import Trial
from sysimage_vm.waiting import USUAL, NotYet, Patience

T = TypeVar("T")
CONTAINER_NAME = "under-test"
GUEST_ARCHITECTURE = "amd64"
GUEST_CGROUPS = "2"


class MachineTrial(Trial):
    """The image in an engine of a virtual machine."""

    def __init__(
        self, machine: Machine, engine: Engine, image: ImageArchive, seconds: dict[str, float] | None = None
    ) -> None:
        super().__init__(image, seconds)
        self.machine = machine
        self.engine = engine
        # Podman leaves out what OCI's form has no field for.
        self.keeps_health_check = not (engine.kind is EngineKind.PODMAN and image.oci)

    def load(self) -> str:
        architecture = self.image.config.get("architecture")
        if architecture != GUEST_ARCHITECTURE:
            raise WrongArchitectureError(
                f"cannot boot the image: it is for {architecture}, and the machine is {GUEST_ARCHITECTURE}",
                hint=f'build it with "architecture": "{GUEST_ARCHITECTURE}", or test it on such a machine',
            )
        device = self.machine.disks.plug(self.image.path)
        try:
            return self.engine.load(device, self.image.size)
        finally:
            self.machine.disks.unplug(device)

    def read(self) -> LoadedImage:
        read = self.engine.inspect_image(self.reference())
        history = self.engine.run("history", "--no-trunc", "--format", "{{.CreatedBy}}", self.reference()).text
        return LoadedImage(
            read["Config"], read["Os"], read["Architecture"], read["RootFS"]["Layers"], len(history.splitlines())
        )

    def run(self) -> Container:
        declared = self.image.declared
        systemd = is_systemd(declared.get("Entrypoint") or (), declared.get("StopSignal"))
        flags = systemd_flags(self.engine.kind, GUEST_CGROUPS) if systemd else ()
        return run(self.engine, self.reference(), CONTAINER_NAME, options=flags)

    def document(self, path: str) -> Mapping[str, Any]:
        result = self.machine.channel.run([*self.engine.command("cp", f"{CONTAINER_NAME}:{path}", "-")])
        return only_document(result.stdout) if result.status == 0 else {}

    def ask(
        self, what: str, question: Callable[[], T | NotYet], patience: Patience = USUAL, *, pause: float = 2.0
    ) -> T:
        return self.machine.ask(what, question, patience, pause=pause)

    def guest(self) -> Host:
        return guest_host(self.machine.channel)

    def surroundings(self) -> str:
        return self.machine.console.tail(40)

    def keep(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        if self._container is not None:
            container = Container(self.engine, CONTAINER_NAME)
            (directory / "container.log").write_text(container.logs() + "\n")
            (directory / "inspect.json").write_text(json.dumps(container.inspect(), indent=2) + "\n")


def only_document(archive: bytes) -> Mapping[str, Any]:
    """The document in an archive of one file, as an engine's ``cp`` gives it."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        for member in opened:
            file = opened.extractfile(member)
            if file is not None:
                document: Mapping[str, Any] = json.load(file)
                return document
    return {}
