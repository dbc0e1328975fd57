"""Whatever text a spec says, the files of the system say exactly what it declares, as their own readers read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sysimage.characters import is_line, printable
from sysimage.errors import SpecError
from sysimage.rootfs.provision import account_files
from sysimage.rootfs.system import SystemResult
from sysimage.store.items import StoreItem
from sysimage_bootstrap.debs.inventory import PackageFacts
from sysimage_bootstrap.store import ItemStore
from sysimage_bootstrap.system.system import build_system
from tests.bootstrap.system.packages import GROUP, PASSWD, make_packages, make_programs
from tests.bootstrap.system.test_services import declarations
from tests.support.c_library import group_rows, passwd_rows, shadow_rows
from tests.support.full_specs import BOOTING, HOSTILE, TextPlace, said_everywhere, text_places, without_refused

ELSEWHERE = {"packages", "exclude", "alternatives", "debconf", "package-sources", "from-image", "architecture"} | {
    "locale",
    "store",
}
ELSEWHERE |= {"enable", "units"}
"""What says which packages there are, which the packages here do not follow."""
MADE = {**{key: value for key, value in BOOTING.items() if key not in ELSEWHERE}, "packages": []}
PROGRAMS = {f"bin/{name}": "#!" for name in ("nginx", "app", "tables", "sweep", "check", "true", "ping")}
BASE = {
    "share/base-passwd/passwd.master": PASSWD,
    "share/base-passwd/group.master": f"{GROUP}staff:*:50:\nusers:*:100:\n",
}

Packages = tuple[ItemStore, dict[str, StoreItem], dict[str, PackageFacts]]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    store = ItemStore(tmp_path_factory.mktemp("store"), "/gnu/store")
    return store, *make_packages(store, {"programs": PROGRAMS, "base-passwd": BASE})


def made(
    packages: Packages, text: str, folder: Path, *, as_keys: bool
) -> tuple[dict[str, Any], SystemResult, list[TextPlace]]:
    """A system in which the text is wherever it may, as a key or as a value: one path cannot be both."""
    store, items, facts = packages
    places = [place for place in text_places(MADE) if place.place[0] not in ELSEWHERE and place.is_key is as_keys]
    while True:
        said, spec, places = said_everywhere(MADE, text, places)
        try:
            return said, build_system(spec, folder, items, facts, store, make_programs(spec, store)), places
        except SpecError as error:  # such as a program that the packages do not have
            places = without_refused(places, text, error)


SHORT = [text for text in HOSTILE if len(text) < 100]
WORDS = [text for text in SHORT if is_line(text) and "/" not in text]
TEXTS = {
    "everything that a line holds": "".join(WORDS),
    "everything that a field holds": "".join(text for text in WORDS if ":" not in text),
    "everything that a path holds": f"/srv/{''.join(text for text in WORDS if ':' not in text)}",
    "everything that a path of files holds": f"/srv/{''.join(WORDS)}",
    "another line": "/srv\nevil:x:0:0::/root:/bin/sh",
    "another field": "/srv/a:/bin/sh",
    "everything that an argument holds": "".join(SHORT).translate({0: None} | dict.fromkeys(range(0xD800, 0xE000))),
    "everything": "".join(SHORT),
    **{text: text for text in ("", " ", " a ", "-a", "..", "/", "root", "x\r", "x\nroot2::0:0::/root:/bin/sh\n")},
    "much": "x" * 5_000,
}
"""Texts in which all hostile ones are, so that few systems have to be made."""


AS_KEYS = ("everything that a line holds", "everything that a path of files holds", "another line", "root")
CASES = [(name, False) for name in TEXTS] + [(name, True) for name in AS_KEYS]


@pytest.mark.parametrize(("name", "as_keys"), CASES, ids=[f"{name!a}{' as a key' * key}" for name, key in CASES])
def test_the_files_say_what_the_spec_says(name: str, as_keys: bool, packages: Packages, tmp_path: Path) -> None:
    text = TEXTS[name]
    said, result, places = made(packages, text, tmp_path, as_keys=as_keys)
    assert result.accounts is not None
    for entry in account_files(result.accounts):
        (tmp_path / entry.path.rpartition("/")[2]).write_bytes(entry.read())
    expect_accounts(said, result, tmp_path)
    expect_files(said, result)
    expect_services(said, packages[0].location(result.system) / "shepherd.conf", f"{packages[1]['dash'].path}/bin/dash")
    document = json.loads((packages[0].location(result.system) / "system.json").read_bytes())
    assert document["services"].keys() == said["services"].keys()
    assert document["labels"] == said["labels"]
    assert document["environment"] == said["environment"]
    assert result.image_defaults.environment.items() >= said["environment"].items()
    assert places or as_keys or "\0" in text


def expect_accounts(said: dict[str, Any], result: SystemResult, folder: Path) -> None:
    rows = {row[0]: row for row in passwd_rows(folder / "passwd")}
    base = {"root", "www-data", "nobody", "daemond", "spooler"}
    assert rows.keys() == base | said["users"].keys()
    assert [row[0] for row in rows.values() if row[1] == 0] == ["root"]
    hashes: dict[str, str] = dict(shadow_rows(folder / "shadow"))
    assert hashes.keys() == rows.keys()
    for name, user in said["users"].items():
        assert rows[name][3:] == (
            user.get("comment", "root" if name == "root" else ""),
            user.get("home", _home(name, user)),
            user.get("shell", _shell(name, user)),
        )
        assert hashes[name] == user.get("password-hash", "*" if name == "root" else "!")
    groups = {row[0]: row for row in group_rows(folder / "group")}
    for name, group in said["groups"].items():
        assert set(group.get("members", [])) <= set(groups[name][2])
    assert {member for row in groups.values() for member in row[2]} <= rows.keys()


def _home(name: str, user: dict[str, Any]) -> str:
    return "/root" if name == "root" else "/nonexistent" if user.get("system") else f"/home/{name}"


def _shell(name: str, user: dict[str, Any]) -> str:
    return "/bin/bash" if name == "root" else "/usr/sbin/nologin" if user.get("system") else "/bin/sh"


def expect_files(said: dict[str, Any], result: SystemResult) -> None:
    entries = {entry.path: entry for entry in result.entries}
    assert entries["/etc/hostname"].read().decode() == f"{said['host-name']}\n"
    assert entries["/etc/localtime"].target == f"/usr/share/zoneinfo/{said['time-zone']}"
    for path, target in said["symlinks"].items():
        assert entries[path].target == target
    for path, file in said["files"].items():
        assert entries[path].read().decode() == file["text"]
    for path in said["directories"]:
        assert entries[path].kind.value == "dir"


def expect_services(said: dict[str, Any], configuration: Path, shell: str) -> None:
    found: dict[str, dict[str, Any]] = dict(declarations(configuration.read_text(), shell))
    assert found.keys() == said["services"].keys()
    for name, service in said["services"].items():
        assert found[name]["start"][0][2:] == tuple(service["command"][1:])
        assert found[name]["description"] == (
            service.get("description") or printable(f"Runs {service['command'][0]}."),
        )
        variables = {f"{key}={value}" for key, value in service.get("environment", {}).items()}
        assert variables <= set(found[name]["environment"])
        assert found[name]["directory"] == (service.get("working-directory", "/"),)
        if "address" in service.get("ready", {}):
            assert found[name]["ready"][1] == service["ready"]["address"]
