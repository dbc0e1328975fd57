"""Commands that make directories, links and files, or set their owners."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sysimage.conversion.command_line import CommandReader, split_flags
from sysimage.conversion.spec_draft import SpecDraft

_ZONES = "/usr/share/zoneinfo/"
_MODE = re.compile(r"[0-7]{3,4}")
_REDIRECTION = re.compile(r"(>>?)(.*)", re.DOTALL)
_LOCALE = re.compile(r"[a-z]{2,3}_[A-Z]{2}(?=\\?\.UTF-8)")
_KEPT_BY_THE_SPEC = {"/etc/hostname": "host-name", "/etc/timezone": "time-zone"}


def _mkdir(words: Sequence[str], draft: SpecDraft, line: int | None) -> bool:
    found, flags = split_flags(words[1:], ("-m", "--mode"))
    mode = flags.get("--mode") or flags.get("-m")
    if not all(one.startswith("/") for one in found) or (mode and not _MODE.fullmatch(mode)):
        return False
    for path in found:
        draft.put("directories", path.rstrip("/"), {"mode": mode.zfill(4)} if mode else {})
    return True


def _declared(draft: SpecDraft, path: str) -> dict[str, Any] | None:
    """What the draft says of a file, a directory or a tree."""
    plain = path.rstrip("/")
    for key in ("files", "directories", "trees"):
        if plain in draft.spec.get(key, {}):
            found: dict[str, Any] = draft.spec[key][plain]
            return found
    return None


def _chown(words: Sequence[str], draft: SpecDraft, line: int | None) -> bool:
    found, _ = split_flags(words[1:], ())
    places = [_declared(draft, one) for one in found[1:]]
    if not found or not places or None in places:
        return False
    owner, _, group = found[0].partition(":")
    if owner.isdecimal() or group.isdecimal():
        return False
    for place in places:
        if place is not None:
            place |= {"owner": owner} | ({"group": group or owner} if ":" in found[0] else {})
    draft.declare_user(owner)
    return True


def _chmod(words: Sequence[str], draft: SpecDraft, line: int | None) -> bool:
    # A mode may begin as a flag does: -x.
    found = [word for word in words[1:] if word not in ("-R", "--recursive", "-v", "-f", "-c")]
    if len(found) < 2:
        return False
    mode, *paths = found
    places = [_declared(draft, one) for one in paths]
    if re.fullmatch(r"[ua]?\+x", mode):
        mode = "0755"
    elif not _MODE.fullmatch(mode):
        return False
    if None in places:
        return False
    for place in places:
        if place is not None:
            place["mode"] = mode.zfill(4)
    return True


def _ln(words: Sequence[str], draft: SpecDraft, line: int | None) -> bool:
    found, flags = split_flags(words[1:], ())
    if "-s" not in flags and "--symbolic" not in flags:
        return False
    if len(found) != 2 or not found[1].startswith("/") or found[1].endswith("/"):
        return False
    if found[0] in ("/dev/stdout", "/dev/stderr"):
        draft.note(f"link {found[1]} to {found[0]}: see `sysimage explain services.log`", line)
    elif found[1] == "/etc/localtime" and found[0].startswith(_ZONES):
        draft.spec["time-zone"] = found[0].removeprefix(_ZONES)
    else:
        draft.put("symlinks", found[1], found[0])
    return True


def _systemctl(words: Sequence[str], draft: SpecDraft, line: int | None) -> bool:
    found, _ = split_flags(words[1:], ())
    if not found or found[0] != "enable":
        return False
    draft.add("enable", [one.removesuffix(".service") for one in found[1:]])
    return True


def _apache(words: Sequence[str], draft: SpecDraft, line: int | None) -> bool:
    found, _ = split_flags(words[1:], ())
    kind, ending = {"a2enmod": ("mods", "load"), "a2ensite": ("sites", "conf"), "a2enconf": ("conf", "conf")}[words[0]]
    for name in found:
        plain = name.removesuffix(f".{ending}")
        place = f"/etc/apache2/{kind}-enabled/{plain}.{ending}"
        draft.put("symlinks", place, f"../{kind}-available/{plain}.{ending}")
        if kind == "mods":
            draft.note(f"{' '.join(words)}: if the module has a {plain}.conf, that needs a link, too", line)
    return bool(found)


def _locale_gen(words: Sequence[str], draft: SpecDraft, line: int | None) -> bool:
    """Locales are what ``locale`` and ``translations`` ask for; the first one that is generated becomes the locale of
    the system."""
    text = " ".join(words[1:])
    found = _LOCALE.search(text)
    if words[0] == "sed" and (found is None or "/etc/locale.gen" not in text):
        return False
    if found is not None:
        draft.spec.setdefault("locale", f"{found[0]}.UTF-8")
    return True


def _localedef(words: Sequence[str], draft: SpecDraft, line: int | None) -> bool:
    found, _ = split_flags(words[1:], ("-i", "-f", "-A", "-c"))
    return bool(found) and _locale_gen([words[0], found[-1]], draft, line)


def write_file(words: Sequence[str], draft: SpecDraft) -> bool:
    """``echo`` or ``printf`` into a file, with ``>`` or ``>>``, becomes the text of a file; False for all others."""
    at = next((number for number, word in enumerate(words) if word.startswith(">")), None)
    if at is None or words[0] not in ("echo", "printf"):
        return False
    redirection = _REDIRECTION.fullmatch(words[at])
    rest = words[at + 1 :]
    if redirection is None:
        return False
    path = redirection[2] or (rest[0] if rest else "")
    if not path.startswith("/") or rest[0 if redirection[2] else 1 :] or path.startswith("/dev/"):
        return False
    text = _printed(words[:at])
    if text is None:
        return False
    known = draft.spec.get("files", {}).get(path)
    if path in _KEPT_BY_THE_SPEC:
        draft.spec[_KEPT_BY_THE_SPEC[path]] = text.strip()
    elif redirection[1] == ">":
        draft.put("files", path, {**(known or {}), "text": text} if "source" not in (known or {}) else {"text": text})
    elif known is not None and "text" in known:
        known["text"] += text
    else:
        return False  # the existing content is not known
    return True


def _printed(words: Sequence[str]) -> str | None:
    """What the command prints; None where only a shell knows."""
    name, *rest = words
    if name == "echo":
        ends = "\n"
        while rest and rest[0] in ("-n", "-e", "-E"):
            ends = "" if rest[0] == "-n" else ends
            rest = rest[1:]
        return " ".join(rest) + ends
    if len(rest) == 2 and rest[0] in ("%s", "%s\\n"):
        return rest[1] + ("\n" if rest[0].endswith("n") else "")
    if len(rest) == 1 and "%" not in rest[0]:
        return rest[0].replace("\\n", "\n").replace("\\t", "\t")
    return None


READERS: Mapping[str, CommandReader] = {
    "mkdir": _mkdir,
    "chown": _chown,
    "chmod": _chmod,
    "ln": _ln,
    "systemctl": _systemctl,
    **dict.fromkeys(("a2enmod", "a2ensite", "a2enconf"), _apache),
    **dict.fromkeys(("locale-gen", "update-locale", "sed"), _locale_gen),
    "localedef": _localedef,
}
