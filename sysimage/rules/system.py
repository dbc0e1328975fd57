"""Whether the image can start: its entry point, accounts, shell, health check, services, temporary directory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from sysimage.rules.files import FileKind, Files, ResolvedPath, UnresolvedPath, resolve_path
from sysimage.rules.finding import Cause, Finding, escaped
from sysimage.rules.paths import Parts, as_parts, as_path
from sysimage.rules.runnable import SEARCH_PATH, ProgramEnvironment, start_failure
from sysimage.rules.runtime import Runtime

STATE_DIRECTORIES = ("/var/guix", "/nix/var/nix")
"""Where Guix and Nix keep the database of a store."""
SHELL = "/bin/sh"
"""What every system that boots has."""
_STARTS = ("boot", "init", "systemd")
"""What starts a system with an init, in its item."""
_NO_LOGIN = ("nologin", "false")
"""Shells that refuse every login, whether they exist or not."""
_MOST_ROOTS = 100_000


def surroundings(files: Files, runtime: Runtime) -> ProgramEnvironment:
    """What the first process starts in."""
    return ProgramEnvironment(
        files,
        SEARCH_PATH if runtime.search_path is None else runtime.search_path,
        directory=runtime.working_directory,
        volumes=runtime.volumes,
        architecture=runtime.architecture,
    )


def state_directory(files: Files) -> str | None:
    """Where the image's store keeps its database; None where it has none."""
    return next((state for state in STATE_DIRECTORIES if files.at(as_parts(f"{state}/db/db.sqlite"))), None)


def check_system(
    files: Files,
    runtime: Runtime,
    state: str | None,
    passwd: bytes,
    group: bytes,
    *,
    own: Callable[[Parts], bool],
    own_health_check: bool,
) -> Iterator[Finding]:
    """Everything that an engine and the first process need before anything has run.

    ``state`` is the directory of the store's database, None where the image has no store; ``passwd`` and ``group`` are
    the texts of the account files. ``own`` is what does not come from a base image, whose accounts need not log in,
    whose GC roots may lead to what was collected, and whose health check only says that it fails.
    """
    yield from check_start(files, runtime)
    yield from check_user(runtime, passwd, group)
    if own_health_check:
        yield from check_health(files, runtime)
    if state is None:
        return
    yield from check_roots(files, state, own)
    if files.at(as_parts(f"{state}/profiles/system")) is None:
        return
    yield from check_first_boot(files, boots=_boots(files, state))
    if own(as_parts("/etc/passwd")):
        shells = {name: shell for name, shell in shells_of(passwd).items() if shell != SHELL}
        yield from check_shells(surroundings(files, runtime), shells)


def check_start(files: Files, runtime: Runtime) -> Iterator[Finding]:
    """The program that runs first, and the directories that the engine needs for it."""
    words = runtime.entry_point + runtime.command
    around = surroundings(files, runtime)
    if words and (trouble := start_failure(words, replace(around, first=True))):
        cause = "entry-point" if runtime.entry_point else "command"
        yield Finding("entry point", (cause, "0"), f"what runs first {trouble.message}", trouble.hint)
    found = _leads(files, runtime.working_directory)
    if isinstance(found, ResolvedPath) and found.seen.kind is not FileKind.DIRECTORY:
        yield Finding(
            "working directory",
            ("working-directory",),
            f"{escaped(runtime.working_directory)} is a {found.seen.kind.value}, where a program is to start",
        )
    for volume in runtime.volumes:
        found = _leads(files, volume)
        if isinstance(found, ResolvedPath) and found.seen.kind is not FileKind.DIRECTORY:
            yield Finding(
                "volumes",
                ("volume", volume),
                f"{escaped(volume)} is a {found.seen.kind.value}; a volume is a directory",
            )


def _leads(files: Files, path: str) -> ResolvedPath | UnresolvedPath:
    return resolve_path(files, path.encode("utf-8", "surrogateescape"))


def check_health(files: Files, runtime: Runtime) -> Iterator[Finding]:
    """The program that is asked whether the container is well."""
    command = runtime.health_command()
    if command and (trouble := start_failure(command, surroundings(files, runtime))):
        yield Finding("health check", ("health-check",), f"what checks the health {trouble.message}", trouble.hint)


def check_user(runtime: Runtime, passwd: bytes, group: bytes) -> Iterator[Finding]:
    """The user of the first process exists."""
    user, _, group_name = runtime.user.partition(":")
    for name, text, file in ((user, passwd, "passwd"), (group_name, group, "group")):
        if not name or name.isdecimal():
            continue
        if name.encode("utf-8", "surrogateescape") not in [line.partition(b":")[0] for line in text.splitlines()]:
            yield Finding("user", ("user",), f"{escaped(name)} is to run the entry point, but is not in /etc/{file}")


