"""How a container runs, and which values of it engines and the kernel take (OCI image specification, config.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sysimage.rules import limits
from sysimage.rules.finding import Finding, escaped
from sysimage.rules.paths import as_parts, path_fault

_USER = re.compile(r"(?=.)([A-Za-z0-9_][A-Za-z0-9_.-]*\$?)?(:[A-Za-z0-9_][A-Za-z0-9_.-]*\$?)?")
"""Engines take a group alone, too, and read names of signals and protocols in small letters."""
_VARIABLE = re.compile(r"[^=\0]+=[^\0]*", re.DOTALL)
_STOP_SIGNAL = re.compile(
    r"[0-9]{1,2}|(SIG)?(HUP|INT|QUIT|ILL|TRAP|ABRT|IOT|BUS|FPE|KILL|USR1|SEGV|USR2|PIPE|ALRM|TERM|STKFLT|CHLD|CLD|CONT"
    r"|STOP|TSTP|TTIN|TTOU|URG|XCPU|XFSZ|VTALRM|PROF|WINCH|IO|POLL|PWR|SYS|UNUSED|RTMIN(\+[0-9]{1,2})?"
    r"|RTMAX(-[0-9]{1,2})?)",
    re.IGNORECASE,
)
_PORT = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?(/(tcp|udp|sctp))?", re.IGNORECASE)
_LARGEST_PORT = 65535
_SHELL = ("/bin/sh", "-c")


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a config says about a container of the image."""

    architecture: str
    """As Go calls it."""
    entry_point: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    """``NAME=VALUE``."""
    working_directory: str = ""
    user: str = ""
    """A name or number, perhaps with ``:group``."""
    exposed_ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    stop_signal: str | None = None
    health_check: tuple[str, ...] = ()
    """Docker's form: ``CMD`` or ``CMD-SHELL`` in front."""
    shell: tuple[str, ...] = ()
    """What runs a health check that is a line for a shell; /bin/sh by default."""

    @property
    def search_path(self) -> str | None:
        """PATH, where the image says one."""
        said = [one[5:] for one in self.environment if one.startswith("PATH=")]
        return said[-1] if said else None

    def health_command(self) -> tuple[str, ...]:
        """The program of the health check and its arguments; none where there is no check."""
        kind, words = self.health_check[:1], self.health_check[1:]
        if kind == ("CMD",):
            return words
        return (*(self.shell or _SHELL), *words) if kind == ("CMD-SHELL",) and words else ()


def check_runtime(runtime: Runtime) -> Iterator[Finding]:
    """Every value that an engine or the kernel would not take."""

    def fault(message: str, *cause: str, hint: str | None = None) -> Finding:
        return Finding("config", cause, message, hint)

    directory = runtime.working_directory
    if directory and not directory.startswith("/"):
        yield fault(f"the working directory {escaped(directory)!r} is not absolute", "working-directory")
    if wrong := path_fault(as_parts(directory)):
        yield fault(f"the working directory {wrong}", "working-directory")
    if runtime.user and not _USER.fullmatch(runtime.user):
        yield fault(f"the user {escaped(runtime.user)!r} is neither a name nor a number", "user")
    for part in runtime.user.split(":"):
        if part.isascii() and part.isdecimal() and int(part[:20]) > limits.IDENTIFIER:
            yield fault(f"the user {escaped(runtime.user)} has an ID above {limits.IDENTIFIER}", "user")
    yield from _check_words(runtime)
    if runtime.stop_signal is not None and not _STOP_SIGNAL.fullmatch(runtime.stop_signal):
        yield fault(f"the stop signal {escaped(runtime.stop_signal)!r} is not a signal", "stop-signal")
    for port in runtime.exposed_ports:
        match = _PORT.fullmatch(port)
        if match is None or max(int(match[1]), int(match[2] or match[1])) > _LARGEST_PORT:
            yield fault(f"the exposed port {escaped(port)!r} is not a port", "exposed-port", port)
    for volume in runtime.volumes:
        if not volume.startswith("/"):
            yield fault(f"the volume {escaped(volume)!r} is not absolute", "volume", volume)
        if wrong := path_fault(as_parts(volume)):
            yield fault(f"the name of the volume {escaped(volume)} {wrong}", "volume", volume)


def _check_words(runtime: Runtime) -> Iterator[Finding]:
    """Variables and arguments: what the kernel passes to a program that starts."""
    total = 0
    for variable in runtime.environment:
        name = variable.partition("=")[0]
        size = len(variable.encode("utf-8", "surrogateescape"))
        total += size + 1
        if not _VARIABLE.fullmatch(variable):
            yield Finding(
                "config", ("environment", name), f"the environment holds {escaped(variable)!r}, which is not NAME=VALUE"
            )
        elif size > limits.WORD:
            yield Finding(
                "config",
                ("environment", name),
                f"the variable {escaped(name)} has {size} bytes; no program starts with more than {limits.WORD} in one",
                "keep long texts in files",
            )
    if total > limits.ENVIRONMENT:
        yield Finding(
            "config",
            ("environment",),
            f"the environment has {total} bytes; no program starts with more than {limits.ENVIRONMENT}",
            "keep long texts in files",
        )
    words = [("entry-point", *pair) for pair in enumerate(runtime.entry_point)]
    words += [("command", *pair) for pair in enumerate(runtime.command)]
    words += [("health-check", at - 1, word) for at, word in enumerate(runtime.health_check) if at]
    for what, at, word in words:
        size = len(word.encode("utf-8", "surrogateescape"))
        if "\0" in word:
            yield Finding("config", (what, str(at)), f"the {what.replace('-', ' ')} holds a NUL")
        if size > limits.WORD:
            yield Finding(
                "config",
                (what, str(at)),
                f"the {what.replace('-', ' ')} has a word of {size} bytes; no program starts with more than "
                f"{limits.WORD} in one",
                "keep long texts in files",
            )
