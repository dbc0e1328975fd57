"""Keys of system.json in words, with examples."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sysimage.errors import SpecError
from sysimage.spec.example_specs import EXAMPLES, example_of
from sysimage.spec.explanation import ITEM_STEP, every_path, explain, shown, top_level
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
    """Files that it names are not looked for, but for a spec that it includes."""
    (tmp_path / "base.json").write_text('{"name": "base", "packages": []}')
    parse_spec(json.dumps(example), tmp_path / "system.json" if "include" in example else None)


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
    ],
)
def test_an_unknown_key_is_answered_with_what_was_meant(words: str, hint: str) -> None:
    with pytest.raises(SpecError) as caught:
        explain(words)
    assert caught.value.hint == hint
    assert caught.value.message == f"cannot explain {words or repr('')}: there is no such key"


def test_values_are_in_words() -> None:
    assert explain("max-layers").key.type == "a whole number from 1 to 125"
    assert explain("max-layers").key.default == "100"
    assert explain("services.ready").key.type == "an object with tcp or an object with file or an object with command"
    assert explain("slim").key.type == "true or false"
    assert explain("trees.source").key.required
    assert explain("name").key.required
    assert not explain("trees.exclude").key.required


def test_every_key_is_in_one_group() -> None:
    grouped = [name for names in KEY_GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(top_level())
