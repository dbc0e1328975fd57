"""Commands that install packages: of Debian, of Alpine, of Python, of npm."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence

from sysimage.conversion.alpine_names import add_alpine_packages
from sysimage.conversion.command_line import CommandReader, split_flags
from sysimage.conversion.spec_draft import SpecDraft

_USELESS = frozenset(
    {"update", "upgrade", "dist-upgrade", "full-upgrade", "clean", "autoclean", "autoremove", "purge", "remove"}
)
_APT = ("-t", "-o", "-c", "--target-release", "--option")
_APK = ("-t", "--virtual", "-X", "--repository")
_PIP = ("-r", "--requirement", "-c", "--constraint", "-i", "--index-url", "--extra-index-url", "-t", "--target")
_NPM_LOCKS = ("package-lock.json", "npm-shrinkwrap.json")


def _apt(words: Sequence[str], draft: SpecDraft, line: int | None) -> bool:
    found, _ = split_flags(words[1:], _APT)
    if not found or found[0] in _USELESS:
        return True
    if found[0] != "install":
        return False
    plain = [one for one in found[1:] if re.fullmatch(r"[a-z0-9][a-z0-9+.-]+(:\w+)?(=\S+)?(/\S+)?", one)]
    for other in found[1:]:
        if other not in plain:
            draft.note(f"package {other}: a shell or another file sets this name", line)
    draft.add_packages(plain, line)
    return True


def _apk(words: Sequence[str], draft: SpecDraft, line: int | None) -> bool:
    found, _ = split_flags(words[1:], _APK)
    if not found or found[0] != "add":
        return True
    add_alpine_packages(draft, [one for one in found[1:] if not one.startswith("$")], line)
    return True


def _pip(words: Sequence[str], draft: SpecDraft, line: int | None) -> bool:
    rest = words[words.index("pip") + 1 :] if "pip" in words[1:3] else words[1:]
    if "pip" not in words[0].rpartition("/")[2] and "pip" not in words[1:3]:
        return False  # python -m something else
    found, flags = split_flags(rest, _PIP)
    if not found or found[0] != "install":
        return False
    draft.add_packages(["python3"])
    name = flags.get("-r") or flags.get("--requirement")
    if {one.partition("=")[0] for one in found[1:]} <= {"pip", "setuptools", "wheel"} and not name:
        return True
    lock = _python_lock(draft, name)
    if lock is None or found[1:]:
        draft.note(f"{' '.join(words)}: `python` takes a lock file, a pylock.toml or requirements with hashes", line)
    if lock is not None:
        draft.spec["python"] = {"lock": lock}
    return True


def _python_lock(draft: SpecDraft, requirements: str | None) -> str | None:
    """The lock file that is in the directory."""
    if (draft.directory / "pylock.toml").is_file():
        return draft.beside_spec("pylock.toml")
    if requirements is None:
        return None
    name = posixpath.basename(requirements)
    place = draft.directory / name
    has_hashes = place.is_file() and "--hash=" in place.read_text(encoding="utf-8", errors="replace")
    return draft.beside_spec(name) if has_hashes else None


def _npm(words: Sequence[str], draft: SpecDraft, line: int | None) -> bool:
    found, flags = split_flags(words[1:], ())
    if found == ["cache", "clean"]:
        return True
    if found not in (["ci"], ["install"], ["i"]) or flags.keys() & {"-g", "--global"}:
        return False
    at = draft.spec.get("working-directory")
    lock = next((name for name in _NPM_LOCKS if (draft.directory / name).is_file()), None)
    where = draft.beside_spec(lock) if lock else None
    if at is None or where is None:
        draft.note(f"{' '.join(words)}: `node` takes a package-lock.json, which this directory lacks", line)
        return True
    draft.add_packages(["nodejs"])
    without = flags.keys() & {"--production", "--only"} or "dev" in (flags.get("--omit"), flags.get("--only"))
    production = without or draft.spec.get("environment", {}).get("NODE_ENV") == "production"
    draft.spec["node"] = {"lock": where, "at": at, **({} if production else {"dev": True})}
    return True


READERS: Mapping[str, CommandReader] = {
    **dict.fromkeys(("apt-get", "apt"), _apt),
    "apk": _apk,
    **dict.fromkeys(("pip", "pip3", "python", "python3"), _pip),
    "npm": _npm,
}
