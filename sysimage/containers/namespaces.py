"""Containers in plain Linux namespaces: no engine, no daemon, nothing on the disk, and root only if the caller is root.

    with unpacked(image) as files:  # of `sysimage.containers.unpacked_image`
        container = files.start(image.argv(), stdin=DEVNULL)
        assert container.run(["/bin/sh", "-c", "echo $$"]).status == 0
        assert container.stop() == 0

All is gone when the ``with`` block ends, and when this process does, however it does: see
`sysimage.containers.mount_namespace`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from sysimage.containers.cgroup import Cgroup
from sysimage.containers.container_init import KEPT_CAPABILITIES
from sysimage.containers.errors import ProgramNotStartedError
from sysimage.containers.image import RunnableImage
from sysimage.containers.users import UserMap
from sysimage.errors import MachineError, SysimageError
from sysimage.process import Completed, spawn

STAGE = "unpack"
STOP_SECONDS = 10.0
"""How long a container may take to stop before it is killed; Docker's own."""
_START = """\
import sys
sys.path.append(sys.argv[1])
from sysimage.containers.container_init import main
main(*sys.argv[2:])
"""
"""Python without site-packages runs it, as no library is needed: it starts in half the time."""
_TOP = Path(__file__).parents[2]
ELSEWHERE = "run it as root, or with --in docker, podman or vm"


@dataclass(frozen=True, slots=True)
class ContainerOptions:
    """How a container differs from what its image says, as by options of ``docker run``."""

    env: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    """Replaces the value of the image: ``name|uid[:group|gid]``."""
    read_only: bool = False
    tmpfs: tuple[str, ...] = ()
    """Image paths that an empty file system covers."""
    init: bool = False
    """Put a process that reaps and passes signals on before the program."""
    capabilities: tuple[int, ...] = KEPT_CAPABILITIES
    upper: str | None = None
    """Let the container write beside the image's files, to a place of this name, where a later one finds it again; by
    default it writes to the files themselves."""
    own_output: bool = True
    """Give standard output to the container's user, so that it can open /dev/stdout."""


