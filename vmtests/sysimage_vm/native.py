"""A booted container on this machine, in an engine or in namespaces: what questions may ask of it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tarfile
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import testinfra
from testinfra.host import Host

from sysimage.containers.container_init import KEPT_CAPABILITIES
from sysimage.containers.engine import LoadedImage
from sysimage.containers.namespace_runner import NamespaceRunner
from sysimage.process import Completed
from sysimage_vm.backends import namespaces_host
from sysimage_vm.booted import BOOT
from sysimage_vm.container import container_address, privileges
from sysimage_vm.errors import ImageFaultError, InitEndedError
from sysimage_vm.resource_usage import UsageMeter, family
from sysimage_vm.services import QUESTIONS, parse_states, wait_services
from sysimage_vm.store_check import check
from sysimage_vm.waiting import USUAL, NotYet, Patience, Signs, ask

T = TypeVar("T")
_LOOK = 0.2
_EVIDENCE_LINES = 60


class Native(ABC):
    """What both have in common."""

    name: str
    host: Host
    systemd: bool
    """Whether its init is systemd."""

    @abstractmethod
    def exec(self, *words: str) -> Completed: ...
    @abstractmethod
    def hostname(self) -> str: ...
    @abstractmethod
    def address(self) -> str | None: ...
    @abstractmethod
    def privileges(self) -> Sequence[str]: ...
    @abstractmethod
    def health(self) -> str: ...
    @abstractmethod
    def check_store(self, store: str, database: str) -> Mapping[str, Any]: ...
    @abstractmethod
    def restart(self, seconds: int) -> None: ...
    @abstractmethod
    def stop(self, *, seconds: int = 30) -> tuple[int, float]: ...
    @abstractmethod
    def start(self) -> None: ...
    @abstractmethod
    def logs(self) -> str: ...
    @abstractmethod
    def state(self) -> str: ...
    @abstractmethod
    def described(self) -> Mapping[str, Any]:
        """Its state in detail, with ``ExitCode``, for people."""

    def evidence(self) -> str:
        said = "\n".join(self.logs().splitlines()[-_EVIDENCE_LINES:])
        return f"state: {json.dumps(self.described())}\n{said}"

    def require_running(self) -> None:
        if self.state() != "running":
            status = self.described().get("ExitCode")
            raise InitEndedError(
                f"cannot boot {self.name}: its first process ended with status {status}", evidence=self.evidence()
            )

    def services(self) -> Mapping[str, str]:
        done = self.exec(*QUESTIONS[self.systemd])
        text = done.stdout.decode("utf-8", "replace")
        return parse_states(text, systemd=self.systemd) if done.status == 0 else {}

    def wait_services(self, expected: Sequence[str], *, patience: Patience = BOOT) -> Mapping[str, str]:
        return wait_services(self, self.ask, self.services, expected, patience)

    # --- what waiting looks at ---

    @abstractmethod
    def first_process(self) -> int:
        """The number on this machine of the container's first process; 0 where it cannot be known."""

    def ask(
        self, what: str, question: Callable[[], T | NotYet], patience: Patience = USUAL, *, pause: float = _LOOK
    ) -> T:
        """Ask until the answer is there; see `sysimage_vm.waiting.ask`."""
        return ask(self, what, question, patience, pause=pause)

    @cached_property
    def _meter(self) -> UsageMeter:
        return UsageMeter(lambda: family(first) if (first := self.first_process()) else ())

    def now(self) -> float:
        return time.monotonic()

    def check(self) -> None:
        self.require_running()

    def signs(self) -> Signs:
        return Signs((), self._meter.read())

    def rest(self, seconds: float) -> None:
        time.sleep(min(seconds, _LOOK))

    def last_seen(self) -> str:
        return ""

    def console_tail(self) -> str:
        return "\n".join(self.logs().splitlines()[-_EVIDENCE_LINES:])


