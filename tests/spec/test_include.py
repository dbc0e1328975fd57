"""Files that include files: what is read, in which order, relative to what, and how two texts become one."""

# ruff: noqa: E501 - faults are quoted whole
from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import SpecError
from sysimage.spec.choices import AS_IT_IS, SpecChoices
from sysimage.spec.composition import Composition, compose
from sysimage.spec.field_metadata import matches
from sysimage.spec.image_reference import is_registry_name
from sysimage.spec.include import IncludedTexts, SpecText
from sysimage.spec.lock_file import lock_file_beside
from sysimage.spec.merge import merged
from sysimage.spec.parse import parse_spec, read_composed, spec_of_value
from sysimage.spec.source_locations import Place, everywhere, kind, plain


def written(top: Path, files: dict[str, Any]) -> Path:
    for name, content in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return top / "web.json"


def composed(top: Path, files: dict[str, Any], choices: SpecChoices = AS_IT_IS) -> Composition:
    return compose(SpecText.of_file(written(top, files)), choices)


def faults(top: Path, files: dict[str, Any]) -> list[str]:
    with pytest.raises(SpecError) as caught:
        read_composed(SpecText.of_file(written(top, files)))
    return [str(issue).replace(f"{top}/", "") for issue in caught.value.issues]


def test_each_file_is_read_once_before_those_that_include_it(tmp_path: Path) -> None:
    found = composed(
        tmp_path,
        {
            "base.json": {"tags": ["base"], "labels": {"a": "base", "b": "base"}},
            "b.json": {"include": ["./base.json"], "labels": {"a": "b"}},
            "c/c.json": {"include": ["../base.json", "../b.json"], "labels": {"c": "c"}},
            "web.json": {"include": ["b.json", "c/c.json"], "name": "x", "tags": ["web"]},
        },
    )
    assert found.value == {"name": "x", "tags": ["web"], "labels": {"a": "b", "b": "base", "c": "c"}}
    assert [str(one.relative_to(tmp_path)) for one in found.files] == ["b.json", "base.json", "c/c.json"]
    assert {where: str(place).replace(f"{tmp_path}/", "") for where, place in found.places.items()} == {
        "": "web.json:1:1",
        "/name": "web.json:1:37",
        "/tags": "web.json:1:50",
        "/tags/0": "web.json:1:59",
        "/labels": "c/c.json:1:44",
        "/labels/a": "b.json:1:41",
        "/labels/b": "base.json:1:44",
        "/labels/c": "c/c.json:1:55",
    }


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"web.json": {"include": ["web.json"]}}, ["web.json:1:14: /include/0: includes itself: web.json -> web.json"]),
        (
            {"web.json": {"include": ["a.json"]}, "a.json": {"include": ["b/c.json"]}, "b/c.json": {"include": ["../b/../a.json"]}},
            ["b/c.json:1:14: /include/0: includes itself: a.json -> b/c.json -> a.json"],
        ),
        ({"web.json": {"include": ["none.json"]}}, ["web.json:1:14: /include/0: cannot read none.json: there is no such file"]),
        ({"web.json": {"include": ["d.json", "x.txt"]}, "d.json/x": ""}, [
            "web.json:1:14: /include/0: cannot read d.json: it is a directory",
            "web.json:1:24: /include/1: must be a file called .json or .jsonc",
        ]),
        ({"web.json": {"include": ["/etc/x.json"]}},
         ["web.json:1:14: /include/0: must be relative to this file: the same spec is then the same elsewhere"]),
        ({"web.json": {"include": "a.json"}}, ['web.json:1:2: /include: must be an array, not "a.json"']),
        ({"web.json": {"include": [5, "a.json"]}, "a.json": {"packages": [7]}}, ["web.json:1:14: /include/0: must be a string, not 5"]),
        ({"web.json": {"include": ["a.yaml"]}, "a.yaml": "a:\n"},
         ["web.json:1:14: /include/0: cannot read a.yaml: it is YAML, and specs are JSON (.json, or .jsonc with comments)"]),
        ({"web.json": {"include": ["a.json"], "packages": [5]}, "a.json": '{"name": "x",'},
         ["a.json:1:14: the object is not closed: '}' is missing"]),
        ({"web.json": {"include": ["a.json"], "packages": []}, "a.json": '{"name": "x",}'},
         ["a.json:1:13: there is a comma after the last member"]),
        ({"web.json": {"include": ["a.json"], "name": "x"}, "a.json": '{"packages": [], "variants": {"A": {}}}'},
         ["a.json:1:31: /variants/A: the key must be a variant's name: lower-case letters, digits and '-', at most 63, not beginning with '-'"]),
        ({"web.json": {"include": ["a.json"], "name": "x"}, "a.json": '{"packages": [], "arguments": {"A": 5}}'},
         ["a.json:1:32: /arguments/A: must be an object, not 5"]),
    ],
    ids=range(12),
)  # fmt: skip
def test_what_cannot_be_included_is_one_fault_at_its_place(
    files: dict[str, Any], expected: list[str], tmp_path: Path
) -> None:
    """What would follow from a text that was not read is not reported."""
    found = faults(tmp_path, files)
    assert [one for one in found if "/include" in one or not one.startswith("web.json:1:1: ")] == expected


