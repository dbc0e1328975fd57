"""A spec from apko's YAML."""

from __future__ import annotations

import shlex
from typing import Any

from sysimage.conversion.alpine_names import add_alpine_packages
from sysimage.conversion.spec_draft import SpecDraft
from sysimage.errors import Issue, SpecError

_READ = frozenset(
    [
        "contents",
        "entrypoint",
        "cmd",
        "work-dir",
        "stop-signal",
        "environment",
        "volumes",
        "accounts",
        "paths",
        "annotations",
        "archs",
    ]
)
_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def read_apko(text: str, name: str, draft: SpecDraft) -> None:
    """Fill the draft with what an apko.yaml declares."""
    import yaml

    try:
        value = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        issue = Issue("", str(error.problem or error), None if mark is None else mark.line + 1)
        raise SpecError(f"cannot read {name}: it is not YAML", issues=[issue]) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise SpecError(f"cannot read {name}: it is not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(value, dict) or not isinstance(value.get("contents"), dict):
        raise SpecError(f"cannot read {name}: it is not an apko.yaml: there is no `contents`")
    try:
        _read(value, draft)
    except (AttributeError, TypeError, KeyError, ValueError):
        raise SpecError(f"cannot read {name}: it is not as apko writes it") from None


def _read(value: dict[str, Any], draft: SpecDraft) -> None:
    draft.spec["essential"] = False
    contents = value["contents"]
    add_alpine_packages(draft, map(str, contents.get("packages") or ()))
    for key in contents:
        if key != "packages":
            draft.note(f"contents.{key}: no counterpart; packages are Debian's")
    entry_point = value.get("entrypoint") or {}
    if entry_point.get("command"):
        draft.spec["entry-point"] = shlex.split(str(entry_point["command"]))
    if entry_point.get("shell-fragment"):
        draft.spec["entry-point"] = ["/bin/sh", "-c", str(entry_point["shell-fragment"])]
        draft.spec["essential"] = True
    for service, command in (entry_point.get("services") or {}).items():
        draft.put("services", str(service), {"command": shlex.split(str(command))})
        draft.spec["essential"] = True
    if value.get("cmd"):
        draft.spec["command"] = shlex.split(str(value["cmd"]))
    if value.get("work-dir"):
        draft.spec["working-directory"] = str(value["work-dir"])
    if value.get("stop-signal"):
        draft.spec["stop-signal"] = str(value["stop-signal"])
    for key, one in (value.get("environment") or {}).items():
        draft.put("environment", str(key), str(one))
    draft.add("volumes", map(str, value.get("volumes") or ()))
    for key, one in (value.get("annotations") or {}).items():
        draft.put("labels", str(key), str(one))
    _accounts(value.get("accounts") or {}, draft)
    for path in value.get("paths") or ():
        _path(path, draft)
    known = [_ARCHITECTURES[str(arch)] for arch in value.get("archs") or () if str(arch) in _ARCHITECTURES]
    if len(known) == 1:
        draft.spec["architecture"] = known[0]
    elif known:
        draft.note(
            f"archs: one at a time; `sysimage build --platform linux/{known[0]},linux/{known[1]}` builds several"
        )
    for key in value:
        if key not in _READ:
            draft.note(f"{key}: no counterpart")


def _accounts(accounts: dict[str, Any], draft: SpecDraft) -> None:
    names = {}
    for group in accounts.get("groups") or ():
        declared: dict[str, Any] = {"gid": group["gid"]} if "gid" in group else {}
        if group.get("members"):
            declared["members"] = [str(one) for one in group["members"]]
        draft.put("groups", str(group["groupname"]), declared)
    groups = _by_number(draft, "groups", "gid")
    for user in accounts.get("users") or ():
        made: dict[str, Any] = {"uid": user["uid"]} if "uid" in user else {}
        if user.get("gid") in groups and groups[user["gid"]] != user["username"]:
            made["group"] = groups[user["gid"]]
        for key, ours in (("shell", "shell"), ("homedir", "home")):
            if user.get(key):
                made[ours] = str(user[key])
        names[str(user.get("uid"))] = str(user["username"])
        draft.put("users", str(user["username"]), made)
    run_as = str(accounts.get("run-as") or "")
    if run_as:
        name = names.get(run_as, run_as)
        draft.declare_user(name.partition(":")[0])
        draft.spec["user"] = name


def _by_number(draft: SpecDraft, key: str, number: str) -> dict[int, str]:
    """The names of accounts that have a number."""
    return {one[number]: name for name, one in draft.spec.get(key, {}).items() if number in one}


def _path(path: dict[str, Any], draft: SpecDraft) -> None:
    kind, place = path.get("type"), str(path["path"]).rstrip("/")
    users, groups = _by_number(draft, "users", "uid"), _by_number(draft, "groups", "gid")
    options: dict[str, Any] = {}
    for key, names, ours in (("uid", users, "owner"), ("gid", groups, "group")):
        if path.get(key) in names:
            options[ours] = names[path[key]]
        elif path.get(key) and path[key] in users:
            options[ours] = users[path[key]]
    if "permissions" in path:
        number = path["permissions"]
        options["mode"] = f"{number if isinstance(number, int) else int(str(number).removeprefix('0o'), 8):04o}"
    if kind == "directory":
        draft.put("directories", place, options)
    elif kind == "empty-file":
        draft.put("files", place, {"text": "", **options})
    elif kind == "symlink":
        draft.put("symlinks", place, str(path["source"]))
    else:
        draft.note(f"paths: {kind} of {place}: no counterpart")
