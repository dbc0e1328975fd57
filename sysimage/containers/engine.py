"""Containers in an engine of this machine: Docker or Podman, by their own command lines, as the user has them set up.

    with loaded(engine, image) as files:
        files.create(("sleep", "1"))
        files.call("start", files.name)

An engine keeps what it is given. So image and container have names that nothing else has, and a process that outlives
this one, however it ends, removes them.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import secrets
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sysimage.containers.container_init import NOT_EXECUTABLE, NOT_FOUND
from sysimage.containers.errors import ProgramNotStartedError
from sysimage.containers.image import RunnableImage
from sysimage.errors import MachineError
from sysimage.process import Completed, ProcessFailedError, find, run, spawn
from sysimage.progress import Progress, silent

STAGE = "load"
ENGINE_PACKAGES = {"docker": "docker.io", "podman": "podman"}
REMOVING_SECONDS = 60.0
_NETWORK = re.compile(r"network|netavark|aardvark|cni|iptables|nft|bridge|slirp4netns|pasta", re.IGNORECASE)
"""What engines say when they cannot make a container's network."""
_NOT_THERE = re.compile(r"no such file or directory|executable file .*not found|permission denied", re.IGNORECASE)
"""What runtimes say of a program that they cannot start."""
_REMOVE = """
read how || how=lost
for second in 1 2 3 4 5 6 7 8 9 10; do
    "$1" rm -f -v "$2" && "$1" rmi "$3" && exit
    [ "$how" = lost ] || exit
    sleep 1
done
"""
"""Waits for a line, or for the end of its writer, and removes container and image. After an end without a line, the
engine may still be creating them, so the removal is repeated."""


_CGROUPS = "/sys/fs/cgroup"
_HYBRID = f"{_CGROUPS}/unified"
"""Where machines with cgroups of version 1 have those of version 2 beside them."""


def systemd_flags(program: str, version: str) -> list[str]:
    """Flags of ``docker run`` or ``podman run`` for a container whose first process is systemd, on a machine with
    cgroups of this version: 1 means a machine that has those of version 2 beside them."""
    if program == "podman":
        return ["--systemd=always"]
    empty = [word for path in ("/run", "/run/lock", "/tmp") for word in ("--tmpfs", path)]  # noqa: S108 - the image's
    source = _CGROUPS if version == "2" else _HYBRID
    return [*empty, "--cgroupns", "host", "--volume", f"{source}:{_CGROUPS}"]


def entry_point_flags(program: str, entry_point: str | None) -> list[str]:
    """Flags of ``docker run`` or ``podman run`` that replace the image's entry point; empty removes it."""
    if entry_point is None:
        return []
    # Podman needs an empty entry point as JSON, Docker as an empty text.
    return [f"--entrypoint={entry_point or ('[]' if program == 'podman' else '')}"]


@dataclass(frozen=True, slots=True)
class Engine:
    """A container engine's command line."""

    program: str
    """docker or podman."""
    environ: Mapping[str, str]
    """The environment of the user, which says where the daemon is and how it is set up."""

    def call(self, *words: str, stdin: bytes | None = None, accept: Sequence[int] = (0,)) -> Completed:
        """Run a command of the engine. A `ProcessFailedError` for a status outside ``accept``."""
        return run([self.path(), *words], stdin=stdin, env=self.environ, accept=accept)

    def path(self) -> Path:
        """Where it is; the first match in the user's PATH is used."""
        own = shutil.which(self.program, path=self.environ.get("PATH"))
        return Path(own) if own else find(self.program, package=ENGINE_PACKAGES[self.program])

    def cgroup_version(self) -> str:
        """``1`` or ``2``; a `MachineError` where systemd cannot have a cgroup."""
        form = "{{.CgroupVersion}}" if self.program == "docker" else "{{.Host.CgroupsVersion}}"
        version = self.call("info", "--format", form).stdout.decode().strip().removeprefix("v")
        if version != "2" and (self.program == "podman" or not Path(_HYBRID).is_dir()):
            raise MachineError(
                f"cannot boot systemd in {self.program}: it needs cgroups of version 2, and this machine has version "
                f"{version}",
                hint="say --in vm",
            )
        return version

    def check(self) -> str:
        """The engine's version; a `MachineError` if it is not installed or its daemon does not answer."""
        form = "{{.Server.Version}}" if self.program == "docker" else "{{.Client.Version}}"
        done = self.call("version", "--format", form, accept=range(256))
        if done.status == 0 and done.stdout.strip():
            return done.stdout.decode().strip()
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines() or ["it does not answer"]
        hint = "start its daemon, or say --in namespaces, which needs none" if self.program == "docker" else None
        raise MachineError(f"cannot use {self.program}: {said[-1]}", hint=hint or "say --in namespaces or vm")


