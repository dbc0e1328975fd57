"""Reads the maintainer scripts of a system's packages in the order in which dpkg would configure them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

from sysimage.spec.base_accounts import BASE_GROUPS, BASE_USERS
from sysimage_bootstrap.scripts import commands
from sysimage_bootstrap.scripts.command_calls import ID_OF, SystemState
from sysimage_bootstrap.scripts.commands import postfix
from sysimage_bootstrap.scripts.commands.debconf import parse_templates
from sysimage_bootstrap.scripts.declarations import Declarations, FirstStartProgram, Unread
from sysimage_bootstrap.scripts.random_text import fill_command, runs
from sysimage_bootstrap.scripts.root_files import FileNode, FileSource, RootFiles
from sysimage_bootstrap.scripts.shell import Script, Shell
from sysimage_bootstrap.scripts.shell_parser import parse
from sysimage_bootstrap.scripts.shell_syntax import ShellSyntaxError

_ARGUMENTS = {"preinst": ["install"], "config": ["configure", ""], "postinst": ["configure", ""]}
"""What dpkg and debconf call each script with when the package was never there."""
_SHELL = re.compile(r"#!\s*(/usr)?/bin/(env\s+)?(ba|da)?sh\b")
_KNOWN_PROGRAMS = {("postfix", "config"): postfix.answer_questions}
"""Scripts in other languages whose part in a first installation is written down here."""
_TEMPORARY = ("/tmp/", "/var/tmp/", "/run/")  # noqa: S108 - of the image
"""Where scripts leave nothing that a system keeps."""

IMITATED = commands.__all__
"""The modules with the commands, which register themselves."""


@dataclass(frozen=True, slots=True)
class PackageScripts:
    """The control files of one package that say how it is configured."""

    name: str
    version: str
    files: Mapping[str, str]
    """``preinst``, ``config``, ``postinst``, ``templates`` → text."""


@dataclass(frozen=True, slots=True)
class ScriptSettings:
    """What a system's spec says that scripts ask for."""

    architecture: str = "amd64"
    host_name: str | None = None
    debconf: Mapping[str, str] = field(default_factory=dict)
    """Question → answer."""
    alternatives: Mapping[str, str] = field(default_factory=dict)
    """Name → package."""
    users: Mapping[str, str] = field(default_factory=dict)
    """Accounts that are there besides Debian's own → home directory."""
    groups: Collection[str] = ()


def read_scripts(packages: Iterable[PackageScripts], source: FileSource, settings: ScriptSettings) -> Declarations:
    """What the scripts of ``packages``, in the order of their configuration, make of the files of ``source``."""
    packages = tuple(packages)
    state = SystemState(
        RootFiles(source),
        architecture=settings.architecture,
        host_name=settings.host_name,
        versions={package.name: package.version for package in packages},
        debconf=dict(settings.debconf),
        answered=frozenset(settings.debconf),
        chosen=settings.alternatives,
        known_users={**dict.fromkeys(BASE_USERS, ""), **settings.users},
        known_groups={*BASE_GROUPS, *settings.groups},
    )
    for package in packages:
        state.templates |= parse_templates(package.files.get("templates", ""))
    unread: list[Unread] = []
    for name in ("preinst", "config", "postinst"):
        for package in packages:
            if name in package.files:
                with state.files.before_unpacking(package.name) if name == "preinst" else nullcontext():
                    unread += _read(state, package, name)
    files = state.files
    unread += _leave_to_first_start(state)
    unread += (one for path, one in sorted(state.removals.items()) if files.changes.get(path, one) is None)
    kept = {path: node for path, node in files.changes.items() if not path.startswith(_TEMPORARY)}
    return Declarations(
        changes=dict(sorted(kept.items())),
        makers={path: files.makers[path] for path in sorted(kept)},
        alternatives=tuple(one for name in sorted(state.alternatives) for one in state.alternatives[name]),
        users=tuple(state.users[name] for name in sorted(state.users)),
        groups=tuple(state.groups[name] for name in sorted(state.groups)),
        units=tuple(state.units[name] for name in sorted(state.units)),
        triggers=tuple(state.triggers),
        first_starts=(*dict.fromkeys(state.first_starts), *_secrets(state)),
        diversions=tuple(state.diversions[path] for path in sorted(state.diversions)),
        capabilities=dict(sorted(state.capabilities.items())),
        unread=tuple(unread),
    )


