"""Commands that make users and groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sysimage.conversion.command_line import CommandReader, split_flags
from sysimage.conversion.spec_draft import SpecDraft

_USERADD = (
    *("-u", "-g", "-G", "-d", "-s", "-c", "-K", "-b", "-k", "-p", "-h", "--uid", "--gid", "--groups", "--home"),
    *("--home-dir", "--shell", "--comment", "--ingroup", "--gecos"),
)
_GROUPADD = ("-g", "--gid", "-K")


def _useradd(words: Sequence[str], draft: SpecDraft, line: int | None) -> bool:
    found, flags = split_flags(words[1:], _USERADD)
    debian = words[0].endswith("adduser")
    if debian and len(found) == 2 and "--group" not in flags:
        return _join(found[0], [found[1]], draft)
    if not found:
        return False
    draft.put("users", found[-1], _user(found[0], flags, debian=debian))
    return True


def _user(name: str, flags: Mapping[str, str], *, debian: bool) -> dict[str, object]:
    """What the flags of a command that adds a user say; a few mean other things in ``adduser``."""

    def said(*names: str) -> str:
        return next((flags[one] for one in names if flags.get(one)), "")

    system = bool({"--system", "-r", "-S"} & flags.keys())
    number, shell = said("--uid", "-u"), said("--shell", "-s")
    group = said("--ingroup", "-G") if debian else said("--ingroup", "--gid", "-g")
    more = "" if debian else said("--groups", "-G")
    home = said("--home", "--home-dir", "-d", *(["-h"] if debian else []))
    if not home and system and {"--create-home", "-m"} & flags.keys():
        home = f"/home/{name}"
    user: dict[str, object] = {
        "system": system,
        "uid": int(number) if number.isdecimal() else None,
        "group": None if group.isdecimal() or group == name else group,
        "groups": more.split(",") if more else None,
        "home": home,
        "shell": None if system and shell.endswith(("nologin", "false")) else shell,
        "comment": said("--comment", "-c"),
    }
    return {key: value for key, value in user.items() if value or (key == "uid" and value == 0)}


def _groupadd(words: Sequence[str], draft: SpecDraft, line: int | None) -> bool:
    found, flags = split_flags(words[1:], _GROUPADD)
    if not found:
        return False
    if words[0].endswith("addgroup") and len(found) == 2:
        return _join(found[0], [found[1]], draft)
    number = flags.get("--gid") or flags.get("-g")
    draft.put("groups", found[-1], {"gid": int(number)} if number and number.isdecimal() else {})
    return True


def _join(user: str, groups: Sequence[str], draft: SpecDraft) -> bool:
    known = draft.spec.setdefault("users", {}).setdefault(user, {})
    known["groups"] = [*known.get("groups", ()), *groups]
    return True


def _usermod(words: Sequence[str], draft: SpecDraft, line: int | None) -> bool:
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
