"""Tools that enable parts of servers by links: those of Apache and lighttpd. PHP's are shell scripts, and are read."""

from __future__ import annotations

import re

from sysimage_bootstrap.scripts.command_calls import Call, UnknownError, command
from sysimage_bootstrap.scripts.root_files import FileNode

_TOP = "/etc/apache2"
_KINDS = {"mod": ("mods", (".load", ".conf")), "conf": ("conf", (".conf",)), "site": ("sites", (".conf",))}
_STATE = {"mod": "module", "conf": "conf", "site": "site"}
_BY_ADMINISTRATOR, _BY_MAINTAINER, _NOT_ENABLED = 32, 33, 1


@command("a2enmod", "a2enconf", "a2ensite")
def a2en(call: Call) -> int:
    kind = call.name.removeprefix("a2en")
    by = "maint" if any(re.fullmatch("-[a-z]*m[a-z]*", word) for word in call.arguments) else "admin"
    status = 0
    for name in call.options().operands:
        status = _enable(call, kind, _plain(name), by) or status
    return status


def _plain(name: str) -> str:
    for ending in (".load", ".conf"):
        name = name.removesuffix(ending)
    return name


def _enable(call: Call, kind: str, name: str, by: str) -> int:
    folder, endings = _KINDS[kind]
    main = f"{_TOP}/{folder}-available/{name}{endings[0]}"
    if call.files.node(main) is None:
        return 1
    if kind == "mod":
        text = (call.files.read(main) or b"").decode(errors="replace")
        for needed in _listed(text, "Depends"):
            if _enable(call, "mod", needed, by):
                return 1
        for other in _listed(text, "Conflicts"):
            if call.files.node(f"{_TOP}/mods-enabled/{other}.load") is not None:
                return 1
    for ending in endings:
        if call.files.node(f"{_TOP}/{folder}-available/{name}{ending}") is not None:
            link = f"{_TOP}/{folder}-enabled/{name}{ending}"
            if call.files.node(link, follow=False) is None:
                call.files.put(link, FileNode.symlink(f"../{folder}-available/{name}{ending}"))
    _mark(call, kind, name, "enabled", by)
    return 0


def _listed(text: str, field: str) -> list[str]:
    match = re.search(rf"^#\s*{field}:\s*(.*)$", text, re.MULTILINE)
    return re.split(r"[\s,]+", match[1].strip()) if match and match[1].strip() else []


def _mark(call: Call, kind: str, name: str, what: str, by: str) -> None:
    """The file by which apache2 knows whether the administrator or a package enabled or disabled something."""
    top = f"/var/lib/apache2/{_STATE[kind]}"
    for other in ("enabled_by_maint", "enabled_by_admin", "disabled_by_maint", "disabled_by_admin"):
        path = f"{top}/{other}/{name}"
        if other == f"{what}_by_{by}":
            if call.files.node(path) is None:
                call.files.make_directories(f"{top}/{other}")
                call.files.put(path, FileNode.file(b""))
        elif call.files.node(path) is not None:
            call.files.remove(path)


@command("a2dismod", "a2disconf", "a2dissite")
def a2dis(call: Call) -> int:
    kind = call.name.removeprefix("a2dis")
    by = "maint" if any(re.fullmatch("-[a-z]*m[a-z]*", word) for word in call.arguments) else "admin"
    folder, endings = _KINDS[kind]
    for name in (_plain(one) for one in call.options().operands):
        for ending in endings:
            call.files.remove(f"{_TOP}/{folder}-enabled/{name}{ending}")
        _mark(call, kind, name, "disabled", by)
    return 0


@command("a2query")
def a2query(call: Call) -> int:
    options = call.options()
    for kind, (folder, endings) in _KINDS.items():
        if not options.has(kind[0]):
            continue
        names = options.operands or [
            one.removesuffix(endings[0])
            for one in call.files.names(f"{_TOP}/{folder}-enabled")
            if one.endswith(endings[0])
        ]
        for name in (_plain(one) for one in names):
            if call.files.node(f"{_TOP}/{folder}-enabled/{name}{endings[0]}", follow=False) is None:
                state = f"/var/lib/apache2/{_STATE[kind]}"
                if call.files.node(f"{state}/disabled_by_admin/{name}") is not None:
                    return _BY_ADMINISTRATOR
                by_maintainer = call.files.node(f"{state}/disabled_by_maint/{name}") is not None
                return _BY_MAINTAINER if by_maintainer else _NOT_ENABLED
            call.print(f"{name} (enabled by maintainer script)\n")
        return 0
    if options.has("M"):
        enabled = [one for one in call.files.names(f"{_TOP}/mods-enabled") if re.fullmatch(r"mpm_.*\.load", one)]
        if not enabled:
            return 1
        call.print(f"{enabled[0].removeprefix('mpm_').removesuffix('.load')}\n")
        return 0
    call.out.unknown = "what a2query prints"
    return 0


@command("apache2ctl", "apachectl")
def apache2ctl(call: Call) -> int:
    if call.arguments[:1] in (["configtest"], ["-t"], ["graceful"], ["restart"]):
        return 0  # the configuration is the packages' own, and no server runs
    raise UnknownError("what apache2ctl prints")


@command("lighty-enable-mod", "lighttpd-enable-mod")
def lighty_enable_mod(call: Call) -> int:
    top = "/etc/lighttpd"
    for name in call.options().operands:
        found = next(
            (
                one
                for one in call.files.names(f"{top}/conf-available")
                if re.fullmatch(rf"\d+-{re.escape(name)}\.conf", one)
            ),
            None,
        )
        if found is None:
            return 1
        link = f"{top}/conf-enabled/{found}"
        if call.files.node(link, follow=False) is None:
            call.files.put(link, FileNode.symlink(f"../conf-available/{found}"))
    return 0
