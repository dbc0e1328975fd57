"""Tools of dpkg, and of the packages that every Debian system has for maintainer scripts."""

from __future__ import annotations

from fnmatch import fnmatchcase

from sysimage_bootstrap.archive.versions import version_key
from sysimage_bootstrap.scripts.command_calls import Call, UnknownError, command, new_mode
from sysimage_bootstrap.scripts.declarations import ActivatedTrigger, Diversion, EnabledUnit

_SIGNS = {
    "lt": "lt",
    "<<": "lt",
    "<": "le",
    "le": "le",
    "<=": "le",
    "eq": "eq",
    "=": "eq",
    "ne": "ne",
    "ge": "ge",
    ">=": "ge",
} | {
    ">": "ge",
    "gt": "gt",
    ">>": "gt",
}


_WHILE_INSTALLING = {
    "adduser": "3.152",
    "debconf": "1.5.91",
    "dpkg": "1.22.22",
    "init-system-helpers": "1.69",
    "ucf": "3.0052",
}
"""Packages whose tools are imitated here, with Debian's version: scripts find them, whether or not the image has them.
"""


def _version(call: Call, name: str) -> str | None:
    """The version of an installed package; None for one that is not."""
    name = name.partition(":")[0]
    return call.state.versions.get(name, _WHILE_INSTALLING.get(name))


@command("dpkg")
def dpkg(call: Call) -> int | None:
    words = [word for word in call.arguments if word not in ("--no-pager", "--force-all")]
    match words:
        case ["--compare-versions", *rest]:
            return int(not _compare(rest))
        case [("--validate-version" | "--validate-pkgname"), _]:
            return 0
        case ["--print-architecture"]:
            call.print(f"{call.state.architecture}\n")
            return 0
        case ["--print-foreign-architectures"]:
            return 0
        case [("-s" | "--status"), *names]:
            return _say_status(call, names)
        case [("-L" | "--listfiles"), *names]:
            return _list_files(call, names)
        case [("-l" | "--list"), *names] if names and not any(_version(call, name) or "*" in name for name in names):
            return 1
        case [("-S" | "--search"), *patterns]:
            return _search(call, patterns)
        case [("-l" | "--list"), *_]:
            call.out.unknown = "what dpkg lists"
            return None
    if words and words[0].startswith("--assert"):
        return 0
    raise UnknownError(f"what {' '.join(('dpkg', *words[:1]))} does")


def _say_status(call: Call, names: list[str]) -> int:
    status = 0
    for name in names:
        version = _version(call, name)
        if version is None:
            status = 1
        else:
            short = name.partition(":")[0]
            call.print(f"Package: {short}\nStatus: install ok installed\nVersion: {version}\n\n")
    return status


def _search(call: Call, patterns: list[str]) -> int:
    """Which packages have the paths that are meant; 1 where one of them matches none."""
    found: set[str] = set()
    for package in call.state.versions:
        paths = call.files.files_of(package)
        if paths is None:
            raise UnknownError(f"which files {package} has")
        for pattern in patterns:
            whole = pattern if pattern.startswith("/") else f"*{pattern}*"
            hits = [path for path in paths if path == whole or fnmatchcase(path, whole)]
            call.print("".join(f"{package}: {path}\n" for path in hits))
            found |= {pattern} if hits else set()
    return int(found != set(patterns))


def _list_files(call: Call, names: list[str]) -> int:
    for name in (one.partition(":")[0] for one in names):
        if name not in call.state.versions:
            return 1
        paths = call.files.files_of(name)
        if paths is None:
            raise UnknownError(f"which files {name} has")
        call.print("".join(f"{path}\n" for path in ("/.", *paths)))
    return 0


def _compare(words: list[str]) -> bool:
    if len(words) != 3:
        raise UnknownError("which versions are compared")
    one, sign, other = words
    none_is_late = sign.endswith("-nl")
    sign = _SIGNS.get(sign.removesuffix("-nl"), "")
    if not sign:
        raise UnknownError("how versions are compared")
    if not one or not other:
        order = 0 if one == other else (1 if none_is_late else -1) if not one else (-1 if none_is_late else 1)
    else:
        keys = version_key(one), version_key(other)
        order = (keys[0] > keys[1]) - (keys[0] < keys[1])
    return {"lt": order < 0, "le": order <= 0, "eq": order == 0, "ne": order != 0, "ge": order >= 0, "gt": order > 0}[
        sign
    ]


