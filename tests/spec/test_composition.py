"""Includes, variants, values from flags and arguments come to one spec, and every fault says where its value is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.errors import Issue, SpecError
from sysimage.spec.choices import AS_IT_IS, KeyValue, SpecChoices
from sysimage.spec.composition_keys import CompositionKeys
from sysimage.spec.field_metadata import FILE_OR_NAME, INSIDE, SPEC_PATH, WHOLE, marked
from sysimage.spec.include import SpecText
from sysimage.spec.lock_file import lock_file_beside
from sysimage.spec.merge import merged
from sysimage.spec.model import SystemSpec
from sysimage.spec.parse import ReadSpec, read_composed
from sysimage.spec.source_locations import Place, everywhere, plain

DOCS = Path(__file__).parents[2] / "docs"


def wrote(path: Path, text: str | dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    return path


def read(path: Path, choices: SpecChoices = AS_IT_IS) -> ReadSpec:
    return read_composed(SpecText.of_file(path), choices)


def faults(path: Path, choices: SpecChoices = AS_IT_IS) -> list[str]:
    with pytest.raises(SpecError) as caught:
        read(path, choices)
    return [str(issue).replace(str(path.parent), "here") for issue in caught.value.issues]


def assigned(*texts: str) -> SpecChoices:
    return SpecChoices(assignments=tuple(map(KeyValue.parse, texts)))


def together(earlier: Any, later: Any) -> tuple[Any, list[Issue]]:
    issues: list[Issue] = []
    value = merged(everywhere(earlier, Place("a", 1, 1)), everywhere(later, Place("b", 2, 2)), issues)
    return plain(value), issues


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from("abc"), below, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_a_spec_laid_over_itself_stays_as_it_is_except_for_what_it_takes_away(value: Any) -> None:
    def kept(value: Any) -> Any:
        return {key: kept(one) for key, one in value.items() if one is not None} if isinstance(value, dict) else value

    assert together(value, value) == (kept(value), [])


@given(st.dictionaries(st.sampled_from("abc"), st.integers()), st.dictionaries(st.sampled_from("abc"), st.integers()))
def test_of_single_values_the_later_counts_and_keys_of_both_are_there(earlier: Any, later: Any) -> None:
    assert together(earlier, later) == (earlier | later, [])


@given(st.lists(st.booleans() | st.integers(0, 1), unique_by=repr), st.lists(st.booleans() | st.integers(0, 3)))
def test_arrays_are_united_and_none_of_their_elements_is_lost(earlier: list[Any], later: list[Any]) -> None:
    value, _ = together({"packages": earlier}, {"packages": later})
    assert value["packages"][: len(earlier)] == earlier
    assert set(map(repr, value["packages"])) == {*map(repr, earlier), *map(repr, later)}


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({"command": ["a"]}, {"command": ["b", "c"]}),
        ({"tags": ["a"]}, {"tags": ["b"]}),
        ({"services": {"web": {"command": ["a", "b"]}}}, {"services": {"web": {"command": ["c"]}}}),
        ({"services": {"s": {"timer": {"hours": [3]}}}}, {"services": {"s": {"timer": {"hours": [4]}}}}),
    ],
)
def test_an_array_that_is_one_value_is_replaced(earlier: Any, later: Any) -> None:
    assert together(earlier, later) == (later, [])


def test_the_arrays_that_are_replaced_and_the_paths_are_those_of_the_documents() -> None:
    text = (DOCS / "composition.md").read_text()
    for mark in (WHOLE, SPEC_PATH, INSIDE, FILE_OR_NAME):
        for pattern in marked(SystemSpec, mark):
            assert f"`{'.'.join(pattern).removesuffix('.*').replace('*', 'NAME')}`" in text, pattern
    assert set(CompositionKeys.model_fields) <= set(re.findall("[a-z]+", text))


def test_a_spec_is_laid_over_what_it_includes_and_each_file_counts_once(tmp_path: Path) -> None:
    wrote(tmp_path / "base.json", {"packages": ["a0"], "host-name": "base", "time-zone": "Europe/Berlin"})
    wrote(tmp_path / "b.json", {"include": ["base.json"], "packages": ["b0"], "host-name": "b"})
    wrote(tmp_path / "c.json", {"include": ["base.json"], "packages": ["c0", "a0"]})
    path = wrote(tmp_path / "web.json", {"include": ["b.json", "c.json"], "name": "web", "time-zone": None})
    result = read(path)
    assert result.spec.packages == ("a0", "b0", "c0")
    assert result.spec.host_name == "b", "the file that both include comes before both"
    assert result.spec.time_zone == "UTC", "null takes away"
    assert [file.name for file in result.composition.files] == ["b.json", "base.json", "c.json"]


def test_paths_are_relative_to_the_file_that_says_them(tmp_path: Path) -> None:
    wrote(tmp_path / "common" / "etc" / "motd", "hello")
    base: dict[str, Any] = {"files": {"/etc/motd": {"source": "etc/motd"}}, "trees": {"/srv": {"source": "etc"}}}
    base |= {"from-image": "base.tar"}
    variants = {"other": {"from-image": "../other.tar"}}
    wrote(tmp_path / "common" / "base.json", base | {"variants": variants})
    path = wrote(tmp_path / "web" / "web.json", {"include": ["../common/base.json"], "name": "web", "packages": []})
    spec = read(path).spec
    assert (spec.files["/etc/motd"].source, spec.from_image) == ("../common/etc/motd", "../common/base.tar")
    assert spec.trees["/srv"].source == "../common/etc"
    assert read(path, SpecChoices(("other",))).spec.from_image == "../other.tar"


def test_a_source_leads_neither_out_of_its_file_s_directory_nor_by_a_link(tmp_path: Path) -> None:
    wrote(tmp_path / "secret", "")
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "link").symlink_to("../secret")
    base = {"files": {"/a": {"source": "../secret"}, "/b": {"source": "link"}, "/c": {"source": "none"}}}
    wrote(tmp_path / "common" / "base.json", base)
    path = wrote(tmp_path / "web.json", {"include": ["common/base.json"], "name": "web", "packages": []})
    found = faults(path)
    assert ["/files/~1a/source" in found[0], "without '..'" in found[0]] == [True, True]
    assert any("/files/~1c/source: there is no file common/none" in fault for fault in found)


def test_every_fault_says_the_file_the_line_and_the_column_of_its_value(tmp_path: Path) -> None:
    wrote(
        tmp_path / "base.json",
        '{\n  "services": {\n    "web": {"command": ["nginx"], "requires": ["db"]}\n  },\n  "max-layers": "5"\n}',
    )
    path = wrote(
        tmp_path / "web.json",
        '{\n  "include": ["base.json"],\n  "name": "web",\n  "packages": ["nginx"],\n  "hostname": "x",\n'
        '  "variants": {\n    "debug": {"packages": ["Gdb"], "servces": {}}\n  }\n}',
    )
    assert faults(path) == [
        "here/web.json:5:3: /hostname: is not a key that is known here (did you mean 'host-name'?)",
        'here/web.json:7:28: /variants/debug/packages/1: must be in lower case: "gdb"',
        "here/web.json:7:36: /variants/debug/servces: is not a key that is known here (did you mean 'services'?)",
        'here/base.json:3:48: /services/web/requires/0: no service is called "db"',
        'here/base.json:5:3: /max-layers: must be a whole number, not "5"',
    ]


def test_conflicts_name_both_places(tmp_path: Path) -> None:
    wrote(tmp_path / "motd", "")
    base = '{"files": {"/etc/motd": {"text": "x"}},\n "labels": {"a": "b"},\n "packages": []}'
    wrote(tmp_path / "base.json", base)
    later = {"files": {"/etc/motd": {"source": "motd"}}, "labels": ["x"], "from-store": {"system": "result"}}
    found = faults(wrote(tmp_path / "web.json", {"include": ["base.json"], "name": "web", **later}))
    assert len(found) == 3
    assert '/files/~1etc~1motd/source: contradicts "text" at here/base.json:1:26; "text": null beside it' in found[0]
    assert '/from-store: contradicts "packages" at here/base.json:3:2' in found[1]
    assert "/labels: cannot be merged: it is an array, and an object at here/base.json:2:2" in found[2]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"web.json": {"include": ["web.json"]}}, "includes itself: here/web.json -> here/web.json"),
        (
            {"web.json": {"include": ["a.json"]}, "a.json": {"include": ["web.json"]}},
            "includes itself: here/web.json -> here/a.json -> here/web.json",
        ),
        ({"web.json": {"include": ["none.json"]}}, "/include/0: cannot read here/none.json: there is no such file"),
        ({"web.json": {"include": ["passwd"]}}, "/include/0: must be a file called .json or .jsonc"),
        ({"web.json": {"include": ["/etc/x.json"]}}, "/include/0: must be relative to this file"),
        ({"web.json": {"include": "a.json"}}, '/include: must be an array, not "a.json"'),
        ({"web.json": {"include": ["a.yaml"]}, "a.yaml": "packages:\n"}, "it is YAML, and specs are JSON"),
        ({"web.json": {"include": ["a.json"]}, "a.json": '{"name": "x",}'}, "here/a.json:1:13: a comma"),
        ({"web.json": {"variants": {"a": {"include": []}}}}, "belongs to the spec, not to a variant"),
        ({"web.json": {"variants": {"A": {}}}}, "must be a variant's name"),
        ({"web.json": {"arguments": {"A": 5}}}, "/arguments/A: must be an object, not 5"),
    ],
)
def test_what_cannot_be_included_or_varied_says_why(tmp_path: Path, files: dict[str, Any], message: str) -> None:
    for name, content in files.items():
        wrote(tmp_path / name, content)
    found = "\n".join(faults(tmp_path / "web.json"))
    assert message.replace("a comma", "there is a comma") in found or message in found


@pytest.mark.slow
def test_a_long_chain_of_files_is_refused_before_it_is_read(tmp_path: Path) -> None:
    for number in range(1500):
        wrote(tmp_path / f"{number}.json", {"include": [f"{number + 1}.json"]})
    (found,) = faults(wrote(tmp_path / "web.json", {"include": ["0.json"], "name": "web", "packages": []}))
    assert "31.json:1:14: /include/0: files include one another more than 32 deep" in found


SPEC = {
    "name": "web",
    "packages": ["nginx"],
    "tags": ["${VERSION}"],
    "environment": {"HOME_TEXT": "${HOME} $${VERSION}", "V": "v${VERSION}-${VERSION}"},
    "arguments": {"VERSION": {"default": "1.0", "description": "what is shipped"}},
    "variants": {"debug": {"packages": ["gdb"]}, "tiny": {"max-layers": 3, "exclude": ["gdb"]}},
}


def test_variants_are_laid_over_the_spec_in_the_order_of_the_flags(tmp_path: Path) -> None:
    path = wrote(tmp_path / "web.json", SPEC)
    assert read(path).spec.packages == ("nginx",)
    assert read(path, SpecChoices(("debug",))).spec.packages == ("nginx", "gdb")
    assert read(path, SpecChoices(("tiny",))).spec.max_layers == 3
    assert any('"gdb" is listed under "exclude" too' in fault for fault in faults(path, SpecChoices(("tiny", "debug"))))


def test_arguments_fill_texts_and_leave_what_is_not_declared(tmp_path: Path) -> None:
    path = wrote(tmp_path / "web.json", SPEC)
    choices = SpecChoices(arguments={"VERSION": "2"}, environment={"VERSION": "9", "OTHER": "x"})
    spec = read(path, choices).spec
    assert spec.tags == ("2",)
    assert spec.environment == {"HOME_TEXT": "${HOME} ${VERSION}", "V": "v2-2"}
    assert read(path, SpecChoices(environment={"VERSION": "9"})).spec.tags == ("9",)
    assert read(path).spec.tags == ("1.0",)


def test_an_argument_without_a_value_and_one_that_is_not_declared_are_faults(tmp_path: Path) -> None:
    needy = {"name": "web", "packages": [], "arguments": {"VERSION": {"description": "what is shipped"}, "X": "1"}}
    path = wrote(tmp_path / "web.json", needy)
    assert faults(path, SpecChoices(arguments={"VERSON": "2"})) == [
        "--argument VERSON: there is no such argument: there are VERSION, X (did you mean 'VERSION'?)",
        "here/web.json:1:47: /arguments/VERSION: needs a value (what is shipped): --argument VERSION=…",
    ]
    keyed = {"name": "web", "packages": [], "arguments": {"X": "1"}, "labels": {"a${X}": "b"}}
    assert "arguments are filled into values, not keys" in faults(wrote(path, keyed))[0]


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("max-layers=7", "max_layers", 7),
        ("host-name=7", "host_name", "7"),
        ("/labels/org.x~1y=1", "labels", {"org.x/y": "1"}),
        ("packages+=curl", "packages", ("nginx", "curl")),
        ("packages.0=curl", "packages", ("curl",)),
        ('packages=["a0","b0"]', "packages", ("a0", "b0")),
        ("essential=false", "essential", False),
        ("tags=null", "tags", ("latest",)),
        ('environment.A="x=y"', "environment", {"A": "x=y"}),
    ],
)
def test_a_flag_sets_a_value_of_the_kind_that_its_key_has(tmp_path: Path, text: str, key: str, value: object) -> None:
    path = wrote(tmp_path / "web.json", {"name": "web", "packages": ["nginx"], "tags": ["1"], "command": ["x"]})
    found = getattr(read(path, assigned(text)).spec, key)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max-layers=many", '--set max-layers=many: /max-layers: must be a whole number, not "many"'),
        ("max-layrs=1", "(did you mean 'max-layers'?)"),
        ("packages.7=x", "leads nowhere: there is no '7'"),
        ("name.x=1", "leads nowhere"),
        ("name+=1", "is not an array"),
        ("variants.a=1", "is not part of the system: say --variant"),
    ],
)
def test_a_value_that_does_not_fit_names_its_flag(tmp_path: Path, text: str, message: str) -> None:
    path = wrote(tmp_path / "web.json", {"name": "web", "packages": ["nginx"]})
    (found,) = faults(path, assigned(text))
    assert message in found
    assert found.startswith(f"--set {text}: ")


@pytest.mark.parametrize("text", ["", "x", "=x", "+=x", "packages=[", 'labels={"a"'])
def test_what_is_not_an_assignment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be|is not JSON"):
        KeyValue.parse(text)


def test_comments_and_trailing_commas_are_in_jsonc_alone(tmp_path: Path) -> None:
    text = '{\n  // a system\n  "name": "web", /* more */\n  "packages": ["nginx",],\n}\n'
    assert read(wrote(tmp_path / "web.jsonc", text)).spec.name == "web"
    assert len(faults(wrote(tmp_path / "web.json", text))) == 4
    assert "a comment begins with //" in faults(wrote(tmp_path / "x.jsonc", text.replace("// a", "# a")))[0]


@pytest.mark.parametrize(
    ("name", "text", "language"),
    [
        ("web.yaml", "name: web\n", "YAML"),
        ("web.yml", '{"name": "web"}', "YAML"),
        ("web.json", "# a system\nname: web\npackages:\n  - nginx\n", "YAML"),
        ("web.json", "---\n{}\n", "YAML"),
        ("web.toml", "", "TOML"),
        ("web.json", 'name = "web"\n', "TOML"),
        ("web.json", '[services.web]\ncommand = ["x"]\n', "TOML"),
    ],
)
def test_other_languages_are_recognised_and_their_conversion_named(
    tmp_path: Path, name: str, text: str, language: str
) -> None:
    with pytest.raises(SpecError, match=f"it is {language}, and specs are JSON") as caught:
        read(wrote(tmp_path / name, text))
    assert caught.value.hint is not None
    assert f"< {tmp_path / name} > {tmp_path}/web." in caught.value.hint


def test_the_shop_is_a_spec_without_fault_with_and_without_its_variant() -> None:
    shop = DOCS.parent / "examples" / "shop.jsonc"
    plain, debug = read(shop).spec, read(shop, SpecChoices(("debug",))).spec
    assert [file.name for file in read(shop).composition.files] == ["postgresql.json"]
    assert set(debug.packages) - set(plain.packages) == {"procps", "strace"}
    assert debug.services["shop"].environment.keys() - plain.services["shop"].environment.keys() == {
        "PYTHONASYNCIODEBUG"
    }


@pytest.mark.parametrize(
    ("spec", "variants", "lock"),
    [
        ("a/web.json", (), "a/web.lock.json"),
        ("a/web.jsonc", (), "a/web.lock.json"),
        ("web.json", ("debug", "arm"), "web.debug.arm.lock.json"),
    ],
)
def test_each_choice_of_variants_has_a_lock_file_of_its_own(spec: str, variants: tuple[str, ...], lock: str) -> None:
    assert lock_file_beside(Path(spec), SpecChoices(variants)) == Path(lock)


def test_trees_and_package_files_of_an_included_spec_are_beside_that_one(tmp_path: Path) -> None:
    (tmp_path / "shared/dist").mkdir(parents=True)
    wrote(tmp_path / "shared/shop.deb", "a package")
    wrote(tmp_path / "shared/base.json", {"packages": ["jq", "./shop.deb"], "trees": {"/srv/shop": {"source": "dist"}}})
    path = wrote(tmp_path / "here/web.json", {"include": ["../shared/base.json"], "name": "web"})
    spec = read(path).spec
    assert spec.packages == ("jq", "../shared/shop.deb")
    assert spec.trees["/srv/shop"].source == "../shared/dist"


@pytest.mark.parametrize(
    ("base", "there", "expected"),
    [
        ("registry.example/team/base:1", False, "registry.example/team/base:1"),
        ("docker://debian:13", False, "docker://debian:13"),
        ("base.tar", False, "below/base.tar"),
        ("images.d/base.tar", True, "below/images.d/base.tar"),
    ],
)
def test_a_base_in_a_registry_is_not_a_path_of_the_file_that_names_it(
    base: str, there: bool, expected: str, tmp_path: Path
) -> None:
    wrote(tmp_path / "below/base.json", {"packages": [], "from-image": base})
    if there:
        wrote(tmp_path / "below" / base, "an image")
    spec = read(wrote(tmp_path / "top.json", {"name": "top", "include": ["below/base.json"]})).spec
    assert spec.from_image == expected


def test_what_a_store_holds_is_listed_beside_the_spec_that_names_it(tmp_path: Path) -> None:
    store = {"paths": ["result"], "contents": ["one", "below/two", "/three"]}
    wrote(tmp_path / "shared/base.json", {"from-store": store})
    spec = read(wrote(tmp_path / "here/top.json", {"name": "top", "include": ["../shared/base.json"]})).spec
    assert spec.from_store is not None
    assert tuple(one.path for one in spec.from_store.contents or ()) == (
        "../shared/one",
        "../shared/below/two",
        "/three",
    )
