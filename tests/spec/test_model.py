"""What a spec that says little means, and what its values come to."""

# ruff: noqa: E501 - faults are quoted whole
from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

import sysimage.spec
from sysimage.errors import SpecError
from sysimage.spec import SystemSpec, parse_spec
from sysimage.spec.model import (
    Directory,
    HealthCheck,
    PackageSources,
    PrivilegedProgram,
    Service,
    Store,
    TcpReady,
    Tree,
)
from sysimage.spec.node import Node
from sysimage.spec.python import Python
from sysimage.spec.stores import StoreContent, StoreKind, StoreSource

ITEM = "/gnu/store/8hd1a0xv1k3v7h2z1cn0gm5s5qf1q8xk-hello-2.12.1"


def said(value: Any) -> Any:
    return json.loads(value.model_dump_json(by_alias=True))


def test_what_a_spec_does_not_say_has_a_default() -> None:
    found = said(parse_spec('{"name": "x", "packages": []}'))
    sources = {
        "suites": ["trixie", "trixie-updates", "trixie-security"],
        "components": ["main"],
        **dict.fromkeys(("name", "address", "key", "file")),
    }
    assert {key: value for key, value in found.items() if value not in ({}, [], None)} == {
        "name": "x",
        "tags": ["latest"],
        "architecture": "amd64",
        "essential": True,
        "slim": True,
        "package-sources": sources,
        "store": said(Store()),
        "init": "shepherd",
        "time-zone": "UTC",
        "locale": "C.UTF-8",
        "working-directory": "/",
        "max-layers": 100,
        "compression": "gzip",
    }
    assert said(Store()) == {"kind": "guix", "directory": None, "database": True, "uid": 0, "gid": 0}


def test_what_a_part_does_not_say_has_a_default() -> None:
    command = {"command": ["a"]}
    assert said(Service.model_validate(command)) == {
        **command,
        "description": "",
        "requires": [],
        "user": None,
        "group": None,
        "environment": {},
        "one-shot": False,
        "working-directory": "/",
        "timer": None,
        "respawn": True,
        "log": "console",
        "ready": None,
        "stop-signal": "SIGTERM",
        "stop-timeout": 5,
        "auto-start": True,
    }
    assert said(HealthCheck.model_validate(command)) == {
        **command,
        "interval": 30,
        "timeout": 30,
        "start-period": 0,
        "retries": 3,
    }
    assert said(TcpReady(tcp=1)) == {"tcp": 1, "address": "127.0.0.1", "timeout": 60}
    assert said(Directory()) == {"mode": "0755", "owner": "root", "group": "root"}
    assert said(PrivilegedProgram()) == {"mode": "4755", "owner": "root", "group": "root"}
    assert not Node(lock="package-lock.json", at="/srv").dev
    contents = StoreContent(path="x")
    assert (contents.copy_, contents.owner, contents.group, contents.mode) == (False, "root", "root", None)
    assert not StoreSource(system="x").check
    for ready in ({"file": "/a"}, command):
        whole = Service.model_validate({**command, "ready": ready})
        assert whole.ready is not None
        assert whole.ready.timeout == 60


@pytest.mark.parametrize(
    ("spec", "booting"),
    [
        ({"packages": []}, "shepherd"),
        ({"packages": [], "init": "systemd"}, "systemd"),
        ({"packages": [], "command": ["a"]}, None),
        ({"packages": [], "entry-point": ["a"], "init": "shepherd"}, None),
        ({"from-store": {"system": ITEM}}, "its own"),
        ({"from-store": {"system": ITEM}, "command": ["a"]}, None),
        ({"from-store": {"paths": [ITEM]}}, None),
    ],
)
def test_an_image_boots_an_init_unless_it_runs_a_program(spec: dict[str, Any], booting: str | None) -> None:
    found = SystemSpec.model_validate_json(json.dumps({"name": "x", **spec}))
    assert found.has_init == (booting is not None)
    assert (found.has_shepherd, found.has_systemd) == (booting == "shepherd", booting == "systemd")


