"""Every fault of a spec at once, at its line, with the word that was meant."""

# ruff: noqa: E501 - faults are quoted whole
from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage.errors import SpecError
from sysimage.spec import SystemSpec, parse_spec, read_spec
from sysimage.spec.parse import spec_of_value

SMALLEST = {"name": "base", "packages": []}
SERVICE = {"command": ["x"]}


def faults(spec: Any, path: Path | None = None) -> list[str]:
    """What is wrong, without lines."""
    try:
        parse_spec(spec if isinstance(spec, str) else json.dumps(spec), path)
    except SpecError as error:
        return [str(issue).partition(": ")[2] for issue in error.issues]
    return []


def test_the_smallest_spec_is_a_bootable_system() -> None:
    spec = parse_spec('{"name": "base", "packages": []}')
    assert spec == SystemSpec(name="base", packages=())
    assert spec.has_init
    assert spec.store.store_dir == "/gnu/store"


def test_every_fault_of_the_text_the_fields_and_the_whole_is_reported_at_once_in_order(tmp_path: Path) -> None:
    path = tmp_path / "system.json"
    path.write_text(
        """{
  "name": "Web",
  "packages": ["nginx",],
  "servces": {},
  "services": {
    "web": {"comand": ["nginx"], "requires": ["api", "apx"]},
    "api": {"command": ["x"], "requires": ["web"], "ready": {"tpc": 5}},
    "a": {"command": ["x"], "requires": ["b"], "user": "www-dat"},
    "b": {"command": ["x"], "requires": ["a"], "timer": {"hours": [25]}}
  },
  "files": {
    "/etc/x": {"text": "a", "source": "b"},
    "/srv/a": {"source": "nothing.txt"},
    "/srv/a/b": {"text": "x", "mode": 0644}
  },
  "files": {}
}
"""
    )
    with pytest.raises(SpecError) as caught:
        read_spec(path)
    told = str(caught.value).replace(f"  {path}:", "  ").split("\n")
    assert [re.sub(r"^  (\d+):\d+: ", r"  line \1: ", line) for line in told] == [
        f"cannot read {path}: 15 faults",
        "  line 2: /name: must be an image name: lower-case letters and digits, with '.', '_', '-' or '/' between them",
        "  line 3: /packages: there is a comma after the last element",
        "  line 4: /servces: is not a key that is known here (did you mean 'services'?)",
        '  line 6: /services/web: needs the key "command"',
        "  line 6: /services/web/comand: is not a key that is known here (did you mean 'command'?)",
        '  line 6: /services/web/requires/1: no service is called "apx"',
        '  line 7: /services/api/ready: must have one of "tcp", "file" and "command"',
        "  line 7: /services/api/requires: these services wait for one another: api, web",
        "  line 8: /services/a/requires: these services wait for one another: a, b",
        "  line 9: /services/b/timer/hours/0: must be at most 23, not 25",
        '  line 12: /files/~1etc~1x: must have either "text" or "source"',
        "  line 13: /files/~1srv~1a/source: there is no file nothing.txt beside the spec",
        "  line 14: /files/~1srv~1a~1b: /srv/a is declared as something else than a directory: /files/~1srv~1a",
        "  line 14: /files/~1srv~1a~1b/mode: 0644: numbers have no leading zeros; modes are strings"
        " (did you mean '\"0644\"'?)",
        "  line 16: /files: is given twice, first on line 11",
    ]


