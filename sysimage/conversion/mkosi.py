"""A spec from mkosi's configuration."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping

from sysimage.conversion.spec_draft import SpecDraft
from sysimage.errors import Issue, SpecError

_SECTION = re.compile(r"\[([A-Za-z]+)\]\s*$")
_SETTING = re.compile(r"([A-Za-z][A-Za-z0-9]*)\s*=\s*(.*)$")
_ARCHITECTURES = {"x86-64": "amd64", "arm64": "arm64"}
_NOT_NEEDED = frozenset(
    ["Format", "WithDocs", "Output", "OutputDirectory", "ImageId", "Bootable", "CleanPackageMetadata"]
)


def read_mkosi(text: str, name: str, draft: SpecDraft) -> None:
    """Fill the draft with what a mkosi.conf, and a mkosi.extra beside it, say."""
    for key, values in _settings(text, name).items():
        reader = _READERS.get(key)
        if reader is not None:
            reader(values, draft)
        elif key not in _NOT_NEEDED:
            draft.note(f"{key}={' '.join(values)}: no counterpart")
    if (draft.directory / "mkosi.extra").is_dir():
        draft.copy("mkosi.extra", "/")
    for other in ("mkosi.postinst", "mkosi.postinst.chroot", "mkosi.finalize", "mkosi.build", "mkosi.conf.d"):
        if (draft.directory / other).exists():
            draft.note(f"{other}: not read; declare what it makes, or put that in as a tree")


def _settings(text: str, name: str) -> dict[str, list[str]]:
    """Settings by name, their values split at lines; one without a value takes back those before it."""
    found: dict[str, list[str]] = {}
    wrong, current, sections, skipping = [], None, 0, False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith(("#", ";")) or not line.strip():
            continue
        if line[0].isspace() and current is not None:
            found[current].append(line.strip())
        elif section := _SECTION.match(line):
            sections += 1
            skipping = section[1] in ("Match", "TriggerMatch")
            current = None
        elif setting := _SETTING.match(line):
            current = "Match" if skipping else setting[1]
            found.setdefault(current, [])
            if not skipping and not setting[2]:
                found[current] = []
            elif setting[2]:
                found[current].append(setting[2].strip())
        else:
            wrong.append(Issue("", "must be [Section] or Setting=value", number))
    if wrong or not sections:
        raise SpecError(f"cannot read {name}: it is not a configuration of mkosi", issues=wrong)
    return found


def _list(values: list[str]) -> list[str]:
    return [one for value in values for one in re.split(r"[,\s]+", value) if one]


def _packages(values: list[str], draft: SpecDraft) -> None:
    draft.add_packages(one for one in _list(values) if not one.startswith("!"))


def _exclude(values: list[str], draft: SpecDraft) -> None:
    draft.add("exclude", _list(values))


def _pairs(key: str) -> Callable[[list[str], SpecDraft], None]:
    def read(values: list[str], draft: SpecDraft) -> None:
        for value in values:
            for word in shlex.split(value):
                name, _, one = word.partition("=")
                draft.put(key, name, one)

    return read


def _text(key: str) -> Callable[[list[str], SpecDraft], None]:
    def read(values: list[str], draft: SpecDraft) -> None:
        if values:
            draft.spec[key] = values[-1]

    return read


def _argv(key: str) -> Callable[[list[str], SpecDraft], None]:
    def read(values: list[str], draft: SpecDraft) -> None:
        draft.spec[key] = shlex.split(" ".join(values))

    return read


def _trees(values: list[str], draft: SpecDraft) -> None:
    for value in values:
        for one in value.split(","):
            source, _, target = one.strip().partition(":")
            draft.copy(source, target or "/")


def _distribution(values: list[str], draft: SpecDraft) -> None:
    if values and values[-1].lower() != "debian":
        draft.note(f"Distribution={values[-1]}: packages are Debian's; names may differ")


def _release(values: list[str], draft: SpecDraft) -> None:
    if values and values[-1].lower() not in ("trixie", "13"):
        draft.note(f"Release={values[-1]}: packages are those of trixie; `package-sources` names other suites")


def _architecture(values: list[str], draft: SpecDraft) -> None:
    if values and values[-1] in _ARCHITECTURES:
        draft.spec["architecture"] = _ARCHITECTURES[values[-1]]
    elif values:
        draft.note(f"Architecture={values[-1]}: packages are there for amd64 and arm64")


_READERS: Mapping[str, Callable[[list[str], SpecDraft], None]] = {
    "Packages": _packages,
    "RemovePackages": _exclude,
    "ExtraTrees": _trees,
    "SkeletonTrees": _trees,
    "Hostname": _text("host-name"),
    "Locale": _text("locale"),
    "Timezone": _text("time-zone"),
    "OciLabels": _pairs("labels"),
    "OciEntrypoint": _argv("entry-point"),
    "Distribution": _distribution,
    "Release": _release,
    "Architecture": _architecture,
}
