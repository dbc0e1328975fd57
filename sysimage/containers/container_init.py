"""Starts and enters containers: the program between this machine's processes and those in namespaces.

Usage: container_init.py start|enter JSON. Run by any Python with its standard library alone, since what it needs must
be loaded before it leaves this machine's file system. ``start`` makes namespaces around a file system that a holder has
unpacked and becomes the parent of their first process; ``enter`` joins those of a running container. Both end as their
child does: with its status, or by 128 and its signal.

What a container sees is what an unprivileged one of Docker sees: namespaces of its own, Docker's default capabilities
and no others, a small /dev, /proc whose settings can't be changed, and /etc/hosts, /etc/hostname and /etc/resolv.conf
mounted from outside. Its network is the loopback. There is no seccomp filter, and only systemd has a cgroup of its own.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import errno
import fcntl
import json
import os
import pty
import select
import signal
import socket
import struct
import sys
import termios
import tty
from typing import Any, NoReturn

CAPABILITIES = (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31)
"""capability.h; what Docker leaves to a container without ``--privileged``."""
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
READ_ONLY = ("bus", "fs", "irq", "sys", "sysrq-trigger")
MASKED = ("acpi", "asound", "interrupts", "kcore", "keys", "latency_stats", "scsi", "timer_list")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NOT_EXECUTABLE, NOT_FOUND = 126, 127

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 4096, 16384, 1 << 18, 2
NEW_MOUNTS, NEW_CGROUP, NEW_NAMES, NEW_IPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
NEW_USERS, NEW_PIDS, NEW_NETWORK = 0x10000000, 0x20000000, 0x40000000
_OF_THE_PROGRAM = {errno.ENOENT: NOT_FOUND, errno.ENOTDIR: NOT_FOUND, errno.EACCES: NOT_EXECUTABLE,
                   errno.ENOEXEC: NOT_EXECUTABLE, errno.EISDIR: NOT_EXECUTABLE}  # fmt: skip
"""What a shell would end with for a program that the system refuses to start."""
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 1, 24, 47, 4
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1

_libc = ctypes.CDLL(None, use_errno=True)


def checked_syscall(result: int, what: str) -> None:
    """Raise the system's error with what was tried."""
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    checked_syscall(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str | None, flags: int = 0, data: str = "") -> None:
    done = _libc.mount(
        source.encode(), target.encode(), kind.encode() if kind else None, ctypes.c_ulong(flags), data.encode()
    )
    checked_syscall(done, f"mount {kind or source} on {target}")


def die_with_parent(parent: int = 0) -> None:
    """Let the kernel kill us when our parent is gone, which it is already when it is not ``parent``."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if parent and os.getppid() != parent:
        os._exit(128 + signal.SIGKILL)


def main(deed: str, todo: dict[str, Any]) -> NoReturn:
    parent, tell = todo["parent"], todo["tell"]
    for descriptor in (tell, *todo["cgroup"].values()):
        os.set_inheritable(descriptor, False)
    die_with_parent(parent)
    os.umask(0o022)
    try:
        if deed == "start":
            _join(todo["holder"], todo["own_users"], ("user", "mnt"))
            _change_cgroup(todo, "own")
            unshare(NEW_MOUNTS | NEW_PIDS | NEW_NETWORK | NEW_NAMES | NEW_IPC | NEW_CGROUP)
            _change_cgroup(todo, "above")
        else:
            _join(todo["holder"], todo["own_users"], ("user", "mnt", "pid", "net", "uts", "ipc", "cgroup"))
        die_with_parent(parent)  # forgotten by the kernel whenever rights change
    except OSError as error:
        _report(tell, {"error": error.strerror, "status": 1})
        os._exit(1)
    _supervise(deed, todo, tell)


def _change_cgroup(todo: dict[str, Any], which: str) -> None:
    """Go into the container's own cgroup, the root of its namespace, or back, if it has one."""
    if todo["cgroup"]:
        os.write(todo["cgroup"][which], b"0")


