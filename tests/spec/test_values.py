"""Values of the wrong kind, keys of other tools, and places of faults that are found after a spec was read."""

# ruff: noqa: E501 - faults are quoted whole
from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import Issue, SpecError
from sysimage.spec import parse_spec, read_spec
from sysimage.spec.choices import SpecChoices
from sysimage.spec.other_formats import allows_comments, is_spec, refuse_other_formats
from sysimage.spec.package_word import archive_name, package_name, word_fault
from sysimage.spec.parse import located
from sysimage.spec.text_file import read_text

MODE = 'must be a string of octal digits up to "7777", such as "0755"'
UNKNOWN = "is not a key that is known here"
RUN = {"command": ["a"]}


def faults(value: Any) -> list[str]:
    try:
        parse_spec(json.dumps(value))
    except SpecError as error:
        return [str(replace(issue, line=None, column=None, file=None)) for issue in error.issues]
    return []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([], ["must be an object, not an array"]),
        (5, ["must be an object, not 5"]),
        ({"name": "x"}, ['must have either "packages" or "from-store"']),
        ({"packages": []}, ['needs the key "name"']),
    ],
)
def test_a_spec_is_an_object_with_a_name_and_what_it_is_made_of(value: Any, expected: list[str]) -> None:
    assert faults(value) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"name": 1}, ["/name: must be a string, not 1"]),
        ({"name": "x:1"}, ['/name: must be a name without a tag; tags belong under "tags"']),
        ({"packages": {"a": 1}}, ["/packages: must be an array, not an object"]),
        ({"tags": None}, ["/tags: must be an array, not null"]),
        ({"services": []}, ['/services: must be an object, not an array; units of packages that are to be services belong under "enable"']),
        ({"services": {"a": []}}, ["/services/a: must be an object, not an array"]),
        ({"max-layers": 1.5}, ["/max-layers: must be a whole number, not 1.5"]),
        ({"max-layers": "x" * 58}, [f'/max-layers: must be a whole number, not "{"x" * 58}"']),
        ({"max-layers": "ä" * 59}, [f'/max-layers: must be a whole number, not "{"ä" * 56}…']),
        ({"essential": "yes"}, ['/essential: must be true or false, not "yes"']),
        ({"init": 7}, ["/init: must be 'shepherd' or 'systemd', not 7"]),
        ({"init": "systemdd"}, ["/init: must be 'shepherd' or 'systemd', not \"systemdd\" (did you mean 'systemd'?)"]),
        ({"health-check": {**RUN, "interval": "x", "retries": 0, "timeout": 0}}, [
            '/health-check/interval: must be a number, not "x"',
            "/health-check/retries: must be at least 1, not 0",
            "/health-check/timeout: must be more than 0.0, not 0",
        ]),
        ({"stop-signal": True}, ["/stop-signal: must be a string, not true"]),
        ({"services": {"a": {**RUN, "ready": {}}}}, ['/services/a/ready: must have one of "tcp", "file" and "command"']),
        ({"services": {"a": {**RUN, "ready": 5}}}, ['/services/a/ready: must have one of "tcp", "file" and "command"']),
        ({"services": {"a": {**RUN, "ready": {"tcp": "x"}}}}, ['/services/a/ready/tcp: must be a whole number, not "x"']),
        ({"architecture": 5}, ["/architecture: must be an architecture, such as 'amd64', 'arm64', 'arm/v7' or 'riscv64'"]),
        ({"architecture": "x" * 90},
         [f"/architecture: must be an architecture, such as 'amd64', 'arm64', 'arm/v7' or 'riscv64', not \"{'x' * 80}\""]),
        ({"directories": {"/a": {"mode": "8"}, "/b": {"mode": 493}, "/c": {"mode": "07777"}, "/d": {"mode": "7755"}, "/e": {"mode": "5"}}},
         [f"/directories/~1{name}/mode: {MODE}" for name in "abc"]),
        ({"package-sources": [5]}, ["/package-sources/0: must be an object, not 5"]),
        ({"package-sources": 5}, ["/package-sources: must be an object, not 5"]),
        ({"exposed-ports": [True, "http"]}, [
            "/exposed-ports/0: must be a string, not true",
            '/exposed-ports/1: must be a port from 1 to 65535, such as "80", "80/tcp" or "53/udp"',
        ]),
        # keys of other tools, and those that are alike
        ({"ports": 1, "HostName": 1, "content": 1, "host_name": 1}, [
            f"/HostName: {UNKNOWN} (did you mean 'host-name'?)",
            f"/content: {UNKNOWN}",
            f"/host_name: {UNKNOWN} (did you mean 'host-name'?)",
            f"/ports: {UNKNOWN} (did you mean 'exposed-ports'?)",
        ]),
        ({"services": {"a": {**RUN, "restart": 1, "Depends_On": 1, "xyz": 1, "usr": 1}}}, [
            f"/services/a/Depends_On: {UNKNOWN} (did you mean 'requires'?)",
            f"/services/a/restart: {UNKNOWN} (did you mean 'respawn'?)",
            f"/services/a/usr: {UNKNOWN} (did you mean 'user'?)",
            f"/services/a/xyz: {UNKNOWN}",
        ]),
        ({"files": {"/a": {"content": 1}}, "directories": {"/a": {"user": 1, "perms": 1}}}, [
            f"/directories/~1a/perms: {UNKNOWN} (did you mean 'mode'?)",
            f"/directories/~1a/user: {UNKNOWN} (did you mean 'owner'?)",
            f"/files/~1a/content: {UNKNOWN} (did you mean 'text'?)",
        ]),
    ],
    ids=range(26),
)  # fmt: skip
def test_a_value_of_the_wrong_kind_is_one_fault_in_plain_words(said: dict[str, Any], expected: list[str]) -> None:
    assert faults({"name": "x", "packages": [], **said}) == expected