@dataclass(frozen=True, slots=True)
class LoadedImage:
    """An image in an engine, and the one container of it."""

    engine: Engine
    image: RunnableImage
    reference: str
    name: str
    """The container's."""

    def call(self, *words: str, stdin: bytes | None = None, accept: Sequence[int] = (0,)) -> Completed:
        return self.engine.call(*words, stdin=stdin, accept=accept)

    def create(self, command: Sequence[str] = (), options: Sequence[str] = ()) -> None:
        """Make the container, with the engine's own network, or the machine's where the engine can't make one; one of
        systemd gets what that needs."""
        fault: ProcessFailedError | None = None
        is_own = not command and not any(one.startswith("--entrypoint") for one in options)
        if is_own and self.image.starts_systemd(self.image.argv()):
            options = [*systemd_flags(self.engine.program, self.engine.cgroup_version()), *options]
        for network in self._networks():
            self.call("rm", "-f", "-v", self.name, accept=range(256))  # of an attempt before
            try:
                self.call("create", "--name", self.name, *network, *options, self.reference, *command)
                if self.engine.program == "podman":
                    self.call("init", self.name)  # which makes the network, and starts nothing
                return
            except ProcessFailedError as error:
                self._check_program(error)
                fault = fault or error
                if not _NETWORK.search(error.stderr.decode("utf-8", "replace")):
                    raise
        raise MachineError(f"cannot make a container in {self.engine.program}: {fault}")

    def start(self) -> None:
        """Start the container. A `ProgramNotStartedError` if its program is not in the image."""
        try:
            self.call("start", self.name)
        except ProcessFailedError as error:
            self._check_program(error)
            raise

    def _check_program(self, error: ProcessFailedError) -> None:
        said = error.stderr.decode("utf-8", "replace")
        if found := _NOT_THERE.search(said):
            status = NOT_EXECUTABLE if found[0].lower() == "permission denied" else NOT_FOUND
            last = said.strip().splitlines()[0]
            raise ProgramNotStartedError(f"cannot run {self.image.name} in {self.engine.program}: {last}", status)

    def _networks(self) -> Iterator[tuple[str, ...]]:
        known = True
        if self.engine.program == "docker":
            known = self.call("network", "inspect", "bridge", accept=range(256)).status == 0
        if known:
            yield ()
        yield ("--network", "host")

    def inspect(self) -> Mapping[str, Any]:
        found: list[Mapping[str, Any]] = json.loads(self.call("container", "inspect", self.name).stdout)
        return found[0]

    def attach(self, *words: str, on_terminal: bool, **streams: Any) -> subprocess.Popen[bytes]:
        """Start a command of the engine that talks to a person, or passes on what a container says."""
        return spawn([self.engine.path(), *words], env=self.engine.environ, on_terminal=on_terminal, **streams)

    def stop(self, seconds: int = 10) -> int:
        """``stop``; the exit status of the container."""
        self.call("stop", "-t", str(seconds), self.name)
        return int(self.inspect()["State"]["ExitCode"])


@contextlib.contextmanager
def loaded(engine: Engine, image: RunnableImage, progress: Progress = silent) -> Iterator[LoadedImage]:
    """Load an image under a name of its own; when the block or this process ends, container and image are removed.

    What the engine refuses is a `MachineError` with its words.
    """
    engine.check()
    name = f"sysimage-{secrets.token_hex(6)}"
    reference = f"localhost/{name}:latest"
    remover = spawn(
        ["/bin/sh", "-c", _REMOVE, "sh", engine.path(), name, reference],
        env=engine.environ, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, outlives=True,
    )  # fmt: skip
    try:
        _load(engine, image, reference, progress)
        yield LoadedImage(engine, image, reference, name)
    finally:
        remover.communicate(b"end\n", REMOVING_SECONDS)


def _load(engine: Engine, image: RunnableImage, reference: str, progress: Progress) -> None:
    with tempfile.TemporaryFile() as said:
        child = spawn(
            [engine.path(), "load"], env=engine.environ, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said
        )
        try:
            if child.stdin is not None:
                with contextlib.suppress(BrokenPipeError), child.stdin:  # closed by the engine, whose output says why
                    write_archive(image, reference, child.stdin, progress)
            status = child.wait()
        except BaseException:
            child.kill()
            child.wait()
            raise
        said.seek(0)
        reason = said.read(4000).decode("utf-8", "replace").strip()
    if status:
        raise MachineError(f"cannot load {image.name} into {engine.program}: {reason or f'exit status {status}'}")


def write_archive(image: RunnableImage, reference: str, file: IO[bytes], progress: Progress = silent) -> None:
    """Write an archive that engines load under ``reference`` alone: the image's own blobs, with other documents on top.

    It is in both forms if the image is an OCI layout, and in Docker's if that is the image's only one.
    """
    documents, source = image.documents, image.source
    config = f"blobs/sha256/{documents.image_id.hex}"
    extra: dict[str, bytes] = {}
    if source.size(config) is None:  # Docker's form has no rule for names of files
        extra[config] = image.raw
    layers = [layer.file for layer in documents.layers]
    entry = {"Config": config, "RepoTags": [reference], "Layers": layers}
    blobs = [*([] if config in extra else [config]), *dict.fromkeys(layers)]
    if documents.digest is not None:
        manifest = f"blobs/sha256/{documents.digest.hex}"
        data = b"".join(source.chunks(manifest))
        media_type = json.loads(data).get("mediaType") or "application/vnd.oci.image.manifest.v1+json"
        names = {"io.containerd.image.name": reference, "org.opencontainers.image.ref.name": reference}
        described = {"mediaType": media_type, "digest": str(documents.digest), "size": len(data), "annotations": names}
        extra["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
        extra["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [described]}).encode()
        blobs.insert(0, manifest)
    extra["manifest.json"] = json.dumps([entry]).encode()
    total = sum(source.size(name) or 0 for name in blobs)
    done = 0
    with tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for name, data in extra.items():
            archive.addfile(_member(name, len(data)), io.BytesIO(data))
        for name in blobs:
            size = source.size(name) or 0
            archive.addfile(_member(name, size), _Chunks(source.chunks(name)))
            done += size
            progress(STAGE, done, total, unit="bytes")


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = size
    return member


class _Chunks(io.RawIOBase):
    """Chunks as a file for `tarfile`."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def read(self, size: int = -1) -> bytes:
        if not self._rest:
            self._rest = memoryview(next(self._chunks, b""))
        piece, self._rest = self._rest[:size], self._rest[size:]
        return bytes(piece)