class NativeEngineContainer(Native):
    """The container of an image in Docker or Podman."""

    def __init__(self, files: LoadedImage) -> None:
        self.files = files
        self.name = files.name
        self.systemd = files.image.starts_systemd(files.image.argv())
        files.create()
        files.start()

    @cached_property
    def host(self) -> Host:
        """testinfra's own backend for the engine."""
        return testinfra.get_host(f"{self.files.engine.program}://{self.name}")

    def inspect(self) -> Mapping[str, Any]:
        return self.files.inspect()

    def first_process(self) -> int:
        return int(self.described().get("Pid") or 0)

    def hostname(self) -> str:
        return str(self.inspect()["Config"]["Hostname"])

    def address(self) -> str | None:
        """On the engine's network, or this machine's own."""
        inspected = self.inspect()
        if inspected["HostConfig"]["NetworkMode"] == "host":
            return "127.0.0.1"
        return container_address(inspected)

    def privileges(self) -> Sequence[str]:
        return privileges(self.inspect())

    def exec(self, *words: str) -> Completed:
        return self.files.call("exec", self.name, *words, accept=range(256))

    def logs(self) -> str:
        done = self.files.call("logs", self.name, accept=range(256))
        return (done.stdout + done.stderr).decode("utf-8", "replace")

    def state(self) -> str:
        return str(self.described()["Status"])

    def described(self) -> Mapping[str, Any]:
        state: Mapping[str, Any] = self.inspect()["State"]
        return state

    def health(self) -> str:
        if self.files.engine.program == "podman":  # which has systemd run the checks, where there is one
            done = self.files.call("healthcheck", "run", self.name, accept=(0, 1))
            return "healthy" if done.status == 0 else "unhealthy"
        return str((self.described().get("Health") or {}).get("Status", "none"))

    def check_store(self, store: str, database: str) -> Mapping[str, Any]:
        """Of a copy, because the engine may be on another machine, and its files not ours to read."""
        with tempfile.TemporaryDirectory(prefix="sysimage-store-") as copied:
            for path in (store, database):
                above = Path(copied + path).parent
                above.mkdir(parents=True, exist_ok=True)
                self._copy(path, above)
            return check(copied, store, database)

    def _copy(self, path: str, above: Path) -> None:
        with tempfile.TemporaryFile() as said:
            child = self.files.attach(
                "cp", f"{self.name}:{path}", "-", on_terminal=False, stdout=subprocess.PIPE, stderr=said
            )
            try:
                with tarfile.open(fileobj=child.stdout, mode="r|") as archive:
                    if hasattr(tarfile, "fully_trusted_filter"):  # what the engine sends of its own container
                        archive.extraction_filter = tarfile.fully_trusted_filter
                    archive.extractall(above, numeric_owner=True)
            except tarfile.TarError as error:
                child.wait()
                said.seek(0)
                words = said.read(4000).decode("utf-8", "replace").strip() or str(error)
                raise ImageFaultError(f"cannot copy {path} out of the container", evidence=words) from None
            finally:
                child.kill()
                child.wait()

    def restart(self, seconds: int) -> None:
        self.files.call("restart", "-t", str(seconds), self.name)

    def stop(self, *, seconds: int = 30) -> tuple[int, float]:
        began = time.monotonic()
        return self.files.stop(seconds), time.monotonic() - began

    def start(self) -> None:
        self.files.call("start", self.name)


class NamespacesContainer(Native):
    """The container of an image in namespaces."""

    def __init__(self, place: NamespaceRunner) -> None:
        self.place = place
        self.name = place.files.hostname
        self.systemd = place.image.starts_systemd(place.image.argv())
        place.boot()

    @cached_property
    def host(self) -> Host:
        return namespaces_host(self.place.run, self.name)

    def hostname(self) -> str:
        return self.place.files.hostname

    def privileges(self) -> Sequence[str]:
        """What the kernel lets its first process ever have, beyond Docker's default."""
        fields = dict(
            line.split(":\t", 1)
            for line in self.host.file("/proc/1/status").content_string.splitlines()
            if ":\t" in line
        )
        bounds = int(fields["CapBnd"], 16)
        return [
            f"capability {number}" for number in range(64) if bounds >> number & 1 and number not in KEPT_CAPABILITIES
        ]

    def exec(self, *words: str) -> Completed:
        return self.place.run(words)

    def logs(self) -> str:
        return self.place.log()

    def state(self) -> str:
        return "running" if self.place.runs() else "exited"

    def first_process(self) -> int:
        return self.place.booted().pid

    def described(self) -> Mapping[str, Any]:
        process = self.place.booted().process
        return {"Status": self.state(), "ExitCode": process.returncode}

    def address(self) -> str | None:
        """None: its network is its own loopback."""
        return None

    def health(self) -> str:
        check = self.place.image.section.get("Healthcheck") or {}
        kind, *words = check.get("Test") or ["NONE"]
        if kind == "NONE":
            return "none"
        argv = ["/bin/sh", "-c", *words] if kind == "CMD-SHELL" else words
        return "healthy" if self.exec(*argv).status == 0 else "unhealthy"

    def check_store(self, store: str, database: str) -> Mapping[str, Any]:
        return check(f"/proc/{self.place.booted().pid}/root", store, database)

    def restart(self, seconds: int) -> None:
        self.stop(seconds=seconds)
        self.start()

    def stop(self, *, seconds: int = 30) -> tuple[int, float]:
        began = time.monotonic()
        return self.place.booted().stop(timeout=seconds), time.monotonic() - began

    def start(self) -> None:
        self.place.boot()


def document_of(container: Native, path: str) -> Mapping[str, Any]:
    """A JSON document in the container; empty if it is absent."""
    done = container.exec("cat", path)
    with contextlib.suppress(ValueError):
        if done.status == 0:
            found: Mapping[str, Any] = json.loads(done.stdout)
            return found
    return {}