@pytest.mark.parametrize(
    ("part", "fault"),
    [
        ({"max-layers": "5"}, '/max-layers: must be a whole number, not "5"'),
        ({"max-layers": 5.5}, "/max-layers: must be a whole number, not 5.5"),
        ({"max-layers": 126}, "/max-layers: must be at most 125, not 126"),
        ({"max-layers": True}, "/max-layers: must be a whole number, not true"),
        ({"packages": "nginx"}, '/packages: must be an array, not "nginx"'),
        ({"services": []}, '/services: must be an object, not an array; units of packages that are to be services belong under "enable"'),
        ({"architecture": "arm46"}, "/architecture: must be an architecture, such as 'amd64', 'arm64', 'arm/v7' or 'riscv64', not \"arm46\""
            " (did you mean 'arm64'?)"),
        ({"store": {"kind": "nixx"}}, "/store/kind: must be 'guix' or 'nix', not \"nixx\" (did you mean 'nix'?)"),
        ({"time_zone": "UTC"}, "/time_zone: is not a key that is known here (did you mean 'time-zone'?)"),
        ({"<>": 1}, "/<>: is not a key that is known here"),
        ({"[key]": 1}, "/[key]: is not a key that is known here"),
        ({"services": {"a": {**SERVICE, "<tcp>": 1}}}, "/services/a/<tcp>: is not a key that is known here"),
        ({"labels": {"[key]": 1}}, "/labels/[key]: must be a string, not 1"),
        ({"tags": []}, "/tags: must have at least 1 of them"),
        (
            {"services": {"a": {**SERVICE, "ready": {"tcp": 80, "file": "/x"}}}},
            "/services/a/ready/file: contradicts the other keys that are here",
        ),
        (
            {"users": {"Bob": {}}},
            "/users/Bob: the key must be an account name: lower-case letters, digits, '_' and '-', at most 31, not"
            " beginning with a digit or '-'",
        ),
        ({"files": {"//etc/x": {"text": ""}}}, "/files/~1~1etc~1x: the key must be an absolute path without '.', '..', "
            "doubled or trailing slashes and control characters"),
        ({"store": {"uid": -1}}, "/store/uid: must be at least 0, not -1"),
        # what the parts say about each other
        ({"user": "nobody"}, '/user: the init starts services as others and must itself be root; say "user" in the services'),
        ({"command": ["x"], "services": {"a": SERVICE}}, '/command: replaces the init, so nothing would start what is under "services"'),
        ({"entry-point": ["x"], "services": {"a": SERVICE}}, '/entry-point: replaces the init, so nothing would start what is under "services"'),
        ({"command": [""]}, "/command/0: the program has no name"),
        ({"services": {"shepherd": SERVICE}}, "/services/shepherd: is a name of the init itself"),
        ({"services": {"a": {"command": [""]}}}, "/services/a/command/0: the program has no name"),
        (
            {"services": {"database": SERVICE, "a": {**SERVICE, "requires": ["databse"]}}},
            "/services/a/requires/0: no service is called \"databse\" (did you mean 'database'?)",
        ),
        ({"services": {"a": {**SERVICE, "requires": ["a"]}}}, "/services/a/requires: requires itself"),
        (
            {"services": {"a": {**SERVICE, "one-shot": True, "timer": {}}}},
            '/services/a/one-shot: contradicts "timer": a service runs once at start or at certain times',
        ),
        (
            {"services": {"a": {**SERVICE, "one-shot": True, "respawn": True}}},
            '/services/a/respawn: contradicts "one-shot": such a service is meant to end by itself',
        ),
        (
            {"services": {"a": {**SERVICE, "timer": {}, "ready": {"tcp": 80}}}},
            '/services/a/ready: contradicts "timer": only a service that goes on running becomes ready',
        ),
        ({"users": {"a": {"uid": 5000}, "b": {"uid": 5000}}}, "/users/b/uid: 5000 is the uid of a already"),
        ({"users": {"a": {"uid": 33}}}, "/users/a/uid: 33 is the uid of www-data already"),
        ({"users": {"www-data": {"uid": 34}}}, "/users/www-data/uid: www-data has the uid 33 in every Debian system, not 34"),
        ({"groups": {"a": {"gid": 100}}}, "/groups/a/gid: 100 is the gid of users already"),
        ({"users": {"a": {"uid": 1000, "system": True}}}, "/users/a/uid: a system user's ID is below 1000, not 1000"),
        ({"files": {"/a": {"text": ""}}, "symlinks": {"/a": "b"}}, "/symlinks/~1a: something else is declared at this path: /files/~1a"),
        (
            {"symlinks": {"/srv": "/data"}, "directories": {"/srv/a/b": {}}},
            "/directories/~1srv~1a~1b: /srv is declared as something else than a directory: /symlinks/~1srv",
        ),
        (
            {"files": {"/home": {"text": ""}}, "users": {"a": {"home": "/home/a"}}},
            "/users/a/home: /home is declared as something else than a directory: /files/~1home",
        ),
        ({"files": {"/gnu/store/x": {"text": ""}}}, "/files/~1gnu~1store~1x: nothing can be put at or below /gnu/store: only store items are there"),
        ({"store": {"kind": "nix"}, "files": {"/nix/var/nix/x": {"text": ""}}}, "/files/~1nix~1var~1nix~1x: nothing can be put at or below "
            "/nix/var/nix: the store keeps its database and GC roots there"),
        ({"files": {"/proc/x": {"text": ""}}}, "/files/~1proc~1x: nothing can be put at or below /proc: the kernel shows processes there"),
        ({"symlinks": {"/run/current-system": "x"}}, "/symlinks/~1run~1current-system: nothing can be put at or below /run/current-system: the"
            " system itself is there"),
        ({"symlinks": {"/gnu": "/data"}}, "/symlinks/~1gnu: must be a directory, because /gnu/store is below it"),
        ({"files": {"/": {"text": ""}}}, "/files/~1: is the system's own: everything is in it"),
        ({"files": {"/etc/.wh.x": {"text": ""}}}, '/files/~1etc~1.wh.x: a name can\'t begin with ".wh.": layers mark deleted files so'),
        (
            {"files": {"/etc/.wh.x/deep/file": {"text": ""}}},
            '/files/~1etc~1.wh.x~1deep~1file: a name can\'t begin with ".wh.": layers mark deleted files so',
        ),
        ({"files": {"/etc/passwd": {"text": ""}}}, '/files/~1etc~1passwd: is made from what "users" says'),
        ({"files": {"/etc/x": {"source": "/etc/x"}}}, "/files/~1etc~1x/source: must be a path inside the spec's own directory: relative,"
            " and without '..'"),
        ({"capabilities": {"/etc/x": "cap_net_raw+p"}}, "/capabilities/~1etc~1x: is neither a declared file nor a program of a package"),
        ({"privileged-programs": {"/etc/x": {}}}, "/privileged-programs/~1etc~1x: is not a program's place: they are in /usr/bin or /usr/sbin"),
        ({"volumes": ["/"]}, "/volumes/0: is the system's own: everything is in it"),
        ({"packages": ["nginx", "nginx=1.0"]}, '/packages/1: "nginx" is listed twice'),
        ({"packages": ["nginx"], "exclude": ["nginx"]}, '/packages/0: "nginx" is listed under "exclude" too'),
        ({"tags": ["a", "a"]}, '/tags/1: "a" is listed twice'),
        ({"translations": ["de", "de"]}, '/translations/1: "de" is listed twice'),
        ({"translations": ["de_DE.UTF-8"]}, '/translations/0: must be a language, with a country where only its own is wanted,'
            ' such as "de" or "pt_BR"'),
        ({"translations": ["de"], "slim": False}, '/translations: has no effect with "slim": false, which keeps all translations'),
        ({"essential": False}, '/essential: the init needs the Essential packages; say "entry-point" or "command" for a program'),
    ],
)  # fmt: skip
def test_one_fault_is_one_issue(part: dict[str, Any], fault: str) -> None:
    assert faults({**SMALLEST, **part}) == [fault]


