"""A spec of an older version becomes one of today's, and nothing else of its text changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.cli import main
from sysimage.errors import SpecError
from sysimage.spec import migrations, parse_spec
from sysimage.spec.migrations import CHANGED, ChangedKey, migrated, old_keys
from sysimage.spec.schema import known_keys, spec_schema

# Changes that there might be one day; the product has none of them.
TABLE = (
    ChangedKey("0.2.0", ("machine",), "architecture"),
    ChangedKey("0.3.0", ("users", "*", "hash"), "password-hash"),
    ChangedKey("0.3.0", ("label",), "tags", in_array=True),
    ChangedKey("0.4.0", ("layer-groups", "*", "names"), "patterns"),
)
OLD = """{
  "name" : "x",   "machine":"arm64",
  "packages": [],
  "label"   :   "1.0",
  "layer-groups": [ {"names": ["a*"]}, {"patterns": ["machine"]}, {"names" :["b\\u00fc"]} ],
  "users": { "hash": {"hash": "!*"},
             "é": {"uid": 1000, "hash"
                :"!"} }
}
"""
NEW = """{
  "name" : "x",   "architecture":"arm64",
  "packages": [],
  "tags"   :   ["1.0"],
  "layer-groups": [ {"patterns": ["a*"]}, {"patterns": ["machine"]}, {"patterns" :["b\\u00fc"]} ],
  "users": { "hash": {"password-hash": "!*"},
             "é": {"uid": 1000, "password-hash"
                :"!"} }
}
"""


def test_only_what_has_changed_is_changed() -> None:
    assert migrated(OLD, TABLE) == (NEW, TABLE)
    assert migrated(NEW, TABLE) == (NEW, ())


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from('ab*/~é\n"'), below, max_size=3),
    max_leaves=12,
)


@given(values, st.sampled_from([None, 2]))
def test_a_renamed_key_is_renamed_wherever_it_is_and_nowhere_else(value: Any, indent: int | None) -> None:
    spec = {"b": value, "a": {"x": {"a": value, "z": "a"}, "a": {"c": 1}}, "list": [value, {"a": value}]}
    table = (ChangedKey("1", ("a", "*", "a"), "new"), ChangedKey("1", ("list", "*", "a"), "new", in_array=True))
    text, _ = migrated(json.dumps(spec, indent=indent), table)
    expected = {
        **spec,
        "a": {"x": {"new": value, "z": "a"}, "a": {"c": 1}},
        "list": [_renamed(value), {"new": [value]}],
    }
    assert json.loads(text) == expected


def _renamed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {("new" if key == "a" else key): [below] if key == "a" else below for key, below in value.items()}


def test_an_old_key_beside_the_new_one_is_a_contradiction_for_its_author() -> None:
    with pytest.raises(SpecError) as caught:
        migrated('{"machine": "arm64",\n "architecture": "amd64"}', TABLE)
    assert caught.value.message == "cannot migrate the spec: it has old keys and new ones"
    assert [str(issue) for issue in caught.value.issues] == ["line 1: /machine: is beside 'architecture', its new name"]
    with pytest.raises(SpecError) as caught:
        migrated(
            '{"users": {"a": {"hash": ""}, "b": {"password-hash": "",\n "hash": ""}, "c": {"password-hash": ""}}}',
            TABLE,
        )
    assert [issue.where for issue in caught.value.issues] == ["/users/b/hash"]


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(SpecError, match="it is not JSON"):
        migrated('{"machine": ', TABLE)


def test_the_products_own_table_leads_to_keys_that_there_are() -> None:
    schema = spec_schema()
    for change in CHANGED:
        assert change.new in known_keys(schema, tuple(0 if key == "*" else key for key in change.old[:-1]))
        assert change.old[-1] not in known_keys(schema, tuple(0 if key == "*" else key for key in change.old[:-1]))
    assert [change.since for change in CHANGED] == sorted(change.since for change in CHANGED)


def test_an_old_key_is_called_by_its_new_name_where_a_spec_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    from sysimage.spec import parse

    monkeypatch.setattr(parse, "old_keys", lambda value: old_keys(value, TABLE))
    with pytest.raises(SpecError) as caught:
        parse_spec('{"name": "x", "packages": [], "machine": "arm64"}')
    (issue,) = caught.value.issues
    assert issue.message == "is 'architecture' since sysimage 0.2.0; `sysimage migrate` changes it"


def with_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "migrated", lambda text: migrated(text, TABLE))
    monkeypatch.setattr(migrations, "old_keys", lambda value: old_keys(value, TABLE))


def test_the_verb_replaces_the_file_and_says_what_it_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with_table(monkeypatch)
    path = tmp_path / "system.json"
    old, new = (text.replace("é", "ann") for text in (OLD, NEW))
    path.write_text(old)
    path.chmod(0o640)
    assert main(["migrate", "--check", str(path)]) == 2
    assert "/users/ann/hash: is 'password-hash' since sysimage 0.3.0" in capsys.readouterr().err
    assert path.read_text() == old
    assert main(["migrate", str(path)]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"{path}: /machine is 'architecture' since 0.2.0"
    assert path.read_text() == new
    assert path.stat().st_mode & 0o777 == 0o640
    assert main(["migrate", "--check", "--json", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["changes"] == []


def test_a_spec_that_stays_faulty_is_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with_table(monkeypatch)
    path = tmp_path / "system.json"
    path.write_text(text := '{"name": "x", "packages": [], "machine": "vax"}')
    assert main(["migrate", str(path)]) == 2
    assert "/architecture" in capsys.readouterr().err
    assert path.read_text() == text


def test_today_s_examples_have_nothing_to_change(capsys: pytest.CaptureFixture[str]) -> None:
    for path in sorted((Path(__file__).parents[2] / "examples").glob("*.json")):
        if (path.with_suffix("") / "prepare").exists():
            continue  # a tree of it is not there before
        assert main(["migrate", "--check", str(path)]) == 0, path
        assert "nothing to change" in capsys.readouterr().out
