"""One spec of many texts: what is included, variants, arguments and single values, laid over one another in this order.

What is left is a system, and of each of its parts the place where it was written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sysimage.errors import Issue
from sysimage.spec.choices import KeyValue, SpecChoices
from sysimage.spec.composition_keys import KEYS, Argument
from sysimage.spec.include import IncludedTexts, SpecText
from sysimage.spec.json_text import pointer
from sysimage.spec.merge import issue_at, merged
from sysimage.spec.source_locations import Located, Place, everywhere, places, plain
from sysimage.spec.substitution import filled_in
from sysimage.spec.validation_errors import closest


@dataclass(frozen=True, slots=True)
class Composition:
    """What a spec and all it is made of say together."""

    value: Any
    """A system.json without keys of composition; of use only as far as the issues let it be."""
    places: Mapping[str, Place]
    """JSON pointer → where the part was written."""
    issues: tuple[Issue, ...]
    complete: bool
    """Whether all texts were read to their end."""
    source: str
    """The name of the spec itself."""
    files: tuple[Path, ...] = ()
    """The files that were included."""
    variants: Mapping[str, Composition] | None = None
    """The same spec with each variant that was not chosen; their faults are the spec's too."""

    def place(self, where: str) -> Place:
        """Of what a JSON pointer leads to; what is missing has the place of what it is missing in."""
        while where and where not in self.places:
            where = where.rpartition("/")[0]
        return self.places.get(where, Place(self.source))

    def placed(self, issue: Issue, *, named: bool = False) -> Issue:
        """The issue with its line and column; and with its file, where that is ``named`` or not the spec itself."""
        if issue.file is None and issue.line is None:
            place = self.place(issue.where)
            issue = replace(issue, line=place.line, column=place.column, file=place.source)
        if issue.file in (None, self.source):
            return replace(issue, file=self.source if named or self.files else None)
        return issue

    def order(self, issue: Issue) -> tuple[bool, str, int, str, str]:
        """Sorts issues: those of the spec itself first, then by file, in the order of the lines."""
        here = issue.file in (None, "", self.source)
        return (not here, issue.file or "", issue.line or 0, issue.where, issue.message)


def compose(text: SpecText, choices: SpecChoices) -> Composition:
    """Read a spec with what it includes, and lay over it what is chosen. A `SpecError` for another text."""
    included = IncludedTexts()
    included.add(text)
    issues = included.issues
    value = included.values[0]
    for later in included.values[1:]:
        value = merged(value, later, issues)
    files = tuple(included.files)
    if not included.complete or not isinstance(value.content, dict):
        found = dict(places(value))
        return Composition(plain(value), found, tuple(issues), included.complete, text.source, files)
    content = value.content
    system = Located({key: one for key, one in content.items() if key not in KEYS}, value.place)
    arguments = _arguments(_declared(content, "arguments"), choices, issues)
    declared = {name: one for name, one in _declared(content, "variants").items() if isinstance(one.content, dict)}
    for name, variant in declared.items():
        issues += _foreign_keys(name, variant)
    for name in choices.variants:
        if name in declared:
            system = merged(system, _of_variant(declared[name], name), issues)
        else:
            issues.append(_unknown("--variant", name, "variant", declared))
    others = {}
    for name, variant in declared.items():
        if name not in choices.variants:
            found_then: list[Issue] = []
            varied = filled_in(merged(system, _of_variant(variant, name), found_then), arguments, found_then)
            others[name] = Composition(plain(varied), dict(places(varied)), tuple(found_then), True, text.source, files)
    system = filled_in(system, arguments, issues)
    for assignment in choices.assignments:
        system = _assigned(system, assignment, issues)
    return Composition(plain(system), dict(places(system)), tuple(issues), True, text.source, files, others)


def _declared(content: Mapping[str, Located], key: str) -> Mapping[str, Located]:
    """What is under a key of the spec, by name; nothing where that is not an object."""
    below = content.get(key)
    return below.content if below is not None and isinstance(below.content, dict) else {}