def test_files_include_one_another_up_to_a_depth(tmp_path: Path) -> None:
    def chain(length: int) -> dict[str, Any]:
        names = ["web.json", *(f"{number}.json" for number in range(1, length))]
        return {name: {"include": [below]} for name, below in pairwise(names)} | {names[-1]: {"name": "x"}}

    assert composed(tmp_path / "a", chain(33)).issues == ()
    (issue,) = composed(tmp_path / "b", chain(34)).issues
    assert issue.message == "files include one another more than 32 deep"
    assert str(issue).endswith("/b/32.json:1:14: /include/0: files include one another more than 32 deep")


def test_a_text_without_a_file_includes_nothing() -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec('{"name": "x", "packages": [], "include": ["a.json"]}')
    assert [str(issue) for issue in caught.value.issues] == [
        "the spec:1:43: /include/0: a text without a file includes nothing"
    ]


SYSTEM = {
    "from-store": {
        "system": "result",
        "source": "db",
        "location": "/gnu/store",
        "paths": ["p", "/abs"],
        "contents": ["c", {"path": "d"}],
    }
}


def test_paths_of_an_included_file_are_those_of_the_spec(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    said: dict[str, Any] = {
        "files": {"/a": {"source": "f/x"}, "/b": {"text": "f/x"}},
        "trees": {"/t": {"source": "./t"}},
        "packages": ["jq", "./a.deb", "sub/b.deb"],
        "from-image": "base.tar",
        "symlinks": {"/l": "x/y"},
        "python": {"lock": "l.txt", "source": "s", "wheels": "w"},
        "node": {"lock": "n.json", "at": "/n"},
        "java": {"jars": ["j"], "at": "/j"},
        "package-sources": [{"file": "s.list"}, {"key": "k.asc"}],
    }
    moved = composed(
        tmp_path, {"below/base.json": {**said, "variants": {"v": said}}, "web.json": {"include": ["below/base.json"]}}
    )
    expected = {
        "files": {"/a": {"source": "below/f/x"}, "/b": {"text": "f/x"}},
        "trees": {"/t": {"source": "below/t"}},
        "packages": ["jq", "below/a.deb", "below/sub/b.deb"],
        "from-image": "below/base.tar",
        "symlinks": {"/l": "x/y"},
        "python": {"lock": "below/l.txt", "source": "below/s", "wheels": "below/w"},
        "node": {"lock": "below/n.json", "at": "/n"},
        "java": {"jars": ["below/j"], "at": "/j"},
        "package-sources": [{"file": "below/s.list"}, {"key": "below/k.asc"}],
    }
    assert (moved.value, moved.issues) == (expected, ())
    assert moved.variants is not None
    assert moved.variants["v"].value == expected
    store = composed(tmp_path, {"below/base.json": SYSTEM, "web.json": {"include": ["below/base.json"]}})
    assert store.value == {
        "from-store": {
            "system": "below/result",
            "source": "below/db",
            "location": "/gnu/store",
            "paths": ["below/p", "/abs"],
            "contents": ["below/c", {"path": "below/d"}],
        }
    }
    assert composed(tmp_path, {"web.json": said}).value == said
    here = composed(tmp_path, {"here.json": said, "web.json": {"include": ["here.json"]}})
    assert here.value == said


def test_what_is_to_be_inside_the_directory_of_its_file_is_refused_elsewhere(tmp_path: Path) -> None:
    found = composed(
        tmp_path,
        {
            "a/base.json": {
                "files": {"/a": {"source": "../x"}, "/b": {"source": "/x"}, "/c": {"source": "y..z/.."}},
                "packages": ["../a.deb", "/b.deb", "c..d/e.deb"],
                "from-image": "../base.tar",
            },
            "web.json": {"include": ["a/base.json"]},
        },
    )
    assert [str(issue).replace(f"{tmp_path}/", "") for issue in found.issues] == [
        f"a/base.json:1:{column}: {where}: must be a path inside the spec's own directory: relative, and without '..'"
        for column, where in (
            *((19, "/files/~1a/source"), (45, "/files/~1b/source"), (69, "/files/~1c/source")),
            *((105, "/packages/0"), (117, "/packages/1")),
        )
    ]
    assert found.value["from-image"] == "base.tar"
    assert found.value["packages"][2] == "a/c..d/e.deb"


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        *((name, True) for name in ("docker://debian", "a.b/c", "host:5000/x", "localhost/x", "a.b/c@sha256:0")),
        *((name, False) for name in ("debian", "debian:13", "team/base", "base.tar", "./a.b/c", "../a.b/c", "/a.b/c", "a.b", "localhost", "")),
    ],
)  # fmt: skip
def test_a_name_in_a_registry_has_a_host_in_front(name: str, is_one: bool) -> None:
    assert is_registry_name(name) == is_one