def _boots(files: Files, state_directory: str) -> bool:
    """Whether the system is one with an init, as Guix (``boot``), NixOS (``init``) or one with
    systemd has it, and no plain program."""
    return any(isinstance(_leads(files, f"{state_directory}/profiles/system/{name}"), ResolvedPath) for name in _STARTS)


def check_first_boot(files: Files, *, boots: bool) -> Iterator[Finding]:
    """What a system needs before its first process runs; one that ``boots`` an init needs a shell, too."""
    for path in ("/etc/passwd", "/etc/group"):
        found = _leads(files, path)
        if isinstance(found, UnresolvedPath) or found.seen.kind is not FileKind.FILE:
            yield Finding("first boot", ("file", path), "is missing, so users have no names before the first boot")
    if boots and (trouble := start_failure((SHELL,), ProgramEnvironment(files, first=True))):
        yield Finding("first boot", ("file", SHELL), f"the shell {trouble.message}", trouble.hint)
    temporary = files.at((b"tmp",))
    if temporary is None or temporary.kind is not FileKind.DIRECTORY or temporary.mode != 0o1777:
        found_mode = "missing" if temporary is None else f"a {temporary.kind.value} of mode {temporary.mode:04o}"
        message = f"is {found_mode}; it should be a directory of mode 1777"
        yield Finding("first boot", ("file", "/tmp"), message)  # noqa: S108 - the image's


def check_shells(around: ProgramEnvironment, shells: Mapping[str, str]) -> Iterator[Finding]:
    """The login shells of accounts, by account."""
    for account, shell in shells.items():
        if shell.rpartition("/")[2] in _NO_LOGIN:
            continue
        if trouble := start_failure((shell or SHELL,), around):
            yield Finding(
                "login shells", ("shell", account), f"the login shell of {escaped(account)} {trouble.message}",
                trouble.hint,
            )  # fmt: skip


def shells_of(passwd: bytes) -> dict[str, str]:
    """Account → login shell, of a text in the form of /etc/passwd."""
    fields = [line.decode("utf-8", "surrogateescape").split(":") for line in passwd.splitlines()]
    return {one[0]: one[6] for one in fields if len(one) == 7}


@dataclass(frozen=True, slots=True)
class ServiceCommand:
    """A command that the init runs."""

    cause: Cause
    what: str
    """It in words, such as ``the service web``."""
    command: tuple[str, ...]
    search: str
    """Where the init looks for a program without a slash."""
    path: str
    """PATH, which the program sees."""
    directory: str


def check_services(around: ProgramEnvironment, commands: Iterable[ServiceCommand]) -> Iterator[Finding]:
    """The programs of services, and the directories that they start in."""
    for one in commands:
        its = replace(around, search=one.search, path=one.path, directory=one.directory, shell_helps=True)
        if trouble := start_failure(one.command, its):
            yield Finding("services", one.cause, f"what {one.what} runs {trouble.message}", trouble.hint)
        found = _leads(around.files, one.directory)
        where = (*one.cause[:2], "working-directory")
        if isinstance(found, ResolvedPath) and found.seen.kind is not FileKind.DIRECTORY:
            yield Finding("services", where, f"{escaped(one.directory)} is a {found.seen.kind.value}, no directory")
        elif isinstance(found, UnresolvedPath) and not around.unknown(found):
            yield Finding(
                "services", where, f"{one.what} starts in {escaped(one.directory)}, but {found.why}",
                'declare it under "directories"',
            )  # fmt: skip


def check_roots(files: Files, state_directory: str, own: Callable[[Parts], bool]) -> Iterator[Finding]:
    """Links of our own that keep store items alive lead to something."""
    todo = [as_parts(f"{state_directory}/{below}") for below in ("profiles", "gcroots")]
    seen_links = 0
    while todo:
        parts = todo.pop()
        seen = files.at(parts)
        if seen is None:
            continue
        if seen.kind is FileKind.DIRECTORY:
            todo += [(*parts, name) for name in sorted(files.names(parts), reverse=True)]
        if seen.kind is not FileKind.SYMLINK or seen_links > _MOST_ROOTS:
            continue
        seen_links += 1
        path = as_path(parts)
        if seen.link.startswith((b"/run/", b"/proc/", b"/dev/", b"/tmp/")) or not own(parts):
            continue
        if isinstance(_leads(files, path), UnresolvedPath):
            yield Finding("GC roots", ("file", path), f"points to {escaped(seen.link)}, which is not in the image")