def _of_variant(value: Located, name: str) -> Located:
    """The value with a note at every part that it comes from the variant."""
    content = value.content
    place = replace(value.place, variant=name)
    if isinstance(content, dict):
        return Located({key: _of_variant(one, name) for key, one in content.items()}, place)
    if isinstance(content, list):
        return Located([_of_variant(one, name) for one in content], place)
    return Located(content, place)


def _foreign_keys(name: str, variant: Located) -> Iterator[Issue]:
    content = variant.content if isinstance(variant.content, dict) else {}
    for key in KEYS:
        if key in content:
            yield issue_at(content[key].place, pointer("variants", name, key), "belongs to the spec, not to a variant")


def _unknown(flag: str, name: str, kind: str, declared: Mapping[str, Located]) -> Issue:
    known = f"there are {', '.join(sorted(declared))}" if declared else f'the spec has no "{kind}s"'
    return Issue(f"{flag} {name}", f"there is no such {kind}: {known}", suggestion=closest(name, declared), file="")


def _arguments(declared: Mapping[str, Located], choices: SpecChoices, issues: list[Issue]) -> dict[str, str]:
    """The value of each argument; one that has none, or that is not declared, is a fault."""
    found: dict[str, str] = {}
    for name, one in declared.items():
        try:
            argument = Argument.model_validate(plain(one))
        except ValidationError:
            continue  # a fault of its file
        default = {} if argument.default is None else {name: argument.default}
        given = {**default, **_only(name, choices.environment), **_only(name, choices.arguments)}
        if name in given:
            found[name] = given[name]
            continue
        meant = f" ({argument.description})" if argument.description else ""
        issues.append(issue_at(one.place, pointer("arguments", name), f"needs a value{meant}: --argument {name}=…"))
    for name in choices.arguments:
        if name not in declared:
            issues.append(_unknown("--argument", name, "argument", declared))
    return found


def _only(name: str, given: Mapping[str, str]) -> Mapping[str, str]:
    return {name: given[name]} if name in given else {}


def _assigned(system: Located, assignment: KeyValue, issues: list[Issue]) -> Located:
    place = Place(f"--set {assignment.text}")
    if assignment.keys[0] in KEYS:
        said = {"include": "", "variants": ": say --variant", "arguments": ": say --argument"}[assignment.keys[0]]
        issues.append(issue_at(place, assignment.where, f"is not part of the system{said}"))
        return system
    value = everywhere(assignment.value, place)
    other = {"architecture": "architectures", "architectures": "architecture"}.get(".".join(assignment.keys))
    if other is not None and isinstance(system.content, dict):  # the one that was chosen last counts
        system = Located({key: one for key, one in system.content.items() if key != other}, system.place)
    return _replaced(system, assignment.keys, value, assignment, issues)


def _replaced(
    whole: Located, keys: tuple[str, ...], value: Located, assignment: KeyValue, issues: list[Issue]
) -> Located:
    """The whole with another value where the keys lead; objects on the way are made."""
    content = whole.content
    if not keys:
        if not assignment.adds:
            return value
        if isinstance(content, list):
            return Located([*content, value], whole.place)
        issues.append(issue_at(value.place, assignment.where, "is not an array: nothing can be added to it"))
        return whole
    key, rest = keys[0], keys[1:]
    if isinstance(content, dict):
        if not rest and value.content is None and not assignment.adds:
            return Located({name: one for name, one in content.items() if name != key}, whole.place)
        empty: Located = Located([] if assignment.adds and not rest else {}, value.place)
        below = _replaced(content.get(key, empty), rest, value, assignment, issues)
        return Located({**content, key: below}, whole.place)
    if isinstance(content, list) and key.isascii() and key.isdecimal() and int(key) < len(content):
        at = int(key)
        parts = [*content[:at], _replaced(content[at], rest, value, assignment, issues), *content[at + 1 :]]
        return Located(parts, whole.place)
    issues.append(issue_at(value.place, assignment.where, f"leads nowhere: there is no {key!r}"))
    return whole
