"""One image on this machine: in Docker, in Podman, or in Linux namespaces without either."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from sysimage.containers.engine_runner import EngineRunner
from sysimage.containers.errors import ProgramNotStartedError
from sysimage.containers.image import open_image
from sysimage.containers.namespace_runner import NamespaceRunner
from sysimage.containers.open_runner import opened
from sysimage.progress import Progress, silent
from sysimage_vm.booted import Booted, LoadedImage
from sysimage_vm.errors import EntryPointMissingError, ImageFaultError
from sysimage_vm.image import ImageArchive
from sysimage_vm.native import NamespacesContainer, Native, NativeEngineContainer, document_of
from sysimage_vm.trial import Trial
from sysimage_vm.waiting import USUAL, NotYet, Patience

T = TypeVar("T")


class NativeTrial(Trial):
    """The image in a place of this machine, to which it has been brought already."""

    def __init__(self, place: EngineRunner | NamespaceRunner, image: ImageArchive, seconds: dict[str, float]) -> None:
        names = (place.files.reference,) if isinstance(place, EngineRunner) else ()
        super().__init__(dataclasses.replace(image, names=names), seconds)
        self.place = place
        self._native: Native | None = None
        # Podman leaves out what OCI's form has no field for.
        podman = isinstance(place, EngineRunner) and place.files.engine.program == "podman"
        self.keeps_health_check = not (podman and image.oci)

    def load(self) -> str:
        if isinstance(self.place, EngineRunner):
            return self.place.files.reference
        return str(self.place.image.documents.image_id)

    def read(self) -> LoadedImage:
        if isinstance(self.place, EngineRunner):
            files = self.place.files
            read = json.loads(files.call("image", "inspect", files.reference).stdout)[0]
            history = files.call("history", "--no-trunc", "--format", "{{.CreatedBy}}", files.reference).stdout
            return LoadedImage(
                read["Config"],
                read["Os"],
                read["Architecture"],
                read["RootFS"]["Layers"],
                len(history.decode().splitlines()),
            )
        config = self.place.image.documents.config
        return LoadedImage(
            self.place.image.section,
            config.os,
            config.architecture,
            [str(diff_id) for diff_id in config.diff_ids],
            len(config.history),
        )

    def run(self) -> Booted:
        try:
            if isinstance(self.place, EngineRunner):
                self._native = in_engine = NativeEngineContainer(self.place.files)
                return in_engine
            self._native = container = NamespacesContainer(self.place)
            return container
        except ProgramNotStartedError as error:
            raise EntryPointMissingError(
                f"cannot run {self.place.image.name}: the program that the image starts is not in the image",
                evidence=error.message,
            ) from None

    def document(self, path: str) -> Mapping[str, Any]:
        return document_of(self._native, path) if self._native is not None else {}

    def ask(
        self, what: str, question: Callable[[], T | NotYet], patience: Patience = USUAL, *, pause: float = 2.0
    ) -> T:
        if self._native is None:
            raise ImageFaultError(f"cannot wait for {what}: the image was not started")
        return self._native.ask(what, question, patience, pause=pause)

    def keep(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        if self._native is not None:
            (directory / "container.log").write_text(self._native.logs() + "\n")
            described = self._native.inspect() if isinstance(self._native, NativeEngineContainer) else None
            text = json.dumps(described or self._native.described(), indent=2)
            (directory / "inspect.json").write_text(text + "\n")


@contextlib.contextmanager
def native_trial(
    path: Path,
    place: str,
    environ: Mapping[str, str],
    reports: Path,
    progress: Progress = silent,
    *,
    tag: str | None = None,
) -> Iterator[tuple[NativeTrial, list[str]]]:
    """Bring an image to ``place``, one of `sysimage.containers.runner.PLACES`, and lines that say how that went.
    ``tag`` says which, where several are at ``path``.

    ``reports`` gets the container's log. Everything else is gone in the end. Raises `MachineError` for what this
    machine lacks, and `IntegrityError` for an image whose content is not what its documents say.
    """
    with contextlib.ExitStack() as stack:
        began = time.monotonic()
        image = stack.enter_context(open_image(path, tag=tag))
        at = stack.enter_context(opened(image, place, environ, progress))
        seconds = {"load": time.monotonic() - began}
        trial = NativeTrial(at, ImageArchive.of(image), seconds)
        try:
            yield trial, [f"in: {place}", *(f"note: {limit}" for limit in at.limits)]
        finally:
            trial.keep(reports)
