"""What a flag or a program sets of a spec, and where it is put."""

# ruff: noqa: E501 - faults are quoted whole
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import SpecError
from sysimage.spec.choices import AS_IT_IS, KeyValue, SpecChoices
from sysimage.spec.composition import Composition, compose
from sysimage.spec.include import SpecText
from sysimage.spec.platforms import platform_specs, platform_values, several_platforms
from sysimage.spec.source_locations import Place


def composed(value: Any, choices: SpecChoices = AS_IT_IS) -> Composition:
    return compose(SpecText(json.dumps(value), "web.json", None), choices)


def assigned(value: Any, *texts: str) -> Composition:
    return composed(value, SpecChoices((), tuple(KeyValue.parse(text) for text in texts)))


@pytest.mark.parametrize(
    ("text", "keys", "value", "adds"),
    [
        ("max-layers=7", ("max-layers",), 7, False),
        ("max-layers=many", ("max-layers",), "many", False),
        ("max-layers=", ("max-layers",), "", False),
        ("host-name=7", ("host-name",), "7", False),
        ('host-name="7"', ("host-name",), "7", False),
        ("essential=false", ("essential",), False, False),
        ("essential=fals", ("essential",), "fals", False),
        ('essential="no"', ("essential",), "no", False),
        ("tags+=7", ("tags",), "7", True),
        ("tags=7", ("tags",), 7, False),
        ("tags=null", ("tags",), None, False),
        ("host-name=null", ("host-name",), None, False),
        ('host-name="null"', ("host-name",), "null", False),
        ("tags+=null", ("tags",), "null", True),
        ("layer-groups+=[1]", ("layer-groups",), [1], True),
        ('labels={"a": "b"}', ("labels",), {"a": "b"}, False),
        ("environment.A=x=y", ("environment", "A"), "x=y", False),
        ("services.web.stop-timeout=2.5", ("services", "web", "stop-timeout"), 2.5, False),
        ("/files/~1etc~1a.b/text={", ("files", "/etc/a.b", "text"), "{", False),
        ("name=[", ("name",), "[", False),
    ],
)
def test_an_assignment_is_a_key_and_a_value_of_the_kind_that_the_key_has(
    text: str, keys: tuple[str, ...], value: object, adds: bool
) -> None:
    found = KeyValue.parse(text)
    assert (found.keys, found.value, found.adds, found.text) == (keys, value, adds, text)
    assert type(found.value) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        *(
            (text, f"must be KEY=VALUE, such as max-layers=20 or /labels/team=web, not '{text}'")
            for text in ("", "x", "=x", "+=x", "=")
        ),
        ("labels={'a': 1}", '"{\'a\': 1}" is not JSON: expected a key in double quotes, found "\'"'),
        ("tags=[1,]", "'[1,]' is not JSON: there is a comma after the last element"),
        ("tags=[", "'[' is not JSON: the array is not closed: ']' is missing"),
        ('host-name="x', "'\"x' is not JSON: a string has no end on its line; a line break inside is written \\n"),
    ],
)
def test_what_is_not_an_assignment_says_why(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"must be KEY=VALUE|is not JSON") as caught:
        KeyValue.parse(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("before", "text", "after"),
    [
        ({"packages": ["a", "b", "c"]}, "packages.0=x", {"packages": ["x", "b", "c"]}),
        ({"packages": ["a", "b", "c"]}, "packages.1=x", {"packages": ["a", "x", "c"]}),
        ({"packages": ["a", "b", "c"]}, "packages.2=x", {"packages": ["a", "b", "x"]}),
        ({"packages": ["a"]}, "packages+=x", {"packages": ["a", "x"]}),
        ({"packages": ["a"]}, "packages=x", {"packages": "x"}),
        ({}, "packages+=x", {"packages": ["x"]}),
        ({}, "services.s.requires+=x", {"services": {"s": {"requires": ["x"]}}}),
        ({}, "store.kind=nix", {"store": {"kind": "nix"}}),
        ({"store": {"kind": "nix", "uid": 1}}, "store.kind=null", {"store": {"uid": 1}}),
        ({"store": {}}, "store.kind=null", {"store": {}}),
        ({"store": {}, "name": "x"}, "store=null", {"name": "x"}),
        ({"tags": ["a"]}, "tags=null", {}),
        ({"layer-groups": [1]}, "layer-groups+=null", {"layer-groups": [1, None]}),
        ({"layer-groups": [{"patterns": ["a"]}]}, "layer-groups.0.patterns+=b", {"layer-groups": [{"patterns": ["a", "b"]}]}),
        ({"layer-groups": [1, 2]}, "layer-groups.0=null", {"layer-groups": [None, 2]}),
        ({"architecture": "arm64"}, 'architectures=["amd64"]', {"architectures": ["amd64"]}),
        ({"architectures": ["arm64"], "name": "x"}, "architecture=amd64", {"name": "x", "architecture": "amd64"}),
        ({"architecture": "x"}, "labels.architectures=y", {"architecture": "x", "labels": {"architectures": "y"}}),
    ],
)  # fmt: skip
def test_a_value_is_put_where_its_keys_lead_and_nothing_else_changes(before: Any, text: str, after: Any) -> None:
    found = assigned(before, text)
    assert (found.value, found.issues, found.complete) == (after, (), True)
    keys = KeyValue.parse(text).where
    if keys in found.places:
        assert found.places[keys] == Place(f"--set {text}") or "+=" in text


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("packages.1=x", "/packages/1: leads nowhere: there is no '1'"),
        ("packages.-1=x", "/packages/-1: leads nowhere: there is no '-1'"),
        ("packages.²=x", "/packages/²: leads nowhere: there is no '²'"),
        ("packages.٠=x", "/packages/٠: leads nowhere: there is no '٠'"),
        ("packages.0.a.b=x", "/packages/0/a/b: leads nowhere: there is no 'a'"),
        ("name+=x", "/name: is not an array: nothing can be added to it"),
        ("labels+=x", "/labels: is not an array: nothing can be added to it"),
        ("include+=x", "/include: is not part of the system"),
        ("variants.a=x", "/variants/a: is not part of the system: say --variant"),
        ("arguments.A=x", "/arguments/A: is not part of the system: say --argument"),
    ],
)
def test_what_leads_nowhere_is_a_fault_of_its_flag_and_changes_nothing(text: str, fault: str) -> None:
    before = {"name": "x", "packages": ["a"], "labels": {}}
    found = assigned(before, text)
    assert found.value == before
    assert [str(issue) for issue in found.issues] == [f"--set {text}: {fault}"]