def together(earlier: Any, later: Any, variant: str | None = None) -> tuple[Any, list[str], str]:
    issues: list[Any] = []
    value = merged(everywhere(earlier, Place("a", 1, 1)), everywhere(later, Place("b", 2, 2, variant)), issues)
    return plain(value), [str(issue) for issue in issues], str(value.place)


@pytest.mark.parametrize(
    ("earlier", "later", "expected", "expected_faults"),
    [
        ({"a": 1, "b": {"c": 1}}, {"a": 2, "b": {"d": 2}}, {"a": 2, "b": {"c": 1, "d": 2}}, []),
        ({"a": 1, "b": 2}, {"a": None, "c": None}, {"b": 2, "c": None}, []),
        ({"a": [1, 2]}, {"a": [2, 3, 3, True]}, {"a": [1, 2, 3, 3, True]}, []),
        ({"a": [{"x": 1, "y": 2}]}, {"a": [{"y": 2, "x": 1}]}, {"a": [{"x": 1, "y": 2}]}, []),
        ({"command": ["a"]}, {"command": ["b"]}, {"command": ["b"]}, []),
        ({"a": {"command": ["a"]}}, {"a": {"command": ["b"]}}, {"a": {"command": ["a", "b"]}}, []),
        ({"services": {"s": {"command": ["a"]}}}, {"services": {"s": {"command": ["b"]}}}, {"services": {"s": {"command": ["b"]}}}, []),
        ({"a": None}, {"a": [1]}, {"a": [1]}, []),
        ({"a": 1}, {"a": "x"}, {"a": "x"}, []),
        ({"a": [1]}, {"a": {"b": 1}}, {"a": {"b": 1}}, ["b:2:2: /a: cannot be merged: it is an object, and an array at a:1:1"]),
        ({"a": {"b": 1}}, {"a": 5}, {"a": 5}, ["b:2:2: /a: cannot be merged: it is a single value, and an object at a:1:1"]),
        ({"a": 5}, {"a": [1]}, {"a": [1]}, ["b:2:2: /a: cannot be merged: it is an array, and a single value at a:1:1"]),
        ({"packages": []}, {"from-store": {}}, {"from-store": {}},
         ['b:2:2: /from-store: contradicts "packages" at a:1:1; "packages": null beside it takes that away']),
        ({"from-store": {}}, {"packages": []}, {"packages": []},
         ['b:2:2: /packages: contradicts "from-store" at a:1:1; "from-store": null beside it takes that away']),
        ({"packages": []}, {"from-store": {}, "packages": None}, {"from-store": {}}, []),
        ({"packages": []}, {"from-store": None}, {"packages": [], "from-store": None}, []),
        ({"packages": None}, {"from-store": {}}, {"packages": None, "from-store": {}}, []),
        ({"files": {"/a": {"text": ""}}}, {"files": {"/a": {"source": "x"}}}, {"files": {"/a": {"source": "x"}}},
         ['b:2:2: /files/~1a/source: contradicts "text" at a:1:1; "text": null beside it takes that away']),
        ({"x": {"text": ""}}, {"x": {"source": "x"}}, {"x": {"text": "", "source": "x"}}, []),
        *(({"from-store": {"system": "a"}}, {"from-store": {key: ["b"]}}, {"from-store": {key: ["b"]}},
           [f'b:2:2: /from-store/{key}: contradicts "system" at a:1:1; "system": null beside it takes that away'])
          for key in ("paths", "contents")),
    ],
)  # fmt: skip
def test_two_texts_become_one(earlier: Any, later: Any, expected: Any, expected_faults: list[str]) -> None:
    assert together(earlier, later)[:2] == (expected, expected_faults)


