"""The door from text to `SystemSpec`: it opens for a spec without fault, or says every fault at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sysimage.errors import Issue, SpecError
from sysimage.spec.check import Names, check
from sysimage.spec.json_text import MOST_CHARACTERS, JsonText, pointer, read_json
from sysimage.spec.migrations import old_keys
from sysimage.spec.model import SystemSpec
from sysimage.spec.spec_object import hyphenated
from sysimage.spec.validation_errors import Place, translate

_SMALLEST = {"name": "unnamed"}
"""What stands in for a required key while faulty ones are set aside; and `_made_of`."""


def read_spec(path: Path) -> SystemSpec:
    """Read and parse a file; sources are looked for beside it. Raises as `parse_spec` does, or `SpecError`."""
    return parse_spec(read_text(path), path)


def read_text(path: Path) -> str:
    """The text of a spec's file; a `SpecError` if it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(4 * MOST_CHARACTERS + 1)
        return data.decode()
    except OSError as error:
        raise SpecError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        issue = Issue("", f"byte {error.start} is not UTF-8", line)
        raise SpecError(f"cannot read {path}: it is not a text in UTF-8", issues=[issue]) from None


def parse_spec(text: str, path: Path | None = None) -> SystemSpec:
    """Parse a spec. ``path`` is the file the text came from: its directory is where sources must be, its name stands in
    messages; without it sources are not looked for.

    Raises `SpecError` with every fault, in the order of the lines: of the JSON, of the fields, and of what the parts
    say about each other, the last as far as they do not follow from the first two.
    """
    read = read_json(text)
    spec, issues = _parse(read, None if path is None else path.parent)
    return _faultless(spec, _placed(issues, read), path)


def spec_of_value(value: Mapping[str, Any], beside: Path) -> SystemSpec:
    """As `parse_spec`, of what a system.json holds as Python's values; its issues have no lines.

    ``beside`` is the directory that sources are relative to. A value that JSON does not have is a TypeError.
    """
    spec, issues = _parse(read_json(json.dumps(value)), beside)
    return _faultless(spec, [replace(issue, line=None, column=None) for issue in issues], None)


def check_spec(spec: SystemSpec, beside: Path) -> SystemSpec:
    """The spec itself, if what its parts say about each other and about the files below ``beside`` has no fault."""
    names = Names(frozenset(spec.services), frozenset(spec.users), frozenset(spec.groups))
    return _faultless(spec, list(check(spec, names, beside)), None)


def _parse(read: JsonText, beside: Path | None) -> tuple[SystemSpec | None, list[Issue]]:
    """The spec, as far as it is sound, and every fault; those of fields and of parts are without their lines."""
    issues = list(read.issues)
    if not read.complete:
        return None, issues
    told = {issue.where for issue in issues}
    spec, field_issues = _validate(read.value)
    old = old_keys(read.value)
    for issue in field_issues:
        if issue.where in old:
            change = old[issue.where]
            renamed = f"is {change.new!r} since sysimage {change.since}; `sysimage migrate` changes it"
            issues.append(replace(issue, message=renamed, suggestion=None))
        elif issue.where not in told:
            issues.append(issue)
    if spec is not None:
        issues += check(spec, _names(read.value), beside)
    return spec, issues


def _faultless(spec: SystemSpec | None, issues: list[Issue], path: Path | None) -> SystemSpec:
    if spec is not None and not issues:
        return spec
    count = f"{len(issues)} faults" if len(issues) > 1 else "one fault"
    raise SpecError(
        f"cannot read {path or 'the spec'}: {count}",
        hint="sysimage schema prints what a spec may say, for people and for editors",
        issues=issues,
    )


def located(error: SpecError, path: Path) -> SpecError:
    """A fault of the spec in the file ``path`` that was found after it was read, with the places in the file."""
    known = {pointer(hyphenated(name)) for name in SystemSpec.model_fields}
    if not any(_key(issue) in known for issue in error.issues):
        return error
    try:
        read = read_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return error  # it is no longer what was read
    issues = [read.placed(issue, str(path)) if _key(issue) in known else issue for issue in error.issues]
    error.issues = tuple(sorted(issues, key=lambda issue: issue.line or 0))
    return error


def _key(issue: Issue) -> str:
    """The part of the spec that an issue points to."""
    return "/" + issue.where.removeprefix("/").partition("/")[0]


def _validate(value: object) -> tuple[SystemSpec | None, list[Issue]]:
    """The spec and its fields' faults. With faults, what is sound of it, so that the rest can still be checked."""
    try:
        return _to_model(value), []
    except ValidationError as error:
        faults = translate(error, value)
    issues = [issue for _, issue in faults]
    sound: Any = value
    while isinstance(sound, dict):
        smaller = _made_of({**_SMALLEST, **_without(sound, {place for place, _ in faults})})
        if smaller == sound:
            break
        sound = smaller
        try:
            return _to_model(sound), issues
        except ValidationError as error:
            faults = translate(error, sound)
    return None, issues


def _made_of(value: dict[str, Any]) -> dict[str, Any]:
    """With exactly one of the two keys that say what the image is made of."""
    if "from-store" in value:
        return {key: below for key, below in value.items() if key != "packages"}
    return {"packages": [], **value}


def _to_model(value: object) -> SystemSpec:
    # Through JSON, because only there is strict what a file's author expects: arrays are tuples, "5" is no number.
    return SystemSpec.model_validate_json(json.dumps(value), strict=True, by_alias=True, by_name=False)


def _without(value: Any, places: set[Place], here: Place = ()) -> Any:
    """A copy without what stands at the places. An array that holds one goes as a whole: its indices would shift."""

    def is_sound(below: Any, there: Place) -> bool:
        in_array = isinstance(below, list) and any(place[: len(there)] == there for place in places)
        return there not in places and not in_array

    if not isinstance(value, dict):
        return value
    below = {key: (value[key], (*here, key)) for key in value}
    return {key: _without(part, places, there) for key, (part, there) in below.items() if is_sound(part, there)}


def _names(value: Any) -> Names:
    """What the file declares, sound or not."""

    def keys(key: str) -> frozenset[str]:
        section = value.get(key) if isinstance(value, dict) else None
        return frozenset(section) if isinstance(section, dict) else frozenset()

    return Names(services=keys("services"), users=keys("users"), groups=keys("groups"))


def _placed(issues: Iterable[Issue], read: JsonText) -> list[Issue]:
    """The issues with their places, in the order of the file."""
    return sorted(map(read.placed, issues), key=lambda issue: (issue.line or 0, issue.where, issue.message))