def test_assignments_are_made_in_their_order_after_variants_and_arguments() -> None:
    spec = {"name": "${A}", "arguments": {"A": "x"}, "variants": {"v": {"max-layers": 5, "labels": {"a": "${A}"}}}}
    texts = ("max-layers=6", "max-layers=7", "labels.b=${A}")
    choices = SpecChoices(("v",), tuple(map(KeyValue.parse, texts)))
    found = composed(spec, choices)
    assert found.value == {"name": "x", "max-layers": 7, "labels": {"a": "x", "b": "${A}"}}
    assert {where: str(place) for where, place in found.places.items() if where.count("/") > 1} == {
        "/labels/a": "web.json:1:90 (variant v)",
        "/labels/b": "--set labels.b=${A}",
    }
    assert [str(found.place(where)) for where in ("/name", "/labels/none/x", "/none")] == [
        *("web.json:1:2", "web.json:1:79 (variant v)", "web.json:1:1")
    ]


def test_a_program_sets_values_of_its_own() -> None:
    found = SpecChoices.of(
        variants=["a"], set={"max-layers": 5, "/labels/a~1b": "ä", "tags": ("x",)}, arguments={"A": "b"}
    )
    assert found == SpecChoices(
        ("a",),
        (
            KeyValue(("max-layers",), 5, False, "max-layers=5"),
            KeyValue(("labels", "a/b"), "ä", False, '/labels/a~1b="ä"'),
            KeyValue(("tags",), ["x"], False, 'tags=["x"]'),
        ),
        {"A": "b"},
    )
    assert SpecChoices.of() == AS_IT_IS
    for values, message in (
        ({"a": {1}}, "cannot set 'a': Object of type set is not JSON serializable"),
        ({"": 1}, "cannot set a value: its key is empty"),
    ):
        with pytest.raises(SpecError) as caught:
            SpecChoices.of(set=values)
        assert caught.value.message == message


def test_what_is_not_declared_is_a_fault_of_its_flag() -> None:
    choices = SpecChoices(("v", "debg"), (), {"X": "1", "VERSON": "2"}, {"OTHER": "3"})
    declared = {"variants": {"debug": {}, "v": {}, "odd": 5}, "arguments": {"VERSION": "1", "A": "2"}}
    assert sorted(str(issue) for issue in composed({"name": "x", **declared}, choices).issues if issue.file == "") == [
        "--argument VERSON: there is no such argument: there are A, VERSION (did you mean 'VERSION'?)",
        "--argument X: there is no such argument: there are A, VERSION",
        "--variant debg: there is no such variant: there are debug, v (did you mean 'debug'?)",
    ]
    assert [str(issue) for issue in composed({"name": "x"}, choices).issues] == [
        '--argument X: there is no such argument: the spec has no "arguments"',
        '--argument VERSON: there is no such argument: the spec has no "arguments"',
        '--variant v: there is no such variant: the spec has no "variants"',
        '--variant debg: there is no such variant: the spec has no "variants"',
    ]


@pytest.mark.parametrize(
    ("choices", "value"),
    [
        (SpecChoices(), None),
        (SpecChoices(environment={"B": "e"}), "e"),
        (SpecChoices(arguments={"B": "a"}, environment={"B": "e"}), "a"),
    ],
)
def test_an_argument_without_a_default_needs_a_value(choices: SpecChoices, value: str | None) -> None:
    spec = {"name": "x", "arguments": {"A": "d", "B": {}, "C": {"default": ""}}, "tags": ["${A}${B}${C}$${B}${D}"]}
    found = composed(spec, choices)
    if value is None:
        assert [str(issue) for issue in found.issues] == ["web.json:1:39: /arguments/B: needs a value: --argument B=…"]
    else:
        assert (found.value, found.issues) == ({"name": "x", "tags": [f"d{value}${{B}}${{D}}"]}, ())


