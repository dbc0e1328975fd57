"""What a spec declares becomes entries with owners; every fault is named at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from sysimage.errors import SpecError
from sysimage.rootfs.accounts import parse_accounts
from sysimage.rootfs.declared_entries import declared_entries
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
