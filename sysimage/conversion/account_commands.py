"""Commands that make users and groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sysimage.conversion.command_line import CommandReader, split_flags
from sysimage.conversion.draft import Draft

_USERADD = (
    *("-u", "-g", "-G", "-d", "-s", "-c", "-K", "-b", "-k", "-p", "-h", "--uid", "--gid", "--groups", "--home"),
    *("--home-dir", "--shell", "--comment", "--ingroup", "--gecos"),
)
_GROUPADD = ("-g", "--gid", "-K")


def _useradd(words: Sequence[str], draft: Draft, line: int | None) -> bool:
    found, flags = split_flags(words[1:], _USERADD)
    debian = words[0].endswith("adduser")
    if debian and len(found) == 2 and "--group" not in flags:
        return _join(found[0], [found[1]], draft)
    if not found:
        return False
    user: dict[str, object] = {}
    system = {"--system", "-r", "-S"} & flags.keys()
    if system:
        user["system"] = True
    number = flags.get("--uid") or flags.get("-u")
    if number and number.isdecimal():
        user["uid"] = int(number)
    group = flags.get("--ingroup") or (flags.get("-G") if debian else flags.get("--gid") or flags.get("-g"))
    if group and not group.isdecimal() and group != found[0]:
        user["group"] = group
    more = "" if debian else flags.get("--groups") or flags.get("-G") or ""
    if more:
        user["groups"] = more.split(",")
    home = flags.get("--home") or flags.get("--home-dir") or flags.get("-d") or (flags.get("-h") if debian else None)
    if home:
        user["home"] = home
    elif {"--create-home", "-m"} & flags.keys() and system:
        user["home"] = f"/home/{found[0]}"
    shell = flags.get("--shell") or flags.get("-s")
    if shell and not (system and shell.endswith(("nologin", "false"))):
        user["shell"] = shell
    if flags.get("--comment") or flags.get("-c"):
        user["comment"] = flags.get("--comment") or flags.get("-c")
    draft.put("users", found[-1], user)
    return True


def _groupadd(words: Sequence[str], draft: Draft, line: int | None) -> bool:
    found, flags = split_flags(words[1:], _GROUPADD)
    if not found:
        return False
    if words[0].endswith("addgroup") and len(found) == 2:
        return _join(found[0], [found[1]], draft)
    number = flags.get("--gid") or flags.get("-g")
    draft.put("groups", found[-1], {"gid": int(number)} if number and number.isdecimal() else {})
    return True


def _join(user: str, groups: Sequence[str], draft: Draft) -> bool:
    known = draft.spec.setdefault("users", {}).setdefault(user, {})
    known["groups"] = [*known.get("groups", ()), *groups]
    return True


def _usermod(words: Sequence[str], draft: Draft, line: int | None) -> bool:
    found, flags = split_flags(words[1:], (*_USERADD, "-aG"))
    groups = flags.get("-G") or flags.get("--groups")
    if len(found) != 1 or not groups or flags.keys() - {"-a", "--append", "-G", "--groups"}:
        return False
    return _join(found[0], groups.split(","), draft)


READERS: Mapping[str, CommandReader] = {
    **dict.fromkeys(("useradd", "adduser"), _useradd),
    **dict.fromkeys(("groupadd", "addgroup"), _groupadd),
    "usermod": _usermod,
}
