"""Keys of system.json in words, with examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import SpecError
from sysimage.spec.example_specs import EXAMPLES, example_of
from sysimage.spec.explanation import (
    ITEM_STEP,
    NAME_STEP,
    Key,
    every_path,
    explain,
    shown,
    top_level,
    type_in_words,
)
from sysimage.spec.key_groups import KEY_GROUPS
from sysimage.spec.parse import parse_spec


@pytest.mark.parametrize("path", every_path(), ids=shown)
def test_every_key_is_explained_and_is_in_an_example(path: tuple[str, ...]) -> None:
    found = explain(shown(path))
    assert [step for step in found.path if step != ITEM_STEP] == [step for step in path if step != ITEM_STEP]
    assert found.key.meaning
    assert found.key.type
    example_of(path)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example)[:60])
def test_an_example_is_a_spec_without_fault(example: dict[str, object], tmp_path: Path) -> None:
    """Files that it names are not looked for, except a spec that it includes."""
    (tmp_path / "base.json").write_text('{"name": "base", "packages": []}')
    parse_spec(json.dumps(example), tmp_path / "system.json" if "include" in example else None)


def test_what_people_copy_from_an_explanation_is_written_down() -> None:
    """Each example in JSON, below the keys that it is shown for; an example without a key would never be shown."""
    paths = [*every_path(), ("variants",)]
    keys = [" ".join(shown(path) for path in paths if example_of(path) is example) for example in EXAMPLES]
    lines = [line for pair in zip(keys, map(json.dumps, EXAMPLES), strict=True) for line in pair]
    assert lines == Path(__file__).with_name("example_specs.txt").read_text().splitlines()
    assert all(keys)


@pytest.mark.parametrize(
    ("words", "path"),
    [
        ("services.ready", "services.NAME.ready"),
        ("services.ready.tcp", "services.NAME.ready.tcp"),
        ("services.web.ready", "services.NAME.ready"),
        ("services.web", "services.NAME"),
        ("/files/~1etc~1motd/text", "files.NAME.text"),
        ("layer-groups.patterns", "layer-groups[].patterns"),
        ("layer-groups.0.patterns", "layer-groups[].patterns"),
        ("variants.debug.packages", "variants.NAME.packages"),
        ("environment.SHOP_MODE", "environment.NAME"),
        ("package-sources.key", "package-sources.key"),
        ("from-store.contents.copy", "from-store.contents[].copy"),
        ("from-store.contents.0", "from-store.contents[]"),
    ],
)
def test_names_that_a_spec_chooses_may_be_left_out(words: str, path: str) -> None:
    assert explain(words).shown_path == path


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("servces", "did you mean services?"),
        ("services.redy", "did you mean services.ready?"),
        ("services.web.redy", "did you mean services.ready?"),
        ("ready", "did you mean services.ready?"),
        ("ports", "did you mean exposed-ports?"),
        ("max_layers", "did you mean max-layers?"),
        ("restart", "did you mean services.respawn?"),
        ("services..ready", "`sysimage explain` lists the keys"),
        ("max-layers.x", "`sysimage explain` lists the keys"),
        ("", "`sysimage explain` lists the keys"),
        ("nonsense", "`sysimage explain` lists the keys"),
        ("timeout", "did you mean services.ready.timeout or health-check.timeout?"),
        ("owner", "did you mean from-store.contents.owner or files.owner or trees.owner?"),
        ("from-store.contents.cop", "did you mean from-store.contents.copy?"),
        ("health_check.retries", "did you mean health-check?"),
    ],
)
def test_an_unknown_key_is_answered_with_what_was_meant(words: str, hint: str) -> None:
    with pytest.raises(SpecError) as caught:
        explain(words)
    assert caught.value.hint == hint
    assert caught.value.message == f"cannot explain {words or repr('')}: there is no such key"


@pytest.mark.parametrize(
    ("words", "words_of_type"),
    [
        ("max-layers", "a whole number from 1 to 125"),
        ("$schema", "text"),
        ("arguments.X.default", "text without NUL"),
        ("host-name", "text: a host name: letters, digits and '-', at most 63"),
        ("files.mode", 'text: a string of octal digits up to "7777", such as "0755"'),
        ("slim", "true or false"),
        ("architecture", 'one of "386", "aarch64", "aarch64-linux", "amd64", "arm", 52 more or text'),
        ("from-store.system-kind", 'one of "guix", "nixos"'),
        ("services.ready.timeout", "a number above 0, at most 31622400"),
        ("health-check.start-period", "a number from 0 to 31622400"),
        ("services.timer.hours", "an array of whole numbers from 0 to 23"),
        ("python.extras", "an array of texts, each one line of text, without control characters"),
        ("services.command", "an array of texts, each text without NUL"),
        ("layer-groups", "an array of objects"),
        ("services.ready", "an object with tcp or an object with file or an object with command"),
        ("node", "an object with lock and at"),
        ("from-store", "an object"),
        ("package-sources", "an object or an array of objects"),
        ("services", "an object of objects by name"),
        ("arguments", "an object of texts or objects by name"),
        ("debconf", "an object of texts, each one line of text, without control characters by name"),
        (
            "from-store.contents",
            "an array of texts, each a path, not empty, without control characters or objects",
        ),
        (
            "exposed-ports",
            'an array of texts, each a port from 1 to 65535, such as "80", "80/tcp" or "53/udp" or whole numbers from '
            "1 to 65535",
        ),
    ],
)
def test_values_are_in_words(words: str, words_of_type: str) -> None:
    assert explain(words).key.type == words_of_type


@pytest.mark.parametrize(
    ("place", "one", "several"),
    [
        ({"type": "integer"}, "a whole number", "whole numbers"),
        ({"type": "number", "minimum": 0.5}, "a number, at least 0.5", "numbers, at least 0.5"),
        ({"type": "number", "exclusiveMinimum": 0}, "a number above 0", "numbers above 0"),
        ({"type": "integer", "maximum": 5}, "a whole number", "whole numbers"),
        ({"type": "array"}, "an array of values", "arrays of values"),
        ({"type": "array", "items": {"type": "array"}}, "an array of arrays of values", "arrays of arrays of values"),
        ({"type": "object", "properties": {}, "required": ["a"]}, "an object with a", "objects"),
        (
            {"type": "object", "additionalProperties": {"type": "boolean"}},
            *(f"{one} of true or false by name" for one in ("an object", "objects")),
        ),
        ({"enum": list("abcdefgh")}, *['one of "a", "b", "c", "d", "e", "f", "g", "h"'] * 2),
        ({"enum": list("abcdefghi")}, *['one of "a", "b", "c", "d", "e", 4 more'] * 2),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, "a whole number or text", "whole numbers or texts"),
        (
            {"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "array"}]},
            "a whole number or text or an array of values",
            "values",
        ),
        ({"oneOf": [{"type": "string"}, {"type": "string"}, {"required": ["a"]}]}, "text", "texts"),
        ({"type": "object", "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, "an object", "objects"),
        ({"$ref": "#/$defs/a"}, "a whole number", "whole numbers"),
        ({"$ref": "#/$defs/b"}, "a whole number", "whole numbers"),
        ({"type": "string", "patternErrorMessage": "must be a word"}, "text: a word", "texts, each a word"),
    ],
)
def test_every_form_of_a_schema_is_in_words_for_one_and_for_several(
    place: dict[str, Any], one: str, several: str
) -> None:
    schema = {"$defs": {"a": {"type": "integer"}, "b": {"$ref": "#/$defs/a"}}}
    assert (type_in_words(schema, place), type_in_words(schema, place, plural=True)) == (one, several)


def test_a_key_is_explained_with_its_default_and_the_keys_below() -> None:
    def below(words: str) -> list[str]:
        return [f"{key.name}{'!' * key.required}" for key in explain(words).below]

    found = explain("trees.source")
    assert found.path == ("trees", NAME_STEP, "source")
    assert found.key == Key(
        "source",
        "text: a path, not empty, without control characters",
        None,
        True,
        "The directory, or an archive (`.tar`, `.tar.gz`, `.tar.bz2`, `.tar.xz`, `.tar.zst`, `.zip`): a path relative "
        "to the spec's directory, and inside it.",
    )
    assert [explain(words).key.default for words in ("max-layers", "locale", "tags", "store", "name")] == [
        *("100", '"C.UTF-8"', '["latest"]', "{}", None)
    ]
    assert [
        words
        for words in (
            "name",
            "trees.exclude",
            "node.at",
            "packages",
            "services.command",
            "store.kind",
            "health-check.command",
            "services.ready.tcp",
            "layer-groups.patterns",
            "from-store.contents.path",
        )
        if explain(words).key.required
    ] == ["name", "node.at", "health-check.command", "services.ready.tcp", "from-store.contents.path"]
    assert below("trees") == below("trees./srv") == ["source!", "exclude", "owner", "group", "mode"]
    assert below("services.ready") == ["tcp", "address", "timeout", "file", "command"]
    assert below("node") == ["lock!", "at!", "tarballs", "dev", "without-scripts"]
    assert below("from-store.contents") == ["path!", "copy", "owner", "group", "mode", "capabilities"]
    assert below("layer-groups") == ["patterns", "closure-of", "dominated-by"]
    assert below("arguments") == ["default", "description"]
    assert [below(words) for words in ("variants", "variants.debug", "environment", "name", "symlinks")] == [[]] * 5
    assert (
        explain("labels.a").key.meaning
        == explain("labels").key.meaning
        == "Labels of the image, shown by `docker inspect`."
    )
    assert explain("store.kind").key.meaning == "Whose database schema and state directory the image has."
    assert explain("services.web").key.meaning.startswith("A program that the init starts")


def test_a_name_that_a_spec_chooses_is_not_explained_by_a_key_of_that_name() -> None:
    assert explain("services.command").path == ("services", NAME_STEP, "command")
    assert explain("units.nginx.Service.Restart").path == ("units", *[NAME_STEP] * 3)
    assert explain(".name").path == explain("/name").path == ("name",)
    assert explain("layer-groups[].patterns") == explain("/layer-groups/7/patterns")


def test_every_key_at_the_top_is_listed_with_whether_it_must_be_there() -> None:
    assert [name for name, key in top_level().items() if key.required] == ["name"]
    assert top_level()["max-layers"] == explain("max-layers").key
    paths = every_path()
    assert len(set(paths)) == len(paths)
    assert set(top_level()) - {"variants"} == {path[0] for path in paths}
    assert ("services", NAME_STEP, "timer", "hours") in paths
    assert ("from-store", "contents", ITEM_STEP, "copy") in paths


def test_every_key_is_in_one_group() -> None:
    grouped = [name for names in KEY_GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(top_level())