def _join(pid: int, own_users: bool, names: tuple[str, ...]) -> None:
    wanted = [name for name in names if name != "user" or own_users]
    opened = [(name, os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC)) for name in wanted]
    for name, descriptor in opened:
        checked_syscall(_libc.setns(descriptor, 0), f"setns {name}")
        os.close(descriptor)
        if name == "user":
            os.setresgid(0, 0, 0)
            os.setresuid(0, 0, 0)


def _supervise(deed: str, todo: dict[str, Any], tell: int) -> NoReturn:
    """Fork the program, say whether it started, and end as it does."""
    failed, fails = os.pipe()
    ours, theirs = socket.socketpair() if todo["terminal"] else (None, None)
    child = os.fork()
    if child == 0:
        os.close(failed)
        try:
            _change_cgroup(todo, "own")
            _become(deed, todo, theirs)
        except OSError as error:
            status = _OF_THE_PROGRAM.get(error.errno or 0, 1) if todo["furnished"] else 1
            words = error.strerror if error.filename is None else f"{os.fsdecode(error.filename)}: {error.strerror}"
            _report(fails, {"error": words, "status": status, "errno": error.errno})
        except LookupError as error:
            _report(fails, {"error": error.args[0], "status": NOT_EXECUTABLE, "errno": 0})
        os._exit(NOT_EXECUTABLE)
    os.close(fails)
    master = None
    if ours is not None and theirs is not None:
        theirs.close()
        with contextlib.suppress(OSError):
            received = socket.recv_fds(ours, 1, 1)[1]
            master = received[0] if received else None
    fault = b""
    while piece := os.read(failed, 1 << 16):
        fault += piece
    _report(tell, json.loads(fault) if fault else {"pid": child})
    os.close(tell)
    if master is not None:
        _relay(master)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os._exit(status if status >= 0 else 128 - status)


def _report(descriptor: int, document: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        os.write(descriptor, json.dumps(document).encode() + b"\n")


def _relay(master: int) -> None:
    """Carry bytes between our terminal and the container's until the latter's last user has left."""
    before = termios.tcgetattr(0)

    def resize(*_: object) -> None:
        size = array.array("H", [0, 0, 0, 0])
        with contextlib.suppress(OSError):
            fcntl.ioctl(0, termios.TIOCGWINSZ, size, True)
            fcntl.ioctl(master, termios.TIOCSWINSZ, size)

    signal.signal(signal.SIGWINCH, resize)
    resize()
    listened = [0, master]
    try:
        tty.setraw(0)
        while True:
            ready, _, _ = select.select(listened, [], [])
            if master in ready:
                try:
                    data = os.read(master, 1 << 16)
                except OSError:  # EIO: no process has it open any more
                    return
                if not data:
                    return
                _write(1, data)
            if 0 in ready:
                if not (data := os.read(0, 1 << 16)):
                    listened.remove(0)
                _write(master, data)
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _become(deed: str, todo: dict[str, Any], terminal: socket.socket | None) -> NoReturn:
    """The child: completes the container if it is new, takes the rights of its user, and runs the program."""
    die_with_parent()
    if deed == "start":
        _furnish(todo)
    if terminal is not None:
        _take_terminal(terminal)
    elif deed == "start":
        os.setsid()
    uid, gid, groups, home = identity(todo["user"])
    of_terminal = {"TERM": "xterm"} if terminal is not None else {}
    environment = {"PATH": PATH, "HOSTNAME": socket.gethostname(), "HOME": home, **of_terminal, **todo["env"]}
    for capability in set(range(64)) - set(todo["capabilities"]):
        _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    # Rights that every program would inherit from the caller, whichever user it runs as.
    _libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    if uid and deed == "start" and todo["own_output"]:
        for descriptor in (1, 2):  # so that /dev/stdout can be opened
            os.fchown(descriptor, uid, gid)
    if todo["groups"]:
        os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    die_with_parent()
    todo["furnished"] = True  # what goes wrong from here on, is the program's
    os.chdir(todo["cwd"] or "/")
    for number in (signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    if todo["init"]:
        _reap(todo["argv"], environment)
    _execute(todo["argv"], environment)


def _execute(argv: list[str], environment: dict[str, str]) -> NoReturn:
    if "/" in argv[0]:
        os.execve(argv[0], argv, environment)  # noqa: S606
    fault: OSError = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), argv[0])
    for directory in environment["PATH"].split(":"):
        try:
            os.execve(f"{directory or '.'}/{argv[0]}", argv, environment)  # noqa: S606
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            fault = error
    raise fault


