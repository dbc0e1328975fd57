"""Boots a directory as a container would be booted: in plain Linux namespaces, without any container engine.

What is imitated is what an unprivileged Docker container sees: its own mount, PID, UTS, IPC, network and cgroup
namespaces; a writable or read-only layer over the image; /proc, a small /dev, /sys; /etc/hosts, /etc/hostname and
/etc/resolv.conf mounted from outside; Docker's default capabilities and no others. Needs root, or a kernel that lets
others make user namespaces, in which case only root exists inside.

    with boot(root, ["/gnu/store/…-boot-program", "/gnu/store/…-system"]) as system:
        assert system.run(["/bin/sh", "-c", "echo $$"]).returncode == 0
        assert system.stop() == 0
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if __name__ != "__main__":  # the launcher itself runs without the project
    from sysimage.rootfs import Kind, Tree
    from sysimage.store import StoreItem
    from sysimage_vm.effort import EffortMeter, family
    from sysimage_vm.faults import DeadlineError, GuestSilentError
    from sysimage_vm.waiting import NotYet, Patience, Signs, ask, wait

# capability.h; Docker keeps these for a container without --privileged.
DOCKER_CAPABILITIES = frozenset({0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31})
LAST_CAPABILITY = 40
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = (
    1, 2, 4, 8, 32, 4096, 16384, 1 << 18,
)  # fmt: skip
MNT_DETACH = 2
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
PR_CAPBSET_DROP, PR_SET_PDEATHSIG = 24, 1

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass
class Booted:
    """A running container. `stop` or the end of the ``with`` block ends it."""

    process: subprocess.Popen[bytes]
    """The ``unshare`` whose child is the container's first process."""
    pid: int
    """The container's first process, seen from outside."""
    log: Path
    """What the container wrote on standard output and error."""

    def __post_init__(self) -> None:
        self._meter = EffortMeter(lambda: family(self.process.pid))
        self._may_end = False

    def run(self, argv: Sequence[str], *, timeout: float = 1800, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a program inside, as ``docker exec`` does; ``timeout`` is a far upper bound."""
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        environment |= options.pop("env", {})
        enter = ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup"]
        enter += ["--root"] + ([] if os.geteuid() == 0 else ["--user", "--preserve-credentials"])
        # nsenter itself must be found outside, the program inside.
        inside = ["/usr/bin/env", "-i", "-C", "/", *(f"{name}={value}" for name, value in environment.items()), *argv]
        return subprocess.run([*enter, *inside], capture_output=True, text=True, timeout=timeout, **options)

    def output(self) -> str:
        """What ``docker logs`` would show."""
        return self.log.read_text(errors="replace")

    def wait_for(self, what: str, holds: Callable[[], bool], *, quiet: float = 30) -> None:
        """Wait until ``holds``, at most for ``quiet`` seconds in which the container does nothing.

        An AssertionError that names ``what`` and shows the end of the log otherwise.
        """
        with self._shown():
            ask(self, what, lambda: True if holds() else NotYet("no"), Patience(quiet), pause=0.05)

    @contextlib.contextmanager
    def _shown(self) -> Iterator[None]:
        try:
            yield
        except (GuestSilentError, DeadlineError) as fault:
            raise AssertionError(str(fault)) from None

    # --- what waiting looks at ---

    def now(self) -> float:
        return time.monotonic()

    def check(self) -> None:
        if self.process.poll() is not None and not self._may_end:
            raise AssertionError(f"the container ended while it was waited for:\n{self.console_tail()}")

    def signs(self) -> Signs:
        return Signs(self.log.stat().st_size, self._meter.read())

    def rest(self, seconds: float) -> None:
        time.sleep(min(seconds, 0.05))

    def last_seen(self) -> str:
        return ""

    def console_tail(self) -> str:
        return self.output()[-4000:]

    def kill(self, number: int) -> None:
        """Send a signal to the container's first process."""
        os.kill(self.pid, number)

    def stop(self, number: int = signal.SIGTERM, *, quiet: float = 10) -> int:
        """As ``docker stop``: signal, then the exit status.

        An AssertionError where it would have to be killed: after ``quiet`` seconds in which it does nothing.
        """
        self._may_end = True
        self.kill(number)
        with self._shown():
            return wait(self, "the container to stop", self.process.poll, Patience(quiet))


@contextlib.contextmanager
def boot(
    root: Path,
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    read_only: bool = False,
    tmpfs: Sequence[str] = (),
    uid: int = 0,
    gid: int = 0,
    hostname: str = "c0ffee",
    init: bool = False,
    capabilities: frozenset[int] = DOCKER_CAPABILITIES,
    upper: Path | None = None,
) -> Iterator[Booted]:
    """Boot ``root``, which is not changed: writes go to ``upper``, where a second boot finds them (a restart).

    ``tmpfs`` are image paths covered by an empty file system, as by ``docker run --tmpfs``; ``init`` puts a small
    reaping process before ``argv`` as ``docker run --init`` does.
    """
    with tempfile.TemporaryDirectory(prefix="namespaces-") as scratch_name:
        scratch = Path(scratch_name)
        log, ready = scratch / "log", scratch / "ready"
        plan = {
            "root": str(root), "argv": list(argv), "env": dict(env or {}), "read_only": read_only,
            "tmpfs": list(tmpfs), "uid": uid, "gid": gid, "hostname": hostname, "init": init,
            "capabilities": sorted(capabilities), "upper": str(upper or scratch / "upper"), "scratch": scratch_name,
        }  # fmt: skip
        outer = ["unshare", "--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup", "--fork", "--kill-child=KILL"]
        if os.geteuid() != 0:
            outer += ["--user", "--map-root-user"]
        # Docker's standard output is a pipe; a file would hide what a program does to one.
        with log.open("ab") as sink:
            pump = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=sink)
            assert pump.stdin is not None
            process = subprocess.Popen(
                [*outer, sys.executable, "-P", __file__, json.dumps(plan)],
                stdin=subprocess.DEVNULL, stdout=pump.stdin, stderr=pump.stdin,
            )  # fmt: skip
            pump.stdin.close()
        try:
            booted = Booted(process, process.pid, log)
            with booted._shown():
                wait(booted, "the container to start", lambda: True if ready.exists() else None)
            booted.pid = _child_of(process.pid)
            yield booted
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            with contextlib.suppress(subprocess.TimeoutExpired):
                pump.wait(5)


