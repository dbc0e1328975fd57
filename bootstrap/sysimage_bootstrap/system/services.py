"""The Shepherd's configuration: a program that is the same everywhere, and what a system declares as quoted data.

How a service runs is in ``runtime.scm``; here its declaration is checked against the accounts and programs of the
image and completed with what only they know.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from importlib import resources

from sysimage.characters import printable
from sysimage.errors import Issue, SpecError
from sysimage.rootfs.accounts import Accounts
from sysimage.spec.model import CommandReady, FileReady, Service, SystemSpec, TcpReady
from sysimage_bootstrap.debs.guile import modules_in_source
from sysimage_bootstrap.system.scheme import Datum, Symbol, write

FIRST_REALTIME_SIGNAL, LAST_REALTIME_SIGNAL = 34, 64
"""Of glibc on Linux, whatever the machine that builds says."""

_COMPILED = ("activate", "boot", "runtime")
_READ = "shepherd.scm"

Exists = Callable[[str], bool]
"""Whether an image path names a program of the image; paths that only exist once it runs are not asked for."""


def runtime(name: str) -> str:
    """The text of one of the fixed programs beside this module."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def guile_programs() -> dict[str, bytes]:
    """The fixed programs that are compiled, by name: their texts are the same in every system."""
    return {name: runtime(f"{name}.scm").encode() for name in _COMPILED}


def imported_modules() -> frozenset[str]:
    """What in the fixed programs may name a module of Guile, as in ``ice-9/match``."""
    return frozenset().union(
        *(modules_in_source(text) for text in (*guile_programs().values(), runtime(_READ).encode()))
    )


def call_of(program: str, programs: str, call: str) -> str:
    """A Scheme text that loads one of the compiled ``programs``, an item, and then makes the ``call``."""
    return f"(load-compiled {write(f'{programs}/{program}.go')})\n\n;;; This system.\n\n{call}"


def signal_number(name: str) -> int:
    """The number of ``SIGTERM`` or ``SIGRTMIN+3`` on Linux; a ValueError if there is no such signal, which a spec that
    has been read cannot name."""
    match = re.fullmatch(r"SIGRTM(IN|AX)(?:([+-])([0-9]+))?", name)
    if match:
        start = FIRST_REALTIME_SIGNAL if match[1] == "IN" else LAST_REALTIME_SIGNAL
        number = start + int(f"{match[2] or '+'}{match[3] or 0}")
        if FIRST_REALTIME_SIGNAL <= number <= LAST_REALTIME_SIGNAL:
            return number
    elif name in signal.Signals.__members__:
        return signal.Signals[name].value
    raise ValueError(f"not a signal: {name}")


def shepherd_configuration(spec: SystemSpec, accounts: Accounts, exists: Exists, shell: str, programs: str) -> str:
    """The text of ``shepherd.conf``. ``shell`` is the store's own POSIX shell, ``programs`` the item of those of
    `guile_programs`.

    A `SpecError` names every service whose user or group the image does not have; how services relate to each other
    was checked when the spec was read, and whether their programs can run is checked on the whole image.
    """
    issues: list[Issue] = []
    declarations: list[Datum] = []
    for name, service in sorted(spec.services.items()):
        try:
            declarations.append(_declaration(name, service, accounts, exists))
        except SpecError as error:
            issues += error.issues
    if issues:
        raise SpecError("cannot make services of the declarations", issues=issues)
    data = write(declarations, indent=1)
    return f"{runtime(_READ)}\n{call_of('runtime', programs, f'(run-system {write(shell)}')}\n'{data})\n"


def _declaration(name: str, service: Service, accounts: Accounts, exists: Exists) -> Datum:
    issues: list[Issue] = []
    where = f"/services/{name}"
    fields: list[tuple[Datum, ...]] = [(Symbol("command"), *_command(service.command, service, exists))]

    def say(key: str, *values: Datum) -> None:
        fields.append((Symbol(key), *values))

    kind = "timer" if service.timer is not None else "one-shot" if service.one_shot else "daemon"
    say("kind", Symbol(kind))
    say("description", service.description or f"Runs {printable(service.command[0])}.")
    say("requires", *map(Symbol, service.requires))
    environment = dict(service.environment)
    if service.user is not None:
        user = accounts.user(service.user)
        if user is None:
            issues.append(Issue(f"{where}/user", f"there is no user {service.user!r}"))
        else:
            say("user", user.name)
            say("group", service.group or accounts.group_of(user).name)
            say("supplementary-groups", *accounts.groups_with(user.name))
            environment = {"HOME": user.home, "USER": user.name, "LOGNAME": user.name} | environment
    elif service.group is not None:
        say("group", service.group)
    if service.group is not None and accounts.group(service.group) is None:
        issues.append(Issue(f"{where}/group", f"there is no group {service.group!r}"))
    say("environment", *(f"{key}={value}" for key, value in sorted(environment.items())))
    say("directory", service.working_directory)
    say("log", service.log)
    if service.timer is not None:
        say("timer", *_timer(service))
    say("respawn", service.respawn)
    match service.ready:
        case TcpReady(tcp=port, address=address, timeout=timeout):
            say("ready", Symbol("tcp"), address, port, timeout)
        case FileReady(file=file, timeout=timeout):
            say("ready", Symbol("file"), file, timeout)
        case CommandReady(command=command, timeout=timeout):
            say("ready", Symbol("command"), timeout, *_command(command, service, exists))
        case None:
            pass
    say("stop-signal", signal_number(service.stop_signal))
    say("stop-timeout", service.stop_timeout)
    say("auto-start", service.auto_start)
    if issues:
        raise SpecError(f"cannot make a service of {name}", issues=issues)
    return (Symbol(name), *fields)


def _timer(service: Service) -> list[Datum]:
    timer = service.timer
    fields = ("minutes", "hours", "days_of_month", "months", "days_of_week")
    return [
        (Symbol(field.replace("_", "-")), *sorted(set(getattr(timer, field))))
        for field in fields
        if getattr(timer, field)
    ]


def _command(command: tuple[str, ...], service: Service, exists: Exists) -> tuple[str, ...]:
    """The command with its program's whole path, as far as the image has it."""
    program, *arguments = command
    if "/" in program:
        return command
    candidates = [f"{directory}/{program}" for directory in service.program_path]
    return (next((path for path in candidates if exists(path)), program), *arguments)