def _reap(argv: list[str], environment: dict[str, str]) -> None:
    """Be what ``docker run --init`` puts before the program; returns in the child, which is the program."""
    child = os.fork()
    if child == 0:
        return
    os.closerange(3, 1 << 10)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: os.kill(child, number))  # the child is reaped below, and then we end
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)


def identity(user: str) -> tuple[int, int, list[int], str]:
    """User and group ID, supplementary groups and home of ``name|uid[:group|gid]``, by the container's own files.

    A LookupError for a name that is not in them.
    """
    name, _, group = user.partition(":")
    name = name or "0"
    users = [line for line in _table("etc/passwd") if len(line) == 7]
    groups = [line for line in _table("etc/group") if len(line) == 4]
    own = next((line for line in users if name in (line[0], line[2])), None)
    if own is None and not name.isdigit():
        raise LookupError(f"user {name} is not in /etc/passwd")
    uid = int(own[2]) if own else int(name)
    gid = int(own[3]) if own else 0
    if group:
        entry = next((line for line in groups if group in (line[0], line[2])), None)
        if entry is None and not group.isdigit():
            raise LookupError(f"group {group} is not in /etc/group")
        gid = int(entry[2]) if entry else int(group)
    more = [int(line[2]) for line in groups if own and not group and own[0] in line[3].split(",")]
    return uid, gid, sorted({gid, *more}), own[5] if own else "/"


def _table(name: str) -> list[list[str]]:
    try:
        with open(f"/{name}", encoding="utf-8", errors="replace") as file:
            return [line.rstrip("\n").split(":") for line in file]
    except OSError:
        return []


def _take_terminal(connection: socket.socket) -> None:
    """Make the container's own terminal ours, and hand its other side out."""
    master, slave = pty.openpty()
    socket.send_fds(connection, [b"."], [master])
    os.close(master)
    connection.close()
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for descriptor in range(3):
        os.dup2(slave, descriptor)
    os.close(slave)