@command("dpkg-query")
def dpkg_query(call: Call) -> int | None:
    options = call.options("f", frozenset({"showformat"}))
    names = options.operands
    if options.has("L", "listfiles"):
        return _list_files(call, names)
    if options.has("s", "status"):
        return _say_status(call, names)
    if not options.has("W", "show"):
        call.out.unknown = "what dpkg-query lists"
        return None
    form = (options.value("f", "showformat") or "${Package}\t${Version}\n").removeprefix("=")
    status = 0
    for name in names:
        version = _version(call, name)
        if version is None:
            if "*" in name:
                raise UnknownError("which packages are meant")
            status = 1
            continue
        text = form.replace("\\n", "\n").replace("\\t", "\t")
        known = {
            "Status": "install ok installed",
            "db:Status-Status": "installed",
            "db:Status-Abbrev": "ii ",
            "Version": version,
            "Package": name.partition(":")[0],
            "binary:Package": name.partition(":")[0],
        }
        for field, value in known.items():
            text = text.replace(f"${{{field}}}", value)
        if "${" in text:
            raise UnknownError("what dpkg-query shows")
        call.print(text)
    return status


@command("dpkg-maintscript-helper")
def dpkg_maintscript_helper(call: Call) -> int:
    return 0  # it moves what an older version had, and there was none


@command("dpkg-vendor")
def dpkg_vendor(call: Call) -> int:
    match call.arguments:
        case ["--derives-from", name] | ["--is", name]:
            return int(name.lower() != "debian")
        case ["--query", "Vendor"]:
            call.print("Debian\n")
            return 0
    raise UnknownError("what dpkg-vendor prints")


@command("dpkg-trigger")
def dpkg_trigger(call: Call) -> int:
    names = call.options("", frozenset({"by-package"})).operands
    call.state.triggers += [ActivatedTrigger(call.shell.script.package, name) for name in names]
    return 0


@command("dpkg-divert")
def dpkg_divert(call: Call) -> int:
    options = call.options("", frozenset({"package", "divert", "admindir", "instdir", "root"}))
    package = options.value("package") or call.shell.script.package
    operands = [call.files.real(call.path(path), follow=False) for path in options.operands]
    if options.has("list"):
        for _, one in sorted(call.state.diversions.items()):
            if not operands or any(fnmatchcase(one.path, pattern) for pattern in operands):
                call.print(f"diversion of {one.path} to {one.to} by {one.package}\n")
        return 0
    if options.has("listpackage", "truename"):
        found = call.state.diversions.get(operands[0]) if operands else None
        if options.has("truename"):
            call.print(f"{found.to if found else options.operands[0]}\n")
        elif found:
            call.print(f"{found.package}\n")
        return 0
    (path,) = operands
    if options.has("remove"):
        call.state.diversions.pop(path, None)
        return 0
    to = options.value("divert") or f"{path}.distrib"
    if not to.endswith(_ALIASED):
        call.state.diversions[path] = Diversion(package, path, call.files.real(call.path(to), follow=False))
    return 0


_ALIASED = ".usr-is-merged"
"""What Debian's move to one /usr calls a path that is diverted to itself: nothing is moved."""


@command("dpkg-statoverride")
def dpkg_statoverride(call: Call) -> int:
    words = [
        word for word in call.arguments if word not in ("--quiet", "--force", "--force-statoverride-add", "--force-all")
    ]
    updates = "--update" in words
    words = [word for word in words if word != "--update" and not word.startswith("--force")]
    match words:
        case ["--list", *patterns]:
            found = [path for path in call.state.overrides if not patterns or path in patterns]
            for path in found:
                call.print(f"{' '.join(call.state.overrides[path])} {path}\n")
            return int(not found)
        case ["--remove", path]:
            return int(call.state.overrides.pop(path, None) is None)
        case ["--add", owner, group, mode, path]:
            for name, known in ((owner, call.state.known_users), (group, call.state.known_groups)):
                if name not in known and not name.lstrip("#").isdecimal():
                    raise UnknownError(f"which account {name} is")
            call.state.overrides[path] = owner, group, mode
            node = call.files.node(path)
            if updates and node is not None:
                number = new_mode(mode, node.mode, directory=False)
                call.files.change(path, owner=owner.lstrip("#"), group=group.lstrip("#"), mode=number)
            return 0
    raise UnknownError("what dpkg-statoverride does")


@command("deb-systemd-helper")
def deb_systemd_helper(call: Call) -> int:
    words = [word for word in call.arguments if not word.startswith("--")]
    if not words:
        return 1
    action, *units = words
    match action:
        case "enable" | "reenable":
            for unit in units:
                call.state.units[unit] = EnabledUnit(call.shell.script.package, unit)
        case "disable" | "mask":
            for unit in units:
                call.state.units.pop(unit, None)
        case "is-enabled" | "debian-installed":
            return int(any(unit not in call.state.units for unit in units))
        case "was-enabled" | "unmask" | "update-state" | "purge":
            pass
        case _:
            raise UnknownError(f"what deb-systemd-helper {action} does")
    return 0