@pytest.mark.parametrize(
    ("word", "fault"),
    [
        ("", "names no package"),
        ("a, b\tc  d", 'must be one package; each is a string of its own: "a", "b", "c"'),
        (" jq ", None),
        *((f"jq{sign}1.7", 'has its version after "=": write "jq=1.7", or "jq=1.7*" for a prefix') for sign in ("==", ">=", "<", "~", ":", "!=")),
        ("Jq", 'must be in lower case: "jq"'),
        ("./Jq.DEB", None),
        ("jq!", None),
    ],
)  # fmt: skip
def test_a_word_that_names_no_package_is_answered_with_what_to_write(word: str, fault: str | None) -> None:
    assert word_fault(word) == fault


def test_a_word_has_a_name_and_perhaps_a_version_and_an_archive() -> None:
    words = ("jq", "jq=1.7", "jq@v", "jq=1.7@v", "jq@v=1")
    assert [package_name(word) for word in words] == ["jq"] * 5
    assert [archive_name(word) for word in words] == [None, None, "v", "v", "v=1"]


def test_a_fault_that_is_found_later_has_its_place_in_the_files(tmp_path: Path) -> None:
    base, web = tmp_path / "base.json", tmp_path / "web.json"
    base.write_text('{"packages": ["jq",\n "none"]}')
    web.write_text('{"include": ["base.json"],\n "name": "x", "labels": {"a": "b"}, "packages": ["gone"]}')
    error = SpecError("cannot build x", issues=[
        Issue("gone", "no archive has it"),
        Issue("/labels/a", "is odd"),
        Issue("/gnu/store/x", "is not a key"),
        Issue("none", "no archive has it"),
        Issue("other", "is not named"),
        Issue("/packages", "are many", 7, None, 8, "elsewhere.json"),
    ])  # fmt: skip
    assert located(error, web) is error
    assert [str(issue).replace(f"{tmp_path}/", "") for issue in error.issues] == [
        "/gnu/store/x: is not a key",
        "other: is not named",
        "web.json:2:26: /labels/a: is odd",
        "web.json:2:50: /packages/2: gone: no archive has it",
        "base.json:2:2: /packages/1: none: no archive has it",
        "elsewhere.json:7:8: /packages: are many",
    ]
    alone = SpecError("cannot build x", issues=[Issue("/name", "is odd")])
    assert [str(issue) for issue in located(alone, base).issues] == [f"{base}:1:1: /name: is odd"]
    chosen = SpecError("cannot build x", issues=[Issue("/labels/v", "is odd")])
    web.write_text('{"name": "x", "packages": [], "variants": {"v": {"labels": {"v": "1"}}}}')
    assert [str(one) for one in located(chosen, web, SpecChoices(("v",))).issues] == [f"{web}:1:61: /labels/v: is odd"]
    for kept in (SpecError("cannot build x"), SpecError("cannot build x", issues=[Issue("/name", "is odd")])):
        assert located(kept, tmp_path / "none.json").issues == kept.issues
        assert all(issue.line is None for issue in kept.issues)