def _furnish(todo: dict[str, Any]) -> None:
    """Mount what a container has besides its image, and make that the root.

    Links of the image must never lead to files of this machine: whatever is below the new root is found from inside of
    it, and what comes from here is held open.
    """
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    place, name = todo["place"], todo["hostname"]
    new = f"{place}/new"
    os.makedirs(new, exist_ok=True)
    if todo["upper"]:
        upper, work = (f"{place}/{kind}-{todo['upper']}" for kind in ("upper", "work"))
        for directory in (upper, work):
            os.makedirs(directory, exist_ok=True)
        os.chmod(upper, 0o755)  # noqa: S103 - the root directory
        more = ",userxattr" if todo["own_users"] else ""
        mount("overlay", new, "overlay", 0, f"lowerdir={place}/root,upperdir={upper},workdir={work}{more}")
    else:
        mount(f"{place}/root", new, None, MS_BIND)
    outside = os.open("/", os.O_PATH | os.O_CLOEXEC)
    files = _held({f"/etc/{one}": f"{place}/{one}" for one in ("hostname", "hosts", "resolv.conf")})
    devices = _held({f"/dev/{one}": f"/dev/{one}" for one in DEVICES})
    os.chroot(new)
    inside = os.open("/", os.O_PATH | os.O_CLOEXEC)
    for directory in ("/proc", "/sys", "/dev", "/etc"):
        os.makedirs(directory, exist_ok=True)
    hidden = MS_NOSUID | MS_NODEV | MS_NOEXEC
    mount("proc", "/proc", "proc", hidden)
    _bind(files)
    _mount_devices(devices)
    with contextlib.suppress(OSError), open("/proc/sys/net/ipv4/ip_unprivileged_port_start", "w") as file:
        file.write("0")  # as Docker has it: a service need not be root to listen on port 80
    _protect(hidden)
    mount("sysfs", "/sys", "sysfs", hidden | MS_RDONLY)
    if todo["cgroup"]:
        mount("cgroup2", "/sys/fs/cgroup", "cgroup2", hidden)
        mount("tmpfs", "/run", "tmpfs", hidden, "mode=0755")
    if todo["cwd"]:
        os.makedirs(todo["cwd"], exist_ok=True)
    for path in todo["tmpfs"]:
        os.makedirs(path, exist_ok=True)  # as engines do: /run/lock is not in a new /run
        mount("tmpfs", path, "tmpfs", hidden, "mode=1777")
    if todo["read_only"]:
        mount("none", "/", None, MS_REMOUNT | MS_BIND | MS_RDONLY)
    checked_syscall(_libc.sethostname(name.encode(), len(name.encode())), "sethostname")
    _bring_up("lo")
    os.fchdir(outside)
    os.chroot(".")
    os.fchdir(inside)
    checked_syscall(_libc.syscall(PIVOT_ROOT[os.uname().machine], b".", b"."), "pivot_root")
    checked_syscall(_libc.umount2(b".", MNT_DETACH), "umount")
    os.chdir("/")


def _held(files: dict[str, str]) -> dict[str, int]:
    """Path inside -> descriptor of the file of this machine that is to be there."""
    return {inside: os.open(outside, os.O_PATH | os.O_CLOEXEC) for inside, outside in files.items()}


def _bind(files: dict[str, int]) -> None:
    for path, descriptor in files.items():
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        mount(f"/proc/self/fd/{descriptor}", path, None, MS_BIND)
        os.close(descriptor)


def _mount_devices(devices: dict[str, int]) -> None:
    mount("tmpfs", "/dev", "tmpfs", MS_NOSUID, "mode=755")
    _bind(devices)
    for name, target in {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1",
                         "stderr": "/proc/self/fd/2", "ptmx": "pts/ptmx"}.items():  # fmt: skip
        os.symlink(target, f"/dev/{name}")
    for name, kind, data in (("pts", "devpts", "newinstance,ptmxmode=0666,mode=620"), ("shm", "tmpfs", "mode=1777")):
        os.mkdir(f"/dev/{name}")
        mount(kind, f"/dev/{name}", kind, MS_NOSUID | MS_NOEXEC, data)


def _protect(flags: int) -> None:
    """Root of a container is root to the kernel's files below /proc: settings of the machine are not for it."""
    for path in filter(os.path.exists, (f"/proc/{name}" for name in READ_ONLY)):
        mount(path, path, None, MS_BIND)
        mount("none", path, None, MS_REMOUNT | MS_BIND | MS_RDONLY | flags)
    for path in filter(os.path.exists, (f"/proc/{name}" for name in MASKED)):
        if os.path.isdir(path):
            mount("tmpfs", path, "tmpfs", MS_RDONLY | flags)
        else:
            mount("/dev/null", path, None, MS_BIND)


def _bring_up(interface: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        request = fcntl.ioctl(asked, SIOCGIFFLAGS, struct.pack("16sh14x", interface.encode(), 0))
        flags = struct.unpack("16sh14x", request)[1]
        fcntl.ioctl(asked, SIOCSIFFLAGS, struct.pack("16sh14x", interface.encode(), flags | IFF_UP))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
