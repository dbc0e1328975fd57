"""One image in one place: loaded once, started once, booted once, then asked many questions."""

from __future__ import annotations

import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import testinfra
from testinfra.host import Host

from sysimage_vm.booted import Booted, LoadedImage
from sysimage_vm.declaration import SYSTEM_DOCUMENT, Declaration
from sysimage_vm.image import ImageArchive


class Trial(ABC):
    """The state that questions share: how far the image has come.

    Its stages are methods, each of which does those before it that are not done yet: `load`, `start`, `boot`. A stage
    that is done is not done again; one that failed is. Reading an attribute starts nothing.
    """

    keeps_health_check = True
    """Whether the image's health check has survived its loading."""

    def __init__(self, image: ImageArchive, seconds: dict[str, float] | None = None) -> None:
        self.image = image
        self.seconds: dict[str, float] = seconds or {}
        """How long each stage took."""
        self._reference: str | None = None
        self._loaded: LoadedImage | None = None
        self._container: Booted | None = None
        self._declaration: Declaration | None = None
        self._has_booted = False

    def load(self) -> str:
        """Bring the image to where it runs; its name there."""
        if self._reference is None:
            with self._timed("load"):
                self._reference = self.load_image()
        return self._reference

    def loaded(self) -> LoadedImage:
        """What the place where it runs has read of the image."""
        self.load()
        if self._loaded is None:
            self._loaded = self.inspect_image()
        return self._loaded

    def start(self) -> Booted:
        """Start the container, whose services may not be there yet."""
        self.load()
        if self._container is None:
            with self._timed("run"):
                self._container = self.run_image()
        return self._container

    def boot(self) -> Booted:
        """The container once every declared service has started."""
        container = self.start()
        if not self._has_booted:
            with self._timed("boot"):
                declaration = self.declaration()
                if declaration.has_init:
                    container.wait_services(declaration.expected_services)
                else:
                    container.require_running()
            self._has_booted = True
        return container

    def declaration(self) -> Declaration:
        """What the started container's system was declared to be."""
        container = self.start()
        if self._declaration is None:
            container.require_running()
            entry = self.image.declared.get("Entrypoint") or []
            # [boot program, SYSTEM]: the system is named on the command line, as in a Guix system; not every engine's
            # `cp` follows the link that leads to it.
            path = f"{entry[1]}/system.json" if len(entry) == 2 else SYSTEM_DOCUMENT
            self._declaration = Declaration(self.read_document(path))
        return self._declaration

    @property
    def booted(self) -> Booted:
        """The container that `boot` has booted; a RuntimeError before."""
        if self._container is None or not self._has_booted:
            raise RuntimeError("the container has not been booted")
        return self._container

    @property
    def is_declared(self) -> bool:
        """Whether the system was found to say what it was declared to be."""
        return self._declaration is not None and bool(self._declaration.document)

    @abstractmethod
    def load_image(self) -> str:
        """Bring the image to where it runs; its name there."""

    @abstractmethod
    def inspect_image(self) -> LoadedImage:
        """What is known of the loaded image there."""

    @abstractmethod
    def run_image(self) -> Booted:
        """Start a container with nothing but the loaded image's own configuration, and no privilege."""

    @abstractmethod
    def read_document(self, path: str) -> Mapping[str, Any]:
        """The JSON document at a path of the container; empty if there is none."""

    @abstractmethod
    def keep(self, directory: Path) -> None:
        """Write what tells about the container into ``directory``."""

    def surroundings(self) -> str:
        """What was last seen around the container: for a failure."""
        return ""

    @cached_property
    def guest(self) -> Host:
        """The machine that the container runs on, for questions."""
        return testinfra.get_host("local://")

    @contextlib.contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.monotonic() - began