def test_faults_of_variants_are_their_own_and_those_that_another_may_mend_are_not(tmp_path: Path) -> None:
    path = tmp_path / "web.json"
    variants = {
        "odd": {"max-layers": "5", "services": {"s": {"comand": []}}},
        "part": {"health-check": {"retries": 2}, "name": "x"},
        "sound": {"packages": ["jq"]},
    }
    path.write_text(json.dumps({"name": "x", "packages": [], "variants": variants}))
    with pytest.raises(SpecError) as caught:
        read_spec(path)
    assert caught.value.message == f"cannot read {path}: 2 faults"
    assert caught.value.hint == "sysimage schema prints what a spec may say, for people and for editors"
    assert [str(issue).removeprefix(f"{path}:") for issue in caught.value.issues] == [
        '1:52: /variants/odd/max-layers: must be a whole number, not "5"',
        f"1:90: /variants/odd/services/s/comand: {UNKNOWN} (did you mean 'command'?)",
    ]
    with pytest.raises(SpecError) as caught:
        read_spec(path, SpecChoices(("part",)))
    assert "/health-check" in [issue.where for issue in caught.value.issues]


@pytest.mark.parametrize(
    ("data", "message", "hint"),
    [
        ("a".encode("utf-16"), "it is a text in UTF-16", "save it as UTF-8"),
        ("a".encode("utf-16-be").join([b"\xfe\xff", b""]), "it is a text in UTF-16", "save it as UTF-8"),
        (b"x" * 4095 + b"\0", "it is not a text, and specs are JSON", "`sysimage inspect` reads images"),
        (b"x" * 4096 + b"\0\xff", "it is not a text in UTF-8", None),
    ],
)
def test_what_is_not_a_text_is_refused(data: bytes, message: str, hint: str | None, tmp_path: Path) -> None:
    place = tmp_path / "a.json"
    place.write_bytes(data)
    with pytest.raises(SpecError) as caught:
        read_text(place)
    assert (caught.value.message, caught.value.hint) == (f"cannot read {place}: {message}", hint)
    if message.endswith("UTF-8"):
        assert caught.value.issues == (Issue("", "byte 4097 is not UTF-8", 1),)