def _leave_to_first_start(state: SystemState) -> list[Unread]:
    """Leave files with random characters to the first start; report those that no start can make as unread."""
    unread: list[Unread] = []
    made: set[str] = set()
    for path, node, text in _texts_that_are_settled_later(state):
        if ID_OF in text:
            unread.append(Unread(state.files.makers[path], "postinst", 0, path, "which IDs are in it"))
            state.files.put(path, replace(node, content=None))
            continue
        package, here = state.files.makers[path], runs(text)
        if made & set(here):
            unread.append(Unread(package, "postinst", 0, path, "what is random in several files"))
            continue
        made.update(here)
        state.files.put(path, replace(node, content=None))
        state.secrets[path] = FirstStartProgram(package, fill_command(text, 'text "$@" > "$a1"', path), path)
    return unread


def _texts_that_are_settled_later(state: SystemState) -> Iterator[tuple[str, FileNode, str]]:
    for path, node in sorted(state.files.changes.items()):
        if node is not None and isinstance(node.content, bytes) and not path.startswith(_TEMPORARY):
            text = node.content.decode(errors="surrogateescape")
            if runs(text) or ID_OF in text:
                yield path, node, text


_AT_FIRST_START = """
umask 077
path=$1 owner=$2 mode=$3
shift 3
"$@" >&2 && chown "$owner" "$path" && chmod "$mode" "$path"
"""


def _secrets(state: SystemState) -> Iterator[FirstStartProgram]:
    """What makes each key that scripts left there, with the owner and the mode that they gave it."""
    for path, one in sorted(state.secrets.items()):
        node = state.files.node(path)
        if node is not None:
            words = ("secret", path, f"{node.owner}:{node.group}", f"{node.mode:o}")
            yield FirstStartProgram(one.package, ("/usr/bin/sh", "-c", _AT_FIRST_START, *words, *one.command), path)


def _read(state: SystemState, package: PackageScripts, name: str) -> list[Unread]:
    text = package.files[name]
    script = Script(package.name, name, text.split("\n"))
    if (package.name, name) in _KNOWN_PROGRAMS:
        _KNOWN_PROGRAMS[package.name, name](state)
        return []
    if not _SHELL.match(text):
        language = text.partition("\n")[0].removeprefix("#!").strip()[:60]
        return [Unread(package.name, name, 1, script.lines[0], f"a program for {language}")]
    try:
        body = parse(text)
    except ShellSyntaxError as error:
        line = script.lines[error.line - 1].strip() if 0 < error.line <= len(script.lines) else ""
        return [Unread(package.name, name, error.line, line, str(error))]
    state.files.maker = package.name
    state.steps = 0
    variables = _variables(state, package, name)
    shell = Shell(state, script, list(_ARGUMENTS[name]), variables, variables.keys() - {"IFS"}, name=name)
    if re.match(r"#!.*\s-\w*e", script.lines[0]):
        shell.stops_at_errors = True
    shell.run(body)
    return script.unread


def _variables(state: SystemState, package: PackageScripts, name: str) -> dict[str, str | None]:
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "IFS": " \t\n",
        "HOME": "/root",
        "DEBIAN_FRONTEND": "noninteractive",
        "DPKG_MAINTSCRIPT_PACKAGE": package.name,
        "DPKG_MAINTSCRIPT_NAME": name,
        "DPKG_MAINTSCRIPT_ARCH": state.architecture,
        "DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT": "1",
        "DPKG_ROOT": "",
        "DPKG_ADMINDIR": "/var/lib/dpkg",
        "DPKG_RUNNING_VERSION": "1.22.21",
        "PPID": None,
        "RANDOM": None,
    }