def test_an_object_of_a_variant_is_where_the_spec_has_it() -> None:
    assert together({"a": 1}, {"b": 2})[2] == "b:2:2"
    assert together({"a": 1}, {"b": 2}, "v")[2] == "a:1:1"
    assert together([1], [2], "v")[2] == "b:2:2 (variant v)"


def test_a_value_of_python_s_is_one_of_json(tmp_path: Path) -> None:
    value = {"a": (1, 2.5, None, True), 5: ["x"]}
    assert plain(everywhere(value, Place("x"))) == {"a": [1, 2.5, None, True], "5": ["x"]}
    with pytest.raises(TypeError, match="set is not a JSON value"):
        everywhere({"a": {1}}, Place("x"))
    kinds: list[Any] = [{}, [], None]
    assert [kind(everywhere(one, Place("x"))) for one in kinds] == ["an object", "an array", "a single value"]
    read = spec_of_value({"name": "x", "packages": ("jq",)}, tmp_path)
    assert read.spec.packages == ("jq",)


@pytest.mark.parametrize(
    ("pattern", "keys", "is_matched"),
    [
        ((), (), True),
        (("a",), ("a",), True),
        (("a", "*"), ("a", 0), True),
        (("*", "0"), ("b", 0), True),
        (("a",), ("b",), False),
        (("a",), ("a", "b"), False),
        (("a", "b"), ("a",), False),
        (("a", "*", "c"), ("a", "b", "d"), False),
    ],
)
def test_a_pattern_is_about_keys(pattern: tuple[str, ...], keys: tuple[str | int, ...], is_matched: bool) -> None:
    assert matches(pattern, keys) == is_matched


def test_a_lock_file_is_of_its_architecture_too() -> None:
    place = Path("a/web.jsonc")
    assert lock_file_beside(place, SpecChoices(("v",)), "arm/v6") == Path("a/web.v.armv6.lock.json")
    assert lock_file_beside(place, AS_IT_IS, "arm64") == Path("a/web.arm64.lock.json")


def test_texts_that_were_read_are_there_with_their_files(tmp_path: Path) -> None:
    texts = IncludedTexts()
    texts.add(SpecText.of_file(written(tmp_path, {"web.json": {"include": ["a.json"]}, "a.json": {"name": "x"}})))
    assert [plain(value) for value in texts.values] == [{"name": "x"}, {"include": ["a.json"]}]
    assert (texts.files, texts.issues, texts.complete) == ([tmp_path / "a.json"], [], True)
