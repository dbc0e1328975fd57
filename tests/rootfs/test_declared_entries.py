"""What a spec declares becomes entries with owners; every fault is named at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from sysimage.errors import SpecError
from sysimage.rootfs.accounts import parse_accounts
from sysimage.rootfs.declared_entries import check_kinds, declared_entries, is_executable
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


def test_every_fault_is_named(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "secret").touch()
    (tmp_path / "specs/link").symlink_to("../secret")
    with pytest.raises(SpecError) as caught:
        declared_entries(
            spec(
                files={
                    "/a": {"source": "missing"},
                    "/b": {"source": "link"},
                    "/c": {"text": "", "owner": "ghost"},
                    "/gnu/store/x": {"text": ""},
                    "/both": {"text": ""},
                },
                directories={"/both": {"group": "ghosts"}},
                symlinks={"/run/current-system": "/tmp"},
            ),
            tmp_path / "specs",
            ACCOUNTS,
        )
    found = "\n".join(str(issue) for issue in caught.value.issues)
    for fault in (
        "/files/~1a/source: there is no file",
        "/files/~1b/source",
        "is not inside the spec's directory",
        "/files/~1c/owner: there is no user 'ghost'",
        "/directories/~1both/group: there is no group 'ghosts'",
        "/files/~1gnu~1store~1x: the store is made of items alone",
        "/symlinks/~1run~1current-system: the system itself is here",
        "/files/~1both: declared by /directories/~1both as well",
    ):
        assert fault in found


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