@dataclass(frozen=True, slots=True)
class Container:
    """A started container."""

    files: UnpackedImage
    process: subprocess.Popen[bytes]
    """The parent of the container's first process; ends with its status, or 128 and its signal."""
    pid: int
    """The container's first process, seen from outside."""
    settings: ContainerOptions

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        timeout: float | None = None,
    ) -> Completed:
        """Run a program inside, as ``docker exec`` does, and return what it printed.

        A `ProgramNotStartedError` if it is not there, a TimeoutExpired (after killing it) if it takes too long.
        """
        child = self._enter(argv, env, user, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            stdout, stderr = child.communicate(stdin, timeout)
        except BaseException:
            child.kill()
            child.communicate()
            raise
        return Completed(child.returncode, stdout, stderr)

    def talk(self, argv: Sequence[str], *, terminal: bool) -> int:
        """Run a program inside with our own input and output, on a terminal of the container if ``terminal``."""
        with self.files.terminal_kept(terminal):
            child = self._enter(argv, None, None, terminal=terminal, on_terminal=terminal)
            return _ended(child)

    def kill(self, number: int) -> None:
        """Send a signal to the container's first process."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, when it has ended. A TimeoutExpired if it has not."""
        return self.process.wait(timeout)

    def stop(self, number: int | None = None, *, timeout: float = STOP_SECONDS) -> int:
        """Like ``docker stop``: send the image's signal, and SIGKILL if the container does not end in time; returns the
        exit status."""
        if self.process.poll() is None:
            self.kill(self.files.image.stop_signal if number is None else number)
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill(signal.SIGKILL)
            return self.wait()

    def _enter(
        self,
        argv: Sequence[str],
        env: Mapping[str, str] | None,
        user: str | None,
        *,
        terminal: bool = False,
        **options: Any,
    ) -> subprocess.Popen[bytes]:
        todo = self.files.todo(argv, self.settings, terminal=terminal) | {"holder": self.pid, "init": False}
        todo["env"] |= env or {}
        todo["user"] = todo["user"] if user is None else user
        try:
            return self.files.launch("enter", todo, **options)[0]
        except MachineError:
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = self.wait(1)
                raise SysimageError(
                    f"cannot run {argv[0]} in {self.files.image.name}: its container has ended with status {status}"
                ) from None
            raise


@dataclass(frozen=True, slots=True)
class UnpackedImage:
    """An image's files, held for its containers. One after the other writes to the same files, as restarts do."""

    image: RunnableImage
    holder: int
    """The process that holds them."""
    place: str
    hostname: str
    users: UserMap | None
    """None where we are root, and need no users of our own."""
    _started: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _cgroups: list[Cgroup] = field(default_factory=list)

    def start(
        self,
        argv: Sequence[str],
        settings: ContainerOptions | None = None,
        *,
        terminal: bool = False,
        stdin: int | IO[bytes] | None = None,
        stdout: int | IO[bytes] | None = None,
        stderr: int | IO[bytes] | None = None,
    ) -> Container:
        """Start a container of ``argv``; returns when its program has begun.

        A `ProgramNotStartedError` if that is not in the image, a `MachineError` for what this machine does not allow.
        """
        settings = settings or ContainerOptions()
        todo = self.todo(argv, settings, terminal=terminal)
        options = {"stdin": stdin, "stdout": stdout, "stderr": stderr, "on_terminal": terminal}
        with self._cgroup(argv) as descriptors:
            process, pid = self.launch("start", todo | {"cgroup": descriptors}, **options)
        self._started.append(process)
        return Container(self, process, pid, settings)

    @contextlib.contextmanager
    def _cgroup(self, argv: Sequence[str]) -> Iterator[dict[str, int]]:
        """Descriptors of a new cgroup for what needs one of its own, and none for anything else."""
        if not self.image.starts_systemd(argv):
            yield {}
            return
        cgroup = Cgroup.make()
        self._cgroups.append(cgroup)
        with cgroup.opened() as descriptors:
            yield descriptors

    def todo(self, argv: Sequence[str], settings: ContainerOptions, *, terminal: bool) -> dict[str, Any]:
        """The request to `sysimage.containers.container_init`."""
        config = self.image.documents.config
        if not argv:
            raise SysimageError(f"cannot run {self.image.name}: it has neither entry point nor command",
                                hint="say a command")  # fmt: skip
        return {
            "argv": list(argv),
            "env": {**self.image.environment, **settings.env},
            "user": config.runtime.user if settings.user is None else settings.user,
            "cwd": config.runtime.working_directory,
            "read_only": settings.read_only,
            "tmpfs": list(settings.tmpfs),
            "init": settings.init,
            "cgroup": {},
            "furnished": False,
            "capabilities": list(settings.capabilities),
            "upper": settings.upper,
            "own_output": settings.own_output and not terminal,
            "terminal": terminal,
            "hostname": self.hostname,
            "place": self.place,
            "holder": self.holder,
            "own_users": self.users is not None,
            "groups": self.users is None or self.users.several,
            "parent": os.getpid(),
        }

    def launch(self, deed: str, todo: dict[str, Any], **options: Any) -> tuple[subprocess.Popen[bytes], int]:
        """Start `container_init` and wait until it says how that went; the process, and its child's ID."""
        told, tell = os.pipe()
        try:
            process = spawn(
                [sys.executable, "-I", "-S", "-c", _START, _TOP, deed, json.dumps(todo | {"tell": tell})],
                pass_fds=(tell, *todo["cgroup"].values()),
                **options,
            )
        finally:
            os.close(tell)
        try:
            with open(told, "rb") as file:
                answer = json.loads(file.readline() or b'{"error": "it ended at once", "status": 1}')
        except BaseException:
            process.kill()
            process.wait()
            raise
        if "error" not in answer:
            return process, int(answer["pid"])
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
        process.wait()
        if answer["status"] in (126, 127):
            raise ProgramNotStartedError(f"cannot run {todo['argv'][0]} in {self.image.name}: {answer['error']}",
                                         answer["status"])  # fmt: skip
        raise MachineError(f"cannot {deed} a container in namespaces: {answer['error']}", hint=ELSEWHERE)

    @property
    def root(self) -> Path:
        """The image's files, seen from outside."""
        return Path(f"/proc/{self.holder}/root{self.place}/root")

    def written(self, upper: str) -> Path:
        """What containers have written to the place that `ContainerOptions.upper` names, seen from outside."""
        return Path(f"/proc/{self.holder}/root{self.place}/upper-{upper}")

    @property
    def limits(self) -> tuple[str, ...]:
        """What does not work as it would in an engine, for people."""
        if self.users is None or self.users.several:
            return ()
        return ("inside, root is the only user: what runs as another does not start (apt-get install uidmap, and give "
                "this user a range in /etc/subuid and /etc/subgid)",)  # fmt: skip

    @contextlib.contextmanager
    def terminal_kept(self, terminal: bool) -> Iterator[None]:
        """Leave our terminal as it was, whatever becomes of the program that has it meanwhile."""
        if not terminal:
            yield
            return
        import termios

        before = termios.tcgetattr(0)
        try:
            yield
        finally:
            termios.tcsetattr(0, termios.TCSADRAIN, before)

    def close(self) -> None:
        """Kill what still runs."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.wait()
        for cgroup in self._cgroups:
            cgroup.remove()


def _ended(child: subprocess.Popen[bytes]) -> int:
    try:
        return child.wait()
    except BaseException:
        child.kill()
        child.wait()
        raise
