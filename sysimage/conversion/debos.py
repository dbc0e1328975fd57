"""A spec from a debos recipe: YAML in which Go's templates may occur."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sysimage.conversion.shell_commands import read_commands
from sysimage.conversion.spec_draft import SpecDraft
from sysimage.errors import SpecError

_ACTION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_ASSIGNMENT = re.compile(r"\$(\w+)\s*:?=\s*(.*)", re.DOTALL)
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"|`([^`]*)`')
_OF_DISKS = frozenset(
    {"image-partition", "filesystem-deploy", "pack", "raw", "ostree-commit", "ostree-deploy", "apertis-pack"}
)
"""What comes after the root file system; an image is a build's own."""
_BOOTSTRAPS = ("debootstrap", "mmdebstrap")


def is_debos(text: str) -> bool:
    """Whether a YAML file is a recipe."""
    return re.search(r"^actions:", text, re.MULTILINE) is not None


def read_debos(text: str, name: str, draft: SpecDraft) -> None:
    """Fill the draft with what a recipe makes, its variables with the values that they have by default."""
    import yaml

    plain = _rendered(text, draft)
    try:
        value = yaml.safe_load(plain)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise SpecError(f"cannot read {name}: it is not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(value, dict) or not isinstance(value.get("actions"), list):
        raise SpecError(f"cannot read {name}: it is not a recipe of debos: there is no list of `actions`")
    try:
        if value.get("architecture") in ("amd64", "arm64"):
            draft.spec["architecture"] = value["architecture"]
        elif value.get("architecture"):
            draft.note(f"architecture: {value['architecture']}: packages are there for amd64 and arm64")
        for action in value["actions"]:
            _action(action, draft)
    except (AttributeError, TypeError, KeyError):
        raise SpecError(f"cannot read {name}: it is not as debos reads it") from None


def _rendered(text: str, draft: SpecDraft) -> str:
    """The recipe without templates: a variable is its default, a condition is as if nothing was given."""
    variables: dict[str, str] = {}
    out, depth, end = [], [True], 0
    for match in _ACTION.finditer(text):
        if depth[-1]:
            out.append(text[end : match.start()])
        end = match.end()
        word = match[1].partition(" ")[0]
        if match[1].startswith("/*"):
            continue
        if word in ("if", "range", "with"):
            holds = depth[-1] and word == "if" and bool(_value(match[1].removeprefix("if"), variables))
            draft.note(
                f"{{{{ {match[1]} }}}}: read as {'true' if holds else 'false'}", text[: match.start()].count("\n") + 1
            )
            depth.append(holds)
        elif word == "else" and len(depth) > 1:
            depth[-1] = depth[-2] and not depth[-1]
        elif word == "end" and len(depth) > 1:
            depth.pop()
        elif depth[-1] and (assignment := _ASSIGNMENT.fullmatch(match[1])):
            variables[assignment[1]] = _value(assignment[2], variables)
        elif depth[-1]:
            out.append(_value(match[1], variables))
    out.append(text[end:])
    return "".join(out)


def _value(expression: str, variables: Mapping[str, str]) -> str:
    """What an expression gives where no variable is set from outside: its variable, or the text that it ends with."""
    words = expression.strip().strip("()")
    if words.startswith("$") and re.fullmatch(r"\$\w+", words):
        return variables.get(words[1:], "")
    if words.startswith(("eq ", "ne ")):
        parts = [variables.get(one[1:], "") if one.startswith("$") else one.strip('"') for one in words.split()[1:3]]
        same = len(set(parts)) == 1
        return "true" if same == words.startswith("eq") else ""
    texts: list[str] = [first or second for first, second in _TEXT.findall(words)]
    if texts:
        return texts[-1]
    known = [variables[one[1:]] for one in words.split() if one.startswith("$") and one[1:] in variables]
    return known[-1] if known else ""


def _action(action: Mapping[str, Any], draft: SpecDraft) -> None:
    kind = str(action["action"])
    reader = _READERS.get(kind)
    if reader is not None:
        reader(action, draft)
    elif kind in _BOOTSTRAPS:
        _bootstrap(action, draft)
    elif kind not in _OF_DISKS:
        draft.note(f"action {kind}{_described(action)}: no counterpart")


def _described(action: Mapping[str, Any]) -> str:
    return f" ({action['description']})" if action.get("description") else ""


def _bootstrap(action: Mapping[str, Any], draft: SpecDraft) -> None:
    suite = str(action.get("suite") or (action.get("suites") or ["trixie"])[0])
    if suite not in ("trixie", "stable"):
        draft.note(f"suite {suite}: packages are those of trixie; `package-sources` names other suites")
    draft.add_packages(str(one) for one in action.get("include") or ())


def _apt(action: Mapping[str, Any], draft: SpecDraft) -> None:
    draft.add_packages(str(one) for one in action.get("packages") or ())


def _overlay(action: Mapping[str, Any], draft: SpecDraft) -> None:
    if action.get("origin") not in (None, "recipe"):
        draft.note(f"overlay of {action['origin']}: put its files beside the spec, as a tree")
        return
    draft.copy(str(action["source"]), str(action.get("destination") or "/"))


def _run(action: Mapping[str, Any], draft: SpecDraft) -> None:
    if action.get("script"):
        draft.note(f"run {action['script']}{_described(action)}: a build runs no command; declare what it makes")
    elif action.get("chroot") and not action.get("postprocess"):
        read_commands(str(action["command"]), draft, None)
    else:
        draft.note(f"run {action['command']}: a build runs no command; do it before or after the build")


_READERS: Mapping[str, Callable[[Mapping[str, Any], SpecDraft], None]] = {"apt": _apt, "overlay": _overlay, "run": _run}
