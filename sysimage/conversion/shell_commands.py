"""What shell commands of a RUN do to a system, as far as a spec has words for it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence

from sysimage.conversion.draft import Draft

_SEPARATORS = frozenset({"&&", "||", ";", "|", "&", "(", ")", "{", "}"})
_NOTHING = frozenset(
    [
        "set",
        "true",
        ":",
        "echo",
        "apt-get",
        "apt",
        "apk",
        "rm",
        "cd",
        "export",
        "update-ca-certificates",
        "ldconfig",
        "sync",
    ]
)
_USELESS = frozenset(
    {"update", "upgrade", "dist-upgrade", "full-upgrade", "clean", "autoclean", "autoremove", "purge", "remove"}
)
_WITH_VALUE = {
    "apt": ("-t", "-o", "-c", "--target-release", "--option"),
    "useradd": (
        *("-u", "-g", "-G", "-d", "-s", "-c", "-K", "-b", "-k", "-p", "-h", "--uid", "--gid", "--groups", "--home"),
        *("--home-dir", "--shell", "--comment", "--ingroup", "--gecos"),
    ),
    "groupadd": ("-g", "--gid", "-K"),
    "mkdir": ("-m", "--mode"),
    "apk": ("-t", "--virtual", "-X", "--repository"),
}


def read_commands(text: str, draft: Draft, line: int) -> None:
    """Take over what a shell would do; what has no counterpart becomes one note each."""
    for words in commands(text):
        if not _read(words, draft, line):
            shown = " ".join(words)
            draft.note(
                f"RUN {shown if len(shown) <= 70 else shown[:69] + '…'}: nothing runs; declare what it makes", line
            )


def commands(text: str) -> Iterator[list[str]]:
    """Simple commands of a shell text, without assignments and ``sudo``; what can't be split is one word."""
    for part in text.splitlines():
        try:
            lexer = shlex.shlex(part, posix=True, punctuation_chars="();|&")
            lexer.whitespace_split = True
            words = list(lexer)
        except ValueError:
            yield [part]
            continue
        command: list[str] = []
        for word in [*words, ";"]:
            if word in _SEPARATORS or (word and set(word) <= set("();|&")):
                while command and (command[0] == "sudo" or re.fullmatch(r"[A-Za-z_]\w*=.*", command[0], re.DOTALL)):
                    command = command[1:]
                if command:
                    yield command
                command = []
            else:
                command.append(word)


def _read(words: Sequence[str], draft: Draft, line: int) -> bool:
    """Whether a command was understood."""
    name = words[0].rpartition("/")[2]
    reader = _READERS.get(name)
    if any("$" in word or "`" in word for word in words[1:]) and name not in _NOTHING - {"apt-get", "apt", "apk"}:
        return False
    if any(word.startswith(">") for word in words[1:]):
        return False
    if reader is not None and (done := reader(words, draft, line)) is not None:
        return done
    return name in _NOTHING and (name not in ("rm",) or _is_clean_up(words))


def _is_clean_up(words: Sequence[str]) -> bool:
    places = [word for word in words[1:] if not word.startswith("-")]
    return all(
        re.match(r"/var/(lib/apt|cache|log|tmp|lib/dpkg)|/tmp|/root/\.cache|/usr/share/(doc|man)", one)
        for one in places
    )


def _split(words: Sequence[str], with_value: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Arguments and flags of a command."""
    found, flags = [], {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word == "-":
            found.append(word)
        elif word.startswith("--") and "=" in word:
            flag, _, value = word.partition("=")
            flags[flag] = value
        elif not word.startswith("--") and f"-{word[-1]}" in with_value and rest:
            flags.update({f"-{letter}": "" for letter in word[1:-1]})
            flags[f"-{word[-1]}"] = rest.pop(0)
        elif word in with_value and rest:
            flags[word] = rest.pop(0)
        elif word.startswith("--"):
            flags[word] = ""
        else:
            flags.update({f"-{letter}": "" for letter in word[1:]})
    return found, flags


def _apt(words: Sequence[str], draft: Draft, line: int) -> bool | None:
    found, _ = _split(words[1:], _WITH_VALUE["apt"])
    if not found or found[0] in _USELESS:
        return True
    if found[0] != "install":
        return False
    plain = [one for one in found[1:] if re.fullmatch(r"[a-z0-9][a-z0-9+.-]+(:\w+)?(=\S+)?(/\S+)?", one)]
    for other in found[1:]:
        if other not in plain:
            draft.note(f"package {other}: a name that only a shell, or another file, knows", line)
    draft.add_packages(plain, line)
    return True


def _apk(words: Sequence[str], draft: Draft, line: int) -> bool | None:
    from sysimage.conversion.alpine_names import add_alpine_packages

    found, _ = _split(words[1:], _WITH_VALUE["apk"])
    if not found or found[0] != "add":
        return True
    add_alpine_packages(draft, [one for one in found[1:] if not one.startswith("$")], line)
    return True


def _useradd(words: Sequence[str], draft: Draft, line: int) -> bool | None:
    found, flags = _split(words[1:], _WITH_VALUE["useradd"])
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


def _groupadd(words: Sequence[str], draft: Draft, line: int) -> bool | None:
    found, flags = _split(words[1:], _WITH_VALUE["groupadd"])
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


def _mkdir(words: Sequence[str], draft: Draft, line: int) -> bool | None:
    found, flags = _split(words[1:], _WITH_VALUE["mkdir"])
    mode = flags.get("--mode") or flags.get("-m")
    if not all(one.startswith("/") for one in found) or (mode and not mode.isdecimal()):
        return False
    for path in found:
        draft.put("directories", path.rstrip("/"), {"mode": mode} if mode else {})
    return True


def _chown(words: Sequence[str], draft: Draft, line: int) -> bool | None:
    found, _ = _split(words[1:], ())
    places = [one.rstrip("/") for one in found[1:]]
    if not found or not places or any(place not in draft.spec.get("directories", {}) for place in places):
        return False
    user, _, group = found[0].partition(":")
    if user.isdecimal() or group.isdecimal():
        return False
    for place in places:
        draft.spec["directories"][place] |= {"owner": user} | ({"group": group or user} if ":" in found[0] else {})
    return True


def _ln(words: Sequence[str], draft: Draft, line: int) -> bool | None:
    found, flags = _split(words[1:], ())
    if "-s" not in flags and "--symbolic" not in flags:
        return False
    if len(found) != 2 or not found[1].startswith("/") or found[1].endswith("/"):
        return False
    if found[0] in ("/dev/stdout", "/dev/stderr"):
        draft.note(f"link {found[1]} to {found[0]}: see `sysimage explain services.log`", line)
        return True
    draft.put("symlinks", found[1], found[0])
    return True


def _systemctl(words: Sequence[str], draft: Draft, line: int) -> bool | None:
    found, _ = _split(words[1:], ())
    if not found or found[0] != "enable":
        return False
    draft.add("enable", [one.removesuffix(".service") for one in found[1:]])
    return True


_READERS: Mapping[str, Callable[[Sequence[str], Draft, int], bool | None]] = {
    **dict.fromkeys(("apt-get", "apt"), _apt),
    "apk": _apk,
    **dict.fromkeys(("useradd", "adduser"), _useradd),
    **dict.fromkeys(("groupadd", "addgroup"), _groupadd),
    "mkdir": _mkdir,
    "chown": _chown,
    "ln": _ln,
    "systemctl": _systemctl,
}