def lay_out(tree: Tree, items: Iterable[StoreItem], root: Path) -> None:
    """Write a root file system to the directory ``root``, as unpacking the image would; items become hard links.

    Owners are only set by root. ``root`` must be on the file system of the store.
    """
    for entry in tree:
        path = root / entry.path.lstrip("/")
        if entry.kind is Kind.DIRECTORY:
            path.mkdir(exist_ok=True)
        elif entry.kind is Kind.SYMLINK:
            path.symlink_to(entry.target or "")
        else:
            path.write_bytes(entry.read())
        if os.geteuid() == 0:
            os.chown(path, entry.uid, entry.gid, follow_symlinks=False)
        if entry.kind is not Kind.SYMLINK:
            path.chmod(entry.mode)
    for item in items:
        assert item.location is not None
        target = root / str(item.path).lstrip("/")
        subprocess.run(["cp", "-al", str(item.location), str(target)], check=True)


def _child_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def _mount(source: str, target: str, kind: str | None, flags: int = 0, data: str = "") -> None:
    encoded = kind.encode() if kind else None
    if _libc.mount(source.encode(), target.encode(), encoded, ctypes.c_ulong(flags), data.encode()) != 0:
        raise OSError(ctypes.get_errno(), f"mount {source} on {target}: {os.strerror(ctypes.get_errno())}")


