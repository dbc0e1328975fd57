"""The door from text to `SystemSpec`: it opens for a spec without fault, or says every fault at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sysimage.errors import Issue, SpecError
from sysimage.spec.check import Names, check
from sysimage.spec.choices import AS_IT_IS, SpecChoices
from sysimage.spec.composition import Composition, compose
from sysimage.spec.include import SpecText
from sysimage.spec.json_text import pointer, pointer_keys
from sysimage.spec.migrations import old_keys
from sysimage.spec.model import SystemSpec
from sysimage.spec.schema import known_keys, shared_schema
from sysimage.spec.spec_object import hyphenated
from sysimage.spec.validation_errors import Place, translate

_OF_PYTHON = "the spec"
_SMALLEST = {"name": "unnamed"}
"""What stands in for a required key while faulty ones are set aside; and `_made_of`."""


@dataclass(frozen=True, slots=True)
class ReadSpec:
    """A spec that was read, and what it was read from."""

    spec: SystemSpec
    composition: Composition


def read_spec(path: Path, choices: SpecChoices = AS_IT_IS) -> SystemSpec:
    """Read and parse a file with what it includes; sources are looked for beside it. Raises as `parse_spec` does."""
    return read_composed(SpecText.of_file(path), choices).spec


def parse_spec(text: str, path: Path | None = None, choices: SpecChoices = AS_IT_IS) -> SystemSpec:
    """Parse a spec. ``path`` is the file the text came from: its directory is where sources and included files must be,
    its name is in messages; without it sources are not looked for.

    Raises `SpecError` with every fault, in the order of the lines: of the JSON, of the fields, and of what the parts
    say about each other, the last as far as they do not follow from the first two.
    """
    name = "the spec" if path is None else str(path)
    return read_composed(SpecText(text, name, None if path is None else path.parent), choices).spec


def read_composed(text: SpecText, choices: SpecChoices = AS_IT_IS) -> ReadSpec:
    """A spec of a text and of what that includes and is given; a `SpecError` has every fault of all of them."""
    whole = compose(text, choices)
    spec, issues = _parse(whole, text.directory)
    for name, other in (whole.variants or {}).items():
        issues += _faults_of_variant(name, other)
    placed = {str(issue): issue for issue in map(whole.placed, issues)}
    read = _faultless(spec, sorted(placed.values(), key=whole.order), text.source)
    return ReadSpec(read, whole)


def spec_of_value(value: Mapping[str, Any], beside: Path, choices: SpecChoices = AS_IT_IS) -> ReadSpec:
    """Like `read_composed`, for the content of a system.json as Python values; its issues have no lines, except those
    in included files.

    ``beside`` is the directory that paths are relative to. A value that JSON does not have is a TypeError.
    """
    with without_lines():
        return read_composed(value_text(value, beside), choices)


def value_text(value: Mapping[str, Any], beside: Path) -> SpecText:
    """The text of what a system.json holds as Python's values; to be read `without_lines`."""
    return SpecText(json.dumps(value), _OF_PYTHON, beside)


@contextmanager
def without_lines() -> Iterator[None]:
    """Take the lines from the issues of a `value_text`, which are of no file."""
    try:
        yield
    except SpecError as error:
        error.issues = tuple(
            replace(issue, line=None, column=None, file=None) if issue.file in (None, _OF_PYTHON) else issue
            for issue in error.issues
        )
        raise


def check_spec(spec: SystemSpec, beside: Path) -> SystemSpec:
    """The spec itself, if what its parts say about each other and about the files below ``beside`` has no fault."""
    names = Names(frozenset(spec.services), frozenset(spec.users), frozenset(spec.groups), frozenset())
    return _faultless(spec, list(check(spec, names, beside)), None)


def _parse(whole: Composition, beside: Path | None) -> tuple[SystemSpec | None, list[Issue]]:
    """The spec, as far as it is sound, and every fault; those of fields and of parts are without their lines."""
    issues = list(whole.issues)
    if not whole.complete:
        return None, issues
    told = {issue.where for issue in issues}
    spec, field_issues = _validate(whole.value)
    old = old_keys(whole.value)
    for issue in field_issues:
        if issue.where in old:
            change = old[issue.where]
            renamed = f"is {change.new!r} since sysimage {change.since}; `sysimage migrate` changes it"
            issues.append(replace(issue, message=renamed, suggestion=None))
        elif issue.where not in told:
            issues.append(issue)
    if spec is not None:
        issues += (issue for issue in check(spec, _names(whole.value), beside) if issue.where not in told)
    return spec, issues


def _faults_of_variant(name: str, whole: Composition) -> Iterator[Issue]:
    """Faults of a variant that was not chosen. Only its own values are checked, since it may need another variant."""
    yield from whole.issues
    _, issues = _validate(whole.value)
    for issue in issues:
        place = whole.place(issue.where)
        if issue.where in whole.places and place.variant == name and not _may_be_added_to(issue, whole.value):
            there = replace(issue, where=pointer("variants", name) + issue.where)
            yield replace(there, file=place.source, line=place.line, column=place.column)


def _may_be_added_to(issue: Issue, value: Any) -> bool:
    """Whether what an issue is about is an object that another variant may make whole."""
    keys = pointer_keys(issue.where)
    for key in keys:
        value = value[int(key) if isinstance(value, list) else key]
    return isinstance(value, dict) and (not keys or keys[-1] in known_keys(shared_schema(), keys[:-1]))


def _faultless(spec: SystemSpec | None, issues: list[Issue], source: str | None) -> SystemSpec:
    if spec is not None and not issues:
        return spec
    count = f"{len(issues)} faults" if len(issues) > 1 else "one fault"
    placed = [
        replace(issue, file=source) if issue.file is None and issue.line is not None else issue for issue in issues
    ]
    raise SpecError(
        f"cannot read {source or 'the spec'}: {count}",
        hint="sysimage schema prints what a spec may say, for people and for editors",
        issues=placed,
    )


def located(error: SpecError, path: Path, choices: SpecChoices = AS_IT_IS) -> SpecError:
    """A fault of the spec in the file ``path`` that was found after it was read, with the places in the files."""
    known = {pointer(hyphenated(name)) for name in SystemSpec.model_fields}
    if not error.issues:
        return error
    try:
        whole = compose(SpecText.of_file(path), choices)
    except SpecError:
        return error  # it is no longer what was read
    named = whole.value.get("packages") if isinstance(whole.value, dict) else None
    found = [_of_package(issue, named if isinstance(named, list) else []) for issue in error.issues]
    issues = [whole.placed(issue, named=True) if _key(issue) in known else issue for issue in found]
    error.issues = tuple(sorted(issues, key=whole.order))
    return error


def _of_package(issue: Issue, named: list[Any]) -> Issue:
    """An issue about a package that the spec names, at the place where it does."""
    if issue.where not in named:
        return issue
    where = pointer("packages", named.index(issue.where))
    return replace(issue, where=where, message=f"{issue.where}: {issue.message}")


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
    # Through JSON, because only pydantic's strict mode for JSON does what the author of a file expects: arrays are
    # tuples, "5" is not a number.
    return SystemSpec.model_validate_json(json.dumps(value), strict=True, by_alias=True, by_name=False)


def _without(value: Any, places: set[Place], here: Place = ()) -> Any:
    """A copy without what is at the places. An array that holds one goes as a whole: its indices would shift."""

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

    services = value.get("services") if isinstance(value, dict) else None
    named = services.items() if isinstance(services, dict) else ()
    commanded = frozenset(name for name, said in named if not isinstance(said, dict) or "command" in said)
    return Names(keys("services"), keys("users"), keys("groups"), commanded)