@pytest.mark.parametrize(
    ("model", "value", "message"),
    [
        *((SystemSpec, {"name": "x", **more}, 'must have either "packages" or "from-store"') for more in (
            {}, {"packages": [], "from-store": {"system": "a"}},
        )),
        (SystemSpec, {"name": "x", "packages": [], "files": {"/a": {}}}, 'must have either "text" or "source"'),
        (SystemSpec, {"name": "x", "packages": [], "files": {"/a": {"text": "", "source": "a"}}}, 'must have either "text" or'),
        (SystemSpec, {"name": "x", "packages": [], "layer-groups": [{}]}, 'must have "patterns", "closure-of" or "dominated-by"'),
        *((StoreSource, value, 'must have either "system" or "paths" or "contents"') for value in (
            {}, {"system": "a", "paths": ["b"]}, {"system": "a", "contents": ["b"]},
        )),
        (StoreContent, {"path": "a", "capabilities": {"b": "cap_net_raw+ep"}}, '"capabilities" belong to copies'),
        *((PackageSources, {"file": "a", **more}, 'must have "file", or "address" with "suites"') for more in (
            {"address": "https://a", "suites": ["x"], "key": "k"}, {"suites": ["x"]}, {"components": ["x"]},
        )),
        (PackageSources, {"address": "https://a", "key": "k"}, 'must have "suites" besides "address"'),
        (PackageSources, {"address": "https://a", "suites": ["x"]}, 'must have "key" besides "address"'),
        *((PackageSources, more, 'must have "address" or "file" besides "name" and "key"') for more in ({"name": "a"}, {"key": "k"})),
    ],
)  # fmt: skip
def test_what_a_part_lacks_or_has_too_much_of_is_reported(model: Any, value: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        model.model_validate_json(json.dumps(value))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"suites": ["x"], "components": ["y"]},
        {"file": "a"},
        {"file": "a", "name": "b", "components": ["main"]},
        {"address": "https://a", "suites": ["x"], "key": "k", "name": "b"},
    ],
)
def test_one_archive_is_in_one_place(value: dict[str, Any]) -> None:
    PackageSources.model_validate(value)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ({}, ""),
        ({"suites": ["x"]}, ""),
        ({"file": "etc/Vendor-X.sources"}, "vendor-x"),
        ({"file": "a.sources", "name": "b"}, "b"),
        ({"file": "a.sources", "key": "c.asc"}, "c"),
        ({"address": "https://a", "suites": ["x"], "key": "keys/some one!.asc"}, "someone"),
        ({"file": "--é1.list"}, "1"),
        ({"file": "é.list"}, "other"),
    ],
)
def test_an_archive_is_called_by_its_name_or_the_file_of_its_key(value: dict[str, Any], name: str) -> None:
    assert PackageSources.model_validate(value).archive == name


def test_archives_are_one_or_several() -> None:
    for sources, suites in (
        ({"suites": ["a"]}, [("a",)]),
        ([{"suites": ["a"]}, {"suites": ["b"], "file": None}], [("a",), ("b",)]),
    ):
        spec = SystemSpec.model_validate_json(json.dumps({"name": "x", "packages": [], "package-sources": sources}))
        assert [one.suites for one in spec.archives] == suites
    with pytest.raises(SpecError, match="must have at least 1 of them"):
        parse_spec('{"name": "x", "packages": [], "package-sources": []}')


def test_a_store_has_the_places_of_its_kind() -> None:
    guix, nix = Store(), Store(kind=StoreKind.NIX)
    assert (guix.store_dir, guix.state_dir) == ("/gnu/store", "/var/guix")
    assert (nix.store_dir, nix.state_dir) == ("/nix/store", "/nix/var/nix")
    assert Store(directory="/opt/store").store_dir == "/opt/store"
    assert guix.owner_dirs == ("/gnu", "/var/log/guix", "/var/log/guix/drvs")
    assert nix.owner_dirs == ("/nix", "/nix/var", "/nix/var/log", "/nix/var/log/nix", "/nix/var/log/nix/drvs")
    source = StoreSource.model_validate({"paths": ["a", "b"], "contents": ["c", {"path": "d", "copy": True}]})
    assert source.items == ("a", "b", "c", "d")
    assert StoreSource(system="a").items == ()


def test_packages_are_those_of_archives_and_files() -> None:
    spec = parse_spec(
        '{"name": "x", "packages": ["jq", "./a.deb", "nginx@v"], "package-sources": [{}, {"file": "v.sources"}], '
        '"enable": ["a.service", "b", "c.timer"]}'
    )
    assert (spec.own_packages, spec.archive_packages) == (("./a.deb",), ("jq", "nginx@v"))
    assert spec.enabled_services == {"a", "b", "c.timer"}


