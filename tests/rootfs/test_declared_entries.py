"""What a spec declares becomes entries with owners; every fault is named at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from sysimage.errors import SpecError
from sysimage.rootfs.accounts import WantedGroup, WantedUser, parse_accounts
from sysimage.rootfs.capabilities import file_capabilities
from sysimage.rootfs.declared_entries import (
    check_kinds,
    declared_entries,
    declared_groups,
    declared_users,
    is_executable,
)
from sysimage.rootfs.tree import Entry
from sysimage.spec.model import SystemSpec

ACCOUNTS = parse_accounts("root:*:0:0::/root:/bin/sh\napp:*:400:401::/:/bin/sh\n", "root:*:0:\napp:*:401:\n")


def spec(**parts: object) -> SystemSpec:
    return SystemSpec.model_validate({"name": "x", "packages": [], **parts})


def test_files_directories_and_symlinks_become_entries(tmp_path: Path) -> None:
    (tmp_path / "page").write_bytes(b"beside the spec")
    entries = declared_entries(
        spec(
            files={
                "/etc/motd": {"text": "ü\n", "mode": "0600", "owner": "app", "group": "app"},
                "/srv/page": {"source": "page"},
            },
            directories={"/var/lib/app": {"mode": "0750", "owner": "app"}},
            symlinks={"/opt/app": "/var/lib/app"},
        ),
        tmp_path,
        ACCOUNTS,
    )
    assert [(e.path, f"{e.mode:04o}", e.uid, e.gid, e.owner) for e in entries] == [
        ("/etc/motd", "0600", 400, 401, "/files/~1etc~1motd"),
        ("/opt/app", "0777", 0, 0, "/symlinks/~1opt~1app"),
        ("/srv/page", "0644", 0, 0, "/files/~1srv~1page"),
        ("/var/lib/app", "0750", 400, 0, "/directories/~1var~1lib~1app"),
    ]
    assert [e.read() for e in entries if e.content is not None] == ["ü\n".encode(), b"beside the spec"]


def test_what_is_not_declared_of_an_account_is_left_open() -> None:
    asked = spec(
        users={
            "ann": {},
            "web": {
                "uid": 300,
                "group": "www",
                "groups": ["adm", "disk"],
                "comment": "Web",
                "home": "/srv",
                "shell": "/bin/sh",
                "system": True,
                "password-hash": "!",
            },
        },
        groups={"adm": {"gid": 5, "members": ["ann", "web"]}},
    )
    assert declared_users(asked) == [
        WantedUser("ann", origin="/users/ann"),
        WantedUser(
            *("web", 300, "www", ("adm", "disk"), "Web", "/srv", "/bin/sh", "!"), system=True, origin="/users/web"
        ),
    ]
    assert declared_groups(asked) == [WantedGroup("adm", 5, ("ann", "web"), system=True, origin="/groups/adm")]


def test_a_group_is_a_daemons_unless_a_person_has_it_as_its_own() -> None:
    users = {
        "ann": {},
        "bob": {"group": "staff"},
        "web": {"system": True},
        "db": {"system": True, "group": "staff"},
        "cron": {"system": True, "group": "daemons", "groups": ["ann"]},
        "cy": {"group": "people", "groups": ["daemons"]},
    }
    names = ("ann", "bob", "web", "staff", "daemons", "people", "unused")
    found = declared_groups(spec(users=users, groups={name: {} for name in names}))
    assert {group.name: group.system for group in found} == {
        "ann": False,
        "bob": True,
        "web": True,
        "staff": False,
        "daemons": True,
        "people": False,
        "unused": True,
    }


def test_a_file_has_the_capabilities_that_are_declared_for_it(tmp_path: Path) -> None:
    files = {"/a": {"text": ""}, "/b": {"text": "", "mode": "0755"}, "/c": {"text": ""}}
    given = {"/b": "cap_net_raw+ep"}
    entries = declared_entries(spec(files=files, capabilities=given), tmp_path, ACCOUNTS)
    assert [entry.capabilities for entry in entries] == [b"", file_capabilities("cap_net_raw+ep"), b""]
    with pytest.raises(SpecError) as caught:
        declared_entries(spec(files=files, capabilities={"/b": "cap_chown+e", "/c": "cap_fly+p"}), tmp_path, ACCOUNTS)
    assert [str(issue) for issue in caught.value.issues] == [
        "/capabilities/~1b: capabilities in effect must be permitted, too: 'cap_chown+e'",
        "/capabilities/~1c: there is no capability 'cap_fly'",
    ]


def test_every_fault_is_named(tmp_path: Path) -> None:
    (tmp_path / "specs/directory").mkdir(parents=True)
    (tmp_path / "secret").touch()
    (tmp_path / "specs/link").symlink_to("../secret")
    with pytest.raises(SpecError) as caught:
        declared_entries(
            spec(
                files={
                    "/a": {"source": "missing"},
                    "/b": {"source": "link"},
                    "/c": {"text": "", "owner": "ghost"},
                    "/d": {"source": "directory"},
                    "/gnu/store": {"text": ""},
                    "/gnu/store/x": {"text": ""},
                    "/gnu/stores": {"text": ""},
                    "/both": {"text": ""},
                },
                directories={"/both": {"group": "ghosts"}},
                symlinks={"/run/current-system": "/tmp", "/run/current-system/x": "/tmp"},
            ),
            tmp_path / "specs",
            ACCOUNTS,
        )
    assert str(caught.value).splitlines() == [
        "cannot place what the spec declares",
        "  /directories/~1both/group: there is no group 'ghosts'",
        f"  /files/~1a/source: there is no file {tmp_path}/specs/missing",
        f"  /files/~1b/source: {tmp_path}/specs/link is not inside the spec's directory",
        "  /files/~1both: declared by /directories/~1both as well",
        "  /files/~1c/owner: there is no user 'ghost'",
        f"  /files/~1d/source: {tmp_path}/specs/directory is not a regular file",
        "  /files/~1gnu~1store: the store is made of items alone",
        "  /files/~1gnu~1store~1x: the store is made of items alone",
        "  /symlinks/~1run~1current-system: the system itself is here",
        "  /symlinks/~1run~1current-system~1x: the system itself is here",
    ]


@pytest.mark.parametrize(
    "parts", [{"files": {"/": {"text": ""}}}, {"symlinks": {"/": "/x"}}, {"directories": {"/": {}}}]
)
def test_the_root_directory_cannot_be_declared(parts: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="the root directory is what all else is in"):
        declared_entries(spec(**parts), tmp_path, ACCOUNTS)


def test_the_executable_bit_is_all_that_counts_of_a_sources_mode(tmp_path: Path) -> None:
    for mode in (0o400, 0o777, 0o711, 0o655):
        (tmp_path / f"{mode:03o}").touch()
        (tmp_path / f"{mode:03o}").chmod(mode)
    named = {f"/{mode}": {"source": mode} for mode in ("400", "777", "711", "655")}
    own = {"/own": {"source": "777", "mode": "0600"}, "/text": {"text": ""}}
    entries = declared_entries(spec(files=named | own), tmp_path, ACCOUNTS)
    assert {e.path: f"{e.mode:03o}" for e in entries} == {
        "/400": "644",
        "/655": "644",
        "/711": "755",
        "/777": "755",
        "/own": "600",
        "/text": "644",
    }
    assert not is_executable(tmp_path / "absent")


SYSTEM = (
    Entry.directory("/etc"),
    Entry.file("/etc/hosts", b"", owner="base-files"),
    Entry.symlink("/bin", "usr/bin", owner="base-files"),
    Entry.directory("/var/lib"),
)


def test_a_spec_may_replace_files_and_links_of_the_system_and_add_to_its_directories() -> None:
    check_kinds(
        SYSTEM,
        [
            Entry.directory("/etc", 0o700),
            Entry.symlink("/etc/hosts", "/run/hosts"),
            Entry.file("/bin", b""),
            Entry.directory("/var/lib/app/cache"),
        ],
    )


@pytest.mark.parametrize(
    ("asked", "faults"),
    [
        ([Entry.directory("/etc/hosts", owner="a")], ["a: the system has a file at /etc/hosts, where a directory"]),
        ([Entry.directory("/bin", owner="a")], ["a: the system has a link at /bin, where a directory would be"]),
        ([Entry.file("/bin/x", b"", owner="a")], ["a: the system has a link at /bin, where a directory would be"]),
        ([Entry.directory("/etc/hosts/d", owner="a")], ["a: the system has a file at /etc/hosts, where a directory"]),
        ([Entry.file("/etc", b"", owner="a")], ["a: must be a directory, because the system has /etc/hosts below it"]),
        ([Entry.symlink("/var", "/srv", owner="a")], ["a: must be a directory, because the system has /var/lib below"]),
        (
            [Entry.file("/etc/hosts/x", b"", owner="inner"), Entry.directory("/etc/hosts", owner="outer")],
            ["outer: the system has a file at /etc/hosts, where a directory would be"],
        ),
    ],
)
def test_what_turns_a_directory_into_something_else_or_the_reverse_is_named_once(
    asked: list[Entry], faults: list[str]
) -> None:
    with pytest.raises(SpecError) as caught:
        check_kinds(SYSTEM, asked)
    found = [str(issue) for issue in caught.value.issues]
    assert len(found) == len(faults)
    for fault, said in zip(faults, found, strict=True):
        assert said.startswith(fault)
