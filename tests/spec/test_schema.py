"""The schema and the model say the same."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from sysimage.errors import SpecError
from sysimage.spec import SystemSpec, parse_spec
from sysimage.spec.composition_keys import CompositionKeys
from sysimage.spec.schema import allows_only_text, field_docstrings, known_keys, opened, spec_schema
from tests.support.full_specs import BOOTING, FULL, PACKED, STORED, places

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.json"))
SCHEMA = spec_schema()


def ecmascript_pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Any:
    """Python's $ also matches before a last line break; ECMAScript's, which the schema is written in, does not."""
    if isinstance(instance, str) and not re.search(re.sub(r"(?<!\\)\$", r"\\Z", pattern), instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


VALIDATOR = extend(Draft202012Validator, {"pattern": ecmascript_pattern})(SCHEMA)


def changed(place: tuple[Any, ...], change: str, value: Any) -> dict[str, Any]:
    """`FULL` with one place replaced, removed, or given a companion."""
    spec = copy.deepcopy(FULL)
    parent: Any = spec
    for step in place[:-1]:
        parent = parent[step]
    if change == "replace":
        parent[place[-1]] = value
    elif change == "remove":
        del parent[place[-1]]
    elif isinstance(parent, dict):
        parent[value if isinstance(value, str) else "new"] = parent[place[-1]]
    else:
        parent.append(value)
    return spec


WORDS = st.sampled_from(
    [
        "",
        "x",
        "X",
        "a b",
        "/",
        "//",
        "/a/",
        "/a/../b",
        "/etc/x",
        "nginx=1",
        "SIGTERM",
        "0755",
        "9",
        "console",
        "\n",
        "a\n",
        "é",
        "a:b",
        "gzip",
        "80/tcp",
    ]
)
VALUES: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers(-5, 10**6) | st.floats(-2, 2) | WORDS | st.text(max_size=5)
)
VALUES |= st.lists(VALUES, max_size=2) | st.dictionaries(WORDS, VALUES, max_size=2)


def read(text: str) -> Any:
    """As the reader of specs does, and JSON Schema too: 5.0 is the integer 5."""
    return json.loads(
        text, parse_float=lambda digits: int(float(digits)) if float(digits).is_integer() else float(digits)
    )


def fields_are_sound(spec: Any) -> bool:
    try:
        SystemSpec.model_validate_json(json.dumps(spec), strict=True, by_alias=True, by_name=False)
    except ValueError:
        return False
    return True


def test_a_spec_that_says_everything_is_accepted_by_both() -> None:
    VALIDATOR.validate(FULL)
    VALIDATOR.validate(STORED)
    VALIDATOR.validate(PACKED)
    VALIDATOR.validate({"name": "tool", "from-store": {"contents": ["result"]}})
    assert parse_spec('{"name": "tool", "from-store": {"contents": ["result"]}}').from_store is not None
    assert {*FULL, *STORED} | set(CompositionKeys.model_fields) == set(SCHEMA["properties"])
    for name, part in SCHEMA["$defs"].items():
        said = {key for key in part.get("properties", {}) if f'"{key}":' in json.dumps([FULL, STORED, PACKED])}
        assert said >= set(part.get("properties", {})) - {"source"}, name
    assert SCHEMA["$defs"]["SystemPart"]["properties"].keys() == {*FULL, *STORED}
    assert parse_spec(json.dumps(BOOTING)).services["web"].stop_timeout == 10
    assert parse_spec(json.dumps(STORED)).has_init
    assert not parse_spec(json.dumps(PACKED)).has_init


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.sampled_from(places(FULL)), st.sampled_from(["replace", "replace", "remove", "add"]), VALUES)
def test_the_schema_accepts_what_the_model_accepts_and_nothing_else(place: Any, change: str, value: Any) -> None:
    spec = read(json.dumps(changed(place, change, value)))
    accepted = VALIDATOR.is_valid(spec)
    if accepted != fields_are_sound(spec):
        # The model takes null for an absent key; the schema, which offers what to write, does not.
        assert not accepted
        assert "null" in json.dumps(spec)


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"name": "base"},
        {"packages": []},
        {"name": "Base", "packages": []},
        {"name": "base", "packages": [], "pakages": []},
        {"name": "base", "packages": [], "host_name": "x"},
        {"name": "base", "packages": [], "max-layers": 126},
        {"name": "base", "packages": [], "max-layers": "5"},
        {"name": "base", "packages": [], "services": {"a": {}}},
        {"name": "base", "packages": [], "services": {"a": {"command": []}}},
        {"name": "base", "packages": [], "services": {"a": {"command": ["a"], "ready": {"tcp": 1, "file": "/a"}}}},
        {"name": "base", "packages": [], "files": {"etc/x": {"text": ""}}},
        {"name": "base", "packages": [], "files": {"/etc/x": {}}},
        {"name": "base", "packages": [], "files": {"/etc/x": {"text": "", "source": "a"}}},
        {"name": "base", "packages": [], "files": {"/etc/x": {"text": "", "mode": 644}}},
        {"name": "base", "packages": [], "compression": "xz"},
        {"name": "base", "packages": [], "from-store": {"system": "result"}},
        {"name": "base", "packages": [], "layer-groups": [{}]},
        {"name": "base", "from-store": {}},
        {"name": "base", "from-store": {"paths": []}},
        {"name": "base", "from-store": {"contents": []}},
        {"name": "base", "from-store": {"contents": [{"copy": True}]}},
        {"name": "base", "from-store": {"contents": ["result"], "system": "result"}},
        {"name": "base", "from-store": {"system": "result", "paths": ["result"]}},
        {"name": "base", "from-store": {"paths": ["result"], "links": {"/bin": "../bin"}}},
        {"name": "base", "from-store": {"system": "result", "system-kind": "debian"}},
    ],
    ids=json.dumps,
)
def test_a_fault_is_refused_by_both(fault: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(fault)
    with pytest.raises(SpecError):
        parse_spec(json.dumps(fault))


def test_every_key_is_described_for_editors() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    for name, part in [("", SCHEMA), *SCHEMA["$defs"].items()]:
        for key, field in part.get("properties", {}).items():
            ref = field.get("$ref", "")
            below = SCHEMA["properties"] if ref.startswith("#/properties/") else SCHEMA["$defs"]
            target = below.get(ref.rpartition("/")[2], {})
            target = SCHEMA["$defs"].get(target.get("$ref", "").rpartition("/")[2], target)
            assert field.get("description", target.get("description")), f"{name} {key}"
    assert SCHEMA["$schema"].endswith("2020-12/schema")


def test_defaults_are_written_as_a_file_writes_them() -> None:
    for part in [SCHEMA, *SCHEMA["$defs"].values()]:
        for field in part.get("properties", {}).values():
            if "default" in field:
                VALIDATOR.evolve(schema={**field, "$defs": SCHEMA["$defs"]}).validate(field["default"])


def test_definitions_are_found_by_their_names() -> None:
    assert list(SCHEMA["$defs"]) == sorted(SCHEMA["$defs"])


def test_the_shipped_schema_is_current() -> None:
    shipped = json.loads((ROOT / "docs" / "system.schema.json").read_text())
    assert shipped == spec_schema(), "write it anew: sysimage schema > docs/system.schema.json"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_are_accepted_by_both(example: Path) -> None:
    VALIDATOR.validate(json.loads(example.read_text()))
    is_prepared = (example.with_suffix("") / "prepare").exists()  # a tree of it is not there before
    assert parse_spec(example.read_text(), None if is_prepared else example).name


def test_the_keys_of_an_object_are_known_through_references_unions_and_free_names() -> None:
    ready = {"tcp", "address", "timeout", "file", "command"}
    assert known_keys(SCHEMA, ("services", "any", "ready")) == ready
    assert known_keys(SCHEMA, ("layer-groups", 0)) == {"patterns", "closure-of", "dominated-by"}
    assert known_keys(SCHEMA, ("from-store", "contents", 3)) >= {"path", "copy"}
    assert known_keys(SCHEMA, ("variants", "v", "services", "s")) == known_keys(SCHEMA, ("services", "s"))
    assert known_keys(SCHEMA, ()) == set(SCHEMA["properties"])
    for parts in (("name",), ("none",), ("layer-groups", "patterns"), ("services", 0), ("labels", "a", "b")):
        assert known_keys(SCHEMA, parts) == set(), parts


def test_where_nothing_but_text_can_be_is_known() -> None:
    texts = [
        ("name",),
        ("labels", "a"),
        ("services", "s", "command", 0),
        ("store", "kind"),
        ("architecture",),
        ("files", "/a", "mode"),
    ]
    others = [
        (),
        ("max-layers",),
        ("tags",),
        ("exposed-ports", 0),
        ("from-store", "contents", 0),
        ("units", "a", "B", "C"),
        ("none",),
    ]
    assert [allows_only_text(SCHEMA, parts) for parts in texts] == [True] * len(texts)
    assert [allows_only_text(SCHEMA, parts) for parts in others] == [False] * len(others)


def test_a_schema_is_opened_with_all_that_it_may_be() -> None:
    schema = {"$defs": {"a": {"type": "x"}, "b": {"anyOf": [{"type": "y"}, {"$ref": "#/$defs/a"}]}}}
    place: dict[str, Any] = {"oneOf": [{"$ref": "#/$defs/b"}, {"required": ["z"]}]}
    assert [one["type"] for one in opened(schema, [place]) if "type" in one] == ["y", "x"]
    assert {"required": ["z"]} not in opened(schema, [place])


def test_a_field_has_its_docstring_and_a_model_those_of_its_parents() -> None:
    from sysimage.spec.spec_object import SpecObject

    class Above(SpecObject):
        one: int
        """The first.

        With more.
        """
        two: int

    class Below(Above):
        three: int
        """The third."""
        "not of a field"

    assert field_docstrings(Below) == {"one": "The first.\n\nWith more.", "three": "The third."}
