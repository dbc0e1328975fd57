"""The place in a spec of what a rule finds wrong with an image."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sysimage.preflight.spec_pointers import made_of, spec_pointer
from sysimage.spec import SystemSpec, parse_spec

ITEM = "/gnu/store/8hd1a0xv1k3v7h2z1cn0gm5s5qf1q8xk-hello-2.12.1"
PACKAGES: dict[str, Any] = {"name": "x", "packages": ["jq"]}
PACK: dict[str, Any] = {"name": "x", "from-store": {"paths": [ITEM], "links": {"/bin": "bin"}}}
SYSTEM: dict[str, Any] = {"name": "x", "from-store": {"system": ITEM}}
BASE = {"from-image": "base.tar"}
COMMAND = {"entry-point": ["jq"]}
SAYING: dict[str, Any] = {
    **PACKAGES,
    "entry-point": ["jq"],
    "command": ["."],
    "health-check": {"command": ["jq", "."]},
    "user": "web",
    "working-directory": "/srv",
    "stop-signal": "SIGINT",
    "environment": {"A": "b"},
    "labels": {"a/b": "c"},
    "volumes": ["/a", "/b"],
    "exposed-ports": ["80", "53/udp", "443/tcp"],
    "users": {"web": {"shell": "/bin/sh"}, "ann": {}},
    "files": {"/f": {"text": ""}},
    "symlinks": {"/l": "x"},
    "directories": {"/d": {}},
}


def spec_of(*parts: dict[str, Any]) -> SystemSpec:
    return parse_spec(json.dumps({key: value for part in parts for key, value in part.items()}))


@pytest.mark.parametrize(
    ("cause", "where"),
    [
        (("entry-point", "0"), "/entry-point/0"),
        (("command", "0"), "/command/0"),
        (("health-check", "1"), "/health-check/command/1"),
        (("health-check",), "/health-check/command"),
        (("user",), "/user"),
        (("working-directory",), "/working-directory"),
        (("stop-signal",), "/stop-signal"),
        (("environment", "A"), "/environment/A"),
        (("environment", "PATH"), "/environment"),
        (("environment",), "/environment"),
        (("label", "a/b"), "/labels/a~1b"),
        (("label", "c"), "/labels"),
        (("volume", "/b"), "/volumes/1"),
        (("exposed-port", "80/tcp"), "/exposed-ports/0"),
        (("exposed-port", "53/udp"), "/exposed-ports/1"),
        (("exposed-port", "443/tcp"), "/exposed-ports/2"),
        (("shell", "web"), "/users/web/shell"),
        (("shell", "ann"), "/users/ann"),
        (("shell", "root"), None),
        (("service", "a/b", "command", "0"), "/services/a~1b/command/0"),
        (("file", "/f"), "/files/~1f"),
        (("file", "/l"), "/symlinks/~1l"),
        (("file", "/d"), "/directories/~1d"),
        (("file", "/etc/x"), None),
        (("architecture",), "/architecture"),
        (("store", "kind"), "/store/kind"),
    ],
)
def test_what_a_spec_says_is_at_fault_where_it_says_it(cause: tuple[str, ...], where: str | None) -> None:
    assert spec_pointer(cause, spec_of(SAYING)) == where
    assert spec_pointer(cause, spec_of(SAYING, BASE)) == (
        "/from-image" if cause in (("environment", "PATH"), ("label", "c")) else where
    )


@pytest.mark.parametrize(
    "cause",
    [
        *(("health-check",), ("user",), ("working-directory",), ("stop-signal",)),
        *(("environment", "A"), ("label", "a"), ("volume", "/a"), ("exposed-port", "80/tcp")),
        *(("entry-point", "0"), ("command", "0")),
    ],
)
def test_what_a_spec_does_not_say_is_its_base_s(cause: tuple[str, ...]) -> None:
    assert spec_pointer(cause, spec_of(PACK, BASE)) == "/from-image"


@pytest.mark.parametrize(
    ("cause", "where"),
    [
        *((("user",), "/user"), (("working-directory",), "/working-directory"), (("stop-signal",), "/stop-signal")),
        *((("environment", "A"), "/environment"), (("label", "a"), "/labels")),
        *((("entry-point", "0"), "/from-store/paths"), (("command", "0"), "/from-store/paths")),
        (("file", "/bin"), "/from-store/links/~1bin"),
        (("file", "/sbin"), None),
    ],
)
def test_what_no_base_has_is_where_the_spec_can_say_it(cause: tuple[str, ...], where: str | None) -> None:
    assert spec_pointer(cause, spec_of(PACK)) == where


@pytest.mark.parametrize(
    ("parts", "where"),
    [
        ((PACKAGES,), "/packages"),
        ((PACKAGES, {"exclude": ["perl"]}), "/exclude"),
        ((PACKAGES, COMMAND), "/packages"),
        ((PACKAGES, BASE), "/packages"),
        ((PACKAGES, BASE, COMMAND), "/from-image"),
        ((PACK,), "/from-store/paths"),
        ((PACK, BASE), "/from-image"),
        ((SYSTEM,), "/from-store/system"),
        ((SYSTEM, BASE), "/from-store/system"),
    ],
)
def test_what_an_image_is_made_of_is_one_key(parts: tuple[dict[str, Any], ...], where: str) -> None:
    assert made_of(spec_of(*parts)) == where
