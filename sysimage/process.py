"""The only door to other programs.

`run` is for programs that start, work and end; `spawn` for the one long-lived child we have (QEMU) and for binary
pipes, where `sh` would put threads between us and the descriptor; `become` for a program in our own place. Children
see a small, fixed environment, so that what they print and make does not depend on whose machine it is. They are out of
the keyboard's reach, and the kernel kills them when we are gone.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from sysimage.errors import MachineError, SysimageError
from sysimage.signals import ending_with_parent, when_ending

CLEAN_ENVIRONMENT: Mapping[str, str] = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "HOME": "/nonexistent",
}


@dataclass(frozen=True, slots=True)
class Completed:
    """A program that has ended."""

    status: int
    stdout: bytes
    stderr: bytes


class ProcessFailedError(SysimageError):
    """A program ended with a status that was not expected."""

    def __init__(self, argv: Sequence[str], status: int, stderr: bytes) -> None:
        tail = stderr.decode("utf-8", "replace").strip()[-2000:]
        super().__init__(
            f"cannot run {argv[0]}: exit status {status}" + (f": {tail}" if tail else ""),
            hint=f"the command was: {shlex.join(argv)}",
        )
        self.argv, self.status, self.stderr = tuple(argv), status, stderr


def find(program: str, *, package: str | None = None) -> Path:
    """Where ``program`` is; an MachineError that names the Debian package to install if it is nowhere."""
    found = shutil.which(program, path=CLEAN_ENVIRONMENT["PATH"]) or shutil.which(program)
    if found is None:
        raise MachineError(
            f"cannot find {program}: it is not installed",
            hint=f"apt-get install {package or program}",
        )
    return Path(found)


def run(
    argv: Sequence[str | Path],
    *,
    stdin: bytes | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    accept: Sequence[int] = (0,),
) -> Completed:
    """Run a program to its end and return what it printed.

    ``env`` is added to the clean environment. A status outside ``accept`` raises `ProcessFailedError`.
    """
    import sh  # imported late: a run without other programs does not need it

    program, *arguments = (str(word) for word in argv)
    options: dict[str, Any] = {
        "_env": {**CLEAN_ENVIRONMENT, **(env or {})},
        "_tty_out": False,
        "_truncate_exc": False,
        "_return_cmd": True,
        "_ok_code": tuple(range(256)) + tuple(range(-64, 0)),
        "_new_session": True,
        "_preexec_fn": ending_with_parent(),
        # Its handle is needed while it runs.
        "_bg": True,
        "_bg_exc": False,
    }
    if stdin is not None:
        options["_in"] = stdin
    if cwd is not None:
        options["_cwd"] = str(cwd)
    try:
        command = sh.Command(program)(*arguments, **options)
        _wait(command)
    except sh.CommandNotFound:
        raise MachineError(f"cannot find {program}: it is not installed") from None
    done = Completed(int(command.exit_code), bytes(command.stdout), bytes(command.stderr))
    if done.status not in accept:
        raise ProcessFailedError((program, *arguments), done.status, done.stderr)
    return done


def _wait(command: Any) -> None:
    """Until the program has ended, which it does when we are to: another thread than the main one may wait here."""

    with when_ending(functools.partial(_kill, command.pid)):
        try:
            command.wait()
        except BaseException:
            _kill(command.pid)
            raise


def spawn(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    on_terminal: bool = False,
    outlives: bool = False,
    brief: bool = False,
    **options: Any,
) -> subprocess.Popen[bytes]:
    """Start a program and return at once; the caller, in the thread that called, owns the child and ends it.

    It has a session of its own, so that Ctrl-C reaches us alone, unless a person is to talk to it ``on_terminal``. The
    kernel ends it with us, unless it is there for what is left to do then, and ``outlives`` us. A ``brief`` one, of
    those that are started by the hundred, asks the kernel for that itself, by setpriv(1), where this is installed: so
    it takes a fifth of the time, because no memory of this process is copied for it. One that starts in the very
    moment in which we die would not notice it.
    """
    words = [str(word) for word in argv]
    through = _setpriv() if brief else None
    return subprocess.Popen(
        words if through is None else [through, "--pdeathsig", "KILL", "--", *words],
        env={**CLEAN_ENVIRONMENT, **(env or {})},
        start_new_session=not on_terminal,
        preexec_fn=None if outlives or through else ending_with_parent(),
        **options,
    )


@functools.cache
def _setpriv() -> str | None:
    """Util-linux's program; busybox has another of the same name, which cannot do this."""
    found = shutil.which("setpriv", path=CLEAN_ENVIRONMENT["PATH"])
    return found if found is not None and Path(found).resolve().name == "setpriv" else None


def end(child: subprocess.Popen[bytes]) -> None:
    """Kill a child that `spawn` started, and those it started itself; wait until it is gone."""
    if child.poll() is None:
        _kill(child.pid)
        child.kill()  # one on our terminal leads no group
        child.wait()


def _kill(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def become(argv: Sequence[str]) -> NoReturn:
    """Go on as another program, in this process and with its environment."""
    os.execv(argv[0], list(argv))  # noqa: S606