def _inside(plan: dict[str, Any]) -> None:
    """The first process of the new namespaces: mounts what a container has, and becomes the program."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    _mount("none", "/", None, MS_REC | MS_PRIVATE)
    scratch, upper = Path(plan["scratch"]), Path(plan["upper"])
    new, work = scratch / "root", upper.with_name(upper.name + ".work")
    for directory in (new, upper, work):
        directory.mkdir(parents=True, exist_ok=True)
    upper.chmod(0o755)
    _mount("overlay", str(new), "overlay", 0, f"lowerdir={plan['root']},upperdir={upper},workdir={work}")
    for name in ("proc", "sys", "dev", "etc"):
        (new / name).mkdir(exist_ok=True)
    for name, text in {
        "hostname": plan["hostname"] + "\n",
        "hosts": f"127.0.0.1\tlocalhost\n::1\tlocalhost\n172.17.0.2\t{plan['hostname']}\n",
        "resolv.conf": "nameserver 192.0.2.1\n",
    }.items():
        (scratch / name).write_text(text)
        (scratch / name).chmod(0o644)
        (new / "etc" / name).touch()
        _mount(str(scratch / name), str(new / "etc" / name), None, MS_BIND)
    _mount("proc", str(new / "proc"), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    _mount("sysfs", str(new / "sys"), "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY)
    _mount("tmpfs", str(new / "dev"), "tmpfs", MS_NOSUID, "mode=755")
    for name in DEVICES:
        (new / "dev" / name).touch()
        _mount(f"/dev/{name}", str(new / "dev" / name), None, MS_BIND)
    for name, target in {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1",
                         "stderr": "/proc/self/fd/2", "ptmx": "pts/ptmx"}.items():  # fmt: skip
        (new / "dev" / name).symlink_to(target)
    for name, kind, data in (("pts", "devpts", "newinstance,ptmxmode=0666,mode=620"), ("shm", "tmpfs", "mode=1777")):
        (new / "dev" / name).mkdir()
        _mount(kind, str(new / "dev" / name), kind, MS_NOSUID | MS_NOEXEC, data)
    if plan["read_only"]:
        _mount("none", str(new), None, MS_REMOUNT | MS_BIND | MS_RDONLY)
    for path in plan["tmpfs"]:
        _mount("tmpfs", str(new) + path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777")
    _libc.sethostname(plan["hostname"].encode(), len(plan["hostname"]))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    os.chdir(new)
    if _libc.syscall(PIVOT_ROOT[os.uname().machine], b".", b".") != 0:
        raise OSError(ctypes.get_errno(), "pivot_root")
    _libc.umount2(b".", MNT_DETACH)
    os.chdir("/")
    if plan["uid"]:
        os.fchown(1, plan["uid"], plan["gid"])  # as runc does, so that /dev/stdout can be opened
    _start(plan)


def _start(plan: dict[str, Any]) -> None:
    # The outside learns from a file that the namespaces are ready; only the descriptor still leads to its directory.
    os.close(os.open("ready", os.O_CREAT | os.O_WRONLY, dir_fd=plan["outside"]))
    os.close(plan["outside"])
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME": plan["hostname"], **plan["env"]}
    if plan["init"] and (child := os.fork()):
        signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
        while True:
            with contextlib.suppress(InterruptedError):
                pid, status = os.wait()
                if pid == child:
                    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    for capability in range(LAST_CAPABILITY + 1):
        if capability not in plan["capabilities"]:
            _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    if plan["uid"] or plan["gid"]:
        os.setgroups([])
        os.setgid(plan["gid"])
        os.setuid(plan["uid"])
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.execve(plan["argv"][0], plan["argv"], environment)


if __name__ == "__main__":
    todo = json.loads(sys.argv[1])
    todo["outside"] = os.open(todo["scratch"], os.O_PATH | os.O_CLOEXEC)
    _inside(todo)