def test_a_file_that_is_not_there_is_answered_with_the_one_that_was_meant(tmp_path: Path) -> None:
    def hint(place: Path, message: str = "there is no such file") -> str | None:
        with pytest.raises(SpecError) as caught:
            read_text(place)
        assert caught.value.message == f"cannot read {place}: {message}"
        return caught.value.hint

    assert hint(tmp_path / "web.json") == "`sysimage init` writes one"
    assert hint(tmp_path / "none/web.json") == "its directory is missing or cannot be read"
    for name in ("web.lock.json", "web.plan.json", "system.schema.json", "a.txt"):
        (tmp_path / name).touch()
    assert hint(tmp_path / "web.json") == "`sysimage init` writes one"
    (tmp_path / "unlike-0123456789.jsonc").touch()
    assert hint(tmp_path / "web.json") == f"did you mean {tmp_path / 'unlike-0123456789.jsonc'}?"
    (tmp_path / "shop.json").touch()
    assert hint(tmp_path / "web.json") == "`sysimage init` writes one"
    assert hint(tmp_path / "shp.json") == f"did you mean {tmp_path / 'shop.json'}?"
    (tmp_path / "dir").mkdir()
    assert hint(tmp_path / "dir", "it is a directory") == "a spec is a file, such as system.json"
    (tmp_path / "dir/system.json").touch()
    assert hint(tmp_path / "dir", "it is a directory") == f"did you mean {tmp_path / 'dir/system.json'}?"
    (tmp_path / "loop").symlink_to("loop")
    assert hint(tmp_path / "loop", "Too many levels of symbolic links") is None


YAML = "python3 -c 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout, indent=2)'"
TOML = "python3 -c 'import json, sys, tomllib; json.dump(tomllib.load(sys.stdin.buffer), sys.stdout, indent=2)'"


@pytest.mark.parametrize(
    ("name", "text", "is_a", "hint"),
    [
        ("a.yaml", "", "YAML", f"{YAML} < a.yaml > a.json"),
        ("a b.yml", "{}", "YAML", f"{YAML} < 'a b.yml' > 'a b.json'"),
        ("a.json", "- x\n", "YAML", f"{YAML} < a.json > a.converted.json"),
        ("a.jsonc", "# x\n\nname: x\n", "YAML", f"{YAML} < a.jsonc > a.json"),
        ("-", "name: x\n", "YAML", f"{YAML} < system.yaml > system.json"),
        ("a.toml", "", "TOML", f"{TOML} < a.toml > a.json"),
        ("-", "name = 'x'\n", "TOML", f"{TOML} < system.toml > system.json"),
        ("a.json", "[[a.b]]\nx = 1\n", "TOML", f"{TOML} < a.json > a.converted.json"),
    ],
)  # fmt: skip
def test_a_spec_in_another_language_is_converted_once(name: str, text: str, is_a: str, hint: str) -> None:
    with pytest.raises(SpecError) as caught:
        refuse_other_formats(text, name)
    assert (
        caught.value.message == f"cannot read {name}: it is {is_a}, and specs are JSON (.json, or .jsonc with comments)"
    )
    assert caught.value.hint == f"convert it once: {hint}"


@pytest.mark.parametrize(
    ("text", "is_a", "hint"),
    [
        (
            "# x\nFROM debian\n",
            "Dockerfile",
            "`sysimage init --from Dockerfile web.json` writes a spec from a Dockerfile",
        ),
        ("arg A=b\n", "Dockerfile", "`sysimage init --from Dockerfile web.json` writes a spec from a Dockerfile"),
        ("#!/bin/sh\nname: x\n", "script", "a spec says what the system is; `sysimage init` writes a first one"),
    ],
)
def test_what_describes_no_system_is_refused(text: str, is_a: str, hint: str) -> None:
    with pytest.raises(SpecError) as caught:
        refuse_other_formats(text, "web")
    assert caught.value.message == f"cannot read web: it is a {is_a}, and specs are JSON"
    assert caught.value.hint == hint


def test_json_is_not_taken_for_another_language() -> None:
    for text in ("", "{}", '{"a": 1}', "[1]", '  {\n"name": "x"}', "5", "[a]"):
        refuse_other_formats(text, "a.json")
    refuse_other_formats("  {name: x}\n", "a.json")
    assert [allows_comments(name) for name in ("a.jsonc", "a.json", "jsonc", "a.jsonc.json")] == [
        True,
        False,
        False,
        False,
    ]
    assert [is_spec(name) for name in ("a.json", "a.jsonc", "a.yaml", "a.yml", "a.toml", "a.txt", "json", "a")] == [
        *[True] * 5, *[False] * 3
    ]  # fmt: skip