def test_a_key_that_looks_like_a_step_of_the_checker_is_distinguished_from_its_value() -> None:
    key = "the key must be a variable's name: letters, digits, '_', '.' and '-', not beginning with a digit"
    assert faults({**SMALLEST, "environment": {"[key]": 1, "<>": ""}}) == [
        f"/environment/<>: {key}",
        "/environment/[key]: must be a string, not 1",
        f"/environment/[key]: {key}",
    ]


@pytest.mark.parametrize(
    "part",
    [
        {"user": "root", "services": {"a": SERVICE}},
        {"user": "0:0"},
        {"user": "1000:1000", "entry-point": ["x"]},
        {"users": {"app": {}}, "services": {"a": {**SERVICE, "user": "app", "group": "app"}}},
        {"users": {"app": {"group": "staff"}}, "directories": {"/srv": {"owner": "app", "group": "staff"}}},
        {"users": {"root": {"uid": 0, "shell": "/bin/bash"}}},
        {"services": {"a": {**SERVICE, "one-shot": True}, "b": {**SERVICE, "requires": ["a"]}}},
        {"services": {"a": {**SERVICE, "one-shot": True, "respawn": False}}},
        {"directories": {"/srv": {}, "/srv/a": {}}, "files": {"/srv/a/b": {"text": ""}}, "symlinks": {"/srv/c": "a"}},
        {"directories": {"/home/a": {}}, "users": {"a": {"home": "/home/a"}}},
        {"store": {"database": False}, "directories": {"/var/guix": {}}},
        {"host-name": None},
    ],
    ids=json.dumps,
)
def test_what_is_allowed_is_not_reported(part: dict[str, Any]) -> None:
    assert faults({**SMALLEST, **part}) == []


