"""Starts and enters containers: the program between this machine's processes and those in namespaces.

`main` takes ``start`` or ``enter`` and a request in JSON. It is called by a Python without libraries, and loads no more
than a few modules beside this one, all before it leaves this machine's file system. ``start`` makes namespaces around a
file system that a holder has unpacked and becomes the parent of their first process; ``enter`` joins those of a running
container. Both end as their child does: with its status, or by 128 and its signal.

What a container sees is what an unprivileged one of Docker sees: namespaces of its own, Docker's default capabilities
and no others, a small /dev, /proc whose settings can't be changed, and /etc/hosts, /etc/hostname and /etc/resolv.conf
mounted from outside. Its network is the loopback. There is no seccomp filter, and only systemd has a cgroup of its own.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import socket
from typing import Any, NoReturn

from sysimage.containers.container_mounts import furnish
from sysimage.containers.kernel_calls import (
    NEW_CGROUP,
    NEW_IPC,
    NEW_MOUNTS,
    NEW_NAMES,
    NEW_NETWORK,
    NEW_PIDS,
    die_with_parent,
    join_namespace,
    keep_capabilities,
    unshare,
)
from sysimage.containers.terminal_relay import received_terminal, relay, take_terminal

KEPT_CAPABILITIES = (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31)
"""capability.h; what Docker leaves to a container without ``--privileged``."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NOT_EXECUTABLE, NOT_FOUND = 126, 127

_OF_THE_PROGRAM = {errno.ENOENT: NOT_FOUND, errno.ENOTDIR: NOT_FOUND, errno.EACCES: NOT_EXECUTABLE,
                   errno.ENOEXEC: NOT_EXECUTABLE, errno.EISDIR: NOT_EXECUTABLE}  # fmt: skip
"""What a shell would end with for a program that the system refuses to start."""


def main(deed: str, request: str) -> NoReturn:
    """Start or enter a container, and end with its exit status."""
    todo = json.loads(request)
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
        join_namespace(descriptor, name)
        os.close(descriptor)
        if name == "user":
            os.setresgid(0, 0, 0)
            os.setresuid(0, 0, 0)


def _supervise(deed: str, todo: dict[str, Any], tell: int) -> NoReturn:
    """Fork the program, report whether it started, and end with its exit status."""
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
        master = received_terminal(ours)
    fault = b""
    while piece := os.read(failed, 1 << 16):
        fault += piece
    _report(tell, json.loads(fault) if fault else {"pid": child})
    os.close(tell)
    if master is not None:
        relay(master)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os._exit(status if status >= 0 else 128 - status)


def _report(descriptor: int, document: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        os.write(descriptor, json.dumps(document).encode() + b"\n")


def _become(deed: str, todo: dict[str, Any], terminal: socket.socket | None) -> NoReturn:
    """The child: completes the container if it is new, takes the rights of its user, and runs the program."""
    die_with_parent()
    if deed == "start":
        furnish(todo)
    if terminal is not None:
        take_terminal(terminal)
    elif deed == "start":
        os.setsid()
    uid, gid, groups, home = identity(todo["user"])
    of_terminal = {"TERM": "xterm"} if terminal is not None else {}
    environment = {"PATH": PATH, "HOSTNAME": socket.gethostname(), "HOME": home, **of_terminal, **todo["env"]}
    keep_capabilities(todo["capabilities"])
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