@pytest.mark.parametrize(
    ("value", "at_limits", "beyond"),
    [
        ({"max-layers": 0}, (1, 125), (0, 126)),
        ({"services": {"s": {"command": ["a"], "stop-timeout": 0}}}, (0.001, 31_622_400), (0, 31_622_401)),
        ({"health-check": {"command": ["a"], "start-period": 0}}, (0, 31_622_400), (-0.5, 31_622_400.5)),
        ({"health-check": {"command": ["a"], "retries": 0}}, (1, 1000), (0, 1001)),
        ({"services": {"s": {"command": ["a"], "ready": {"tcp": 0}}}}, (1, 65535), (0, 65536)),
        ({"store": {"uid": 0}}, (0, 2_147_483_646), (-1, 2_147_483_647)),
        ({"store": {"directory": 0}}, ("/" + "n" * 99,), ("/" + "n" * 100,)),
        ({"name": 0}, ("n" * 255,), ("n" * 256,)),
        ({"exposed-ports": [0]}, (1, 65535, "1", "65535/udp"), (0, 65536, "0", "65536", True, 1.5)),
    ],
)  # fmt: skip
def test_values_are_taken_up_to_their_limits(
    value: dict[str, Any], at_limits: tuple[Any, ...], beyond: tuple[Any, ...]
) -> None:
    def with_value(part: Any, new: Any) -> Any:
        if isinstance(part, dict):
            return {key: with_value(one, new) for key, one in part.items()}
        return [with_value(one, new) for one in part] if part in ([0], ["a"]) else new if part == 0 else part

    for number in at_limits:
        parse_spec(json.dumps({"name": "x", "packages": [], **with_value(value, number)}))
    for number in beyond:
        with pytest.raises(SpecError) as caught:
            parse_spec(json.dumps({"name": "x", "packages": [], **with_value(value, number)}))
        assert len(caught.value.issues) == 1


def test_the_room_shows_its_model_and_its_door_when_they_are_asked_for() -> None:
    assert sysimage.spec.SystemSpec is SystemSpec
    assert sysimage.spec.parse_spec is parse_spec
    assert sorted(sysimage.spec.__all__) == ["SystemSpec", "parse_spec", "read_spec"]
    with pytest.raises(AttributeError, match=r"module 'sysimage\.spec' has no attribute 'none'"):
        sysimage.spec.none  # noqa: B018


def test_a_mode_is_text_in_a_file_and_a_number_in_python() -> None:
    for mode in (0, 0o755, 0o7777):
        assert Directory(mode=mode).mode == mode
        assert said(Directory(mode=mode))["mode"] == f"{mode:04o}"
    assert Directory.model_validate({"mode": "0750"}).mode == 0o750
    for value in (-1, 0o10000, True, 7.0, "8", "", "00755", "0o7"):
        with pytest.raises(ValidationError, match='must be a string of octal digits up to "7777", such as "0755"'):
            Directory.model_validate({"mode": value})


def test_a_tree_with_an_owner_or_a_mode_is_copied() -> None:
    copied = ({"owner": "web"}, {"group": "web"}, {"mode": "0644"}, {"mode": "0"})
    assert [Tree.model_validate({"source": "a", **more}).is_copied for more in copied] == [True] * 4
    assert not Tree(source="a", exclude=("b",)).is_copied


def test_python_has_a_lock_file_or_a_source() -> None:
    for python in ({"lock": "a"}, {"source": "a"}, {"lock": "a", "source": "b"}):
        Python.model_validate(python)
    for nothing in ({}, {"interpreter": "python3"}):
        with pytest.raises(ValidationError, match='must have "lock", "source" or both'):
            Python.model_validate(nothing)


@pytest.mark.parametrize(
    ("architecture", "machine", "platform"),
    [
        ("amd64", ("amd64", None), "linux/amd64"),
        ("amd64/v3", ("amd64", "v3"), "linux/amd64/v3"),
        ("arm64", ("arm64", "v8"), "linux/arm64/v8"),
        ("arm/v6", ("arm", "v6"), "linux/arm/v6"),
    ],
)
def test_an_architecture_has_its_usual_variant(
    architecture: str, machine: tuple[str, str | None], platform: str
) -> None:
    spec = SystemSpec.model_validate({"name": "x", "architecture": architecture, "from-store": {"system": "a"}})
    assert (spec.machine, spec.platform) == (machine, platform)