def test_a_faulty_part_does_not_make_those_that_name_it_faulty() -> None:
    spec = {
        **SMALLEST,
        "services": {"a": {"command": []}, "b": {**SERVICE, "requires": ["a"], "user": "ann", "group": "ann"}},
        "users": {"ann": {"uid": "x"}},
    }
    assert faults(spec) == [
        "/services/a/command: must have at least 1 of them",
        '/users/ann/uid: must be a whole number, not "x"',
    ]


def test_sources_are_files_inside_the_directory_of_the_spec(tmp_path: Path) -> None:
    inside = tmp_path / "spec"
    (inside / "folder").mkdir(parents=True)
    (inside / "page.html").write_text("hello")
    (tmp_path / "secret").write_text("secret")
    (inside / "link").symlink_to("page.html")
    (inside / "escape").symlink_to("../secret")
    files = {
        f"/srv/{name}": {"source": name} for name in ["page.html", "link", "escape", "folder", "../secret", "none"]
    }
    del files["/srv/../secret"]
    files["/srv/up"] = {"source": "../secret"}
    assert faults({**SMALLEST, "files": files}, inside / "system.json") == [
        "/files/~1srv~1escape/source: escape is a link that leads out of the spec's directory",
        '/files/~1srv~1folder/source: is a directory; directories belong under "trees"',
        "/files/~1srv~1none/source: there is no file none beside the spec",
        "/files/~1srv~1up/source: must be a path inside the spec's own directory: relative, and without '..'",
    ]