def test_texts_keep_what_no_argument_is_declared_for() -> None:
    texts = {"tags": ["${}", "${A}", "$${A}", "$"], "labels": {"${B}": "${B}"}}
    assert composed(texts).value == texts
    found = composed({**texts, "arguments": {"B": "b", "A.x": "1", "A": "a"}, "files": {"a": ["${A.x}${Aax}"]}})
    assert found.value == {"tags": ["${}", "a", "${A}", "$"], "labels": {"${B}": "b"}, "files": {"a": ["1${Aax}"]}}
    assert [str(issue) for issue in found.issues] == [
        "web.json:1:52: /labels/${B}: arguments are filled into values, not keys"
    ]


def test_what_is_not_an_object_is_left_to_be_reported_by_its_kind() -> None:
    for text in ("[1]", "1", '"a"', "null"):
        found = compose(SpecText(text, "a.json", None), AS_IT_IS)
        assert (found.value, found.complete, found.issues, found.variants) == (json.loads(text), True, (), None)
    cut = compose(SpecText('{"name": "x", ', "a.json", None), AS_IT_IS)
    assert not cut.complete
    assert len(cut.issues) == 1


def test_a_variant_that_was_not_chosen_is_laid_over_what_was() -> None:
    spec = {"name": "x", "packages": ["a"], "variants": {"v": {"packages": ["b"]}, "w": {"include": [], "name": None}}}
    found = composed(spec, SpecChoices(("v",)))
    assert found.value == {"name": "x", "packages": ["a", "b"]}
    assert [str(found.places[f"/packages/{index}"]) for index in (0, 1)] == [
        "web.json:1:28",
        "web.json:1:66 (variant v)",
    ]
    assert found.variants is not None
    assert {name: (one.value, one.complete) for name, one in found.variants.items()} == {
        "w": ({"packages": ["a", "b"], "include": []}, True)
    }
    assert [str(issue) for issue in found.issues] == [
        "web.json:1:79: /variants/w/include: belongs to the spec, not to a variant"
    ]


TWO = SpecText('{"name": "x", "packages": [], "architectures": ["arm64", "amd64"]}', "a.json", None)
ONE = SpecText('{"name": "x", "packages": [], "architecture": "arm64"}', "a.json", None)


@pytest.mark.parametrize(
    ("text", "platforms", "assigned", "expected"),
    [
        (ONE, None, (), [("arm64", None)]),
        (TWO, None, (), [("arm64", None), ("amd64", "amd64")]),
        (ONE, ["linux/amd64", "arm64"], (), [("amd64", "amd64"), ("arm64", None)]),
        (ONE, ["x86_64-linux"], ("architecture=arm64",), [("amd64", "amd64")]),
        (ONE, None, ("architecture=amd64",), [("amd64", "amd64")]),
        (ONE, None, ('architectures=["amd64", "arm64"]',), [("amd64", "amd64"), ("arm64", None)]),
        (ONE, ["amd64"], ("max-layers=5",), [("amd64", "amd64")]),
    ],
)  # fmt: skip
def test_a_spec_is_read_once_for_each_platform(
    text: SpecText, platforms: list[str] | None, assigned: tuple[str, ...], expected: list[tuple[str, str | None]]
) -> None:
    choices = SpecChoices((), tuple(map(KeyValue.parse, assigned)))
    found = platform_specs(text, choices, platforms)
    assert [(one.read.spec.architecture, one.other_architecture) for one in found] == expected
    assert [one.read.spec.architectures for one in found] == [None] * len(found)
    assert {one.own_architecture for one in found} == {"arm64"}
    assert {one.read.spec.max_layers for one in found} == {5 if "max-layers=5" in assigned else 100}
    values = platform_values(platform_specs(text, AS_IT_IS)[0].read.spec, Path(), [name for name, _ in expected])
    assert [(one.architecture, one.architectures) for one in values] == [(name, None) for name, _ in expected]


@pytest.mark.parametrize(
    ("platforms", "message", "hint"),
    [
        ([], "cannot build for the platforms : none is named", None),
        (["amd64", "linux/amd64"], "cannot build for the platforms amd64, linux/amd64: one is named twice", None),
        (
            ["arm64", "windows/amd64"],
            "cannot build for the platform windows/amd64: it has no architecture that is known",
            "say such as linux/amd64 or linux/arm64",
        ),
    ],
)
def test_platforms_are_known_and_named_once(platforms: list[str], message: str, hint: str | None) -> None:
    with pytest.raises(SpecError) as caught:
        platform_specs(ONE, AS_IT_IS, platforms)
    assert (caught.value.message, caught.value.hint) == (message, hint)
    several = several_platforms()
    assert (several.message, several.hint) == (
        "cannot do this for several platforms at once",
        "name one --platform, or build",
    )