def test_a_file_with_other_bytes_than_text_is_refused_with_the_place(tmp_path: Path) -> None:
    path = tmp_path / "system.json"
    path.write_bytes(b'{\n "name": "\xff"}')
    with pytest.raises(SpecError, match="byte 12 is not UTF-8") as caught:
        read_spec(path)
    assert caught.value.issues[0].line == 2
    with pytest.raises(SpecError, match="there is no such file"):
        read_spec(tmp_path / "none.json")
    with pytest.raises(SpecError, match="it is a directory"):
        read_spec(tmp_path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(sorted(SystemSpec.model_json_schema()["properties"]))


@pytest.mark.slow
@settings(max_examples=120, deadline=None)
@given(JSON | st.dictionaries(KEYS, JSON | st.dictionaries(st.sampled_from(["a", "/a", "command"]), JSON, max_size=2)))
def test_no_json_makes_anything_but_a_spec_or_a_spec_error(value: Any) -> None:
    try:
        spec = parse_spec(json.dumps(value))
    except SpecError as error:
        lines = [issue.line for issue in error.issues]
    else:
        lines = [1] if spec.name == value["name"] else []
    assert lines
    assert all(lines)


def test_what_a_spec_says_survives_being_written_and_read_again() -> None:
    text = '{"name": "a", "packages": ["bash"], "files": {"/x": {"text": "y", "mode": "0600"}}, "max-layers": 7}'
    spec = parse_spec(text)
    assert parse_spec(spec.model_dump_json(by_alias=True)) == spec
    assert spec.files["/x"].mode == 0o600


PACK = {"name": "tool", "from-store": {"paths": ["result"]}}


@pytest.mark.parametrize(
    ("part", "fault"),
    [
        ({"services": {"a": SERVICE}}, '/services: is for images made of packages; "from-store" has its own'),
        ({"slim": True}, '/slim: is for images made of packages; "from-store" has its own'),
        ({"time-zone": "UTC"}, '/time-zone: is for images made of packages; "from-store" has its own'),
        (
            {"users": {"ann": {}}, "from-store": {"system": "result"}},
            "/users: a system from a store makes its accounts itself, when it boots",
        ),
        (
            {"from-store": {"system": "result", "links": {"/bin": "bin"}}},
            '/from-store/links: belongs to "paths"; a system makes its links itself',
        ),
        (
            {"from-store": {"paths": ["result"], "system-kind": "guix"}},
            '/from-store/system-kind: belongs to "system"; nothing boots "paths"',
        ),
        (
            {"from-store": {"paths": ["result"], "links": {"/x": "x"}}, "symlinks": {"/x": "y"}},
            "/from-store/links/~1x: something else is declared at this path: /symlinks/~1x",
        ),
        (
            {"from-store": {"paths": ["result"], "links": {"/gnu/store/x": "x"}}},
            "/from-store/links/~1gnu~1store~1x: nothing can be put at or below /gnu/store: only store items are there",
        ),
        ({"packages": []}, ': must have either "packages" or "from-store"'),
    ],
)
def test_what_contradicts_a_store_is_reported(part: dict[str, object], fault: str) -> None:
    with pytest.raises(SpecError) as error:
        parse_spec(json.dumps({**PACK, **part}))
    assert fault in [f"{issue.where}: {issue.message}" for issue in error.value.issues]


def test_in_a_pack_usr_is_free() -> None:
    spec = parse_spec(json.dumps({**PACK, "symlinks": {"/usr/bin/env": "/bin/env"}, "users": {"ann": {}}}))
    assert not spec.has_init
    with pytest.raises(SpecError):
        parse_spec(json.dumps({"name": "tool", "packages": [], "symlinks": {"/usr/bin": "/bin"}}))


def test_only_included_files_have_lines_where_a_spec_is_of_pythons_values(tmp_path: Path) -> None:
    (tmp_path / "base.json").write_text('{\n  "packages": ["Gdb"]\n}')
    with pytest.raises(SpecError) as caught:
        spec_of_value({"name": "web", "include": ["base.json"], "max-layers": 0}, tmp_path)
    assert {(issue.where, issue.file, issue.line) for issue in caught.value.issues} == {
        ("/max-layers", None, None),
        ("/packages/0", str(tmp_path / "base.json"), 2),
    }


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        (["jq"], ("jq", "python3")),
        (["jq", "./own.deb"], ("jq", "python3")),
        (["python3", "jq"], ("python3", "jq")),
        (["python3=3.13.5-1"], ("python3=3.13.5-1",)),
        (["python3.13"], ("python3.13", "python3")),
    ],
)
def test_pythons_interpreter_is_installed_once_and_in_the_version_that_is_wanted(
    packages: list[str], expected: tuple[str, ...]
) -> None:
    whole = {"name": "web", "packages": packages, "python": {"lock": "r.txt", "interpreter": "python3"}}
    assert parse_spec(json.dumps(whole), None).archive_packages == expected
